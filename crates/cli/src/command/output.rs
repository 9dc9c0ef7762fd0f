//! Standard output that may be closed before all is written.
//!
//! Position: between a command that prints much and the pipe that it prints to.
//!
//! Invariant: who has read enough, as `head` has, is not told that there was more; whatever else stands in
//! the way of writing is a failure.

use std::io;

use anyhow::{Context as _, Result};

/// What came of writing, where a closed pipe is no failure.
pub(super) fn unless_closed(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}
