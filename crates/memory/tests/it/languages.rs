//! Languages other than English.

use continuum_memory::{EmptyReason, RecallRequest};

use crate::{acme, say};

#[test]
fn german_questions_find_german_turns() {
    let (_dir, _memory, tenant) = acme();
    let kitchen = say(&tenant, "Wir haben uns für die blaue Küche entschieden.");
    say(&tenant, "Der Umzug nach Köln ist im Mai.");
    let ask = |query| tenant.recall(&RecallRequest::new(query)).unwrap();
    assert_eq!(ask("Welche Küche nehmen wir?").turns[0].turn_id, kitchen);
    // Without the umlaut, as on a foreign keyboard.
    assert_eq!(ask("kuche blau oder blaue").turns[0].turn_id, kitchen);
    assert_eq!(
        ask("Was ist das und wann war es?").reason,
        Some(EmptyReason::OnlyStopWords)
    );
    assert_eq!(tenant.stats().unwrap().decisions, 1);
}

#[test]
fn languages_without_spaces_find_parts_of_sentences() {
    let (_dir, _memory, tenant) = acme();
    let tokyo = say(&tenant, "私は来年東京都に引っ越します。");
    let beijing = say(&tenant, "我们明年搬到北京市去住");
    let best = |query| tenant.recall(&RecallRequest::new(query)).unwrap().turns[0].turn_id;
    assert_eq!(best("東京"), tokyo);
    assert_eq!(best("北京"), beijing);
    // A page pasted without a single space.
    assert_eq!(best(&"北京市在中国的北方".repeat(500)), beijing);
}

#[test]
fn accents_and_case_do_not_matter_in_any_script() {
    let (_dir, _memory, tenant) = acme();
    let cafe = say(&tenant, "Le Café de la gare");
    let moscow = say(&tenant, "Мы встретимся в Москве");
    let best = |query| tenant.recall(&RecallRequest::new(query)).unwrap().turns[0].turn_id;
    assert_eq!(best("cafe"), cafe);
    assert_eq!(best("CAFE\u{301}"), cafe);
    assert_eq!(best("москве"), moscow);
}
