//! `continuum outbox`: what is still to be told to another node, and what was given up.
//!
//! Position: command line → **here** → `continuum-memory`, on the data directory itself. A server that
//! has it open answers the same over HTTP.
//!
//! Invariant: a dead letter is never removed, only made a job again. It is a row without text, and
//! only who knows why it was refused can say what becomes of it.

use std::io::{self, Write};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, Subcommand};
use continuum_memory::{Memory, MemoryConfig, MemoryError, Outbox, OutboxStatus, TenantId};
use serde_json::json;

use super::{data_dir::DataDir, tenant::tenant};

/// See what is still to be told to another node, and retry what was given up
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum OutboxCommand {
    /// Count what waits and list what was given up, the latest first
    #[command(after_help = EXAMPLES)]
    Status {
        #[command(flatten)]
        of: Of,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make what was given up due again; it is sent when the server runs
    #[command(after_help = EXAMPLES)]
    Retry {
        #[command(flatten)]
        of: Of,
    },
}

/// Whose outbox.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// Whose memory
    #[arg(long, value_name = "NAME", value_parser = tenant)]
    tenant: TenantId,
    #[command(flatten)]
    data_dir: DataDir,
}

const EXAMPLES: &str = "\
Examples:
  continuum outbox status --tenant acme
  continuum outbox retry --tenant acme

While a server runs, with a key of the tenant:
  curl http://127.0.0.1:8787/v1/outbox -H \"X-API-Key: $KEY\"
  curl -X POST http://127.0.0.1:8787/v1/outbox/retry -H \"X-API-Key: $KEY\"

What the other node refuses is given up after 16 deliveries, at once where it can never take it. A node that is
away is waited for. What was given up is kept until it is retried.";

const OVER_HTTP: &str =
    "a running server is asked over HTTP: GET /v1/outbox, POST /v1/outbox/retry";

impl OutboxCommand {
    pub(super) fn run(self) -> Result<()> {
        let mut out = io::stdout().lock();
        match self {
            Self::Status { of, json: true } => {
                writeln!(out, "{}", json!(of.open()?.status()?))?;
            }
            Self::Status { of, json: false } => report(&mut out, &of.open()?.status()?)?,
            Self::Retry { of } => match of.open()?.revive()? {
                1 => writeln!(out, "1 entry is due again")?,
                revived => writeln!(out, "{revived} entries are due again")?,
            },
        }
        Ok(())
    }
}

impl Of {
    /// Opens the outbox of a tenant that has a memory, and creates nothing.
    fn open(self) -> Result<Outbox> {
        let data_dir = self.data_dir.resolve()?;
        let name = data_dir.display();
        ensure!(data_dir.is_dir(), "there is no data directory {name}");
        let memory = match Memory::open(&data_dir, MemoryConfig::default()) {
            Err(error @ MemoryError::DirectoryInUse { .. }) => {
                return Err(error).context(OVER_HTTP);
            }
            opened => opened?,
        };
        let mut outboxes = memory.outboxes().into_iter();
        let found = outboxes.find(|outbox| *outbox.tenant() == self.tenant);
        found.with_context(|| format!("{} has no memory in {name}", self.tenant))
    }
}

fn report(out: &mut impl Write, status: &OutboxStatus) -> io::Result<()> {
    writeln!(
        out,
        "{} waiting, {} given up",
        status.waiting,
        status.dead.len()
    )?;
    for letter in &status.dead {
        writeln!(
            out,
            "  entry {}, {} attempts: {}",
            letter.entry_id, letter.attempts, letter.last_error
        )?;
        let traceparent = letter.carrier.get("traceparent");
        if let Some(trace_id) = traceparent.and_then(|header| header.split('-').nth(1)) {
            writeln!(out, "    learned in trace {trace_id}")?;
        }
    }
    Ok(())
}
