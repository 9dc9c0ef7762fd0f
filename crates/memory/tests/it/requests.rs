//! What is accepted, what is refused, and what comes back as it was sent.

use continuum_memory::{EmptyReason, InputError, LearnRequest, MemoryError, RecallRequest, Stats};
use serde_json::value::RawValue;

use crate::{acme, say};

fn refused<T: std::fmt::Debug>(result: Result<T, MemoryError>) -> InputError {
    match result.unwrap_err() {
        MemoryError::Input(input) => input,
        other => panic!("not an input error: {other:?}"),
    }
}

#[test]
fn metadata_comes_back_byte_for_byte() {
    let (_dir, _memory, tenant) = acme();
    let sent =
        r#"{"b": [1.0, 123456789012345678901234567890], "a":null, "a": "twice\\u0000\u0001"}"#;
    let request = LearnRequest::new("s")
        .user_message("the harbour is closed")
        .ai_response("then we take the harbour bus")
        .metadata(RawValue::from_string(sent.to_owned()).unwrap());
    tenant.learn(&request).unwrap();
    let answer = tenant.recall(&RecallRequest::new("harbour")).unwrap();
    assert_eq!(answer.turns.len(), 2);
    for turn in answer.turns {
        assert_eq!(turn.metadata.unwrap().get(), sent);
    }
}

#[test]
fn speaker_session_and_time_come_back() {
    let (_dir, _memory, tenant) = acme();
    let request = LearnRequest::new("kick-off")
        .speaker("Ada")
        .at("2026-03-01T09:30:00+01:00")
        .user_message("the harbour is closed")
        .ai_response("the harbour opens at nine");
    tenant.learn(&request).unwrap();
    let mut turns = tenant.recall(&RecallRequest::new("harbour")).unwrap().turns;
    turns.sort_by_key(|turn| turn.turn_id);
    let speakers: Vec<_> = turns.iter().map(|turn| turn.speaker.as_str()).collect();
    assert_eq!(speakers, ["Ada", "assistant"]);
    assert!(
        turns
            .iter()
            .all(|turn| turn.at == "2026-03-01T09:30:00+01:00")
    );
    assert!(turns.iter().all(|turn| turn.session_id == "kick-off"));
}

#[test]
fn a_turn_without_a_time_gets_the_present_one() {
    let (_dir, _memory, tenant) = acme();
    say(&tenant, "the harbour is closed");
    let at = &tenant.recall(&RecallRequest::new("harbour")).unwrap().turns[0].at;
    assert!(
        at.ends_with('Z') && at.as_bytes()[10] == b'T' && at.len() == 24,
        "{at}"
    );
}

#[test]
fn learning_counts_concepts_decisions_links_and_compounds() {
    let (_dir, _memory, tenant) = acme();
    let first = LearnRequest::new("s").user_message("We decided that attention links decay.");
    let first = tenant.learn(&first).unwrap();
    assert_eq!((first.concepts_extracted, first.decisions_detected), (4, 1));
    assert_eq!((first.links_created, first.compounds_found), (6, 0));

    let second = LearnRequest::new("s")
        .user_message("attention links")
        .ai_response("decay?");
    let second = tenant.learn(&second).unwrap();
    assert_eq!(second.turn_ids.len(), 2);
    // Two words, the pair of them, and the answer; the pair is new, so are its links.
    assert_eq!(
        (second.concepts_extracted, second.decisions_detected),
        (4, 0)
    );
    assert_eq!((second.links_created, second.compounds_found), (2, 1));

    let expected = Stats {
        turns: 3,
        sessions: 1,
        entities: 5,
        decisions: 1,
        attention_links: 8,
        compound_concepts: 1,
    };
    assert_eq!(tenant.stats().unwrap(), expected);
}

