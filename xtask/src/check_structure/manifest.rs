//! Manifests as text, for the checks that ask for lines that Cargo does not tell of.

use std::path::Path;

use anyhow::{Context as _, Result};

/// A manifest.
///
/// # Errors
///
/// It cannot be read.
pub(super) fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// The lines of one table of a manifest.
pub(super) fn table<'a>(manifest: &'a str, head: &str) -> impl Iterator<Item = &'a str> {
    let lines = manifest.lines().skip_while(move |line| line.trim() != head);
    lines.skip(1).take_while(|line| !line.starts_with('['))
}
