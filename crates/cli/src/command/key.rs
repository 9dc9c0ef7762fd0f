//! `continuum key`: API keys.
//!
//! Invariant: a key is shown once, alone on standard output, and cannot be shown again.

use std::io::{self, Write as _};

use anyhow::Result;
use clap::Subcommand;
use continuum_memory::{ApiKeys, TenantId};

use super::data_dir::DataDir;

/// Manage API keys
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Key {
    /// Create a key for a tenant and print it, once; a running server knows it at once
    #[command(after_help = EXAMPLES)]
    Create {
        /// Whose memory the key opens: 1 to 64 of a-z, 0-9, _ and -
        #[arg(long, value_parser = tenant)]
        tenant: TenantId,
        #[command(flatten)]
        data_dir: DataDir,
    },
}

const EXAMPLES: &str = "\
Examples:
  continuum key create --tenant acme
  KEY=$(continuum key create --tenant acme --data-dir ./data)";

/// Checks a name, so that a wrong one is an error of usage.
fn tenant(name: &str) -> Result<TenantId, String> {
    TenantId::new(name).map_err(|error| error.to_string())
}

impl Key {
    pub(super) fn run(self) -> Result<()> {
        let Self::Create { tenant, data_dir } = self;
        let key = ApiKeys::open(data_dir.resolve()?)?.create_key(&tenant)?;
        writeln!(io::stdout(), "{key}")?;
        writeln!(
            io::stderr(),
            "Keep it: it is not stored and cannot be shown again."
        )?;
        Ok(())
    }
}
