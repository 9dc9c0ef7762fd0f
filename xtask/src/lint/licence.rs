//! Licences of the dependencies: each one must be usable under a licence on the list.
//!
//! Source: the field `license` of a manifest, an SPDX expression (SPDX 2.3, annex D).

use anyhow::{Result, bail};
use spdx::{Expression, ParseMode};

use crate::metadata::Package;
use crate::workspace::Workspace;

/// Licences under which a dependency may be used: they ask for a notice and nothing of our own
/// code.
const ALLOWED: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CDLA-Permissive-2.0", // the data of webpki-roots
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Zlib",
];

/// Fails when a dependency, of any kind and for any platform, has no licence on the list.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let packages = workspace.all_packages()?.packages;
    let foreign: Vec<&Package> = packages
        .iter()
        .filter(|package| package.source.is_some())
        .collect();
    let refused: Vec<String> = foreign
        .iter()
        .filter_map(|package| refusal(package))
        .collect();
    for line in &refused {
        eprintln!("{line}");
    }
    if !refused.is_empty() {
        bail!(
            "{} of {} dependencies are refused",
            refused.len(),
            foreign.len()
        );
    }
    eprintln!("{} dependencies", foreign.len());
    Ok(())
}

fn refusal(package: &Package) -> Option<String> {
    let reason = match package.license.as_deref() {
        None => "no licence expression".to_owned(),
        Some(expression) if is_allowed(expression) => return None,
        Some(expression) => format!("licence not on the list: {expression}"),
    };
    Some(format!("{} {}: {reason}", package.name, package.version))
}

/// Whether the list satisfies an expression; one that cannot be read is not satisfied.
///
/// `ParseMode::LAX` reads `MIT/Apache-2.0`, which is how old packages write `OR`. An exception
/// (`WITH`) only gives more freedom, hence the bare licence decides.
fn is_allowed(expression: &str) -> bool {
    Expression::parse_mode(expression, ParseMode::LAX).is_ok_and(|expression| {
        expression.evaluate(|requirement| {
            requirement
                .license
                .id()
                .is_some_and(|licence| ALLOWED.contains(&licence.name))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_allowed_side_of_an_or_is_enough() {
        assert!(is_allowed("MIT"));
        assert!(is_allowed("MIT OR GPL-3.0-only"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception"));
    }

    #[test]
    fn each_side_of_an_and_must_be_allowed() {
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!is_allowed("MIT AND AGPL-3.0-only"));
    }

    #[test]
    fn anything_else_is_refused() {
        assert!(!is_allowed("GPL-3.0-or-later"));
        assert!(!is_allowed("LicenseRef-house"));
        assert!(!is_allowed("whatever you like"));
    }

    #[test]
    fn every_name_on_the_list_is_one_of_spdx() {
        for name in ALLOWED {
            assert!(spdx::license_id(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_package_without_a_licence_is_refused_by_name() {
        let package: Package = serde_json::from_value(serde_json::json!({
            "name": "left", "version": "1.0.0", "license": null, "source": "registry",
            "manifest_path": "", "dependencies": [], "features": {}, "targets": [],
        }))
        .unwrap();
        assert_eq!(
            refusal(&package).unwrap(),
            "left 1.0.0: no licence expression"
        );
    }
}
