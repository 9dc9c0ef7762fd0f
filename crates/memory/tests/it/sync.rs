//! What another node tells.

use continuum_memory::{
    ApiKeys, InputError, LearnRequest, Memory, MemoryConfig, MemoryError, PeerKey, RecallRequest,
    SyncEntry, SyncOutcome, TenantId,
};
use continuum_observability::testing::TestRecorder;
use serde_json::{json, value::to_raw_value};
use tempfile::TempDir;

use crate::say;

fn tenants<const N: usize>(names: [&str; N]) -> [TenantId; N] {
    names.map(|name| TenantId::new(name).unwrap())
}

/// A memory that is told something, and the key of the node that tells.
fn told(allowed: &[TenantId]) -> (TempDir, Memory, PeerKey) {
    let dir = tempfile::tempdir().unwrap();
    let keys = ApiKeys::open(dir.path()).unwrap();
    let key = keys.create_peer_key("berlin", allowed).unwrap();
    let peer = keys.peer_of(&key).unwrap().unwrap();
    let memory = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    (dir, memory, peer)
}

fn entry(text: &str) -> SyncEntry {
    let turn = json!({ "speaker": "Ann", "text": text, "at": "2026-03-01T09:30:00Z" });
    serde_json::from_value(json!({
        "origin": "0123456789abcdef", "entry_id": 7, "tenant": "acme", "session_id": "s",
        "turns": [turn],
    }))
    .unwrap()
}

#[test]
fn what_one_node_learned_is_the_same_at_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let config = MemoryConfig {
        outbox: true,
        ..MemoryConfig::default()
    };
    let first = Memory::open(dir.path(), config).unwrap();
    let [acme] = tenants(["acme"]);
    let origin = first.tenant(acme.clone());
    let request = LearnRequest::new("kick-off")
        .speaker("Ann")
        .user_message("The harbour boat is green.")
        .ai_response("Green it is.")
        .metadata(to_raw_value(&json!({ "page": 7 })).unwrap());
    origin.learn(&request).unwrap();
    let job = origin.outbox().claim(1).unwrap().remove(0);
    let sent = origin.outbox().entry(&job).unwrap().unwrap();
    let sent = serde_json::to_string(&sent).unwrap();

    let (_dir, second, peer) = told(&[]);
    let response = second
        .receive(&peer, &serde_json::from_str(&sent).unwrap())
        .unwrap();
    assert_eq!(response.outcome, SyncOutcome::Stored);
    assert_eq!(response.instance_id, second.instance_id());
    let recall = |memory: &Memory| {
        let answer = memory.tenant(acme.clone());
        let turns = answer
            .recall(&RecallRequest::new("harbour boat green"))
            .unwrap();
        serde_json::to_value(turns.turns).unwrap()
    };
    assert_eq!(recall(&second), recall(&first));
    assert_eq!(second.tenant(acme.clone()).stats().unwrap().turns, 2);
}

#[test]
fn an_entry_that_comes_again_is_stored_once() {
    let (dir, memory, peer) = told(&[]);
    let entry = entry("The harbour boat is green.");
    let outcome = |memory: &Memory| memory.receive(&peer, &entry).unwrap().outcome;
    assert_eq!(outcome(&memory), SyncOutcome::Stored);
    assert_eq!(outcome(&memory), SyncOutcome::Known);
    drop(memory);
    let memory = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    assert_eq!(outcome(&memory), SyncOutcome::Known);
    let [acme] = tenants(["acme"]);
    assert_eq!(memory.tenant(acme).stats().unwrap().turns, 1);
}

#[test]
fn of_two_entries_with_one_number_the_first_is_kept() {
    let (_dir, memory, peer) = told(&[]);
    memory.receive(&peer, &entry("The boat is green.")).unwrap();
    let recorder = TestRecorder::new();
    let second = recorder.run(|| memory.receive(&peer, &entry("The boat is red.")));
    assert_eq!(second.unwrap().outcome, SyncOutcome::Conflict);
    let tree = recorder.tree();
    assert!(
        tree.contains(
            "· conflict_resolved conflict_type=entry_differs resolution_strategy=keep_first"
        ),
        "{tree}"
    );
    let [acme] = tenants(["acme"]);
    let answer = memory.tenant(acme).recall(&RecallRequest::new("boat"));
    assert_eq!(answer.unwrap().turns[0].text, "The boat is green.");

    // The number of another origin is another number.
    let mut other = entry("The boat is red.");
    other.origin = "fedcba9876543210".to_owned();
    assert_eq!(
        memory.receive(&peer, &other).unwrap().outcome,
        SyncOutcome::Stored
    );
}

