//! What reads JSON for the receiver.

#[path = "../../../crates/cli/src/trace_file/fields.rs"]
mod fields;
#[path = "../../../crates/cli/src/trace_file/wire.rs"]
mod wire;

use anyhow::Result;
use continuum_observability::SpanRecord;

pub(crate) fn parse(line: &[u8]) -> Result<Vec<SpanRecord>> {
    wire::parse(line)
}
