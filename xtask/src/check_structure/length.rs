//! Length of source files: what grows over the limit is split by topic.

use std::path::Path;

use anyhow::{Context as _, Result};

const MAX_LINES: usize = 500;

/// Languages in which people write here; what a tool writes (lock files, data) may be long.
const EXTENSIONS: [&str; 4] = ["rs", "py", "ts", "sh"];

/// One line for each source file over the limit.
///
/// # Errors
///
/// A file cannot be read.
pub(crate) fn violations(root: &Path, files: &[String]) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for file in files.iter().filter(|file| is_source(file)) {
        let lines = count_lines(&root.join(file))?;
        if lines > MAX_LINES {
            violations.push(format!("{file}: {lines} lines, at most {MAX_LINES}"));
        }
    }
    Ok(violations)
}

fn is_source(file: &str) -> bool {
    let extension = Path::new(file)
        .extension()
        .and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

fn count_lines(path: &Path) -> Result<usize> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text.split_inclusive(|byte| *byte == b'\n').count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check_structure::fixture::Repository;

    fn check(file: &str, text: &str) -> Vec<String> {
        let repository = Repository::new();
        repository.write(file, text);
        let workspace = repository.workspace();
        violations(workspace.root(), &workspace.files().unwrap()).unwrap()
    }

    #[test]
    fn the_limit_itself_passes() {
        assert_eq!(check("a.rs", &"x\n".repeat(500)), Vec::<String>::new());
    }

    #[test]
    fn one_line_more_is_a_violation_in_each_language() {
        for extension in EXTENSIONS {
            let file = format!("src/a.{extension}");
            assert_eq!(
                check(&file, &"x\n".repeat(501)),
                [format!("{file}: 501 lines, at most 500")]
            );
        }
    }

    #[test]
    fn a_last_line_without_its_end_counts() {
        assert_eq!(check("a.rs", &("x\n".repeat(500) + "x")).len(), 1);
    }

    #[test]
    fn other_files_may_be_long() {
        assert_eq!(
            check("Cargo.lock", &"x\n".repeat(501)),
            Vec::<String>::new()
        );
    }
}
