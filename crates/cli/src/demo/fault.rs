//! Breaks the file of one memory, so that a recall fails for real.
//!
//! Position: after the exam; uses a tenant of its own.
//!
//! Invariant: nothing of the service knows about it: what fails is the database.

use std::{fs::File, io::Write as _};

use anyhow::{Context as _, Result};
use continuum_memory::{LearnRequest, RecallRequest, TenantId};

use super::{client::Client, host::Host};

const TENANT: &str = "damaged";

/// Learns something, damages the file under it, and asks; returns the trace id of the failure.
pub(super) fn recall_from_a_damaged_file(host: &Host, client: &Client) -> Result<String> {
    let key = host.create_tenant(&TenantId::new(TENANT)?)?;
    client.learn(
        &key,
        &LearnRequest::new("s").user_message("The spare key is under the mat."),
    )?;
    damage(host).context("cannot damage a file")?;
    client.recall_that_fails(&key, &RecallRequest::new("Where is the spare key?"))
}

/// Cuts the write-ahead log off and overwrites the file, as a failing disk would.
fn damage(host: &Host) -> std::io::Result<()> {
    let path = |suffix: &str| host.data_dir().join(format!("tenants/{TENANT}.db{suffix}"));
    File::options()
        .write(true)
        .truncate(true)
        .open(path("-wal"))?;
    let mut file = File::options().write(true).open(path(""))?;
    file.write_all(&vec![0xff; 64 * 1024])
}
