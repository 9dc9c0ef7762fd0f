//! Standard error without the lock that std holds while a thread prints.
//!
//! Position: where diagnostics and the console exporter write to.
//!
//! Invariant: nobody waits for a thread of the program, which in the child of a fork may not be there any
//! more, except where no descriptor is left and the process is no child; what is written at once is
//! not mixed with the lines of others, as far as the system keeps that.

use std::io::{self, Write};

/// A writer to standard error.
pub(crate) fn stderr() -> impl Write + Send + 'static {
    #[cfg(unix)]
    return unlocked::Stderr;
    #[cfg(not(unix))]
    io::stderr()
}

#[cfg(unix)]
mod unlocked {
    use super::{Write, io};
    use crate::recorder::fork_epoch;
    use std::{fs::File, os::fd::AsFd as _};

    pub(super) struct Stderr;

    impl Write for Stderr {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match io::stderr().as_fd().try_clone_to_owned() {
                Ok(own) => File::from(own).write(bytes),
                // No descriptor is left.
                Err(_) if fork_epoch() == 0 => io::stderr().write(bytes),
                Err(error) => Err(error),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
