//! Makes a program of every Rust block of the pages, so that a page shows only what matters.
//!
//! A block is preceded by a comment that the reader of the page does not see:
//!
//! ```text
//! <!-- test
//! ...
//! fn example() { greet("Ann") }
//! -->
//! ```
//!
//! The line `...` stands for the block. The program runs `example` with a recorder, and compares the
//! spans that come out with the `text` block that follows. A block without a comment has an `example`
//! of its own.
//!
//! Invariants:
//! - a comment that belongs to no block is an error, so that no test is lost by a slip;
//! - a block that no `text` block follows is an error too, unless a line of its comment begins with
//!   [`WITHOUT_A_TREE`] and says why nobody looks at its spans here.

#![expect(clippy::panic, reason = "a page that cannot be tested ends the build")]
#![expect(
    clippy::disallowed_methods,
    reason = "cargo speaks to build scripts by the environment"
)]

use std::{env, fs, path::Path};

const PAGES: [&str; 5] = [
    "tracing-guide.md",
    "from-python.md",
    "logs-and-metrics.md",
    "migrating.md",
    "sampling.md",
];

/// Begins the reason why a block has no tree.
const WITHOUT_A_TREE: &str = "// Without a tree: ";

fn main() {
    for page in PAGES {
        write(page, &programs(page, &read(page)));
    }
    let readme = read("../README.md");
    let mut rest = readme.as_str();
    write(
        "readme.rs",
        &block(&mut rest, "```rust").replace("fn main", "pub(super) fn main"),
    );
    write("readme.txt", &block(&mut rest, "```text"));
}

fn read(page: &str) -> String {
    println!("cargo::rerun-if-changed={page}");
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn write(name: &str, text: &str) {
    let target = Path::new(&env::var_os("OUT_DIR").unwrap_or_default()).join(name);
    fs::write(target, text).unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// The next block that begins with the line `begin`.
fn block(rest: &mut &str, begin: &str) -> String {
    until(rest, begin);
    until(rest, "```")
}

/// The page with programs in place of its Rust blocks.
fn programs(page: &str, text: &str) -> String {
    let mut out = String::new();
    let mut frame = None;
    let mut rest = text;
    while let Some(line) = next_line(&mut rest) {
        match line {
            "<!-- test" => {
                assert!(frame.is_none(), "{page}: a test without a block of code");
                frame = Some(until(&mut rest, "-->"));
            }
            "```rust" => {
                let code = until(&mut rest, "```");
                let expected = following_picture(rest);
                let frame = frame.take();
                let is_excused = frame.as_deref().is_some_and(has_reason);
                assert!(
                    expected.is_some() != is_excused,
                    "{page}: either a tree follows a block, or its test says \"{WITHOUT_A_TREE}…\":\n{code}"
                );
                out += &program(frame.as_deref(), &code, expected.as_deref());
            }
            _ => {
                out += line;
                out.push('\n');
            }
        }
    }
    assert!(frame.is_none(), "{page}: a test without a block of code");
    out
}

fn has_reason(frame: &str) -> bool {
    let mut reasons = frame
        .lines()
        .filter_map(|line| line.strip_prefix(WITHOUT_A_TREE));
    reasons.any(|reason| !reason.trim().is_empty())
}

fn program(frame: Option<&str>, code: &str, expected: Option<&str>) -> String {
    let body = frame.map_or_else(|| code.to_owned(), |frame| frame.replacen("...\n", code, 1));
    let compare = expected.map_or_else(String::new, |tree| {
        // The module has the name that rustdoc gives to the test.
        format!("    assert_eq!(recorder.tree().replace(module_path!(), \"app\"), {tree:?});\n")
    });
    format!(
        "```rust\n{body}\nfn main() {{\n    \
         let recorder = ::continuum_observability::testing::TestRecorder::new();\n    \
         recorder.run(example);\n{compare}}}\n```\n"
    )
}

/// The `text` block that comes next, with nothing but empty lines before it.
fn following_picture(mut rest: &str) -> Option<String> {
    while let Some(line) = next_line(&mut rest) {
        match line {
            "" => {}
            "```text" => return Some(until(&mut rest, "```")),
            _ => return None,
        }
    }
    None
}

fn next_line<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (line, after) = rest.split_once('\n')?;
    *rest = after;
    Some(line)
}

/// The lines up to the one that is `end`.
fn until(rest: &mut &str, end: &str) -> String {
    let mut lines = String::new();
    while let Some(line) = next_line(rest) {
        if line == end {
            break;
        }
        lines += line;
        lines.push('\n');
    }
    lines
}