#[test]
fn what_cannot_be_accepted_is_refused_by_field_and_nothing_is_stored() {
    let (_dir, _memory, tenant) = acme();
    let long = "x".repeat(300 * 1024);
    let good = || LearnRequest::new("s").user_message("fine");
    let cases = [
        (LearnRequest::new("s"), InputError::NoText),
        (
            good().ai_response(" \n"),
            InputError::Empty {
                field: "ai_response",
            },
        ),
        (
            LearnRequest::new("").user_message("x"),
            InputError::Empty {
                field: "session_id",
            },
        ),
        (
            good().ai_response("a\0"),
            InputError::NulByte {
                field: "ai_response",
                offset: 1,
            },
        ),
        (
            good().speaker("\0"),
            InputError::NulByte {
                field: "speaker",
                offset: 0,
            },
        ),
        (
            good().metadata(RawValue::from_string(r#"{"a": "b\u0000"}"#.to_owned()).unwrap()),
            InputError::NulByte {
                field: "metadata",
                offset: 8,
            },
        ),
        (good().at("yesterday"), InputError::NotATime { field: "at" }),
        (
            good().ai_response(&long),
            InputError::TooLong {
                field: "ai_response",
                actual_bytes: long.len(),
                limit_bytes: 256 * 1024,
            },
        ),
        (
            good().metadata(RawValue::from_string(format!("\"{long}\"")).unwrap()),
            InputError::TooLong {
                field: "metadata",
                actual_bytes: long.len() + 2,
                limit_bytes: 64 * 1024,
            },
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(refused(tenant.learn(&request)), expected);
        assert!(!expected.remedy().is_empty());
    }
    assert_eq!(tenant.stats().unwrap(), Stats::default());
}

#[test]
fn questions_that_cannot_be_asked_are_refused() {
    let (_dir, _memory, tenant) = acme();
    let cases = [
        (
            RecallRequest::new(" "),
            InputError::Empty { field: "query" },
        ),
        (
            RecallRequest::new("a\0b"),
            InputError::NulByte {
                field: "query",
                offset: 1,
            },
        ),
        (
            RecallRequest::new("\"*(:"),
            InputError::NoWord { field: "query" },
        ),
        (
            RecallRequest::new("x").k(0),
            InputError::OutOfRange {
                field: "k",
                actual: 0,
                min: 1,
                max: 100,
            },
        ),
        (
            RecallRequest::new("x").max_concepts(101),
            InputError::OutOfRange {
                field: "max_concepts",
                actual: 101,
                min: 0,
                max: 100,
            },
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(refused(tenant.recall(&request)), expected);
    }
}

#[test]
fn unknown_fields_of_a_request_are_refused() {
    let misspelt = r#"{"session_id": "s", "user_mesage": "lost"}"#;
    assert!(serde_json::from_str::<LearnRequest>(misspelt).is_err());
    let plain: RecallRequest = serde_json::from_str(r#"{"query": "x"}"#).unwrap();
    assert_eq!(plain, RecallRequest::new("x"));
}

#[test]
fn search_syntax_in_a_question_is_refused() {
    let (_dir, _memory, tenant) = acme();
    for (query, offset, construct) in [
        ("harb*", 0, "word*"),
        ("a NEAR(harbour station)", 2, "NEAR("),
        ("harbour OR station", 8, "OR"),
    ] {
        let expected = InputError::SearchSyntax {
            field: "query",
            construct,
            offset,
        };
        assert_eq!(refused(tenant.recall(&RecallRequest::new(query))), expected);
    }
}

#[test]
fn punctuation_in_a_question_is_no_operator() {
    let (_dir, _memory, tenant) = acme();
    let harbour = say(&tenant, "the harbour is closed");
    say(&tenant, "the station is open");
    for query in [
        "harbour\"",
        "\"harbour",
        "*harbour*",
        "NEAR harbour",
        "-harbour",
        "HARBOUR AND",
        "harbour)",
        "harbour'; DROP TABLE turns; --",
        "{harbour} + \"\"",
    ] {
        let answer = tenant.recall(&RecallRequest::new(query)).unwrap();
        assert_eq!(answer.turns[0].turn_id, harbour, "{query}");
    }
    // An operator would find everything but the other word.
    for query in ["zeppelin NOT", "rowid:1"] {
        let answer = tenant
            .recall(&RecallRequest::new(query.to_uppercase()))
            .unwrap();
        assert!(answer.turns.is_empty(), "{query}");
    }
    assert_eq!(tenant.stats().unwrap().turns, 2);
}

#[test]
fn an_empty_answer_says_why() {
    let (_dir, _memory, tenant) = acme();
    let reason = |query| tenant.recall(&RecallRequest::new(query)).unwrap().reason;
    assert_eq!(reason("harbour"), Some(EmptyReason::NoMemories));
    say(&tenant, "the harbour is closed");
    assert_eq!(reason("zeppelin"), Some(EmptyReason::NoMatch));
    assert_eq!(reason("what is it?"), Some(EmptyReason::OnlyStopWords));
    assert_eq!(reason("harbour"), None);
}
