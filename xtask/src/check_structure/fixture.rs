//! A small repository in a temporary directory, for the tests of the checks.

use std::fs;

use tempfile::TempDir;

use crate::process;
use crate::workspace::Workspace;

/// A Git repository that is deleted when the value is dropped.
pub(crate) struct Repository {
    folder: TempDir,
}

impl Repository {
    /// An empty repository without a commit.
    pub(crate) fn new() -> Self {
        let repository = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        repository.git(&["init", "--quiet"]);
        repository
    }

    /// The repository as the checks take it.
    ///
    /// The path is the real one: Cargo resolves links (`/tmp` is one on macOS).
    pub(crate) fn workspace(&self) -> Workspace {
        Workspace::new(self.folder.path().canonicalize().unwrap())
    }

    /// Writes a file, and the folders it is in.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Writes an empty library, named as the last part of `folder`.
    pub(crate) fn package(&self, folder: &str, dependencies: &str) {
        let name = folder.rsplit('/').next().unwrap();
        let manifest = format!("[package]\nname = \"{name}\"\nedition = \"2024\"\n{dependencies}");
        self.write(&format!("{folder}/Cargo.toml"), &manifest);
        self.write(&format!("{folder}/src/lib.rs"), "");
    }

    /// Runs Git in the repository.
    pub(crate) fn git(&self, arguments: &[&str]) {
        process::output(process::program("git", self.folder.path()).args(arguments)).unwrap();
    }
}
