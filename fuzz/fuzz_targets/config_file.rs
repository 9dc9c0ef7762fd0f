//! A file of settings: whatever is in it, a problem names a place that is there, in one line, and does not
//! repeat what the file takes from the environment.

#![no_main]

use continuum_observability::{Problem, fuzzing::problems_of_file};
use libfuzzer_sys::fuzz_target;

const FILE: &str = "settings.yaml";
const SECRET: &str = "9f8e7d6c5b4a";

fuzz_target!(|text: &str| {
    // Files that it names would be looked at; an escape may hide the name of the key.
    if text.contains("_file") || text.contains('\\') {
        return;
    }
    for problem in problems_of_file(FILE, text, ("SECRET", SECRET)) {
        let said = problem.to_string();
        assert!(!said.contains(char::is_control), "{said:?}");
        assert!(text.contains(SECRET) || !said.contains(SECRET), "{said}");
        assert!(is_in(&problem, text), "{said}");
    }
});

/// Whether the problem is of the file, at a line that the file has, or of something that it sets.
fn is_in(problem: &Problem, text: &str) -> bool {
    let Some(place) = problem.setting().strip_prefix(FILE) else {
        return true;
    };
    let mut numbers = place.split(':').skip(1).map(str::parse::<usize>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(line)), Some(Ok(column))) => {
            let lines = text.split(['\n', '\r']).count();
            (1..=lines + 1).contains(&line) && (1..=text.len() + 1).contains(&column)
        }
        _ => place.is_empty(),
    }
}
