//! Where the service keeps its data when nobody says otherwise.
//!
//! Source: XDG Base Directory Specification, `XDG_DATA_HOME`.

use std::{env, ffi::OsString, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;

const HELP: &str = "Directory of keys and memories \
    [default: $XDG_DATA_HOME/continuum or ~/.local/share/continuum]";

/// The directory of keys and memories.
#[derive(Debug, Args)]
pub(super) struct DataDir {
    #[arg(long = "data-dir", value_name = "DIR", help = HELP)]
    given: Option<PathBuf>,
}

impl DataDir {
    pub(super) fn resolve(self) -> Result<PathBuf> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the only variable of the program itself; everything else is telemetry's"
        )]
        let data_home = env::var_os("XDG_DATA_HOME");
        match self.given {
            Some(given) => Ok(given),
            None => default(data_home, env::home_dir())
                .context("there is no home directory: say where with --data-dir"),
        }
    }
}

/// A relative `XDG_DATA_HOME` is invalid and ignored, as the specification demands.
fn default(data_home: Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let data_home = data_home
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let own = || Some(home?.join(".local/share"));
    Some(data_home.or_else(own)?.join("continuum"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_home_of_the_user_comes_first_unless_it_is_relative() {
        let home = || Some(PathBuf::from("/home/ann"));
        let own = PathBuf::from("/home/ann/.local/share/continuum");
        assert_eq!(
            default(Some("/data".into()), home()),
            Some("/data/continuum".into())
        );
        assert_eq!(default(Some("data".into()), home()), Some(own.clone()));
        assert_eq!(default(None, home()), Some(own));
        assert_eq!(default(Some("".into()), None), None);
    }
}
