//! Signals that are meant for the traced program.
//!
//! Invariant: what a terminal sends goes to everything in its foreground, the program included, and is not
//! passed on a second time; many programs end at once on a second interrupt, before their spans are sent.

#[cfg(not(unix))]
pub(crate) use self::other::Signals;
#[cfg(unix)]
pub(crate) use self::unix::Signals;

#[cfg(unix)]
mod unix {
    use std::{fs::File, io};

    use rustix::{
        process::{Pid, Signal, getpgrp, kill_process},
        termios::tcgetpgrp,
    };
    use tokio::{
        process::Child,
        select,
        signal::unix::{Signal as Stream, SignalKind, signal},
    };

    /// The signals by which people and supervisors end a program; ours from now on.
    #[derive(Debug)]
    pub(crate) struct Signals {
        hangup: Stream,
        interrupt: Stream,
        quit: Stream,
        terminate: Stream,
    }

    /// One that arrived.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Arrived(Signal);

    impl Signals {
        /// Takes them over, so that they do not end this process.
        ///
        /// # Errors
        ///
        /// When the operating system refuses.
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self {
                hangup: signal(SignalKind::hangup())?,
                interrupt: signal(SignalKind::interrupt())?,
                quit: signal(SignalKind::quit())?,
                terminate: signal(SignalKind::terminate())?,
            })
        }

        pub(in super::super) async fn next(&mut self) -> Arrived {
            select! {
                _ = self.hangup.recv() => Arrived(Signal::HUP),
                _ = self.interrupt.recv() => Arrived(Signal::INT),
                _ = self.quit.recv() => Arrived(Signal::QUIT),
                _ = self.terminate.recv() => Arrived(Signal::TERM),
            }
        }
    }

    impl Arrived {
        pub(in super::super) fn pass_on(self, to: &Child) {
            let by_keyboard = matches!(self.0, Signal::INT | Signal::QUIT);
            if by_keyboard && is_in_foreground() {
                return;
            }
            // Without an id it has ended and been waited for.
            let pid = to.id().and_then(|id| Pid::from_raw(id.cast_signed()));
            if let Some(pid) = pid {
                // It may end at any moment; then there is nobody to tell.
                kill_process(pid, self.0).unwrap_or_default();
            }
        }
    }

    /// Whether the keys of the terminal reach this process and its children.
    fn is_in_foreground() -> bool {
        File::open("/dev/tty").is_ok_and(|tty| tcgetpgrp(tty).is_ok_and(|group| group == getpgrp()))
    }
}

#[cfg(not(unix))]
mod other {
    use std::io;

    use tokio::process::Child;

    /// Control-C, which the console sends to the program as well.
    #[derive(Debug)]
    pub(crate) struct Signals;

    /// One that arrived.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Arrived;

    impl Signals {
        /// Takes them over, so that they do not end this process.
        #[expect(
            clippy::unnecessary_wraps,
            reason = "the same signature on every platform"
        )]
        pub(crate) fn listen() -> io::Result<Self> {
            Ok(Self)
        }

        pub(in super::super) async fn next(&mut self) -> Arrived {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without a handler there is nothing to wait for.
                std::future::pending::<()>().await;
            }
            Arrived
        }
    }

    impl Arrived {
        pub(in super::super) fn pass_on(self, _to: &Child) {}
    }
}
