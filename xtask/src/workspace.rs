//! The repository on disk, as Git and Cargo see it.
//!
//! Position: below every command. Checks take a [`Workspace`], so that their tests can hand them a
//! small one in a temporary directory.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::metadata::Metadata;
use crate::process;

/// A repository with a Cargo workspace in its root.
pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The repository that this program was built from.
    pub(crate) fn of_this_build() -> Self {
        let manifest_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::new(manifest_folder.parent().unwrap_or(manifest_folder))
    }

    /// The repository in `root`.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder that holds the repository.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Every file that is in Git or could be added: relative to the root, with `/`, in order.
    pub(crate) fn files(&self) -> Result<Vec<String>> {
        let mut git = process::program("git", &self.root);
        git.args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ]);
        let listed = process::output(&mut git)?;
        let mut files: Vec<String> = listed
            .split_terminator('\0')
            // A tracked file may have been deleted and not yet committed.
            .filter(|file| self.root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort_unstable();
        Ok(files)
    }

    /// The packages of this workspace alone, without looking at any registry.
    pub(crate) fn members(&self) -> Result<Metadata> {
        self.metadata(&["--no-deps", "--offline"])
    }

    /// The packages of this workspace and all they depend on, for any target and any feature.
    pub(crate) fn all_packages(&self) -> Result<Metadata> {
        self.metadata(&["--all-features"])
    }

    fn metadata(&self, options: &[&str]) -> Result<Metadata> {
        let mut cargo = process::cargo(&self.root);
        cargo.args(["metadata", "--format-version=1"]).args(options);
        serde_json::from_str(&process::output(&mut cargo)?).context("cannot read `cargo metadata`")
    }
}

#[cfg(test)]
mod tests {
    use crate::check_structure::fixture::Repository;

    #[test]
    fn files_are_those_that_git_has_or_could_add() {
        let repository = Repository::new();
        repository.write(".gitignore", "/target/\n");
        repository.write("target/built.rs", "");
        repository.write("new.rs", "");
        repository.write("kept.rs", "");
        repository.write("deleted.rs", "");
        repository.git(&["add", "kept.rs", "deleted.rs"]);
        std::fs::remove_file(repository.workspace().root().join("deleted.rs")).unwrap();
        assert_eq!(
            repository.workspace().files().unwrap(),
            [".gitignore", "kept.rs", "new.rs"]
        );
    }
}
