//! The README's program prints what the README says that it prints.

use std::{env, process::Command};

/// The first Rust block of the README.
mod program {
    include!(concat!(env!("OUT_DIR"), "/readme.rs"));
}

/// Set in the process that runs the program.
const INSIDE: &str = "CONTINUUM_README_PROGRAM";

#[test]
fn the_readme_shows_what_its_program_prints() {
    if env::vars_os().any(|(name, _)| name == INSIDE) {
        program::main().unwrap();
        return;
    }
    let mut itself = Command::new(env::current_exe().unwrap());
    itself
        .args([
            "--exact",
            "the_readme_shows_what_its_program_prints",
            "--nocapture",
        ])
        .env_clear()
        .env(INSIDE, "1");
    let output = itself.output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    let shown = include_str!(concat!(env!("OUT_DIR"), "/readme.txt"));
    assert_eq!(without_measures(&printed), without_measures(shown));
}

/// Words one blank apart; `T` for a duration, `ID` for a trace id.
fn without_measures(tree: &str) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().map(without_measure).collect();
        words.join(" ")
    };
    tree.lines()
        .map(line)
        .filter(|line| !line.is_empty())
        .collect()
}

fn without_measure(word: &str) -> &str {
    match word {
        "ns" | "µs" | "ms" | "s" => "T",
        _ if word.parse::<f64>().is_ok() => "N",
        _ if word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "ID",
        _ => word,
    }
}

#[test]
fn the_readme_lists_the_features_that_there_are() {
    let manifest = include_str!("../../crates/observability/Cargo.toml");
    let features = manifest.split("[features]").nth(1).unwrap();
    let features = features.split("\n[").next().unwrap();
    let names = features.lines().filter_map(|line| line.split_once(" = ["));
    let mut there_are: Vec<&str> = names
        .map(|(name, _)| name)
        .filter(|name| *name != "default" && !name.starts_with('_'))
        .collect();
    let readme = include_str!("../../README.md");
    let table = readme.split("| feature |").nth(1).unwrap();
    let table = table.split("\n\n").next().unwrap();
    let rows = table.lines().filter_map(|row| row.strip_prefix("| `"));
    let mut listed: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    there_are.sort_unstable();
    listed.sort_unstable();
    assert_eq!(listed, there_are);
}
