//! The part of `cargo metadata` that the commands read.
//!
//! Source: The Cargo Book, "cargo metadata", JSON format version 1.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What Cargo knows about a workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
    workspace_root: PathBuf,
}

impl Metadata {
    /// A path inside the workspace relative to its root, with `/`; `None` for one outside.
    pub(crate) fn folder(&self, path: &Path) -> Option<String> {
        let inside = path.strip_prefix(&self.workspace_root).ok()?;
        let parts: Vec<_> = inside.iter().map(|part| part.to_string_lossy()).collect();
        Some(parts.join("/"))
    }
}

/// One package, of the workspace or a dependency.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The licence as an SPDX expression.
    pub(crate) license: Option<String>,
    /// Where it comes from; `None` for a package of this repository.
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// The names of the features, with what each brings.
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

/// One line under `[dependencies]` or its two relatives.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The features that it is asked for.
    pub(crate) features: Vec<String>,
    /// `None` for a normal one, else `build` or `dev`.
    pub(crate) kind: Option<String>,
    /// The folder of a dependency that is given by path.
    pub(crate) path: Option<PathBuf>,
}

/// One thing that Cargo builds from a package.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    /// Whether it is among the targets that `cargo test` runs.
    pub(crate) test: bool,
}
