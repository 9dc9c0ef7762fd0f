//! An environment for tests.

use super::env::Environment;

/// The given variables and no others.
pub(super) fn environment<'a>(variables: &'a [(&'a str, &'a str)]) -> Environment<'a> {
    Environment::new(move |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}
