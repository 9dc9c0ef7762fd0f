//! What reads JSON for the receiver.

#[path = "../../../crates/cli/src/trace_file/fields.rs"]
mod fields;
#[path = "../../../crates/cli/src/trace_file/wire.rs"]
mod wire;

pub(crate) use wire::parse;
