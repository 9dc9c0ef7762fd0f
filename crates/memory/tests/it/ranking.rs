//! Which turns are found, in which order, and why.

use continuum_memory::{LearnRequest, Memory, MemoryConfig, RecallConfig, RecallRequest, TenantId};

use crate::{acme, say};

#[test]
fn an_answer_split_over_turns_is_found_through_its_window() {
    let (_dir, _memory, tenant) = acme();
    for filler in [
        "the ferry was late",
        "a birthday cake",
        "nothing about a birthday",
    ] {
        say(&tenant, filler);
    }
    say(&tenant, "What should I give Ada for her birthday?");
    let reply = say(&tenant, "A telescope, she likes stars.");
    let answer = tenant
        .recall(&RecallRequest::new("birthday of Ada telescope"))
        .unwrap();
    assert_eq!(answer.turns[0].turn_id, reply);
    assert!(answer.turns[0].signals.window > 0.0);
}

#[test]
fn a_turn_that_matches_only_with_the_turns_before_it_is_found() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "What colour is the harbour bus?");
    let reply = say(&tenant, "Green, as always.");
    let answer = tenant.recall(&RecallRequest::new("harbour bus")).unwrap();
    let found = answer
        .turns
        .iter()
        .find(|turn| turn.turn_id == reply)
        .unwrap();
    assert!(found.signals.fts.abs() < f64::EPSILON && found.signals.window > 0.0);
}

#[test]
fn a_window_ends_at_its_session_and_after_three_turns() {
    let config = RecallConfig {
        graph_weight: 0.0,
        ..RecallConfig::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let memory = Memory::open(
        dir.path(),
        MemoryConfig {
            recall: config,
            ..MemoryConfig::default()
        },
    )
    .unwrap();
    let tenant = memory.tenant(TenantId::new("acme").unwrap());
    let first = say(&tenant, "the harbour is closed");
    let near = [say(&tenant, "one"), say(&tenant, "two")];
    say(&tenant, "three");
    let elsewhere = LearnRequest::new("other").user_message("four");
    tenant.learn(&elsewhere).unwrap();
    let answer = tenant.recall(&RecallRequest::new("harbour")).unwrap();
    let mut found: Vec<_> = answer.turns.iter().map(|turn| turn.turn_id).collect();
    found.sort_unstable();
    assert_eq!(found, [first, near[0], near[1]]);
}

#[test]
fn linked_concepts_lead_to_turns_without_any_word_of_the_question() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "Ada repairs the telescope");
    for filler in ["rain", "rain again", "still rain"] {
        say(&tenant, filler);
    }
    let lens = say(&tenant, "the telescope needs a lens");
    let answer = tenant.recall(&RecallRequest::new("Ada")).unwrap();
    let found = answer
        .turns
        .iter()
        .find(|turn| turn.turn_id == lens)
        .unwrap();
    assert!(found.signals.graph > 0.0 && found.signals.fts.abs() < f64::EPSILON);
    let names: Vec<_> = answer
        .concepts
        .iter()
        .map(|concept| concept.name.as_str())
        .collect();
    assert_eq!(names[0], "Ada");
    assert!(names.contains(&"telescope"));
    let link = &answer.relationships[0];
    let ends = [link.from.as_str(), link.to.as_str()];
    assert!(
        ends.contains(&"Ada") || ends.contains(&"telescope"),
        "{ends:?}"
    );
    assert_eq!(answer.concepts_found, answer.concepts.len());
    assert_eq!(answer.relationships_found, answer.relationships.len());
}

#[test]
fn signals_add_up_to_the_score_and_scores_descend() {
    let (_dir, _memory, tenant) = acme();
    for number in 0..30 {
        say(
            &tenant,
            &format!("box {number} is in the harbour of town {}", number % 3),
        );
    }
    let answer = tenant
        .recall(&RecallRequest::new("harbour town box").k(20))
        .unwrap();
    assert_eq!(answer.turns.len(), 20);
    assert!(answer.turns.is_sorted_by(|a, b| a.score >= b.score));
    for turn in answer.turns {
        let sum = turn.signals.fts + turn.signals.window + turn.signals.graph;
        assert!((turn.score - sum).abs() < 1e-12 && turn.score <= 1.0);
    }
}

#[test]
fn no_more_turns_and_concepts_come_back_than_were_asked_for() {
    let (_dir, _memory, tenant) = acme();
    for number in 0..20 {
        say(
            &tenant,
            &format!("harbour crane{number} lifts cargo{number}"),
        );
    }
    let answer = tenant
        .recall(&RecallRequest::new("harbour").k(3).max_concepts(2))
        .unwrap();
    assert_eq!((answer.turns.len(), answer.concepts.len()), (3, 2));
    let none = tenant
        .recall(&RecallRequest::new("harbour").max_concepts(0))
        .unwrap();
    assert!(none.concepts.is_empty() && none.relationships.is_empty());
}

#[test]
fn word_forms_of_english_find_each_other() {
    let (_dir, _memory, tenant) = acme();
    let painted = say(&tenant, "She painted the boats");
    let answer = tenant.recall(&RecallRequest::new("painting boat")).unwrap();
    assert_eq!(answer.turns[0].turn_id, painted);
}

#[test]
fn a_question_that_names_the_speaker_prefers_what_that_speaker_said() {
    let (_dir, _memory, tenant) = acme();
    let said = |speaker, text: &str| {
        let request = LearnRequest::new(speaker)
            .speaker(speaker)
            .user_message(text);
        tenant.learn(&request).unwrap().turn_ids[0]
    };
    said("Grace", "I would paint the boat red");
    let ada = said("Ada", "I would paint the boat green");
    said("Mary", "I would paint the boat blue");
    let answer = tenant
        .recall(&RecallRequest::new("How would Ada paint the boat?"))
        .unwrap();
    assert_eq!(answer.turns[0].turn_id, ada);
}
