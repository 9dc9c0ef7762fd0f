//! Two nodes: what is told to the first is recalled from the second.
//!
//! Position: after the exam; both nodes are services of their own, with their own directories.
//!
//! Invariant: nothing is waited for but the outbox of the first node, as any client sees it.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use continuum_memory::{LearnRequest, RecallRequest, TenantId};

use super::{client::Client, host::Host, report::Federated};

const TENANT: &str = "two-nodes";

/// Between two looks at the outbox.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until the demo gives up.
const LOOKS: usize = 3_000;

/// Tells one node something and asks the other one for it.
pub(super) fn tell_one_and_ask_the_other() -> Result<Federated> {
    let second = Host::start(None)?;
    let first = Host::start(Some(second.as_peer()?))?;
    let tenant = TenantId::new(TENANT)?;
    let (key, other_key) = (
        first.create_tenant(&tenant)?,
        second.create_tenant(&tenant)?,
    );
    let told = LearnRequest::new("s").user_message("The lighthouse keeper is called Marlow.");

    let client = Client::new(first.addr());
    let learned = client.learn(&key, &told)?;
    wait_until_delivered(&client, &key)?;
    let question = RecallRequest::new("Who is the lighthouse keeper?");
    let recalled = Client::new(second.addr()).recall(&other_key, &question)?;
    first.stop().context("the first node failed")?;
    second.stop().context("the second node failed")?;
    Ok(Federated {
        told_turns: learned.body.turn_ids.len(),
        recalled_turns: recalled.body.turns.len(),
        trace_id: learned.trace_id,
    })
}

fn wait_until_delivered(client: &Client, key: &str) -> Result<()> {
    for _ in 0..LOOKS {
        let outbox = client.outbox(key)?;
        ensure!(
            outbox.dead.is_empty(),
            "a delivery failed: {:?}",
            outbox.dead
        );
        if outbox.waiting == 0 {
            return Ok(());
        }
        thread::sleep(PAUSE);
    }
    anyhow::bail!("nothing arrives at the second node")
}
