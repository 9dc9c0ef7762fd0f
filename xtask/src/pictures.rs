//! `cargo xtask pictures`: draws what the demo prints as the pictures of the README, and the trace
//! through both languages.
//!
//! Position: runs `continuum demo --json`, takes the trees of its report, writes `docs/pictures`. The
//! trace through both languages is the one in `docs/python.md`, which the test of
//! `examples/python/assistant.py` compares with what the program does.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::command::Command;
use crate::process;
use crate::workspace::Workspace;

const FOLDER: &str = "docs/pictures";
/// The page with the trace through both languages, how that begins, and its picture.
const BOTH_LANGUAGES: [&str; 3] = [
    "docs/python.md",
    "```text\nPOST /ask",
    "one-trace-in-two-languages.svg",
];
const LINE_HEIGHT: usize = 20;
const CHAR_WIDTH: f64 = 8.43;

pub(crate) const COMMAND: Command = Command {
    name: "pictures",
    summary: "Draws the traces of the demo for the README and the docs.",
    options: &[],
    help: "Runs the demo in release mode and writes docs/pictures/*.svg.\n\
           The times in them are those of this machine.",
    run: |workspace, _| {
        draw_all(workspace)?;
        Ok(ExitCode::SUCCESS)
    },
};

#[derive(Deserialize)]
struct Report {
    traces: Vec<Trace>,
}

#[derive(Deserialize)]
struct Trace {
    title: String,
    tree: String,
}

fn draw_all(workspace: &Workspace) -> Result<()> {
    let mut demo = process::cargo(workspace.root());
    demo.args(["run", "--release", "--quiet", "--", "demo", "--json"])
        .stderr(Stdio::inherit());
    let output = demo.output().context("cannot run the demo")?;
    ensure!(
        output.status.success(),
        "the demo failed: {}",
        output.status
    );
    let report: Report = serde_json::from_slice(&output.stdout).context("the demo's report")?;
    let folder = workspace.root().join(FOLDER);
    fs::create_dir_all(&folder)?;
    for trace in &report.traces {
        let file = folder.join(file_name(&trace.title));
        fs::write(&file, picture(&trace.tree)).with_context(|| file.display().to_string())?;
    }
    let [.., name] = BOTH_LANGUAGES;
    fs::write(folder.join(name), both_languages(workspace.root())?).context(name)
}

fn both_languages(root: &Path) -> Result<String> {
    let [page, begin, _] = BOTH_LANGUAGES;
    let text = fs::read_to_string(root.join(page)).context(page)?;
    let block = text.find(begin).and_then(|at| text.get(at..));
    let tree = block.and_then(|block| block.split("```").nth(1));
    let tree = tree.and_then(|tree| tree.strip_prefix("text\n"));
    Ok(picture(tree.context("no trace in the page")?))
}

/// The title in lower case with dashes.
fn file_name(title: &str) -> String {
    let words = title
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty());
    format!("{}.svg", words.collect::<Vec<_>>().join("-").to_lowercase())
}

fn picture(tree: &str) -> String {
    let lines: Vec<&str> = tree.lines().collect();
    let columns = lines
        .iter()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    let (width, height) = (
        columns as f64 * CHAR_WIDTH + 32.0,
        lines.len() * LINE_HEIGHT + 28,
    );
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n"
    );
    for (row, line) in lines.iter().enumerate() {
        let y = row * LINE_HEIGHT + 28;
        let colour = colour(line);
        // Writing to a string cannot fail.
        let _written = writeln!(
            svg,
            "<text x=\"16\" y=\"{y}\" fill=\"{colour}\" xml:space=\"preserve\">{}</text>",
            escaped(line)
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(line: &str) -> &'static str {
    if line.contains(" ERROR") || line.contains("exception") {
        "#ff7b72"
    } else if line.ends_with(", rust") {
        "#f0a45d"
    } else {
        "#d6dae2"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_file_names() {
        assert_eq!(
            file_name("A recall, from the cache"),
            "a-recall-from-the-cache.svg"
        );
    }

    #[test]
    fn the_picture_of_both_languages_shows_the_trace_of_the_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let file = root.join(FOLDER).join(BOTH_LANGUAGES[2]);
        let drawn = fs::read_to_string(file).unwrap();
        assert_eq!(drawn, both_languages(root).unwrap());
        assert_eq!(drawn.matches("#f0a45d").count(), 4, "lines in Rust");
    }

    #[test]
    fn a_picture_has_a_line_of_text_for_each_line_of_the_tree() {
        let svg = picture("a <1>\n└─ b ERROR & more");
        assert_eq!(svg.matches("<text").count(), 2);
        assert!(svg.contains("a &lt;1&gt;") && svg.contains("ERROR &amp; more"));
        assert_eq!(svg.matches("#ff7b72").count(), 1);
    }
}
