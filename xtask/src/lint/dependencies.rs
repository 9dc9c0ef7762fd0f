//! What adding the SDK brings along, held to the page that says so.
//!
//! Invariants: `docs/dependencies.md` shows the tree of today, without versions, so that an update alone does not
//! change it; what is there for recording alone is no more than what a peer brings that has no export at all.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process;
use crate::workspace::Workspace;

const SDK: &str = "continuum-observability";

/// The library whose tree is the measure; the page about migrating runs a program of it.
const PEER: &str = "fastrace";
const PEERS_USER: &str = "continuum-docs";

/// The parts of the SDK's own tree that are there to send spans over HTTP, possibly with TLS.
const SENDING: [&str; 3] = ["http", "rustls", "ureq"];

const PAGE: &str = "docs/dependencies.md";

/// The platform of the page; others add what their system needs.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// Fails when the page is not what cargo says, or the tree has outgrown its measure.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let drawn = tree(workspace, SDK, "normal", "indent")?;
    let page = std::fs::read_to_string(workspace.root().join(PAGE)).context(PAGE)?;
    ensure!(
        shown(&page) == Some(drawn.trim_end()),
        "{PAGE} is not what `cargo tree` says; its first `text` block should be:\n{drawn}"
    );
    let own = tree(workspace, SDK, "normal", "depth")?;
    let peer = tree(workspace, PEERS_USER, "normal,dev", "depth")?;
    let (own, peer) = (without(&own, &SENDING), below(&peer, PEER));
    eprintln!("{} crates to record, {} of {PEER}", own.len(), peer.len());
    if own.len() > peer.len() || peer.is_empty() {
        bail!("to record takes {own:?}, which is more than {PEER} takes: {peer:?}");
    }
    Ok(())
}

/// The tree of a package as cargo draws it, names alone.
fn tree(workspace: &Workspace, package: &str, edges: &str, prefix: &str) -> Result<String> {
    let mut cargo = process::cargo(workspace.root());
    cargo.args([
        "tree",
        "--package",
        package,
        "--edges",
        edges,
        "--prefix",
        prefix,
    ]);
    cargo.args(["--target", PLATFORM, "--format", "{p}"]);
    if prefix == "depth" {
        cargo.arg("--no-dedupe");
    }
    let drawn = process::output(&mut cargo)?;
    let lines = drawn
        .lines()
        .map(|line| line.split(" v").next().unwrap_or(line).to_owned() + "\n");
    Ok(lines.collect())
}

/// The first `text` block of a page.
fn shown(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("```text\n")?;
    Some(rest.split_once("\n```")?.0)
}

/// Depth and name of each line of a tree that is drawn with depths.
fn nodes(tree: &str) -> impl Iterator<Item = (usize, &str)> {
    tree.lines().filter_map(|line| {
        let (depth, name) = line.split_at(line.find(|char: char| !char.is_ascii_digit())?);
        Some((depth.parse().ok()?, name))
    })
}

/// The names of a tree, leaving out what is below some packages at its first level.
fn without<'a>(tree: &'a str, left_out: &[&str]) -> BTreeSet<&'a str> {
    let mut is_out = false;
    let kept = nodes(tree).filter(|(depth, name)| {
        if *depth <= 1 {
            is_out = left_out.contains(name);
        }
        !is_out
    });
    kept.map(|(_, name)| name).collect()
}

/// A package at the first level of a tree, and everything below it.
fn below<'a>(tree: &'a str, package: &str) -> BTreeSet<&'a str> {
    let mut is_in = false;
    let kept = nodes(tree).filter(|(depth, name)| {
        if *depth <= 1 {
            is_in = *name == package;
        }
        is_in
    });
    kept.map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = "0sdk\n1libc\n1ureq\n2rustls\n3libc\n1peer\n2rand\n3libc\n";

    #[test]
    fn the_page_of_this_repository_is_what_cargo_says() {
        check(&Workspace::of_this_build()).unwrap();
    }

    #[test]
    fn a_part_of_a_tree_is_left_out_with_everything_below() {
        let kept = without(TREE, &["ureq"]);
        assert_eq!(kept, BTreeSet::from(["sdk", "libc", "peer", "rand"]));
    }

    #[test]
    fn a_part_of_a_tree_is_found_with_everything_below() {
        assert_eq!(
            below(TREE, "peer"),
            BTreeSet::from(["peer", "rand", "libc"])
        );
        assert_eq!(below(TREE, "rand"), BTreeSet::new());
    }

    #[test]
    fn the_first_block_of_a_page_is_compared() {
        assert_eq!(
            shown("# A\n\n```text\na\n└── b\n```\n\n```text\nc\n```\n"),
            Some("a\n└── b")
        );
        assert_eq!(shown("# A\n"), None);
    }
}
