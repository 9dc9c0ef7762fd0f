//! A program in any language, started so that its spans come here.
//!
//! Position: `receiver` → `assembly` → what prints the traces; `program` is beside it, and `forward`, which
//! sends on what arrives.
//!
//! Invariants:
//! - the program's input and output are its own, and so is its exit status;
//! - spans that arrive while the program ends are shown.

mod assembly;
mod environment;
mod forward;
mod program;
mod signal;

use std::{
    io,
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    select,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, timeout},
};

use self::assembly::Assembly;
pub(crate) use self::{
    assembly::{Completeness, Trace},
    environment::{of_this_process, silenced_by},
    forward::{Destination, Forward},
    program::Program,
    signal::Signals,
};
use crate::receiver::{Received, Receiver};

/// How often traces are looked at.
const TICK: Duration = Duration::from_millis(50);

/// How long requests under way may take once the program has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Who sees what a program sends.
pub(crate) trait Audience {
    /// A request, as it arrives.
    fn received(&mut self, request: &Received);
    /// A trace that is to be shown.
    fn trace(&mut self, trace: Trace);
}

/// Shows the traces of a program until it has ended and the last of them is shown.
///
/// # Errors
///
/// When the operating system cannot say how the program ended.
pub(crate) async fn follow(
    program: Program,
    signals: Signals,
    receiver: Receiver,
    mut requests: mpsc::Receiver<Received>,
    audience: &mut impl Audience,
) -> io::Result<ExitStatus> {
    let ended = Arc::new(Notify::new());
    let supervised = supervise(program, signals, receiver, Arc::clone(&ended));
    let mut assembly = Assembly::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            request = requests.recv() => match request {
                Some(request) => take(request, &mut assembly, audience),
                None => break,
            },
            _ = ticks.tick() => {}
            () = ended.notified() => break,
        }
        show(assembly.take_settled(Instant::now()), audience);
    }
    requests.close();
    while let Ok(request) = requests.try_recv() {
        take(request, &mut assembly, audience);
    }
    show(assembly.take_all(), audience);
    supervised.await.map_err(io::Error::other)?
}

/// Waits for the program, then for requests under way, in a task of its own: a terminal that does not
/// take what is printed must not keep a signal from the program.
fn supervise(
    program: Program,
    signals: Signals,
    receiver: Receiver,
    ended: Arc<Notify>,
) -> JoinHandle<io::Result<ExitStatus>> {
    tokio::spawn(async move {
        let (stop, stopped) = oneshot::channel::<()>();
        let receiving = tokio::spawn(receiver.run(async { stopped.await.unwrap_or_default() }));
        let status = program.wait(signals).await;
        drop(stop);
        // Who is still sending after that is another program.
        drop(timeout(GRACE, receiving).await);
        ended.notify_one();
        status
    })
}

fn take(request: Received, assembly: &mut Assembly, audience: &mut impl Audience) {
    audience.received(&request);
    assembly.add(request.spans, request.message.len(), Instant::now());
}

fn show(traces: Vec<Trace>, audience: &mut impl Audience) {
    for trace in traces {
        audience.trace(trace);
    }
}