#[test]
fn a_peer_writes_to_the_memories_that_its_key_opens_and_to_no_other() {
    let [acme, umbrella] = tenants(["acme", "umbrella"]);
    let (_dir, memory, peer) = told(std::slice::from_ref(&umbrella));
    let refused = memory.receive(&peer, &entry("The boat is green."));
    assert!(matches!(refused, Err(MemoryError::NotThePeers)));
    assert_eq!(memory.tenant(acme).stats().unwrap().turns, 0);

    let mut allowed = entry("The boat is green.");
    allowed.tenant = "umbrella".to_owned();
    memory.receive(&peer, &allowed).unwrap();
    assert_eq!(memory.tenant(umbrella).stats().unwrap().turns, 1);
}

#[test]
fn keys_of_peers_and_of_tenants_are_not_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let keys = ApiKeys::open(dir.path()).unwrap();
    let [acme] = tenants(["acme"]);
    let (tenant, peer) = (
        keys.create_key(&acme).unwrap(),
        keys.create_peer_key("berlin", &[acme]).unwrap(),
    );
    assert_eq!(keys.tenant_of(&peer).unwrap(), None);
    assert_eq!(keys.peer_of(&tenant).unwrap(), None);
    assert_eq!(keys.peer_of(&peer).unwrap().unwrap().name(), "berlin");
    assert_eq!(keys.peer_of("cp_guess").unwrap(), None);
}

#[test]
fn what_was_received_is_not_told_to_anybody_else() {
    let dir = tempfile::tempdir().unwrap();
    let keys = ApiKeys::open(dir.path()).unwrap();
    let key = keys.create_peer_key("berlin", &[]).unwrap();
    let peer = keys.peer_of(&key).unwrap().unwrap();
    let config = MemoryConfig {
        outbox: true,
        ..MemoryConfig::default()
    };
    let memory = Memory::open(dir.path(), config).unwrap();
    memory.receive(&peer, &entry("The boat is green.")).unwrap();
    let [acme] = tenants(["acme"]);
    let tenant = memory.tenant(acme);
    assert_eq!(tenant.outbox().status().unwrap().waiting, 0);
    say(&tenant, "the boat is red");
    assert_eq!(tenant.outbox().status().unwrap().waiting, 1);
}

#[test]
fn an_entry_is_checked_like_a_learn() {
    let (_dir, memory, peer) = told(&[]);
    let field = |change: fn(&mut SyncEntry)| {
        let mut entry = entry("The boat is green.");
        change(&mut entry);
        match memory.receive(&peer, &entry).unwrap_err() {
            MemoryError::Input(
                InputError::Empty { field }
                | InputError::NulByte { field, .. }
                | InputError::TooLong { field, .. }
                | InputError::OutOfRange { field, .. }
                | InputError::NotATime { field }
                | InputError::NotATenant { field },
            ) => field,
            other => panic!("{other}"),
        }
    };
    assert_eq!(field(|entry| entry.origin.clear()), "origin");
    assert_eq!(field(|entry| entry.tenant = "../acme".to_owned()), "tenant");
    assert_eq!(
        field(|entry| entry.session_id = "\0".to_owned()),
        "session_id"
    );
    assert_eq!(field(|entry| entry.turns.clear()), "turns");
    assert_eq!(
        field(|entry| entry.turns = vec![entry.turns[0].clone(); 3]),
        "turns"
    );
    assert_eq!(field(|entry| entry.turns[0].text.clear()), "text");
    assert_eq!(field(|entry| entry.turns[0].speaker.clear()), "speaker");
    assert_eq!(field(|entry| entry.turns[0].at = "soon".to_owned()), "at");
    let long = |entry: &mut SyncEntry| {
        entry.turns[0].metadata = Some(to_raw_value(&"x".repeat(70_000)).unwrap());
    };
    assert_eq!(field(long), "metadata");
    let [acme] = tenants(["acme"]);
    assert_eq!(memory.tenant(acme).stats().unwrap().turns, 0);
}

#[test]
fn an_instance_keeps_its_name_and_no_two_have_the_same() {
    let (dir, memory, _peer) = told(&[]);
    let name = memory.instance_id().to_owned();
    assert_eq!(name.len(), 16);
    drop(memory);
    let again = Memory::open(dir.path(), MemoryConfig::default()).unwrap();
    assert_eq!(again.instance_id(), name);
    assert_ne!(told(&[]).1.instance_id(), name);
}
