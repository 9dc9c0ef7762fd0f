//! `continuum key`: API keys.
//!
//! Invariant: a key is shown once, alone on standard output, and cannot be shown again.

use std::io::{self, Write as _};

use anyhow::{Result, bail};
use clap::Subcommand;
use continuum_memory::{ApiKeys, TenantId};

use super::{data_dir::DataDir, tenant::tenant};

/// Manage API keys
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Key {
    /// Create a key and print it, once; a running server knows it at once
    #[command(after_help = EXAMPLES)]
    Create {
        /// Whose memory the key opens: 1 to 64 of a-z, 0-9, _ and -
        #[arg(long, value_name = "NAME", value_parser = tenant, required_unless_present = "peer")]
        tenant: Vec<TenantId>,
        /// Another node, which may write to the memories of --tenant, or of all tenants without it
        #[arg(long, value_name = "NAME", value_parser = tenant)]
        peer: Option<TenantId>,
        #[command(flatten)]
        data_dir: DataDir,
    },
}

const EXAMPLES: &str = "\
Examples:
  continuum key create --tenant acme
  KEY=$(continuum key create --tenant acme --data-dir ./data)
  continuum key create --peer berlin                 for a node that tells of every tenant
  continuum key create --peer berlin --tenant acme   for a node that tells of one";

impl Key {
    pub(super) fn run(self) -> Result<()> {
        let Self::Create {
            tenant,
            peer,
            data_dir,
        } = self;
        let keys = ApiKeys::open(data_dir.resolve()?)?;
        let key = match (peer, tenant.as_slice()) {
            (Some(peer), tenants) => keys.create_peer_key(peer.as_str(), tenants)?,
            (None, [tenant]) => keys.create_key(tenant)?,
            (None, _) => bail!("a key opens one memory: give --tenant once"),
        };
        writeln!(io::stdout(), "{key}")?;
        writeln!(
            io::stderr(),
            "Keep it: it is not stored and cannot be shown again."
        )?;
        Ok(())
    }
}
