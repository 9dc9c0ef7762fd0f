//! Signals that are meant for the traced program.
//!
//! Invariants:
//! - what a terminal sends goes to everything in its foreground, the program included, and is not passed on a
//!   second time; many programs end at once on a second interrupt, before their spans are sent;
//! - a signal that we were started to ignore, as by `nohup`, stays ignored, and the program inherits that (on
//!   Linux, which tells of it).

#[cfg(not(unix))]
pub(crate) use self::other::Signals;
#[cfg(unix)]
pub(crate) use self::unix::Signals;

#[cfg(unix)]
mod unix {
    use std::{
        fs::{self, File},
        future::pending,
        io,
    };

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
        hangup: Option<Stream>,
        interrupt: Option<Stream>,
        quit: Option<Stream>,
        terminate: Option<Stream>,
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
            let ignored = ignored();
            let listen = |kind: SignalKind| {
                let bit = 1_u64 << (kind.as_raw_value() - 1);
                (ignored & bit == 0).then(|| signal(kind)).transpose()
            };
            Ok(Self {
                hangup: listen(SignalKind::hangup())?,
                interrupt: listen(SignalKind::interrupt())?,
                quit: listen(SignalKind::quit())?,
                terminate: listen(SignalKind::terminate())?,
            })
        }

        pub(in super::super) async fn next(&mut self) -> Arrived {
            select! {
                () = arrival(&mut self.hangup) => Arrived(Signal::HUP),
                () = arrival(&mut self.interrupt) => Arrived(Signal::INT),
                () = arrival(&mut self.quit) => Arrived(Signal::QUIT),
                () = arrival(&mut self.terminate) => Arrived(Signal::TERM),
            }
        }
    }

    /// Waits for a signal; for ever, where it is ignored.
    async fn arrival(stream: &mut Option<Stream>) {
        match stream {
            Some(stream) => drop(stream.recv().await),
            None => pending().await,
        }
    }

    /// A bit for each signal that this process was started to ignore; none where the system does not tell.
    fn ignored() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .unwrap_or_default()
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
