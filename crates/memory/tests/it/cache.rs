//! When an answer is remembered, and when it is not.

use continuum_memory::{CacheOutcome, Limits, Memory, MemoryConfig, RecallRequest, TenantId};

use crate::{acme, say};

#[test]
fn the_same_question_is_answered_from_the_cache_until_something_is_learned() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    let ask = || tenant.recall(&RecallRequest::new("harbour")).unwrap();
    let first = ask();
    assert_eq!((first.cache, first.turns.len()), (CacheOutcome::Miss, 1));
    let again = ask();
    assert_eq!((again.cache, again.turns.len()), (CacheOutcome::Hit, 1));

    say(&tenant, "the harbour is open again");
    let after = ask();
    assert_eq!((after.cache, after.turns.len()), (CacheOutcome::Miss, 2));
}

#[test]
fn other_limits_are_another_question() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    say(&tenant, "the harbour is open");
    let ask = |k| tenant.recall(&RecallRequest::new("harbour").k(k)).unwrap();
    assert_eq!(ask(1).turns.len(), 1);
    assert_eq!(ask(2).turns.len(), 2);
    assert_eq!(ask(1).cache, CacheOutcome::Hit);
}

#[test]
fn tenants_do_not_share_answers() {
    let (_dir, memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    let other = memory.tenant(TenantId::new("umbrella").unwrap());
    let ask = RecallRequest::new("harbour");
    assert_eq!(tenant.recall(&ask).unwrap().turns.len(), 1);
    let answer = other.recall(&ask).unwrap();
    assert_eq!((answer.cache, answer.turns.len()), (CacheOutcome::Miss, 0));
}

#[test]
fn a_file_that_was_closed_and_opened_again_starts_a_new_generation() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits {
        open_tenants: 1,
        ..Limits::default()
    };
    let memory = Memory::open(
        dir.path(),
        MemoryConfig {
            limits,
            ..MemoryConfig::default()
        },
    )
    .unwrap();
    let [one, two] = ["one", "two"].map(|name| memory.tenant(TenantId::new(name).unwrap()));
    say(&one, "the harbour is closed");
    let ask = RecallRequest::new("harbour");
    assert_eq!(one.recall(&ask).unwrap().cache, CacheOutcome::Miss);
    assert_eq!(one.recall(&ask).unwrap().cache, CacheOutcome::Hit);
    say(&two, "opens another file, which closes the first");
    let reopened = one.recall(&ask).unwrap();
    assert_eq!(
        (reopened.cache, reopened.turns.len()),
        (CacheOutcome::Miss, 1)
    );
}
