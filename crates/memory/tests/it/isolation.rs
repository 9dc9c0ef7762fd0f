//! Tenants and keys.

use continuum_memory::{ApiKeys, Memory, MemoryConfig, RecallRequest, TenantId};

use crate::{acme, say};

#[test]
fn a_tenant_sees_nothing_of_another() {
    let (_dir, memory, acme) = acme();
    let umbrella = memory.tenant(TenantId::new("umbrella").unwrap());
    say(&acme, "the harbour password is swordfish");
    say(&umbrella, "the station is open");

    let answer = umbrella
        .recall(&RecallRequest::new("harbour password swordfish station"))
        .unwrap();
    let texts: Vec<_> = answer.turns.iter().map(|turn| turn.text.as_str()).collect();
    assert_eq!(texts, ["the station is open"]);
    assert!(
        answer
            .concepts
            .iter()
            .all(|concept| concept.name != "swordfish")
    );
    assert_eq!(umbrella.stats().unwrap().turns, 1);
}

#[test]
fn names_that_could_leave_the_directory_are_no_tenants() {
    let long = "a".repeat(65);
    for name in [
        "",
        "..",
        "a/b",
        "a\\b",
        "A",
        "a.db",
        "a b",
        "ä",
        "a\0",
        long.as_str(),
    ] {
        assert!(TenantId::new(name).is_err(), "{name:?}");
    }
    assert!(TenantId::new("a-b_c9").is_ok());
}

#[test]
fn a_key_opens_its_own_tenant_and_no_other_text_does() {
    let dir = tempfile::tempdir().unwrap();
    let keys = ApiKeys::open(dir.path()).unwrap();
    let [acme, umbrella] = ["acme", "umbrella"].map(|name| TenantId::new(name).unwrap());
    let first = keys.create_key(&acme).unwrap();
    let second = keys.create_key(&acme).unwrap();
    let third = keys.create_key(&umbrella).unwrap();
    assert_ne!(first, second);
    assert_eq!(keys.tenant_of(&first).unwrap(), Some(acme.clone()));
    assert_eq!(keys.tenant_of(&second).unwrap(), Some(acme));
    assert_eq!(keys.tenant_of(&third).unwrap(), Some(umbrella));
    for guess in ["", "ck_", &first[..first.len() - 1], &first.to_uppercase()] {
        assert_eq!(keys.tenant_of(guess).unwrap(), None);
    }
}

#[test]
fn keys_are_kept_as_hashes_and_can_be_created_while_a_memory_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let _memory = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    let serving = ApiKeys::open(dir.path()).unwrap();
    let acme = TenantId::new("acme").unwrap();
    let key = ApiKeys::open(dir.path())
        .unwrap()
        .create_key(&acme)
        .unwrap();
    assert_eq!(serving.tenant_of(&key).unwrap(), Some(acme));

    for file in std::fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let secret = &key.as_bytes()[3..];
            assert!(
                !bytes.windows(secret.len()).any(|part| part == secret),
                "{path:?}"
            );
        }
    }
}
