//! Signals that are meant for the traced program.
//!
//! Invariants:
//! - what the keys of a terminal send goes to everything in its foreground, the program included, and is not
//!   passed on a second time; many programs end at once on a second interrupt, before their spans are sent. A
//!   program that has left our process group does not get it from there, and gets it from us. What another process
//!   sends is passed on: to whom else it went is not known;
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
        thread::Builder,
    };

    use rustix::{
        process::{Pid, Signal, getpgid, getpgrp, kill_process},
        termios::tcgetpgrp,
    };
    use signal_hook::{
        iterator::{
            SignalsInfo,
            exfiltrator::{WithOrigin, origin::Origin},
        },
        low_level::siginfo::Cause,
    };
    use tokio::{
        process::Child,
        select,
        signal::unix::{Signal as Stream, SignalKind, signal},
        sync::mpsc,
    };

    /// The signals by which people and supervisors end a program; ours from now on.
    #[derive(Debug)]
    pub(crate) struct Signals {
        hangup: Option<Stream>,
        terminate: Option<Stream>,
        /// Those that have a key: interrupt and quit.
        of_keys: mpsc::UnboundedReceiver<Arrived>,
    }

    /// One that arrived.
    #[derive(Debug, Clone, Copy)]
    pub(in super::super) struct Arrived {
        signal: Signal,
        /// Whether all of our process group has got it.
        by_keyboard: bool,
    }

    impl Signals {
        /// Takes them over, so that they do not end this process.
        ///
        /// # Errors
        ///
        /// When the operating system refuses.
        pub(crate) fn listen() -> io::Result<Self> {
            let ignored = ignored();
            let is_ours = |kind: SignalKind| ignored & (1_u64 << (kind.as_raw_value() - 1)) == 0;
            let listen = |kind| is_ours(kind).then(|| signal(kind)).transpose();
            let keys = [SignalKind::interrupt(), SignalKind::quit()];
            let keys = keys.into_iter().filter(|kind| is_ours(*kind));
            Ok(Self {
                hangup: listen(SignalKind::hangup())?,
                terminate: listen(SignalKind::terminate())?,
                of_keys: with_origin(keys.map(|kind| kind.as_raw_value()))?,
            })
        }

        pub(in super::super) async fn next(&mut self) -> Arrived {
            select! {
                () = arrival(&mut self.hangup) => Arrived::sent(Signal::HUP),
                () = arrival(&mut self.terminate) => Arrived::sent(Signal::TERM),
                Some(arrived) = self.of_keys.recv() => arrived,
            }
        }
    }

    /// Listens to signals of which one knows who sent them, on a thread of its own.
    fn with_origin(
        signals: impl Iterator<Item = i32>,
    ) -> io::Result<mpsc::UnboundedReceiver<Arrived>> {
        let (tell, told) = mpsc::unbounded_channel();
        let mut signals = SignalsInfo::<WithOrigin>::new(signals)?;
        let listen = move || {
            let mut arrived = signals.forever().map(Arrived::from);
            arrived.all(|arrived| tell.send(arrived).is_ok());
        };
        Builder::new().name("signals".to_owned()).spawn(listen)?;
        Ok(told)
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

    impl From<Origin> for Arrived {
        fn from(origin: Origin) -> Self {
            let by_keyboard = match origin.cause {
                Cause::Kernel => true,
                // The system does not tell.
                Cause::Unknown => is_in_foreground(),
                _ => false,
            };
            let is_quit = origin.signal == SignalKind::quit().as_raw_value();
            let signal = if is_quit { Signal::QUIT } else { Signal::INT };
            Self {
                signal,
                by_keyboard,
            }
        }
    }

    impl Arrived {
        fn sent(signal: Signal) -> Self {
            Self {
                signal,
                by_keyboard: false,
            }
        }

        pub(in super::super) fn pass_on(self, to: &Child) {
            // Without an id it has ended and been waited for.
            let pid = to.id().and_then(|id| Pid::from_raw(id.cast_signed()));
            if let Some(pid) = pid.filter(|pid| !(self.by_keyboard && is_beside_us(*pid))) {
                // It may end at any moment; then there is nobody to tell.
                kill_process(pid, self.signal).unwrap_or_default();
            }
        }
    }

    /// Whether the program is still in our process group, to which a terminal sends.
    fn is_beside_us(program: Pid) -> bool {
        getpgid(Some(program)).is_ok_and(|group| group == getpgrp())
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
