//! The lints of the workspace, which a crate has only if its manifest says so.

use std::path::Path;

use anyhow::Result;

use super::manifest;
use crate::metadata::Metadata;

/// One line for each member that goes without the lints of the workspace, where that has some.
///
/// # Errors
///
/// A manifest cannot be read.
pub(crate) fn violations(root: &Path, members: &Metadata) -> Result<Vec<String>> {
    if !manifest::read(&root.join("Cargo.toml"))?.contains("[workspace.lints") {
        return Ok(Vec::new());
    }
    let mut violations = Vec::new();
    for package in &members.packages {
        let manifest = manifest::read(Path::new(&package.manifest_path))?;
        let mut lines = manifest::table(&manifest, "[lints]");
        if !lines.any(|line| line.trim() == "workspace = true") {
            let name = &package.name;
            violations.push(format!(
                "{name}: add `[lints]` with `workspace = true` to its manifest"
            ));
        }
    }
    Ok(violations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    #[test]
    fn a_member_without_the_lints_of_the_workspace_is_a_violation() {
        let repository = Repository::new();
        let workspace = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\"]\n";
        let check = || {
            let workspace = repository.workspace();
            violations(workspace.root(), &workspace.members().unwrap()).unwrap()
        };
        repository.write("Cargo.toml", workspace);
        repository.package("crates/cli", "");
        assert_eq!(check(), [""; 0], "the workspace has none");
        repository.package("crates/memory", "[lints]\nworkspace = true\n");
        let linted = format!("{workspace}[workspace.lints.rust]\nunsafe_code = \"deny\"\n");
        repository.write("Cargo.toml", &linted);
        let violation = "cli: add `[lints]` with `workspace = true` to its manifest";
        assert_eq!(check(), [violation]);
    }
}
