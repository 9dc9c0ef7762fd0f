//! Standard output that knows when nobody reads it any more.
//!
//! Position: between a command that prints much and the pipe that it prints to.

use std::io::{self, Write};

/// A writer that remembers whether the other end of the pipe was closed.
pub(super) struct Output<W> {
    inner: W,
    is_closed: bool,
}

impl<W: Write> Output<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            is_closed: false,
        }
    }

    /// Whether somebody closed the pipe, as `head` does when it has seen enough.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed
    }

    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.is_closed |= error.kind() == io::ErrorKind::BrokenPipe;
        }
        result
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.inner.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.inner.flush();
        self.note(result)
    }
}
