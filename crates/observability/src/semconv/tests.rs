//! The switch between names.

use super::{
    attribute::*,
    former,
    naming::{GEN_AI_BESIDE_THE_GUIDES, Group, Naming, RENAMED},
    *,
};
use std::collections::BTreeSet;

fn names(naming: Naming, key: &'static str) -> Vec<&'static str> {
    naming.names(key).collect()
}

#[test]
fn each_conventions_set_the_current_name_the_former_one_or_both() {
    let rows: [(Conventions, &[&str]); 3] = [
        (Conventions::Stable, &["db.system.name"]),
        (Conventions::Legacy, &["db.system"]),
        (Conventions::Dup, &["db.system.name", "db.system"]),
    ];
    for (conventions, expected) in rows {
        let naming = Naming::all(conventions);
        assert_eq!(names(naming, DB_SYSTEM_NAME), expected);
        assert_eq!(names(naming, MEMORY_OPERATION), ["memory.operation"]);
    }
}

#[test]
fn a_group_can_differ_from_the_others() {
    let naming = Naming::all(Conventions::Legacy).with(Group::Http, Conventions::Dup);
    assert_eq!(
        names(naming, HTTP_REQUEST_METHOD),
        ["http.request.method", "http.method"]
    );
    assert_eq!(names(naming, DB_SYSTEM_NAME), ["db.system"]);
    let naming = Naming::default().with(Group::Cache, Conventions::Legacy);
    assert_eq!(names(naming, CACHE_KEY), ["db.redis.key"]);
    assert_eq!(names(naming, DB_OPERATION_NAME), ["db.operation.name"]);
}

#[test]
fn the_former_conventions_have_no_generative_ai_on_memory_spans() {
    for key in GEN_AI_BESIDE_THE_GUIDES {
        assert_eq!(names(Naming::default(), key), [*key]);
        assert_eq!(names(Naming::all(Conventions::Dup), key), [*key]);
        let legacy = Naming::all(Conventions::Legacy);
        assert!(names(legacy, key).is_empty(), "{key}");
        let chosen = legacy.with(Group::GenAi, Conventions::Stable);
        assert_eq!(names(chosen, key), [*key]);
    }
}

#[test]
fn every_renamed_attribute_is_there_once_and_both_its_names_are_constants() {
    let mut seen = BTreeSet::new();
    for (_, current, former) in RENAMED {
        assert!(seen.insert(current), "{current} twice");
        assert!(ALL.contains(current), "{current}");
        assert!(former::ALL.contains(former), "{former}");
    }
}
