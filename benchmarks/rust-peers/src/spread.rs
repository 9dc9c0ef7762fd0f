//! Work on more threads than one: spans that others end, threads that come and go, tasks, a server.
use std::cell::RefCell;
use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::hot::Run;
use crate::measure::*;
use crate::peers::{DELIVERED, Mode};
use crate::work::Work;

const THREADS: u64 = 64;
const TRACES_OF_A_THREAD: u64 = 15;
const TASKS: u64 = 10_000;

/// Takes a sample as often as asked for; `sample` gives the rows.
fn samples<const N: usize>(run: &Run<'_>, metrics: [&str; N], mut sample: impl FnMut() -> [f64; N]) {
    let effort = run.effort.expect("instructions are those of one thread");
    for number in 0..effort.warmup + effort.samples {
        let values = sample();
        if number >= effort.warmup {
            metrics.iter().zip(values).for_each(|(metric, value)| run.row(metric, value));
        }
    }
}

/// Spans that one thread starts and describes, and another ends: the CPU time of both, per span.
pub fn remote<P: Work>(run: &Run<'_>) {
    const BURST: u64 = 1500;
    let p = P::init(Mode::Drop);
    if p.open(0).is_none() {
        return;
    }
    let (to, from) = mpsc::channel::<Vec<P::Open>>();
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        for spans in from {
            let start = thread_cpu_ns();
            drop(spans);
            done.send(thread_cpu_ns() - start).unwrap();
        }
    });
    p.flush();
    let bursts = run.effort.map_or(0, |effort| effort.bursts);
    samples(run, ["caller"], || {
        let mut cpu = 0;
        let start = DELIVERED.load(Relaxed);
        for burst in 1..=bursts {
            let mut spans = Vec::with_capacity(BURST as usize);
            let before = thread_cpu_ns();
            spans.extend((0..BURST).filter_map(|i| p.open(i)));
            cpu += thread_cpu_ns() - before;
            to.send(spans).unwrap();
            cpu += ended.recv().unwrap();
            p.settle(start + burst * BURST);
        }
        [cpu as f64 / (bursts * BURST) as f64]
    });
}

/// CPU time of threads that are gone.
static SPENT: AtomicU64 = AtomicU64::new(0);

/// Made first, so dropped last: what the destructors of others cost is in it.
struct UntilTheEnd(u64);

impl Drop for UntilTheEnd {
    fn drop(&mut self) {
        SPENT.fetch_add(thread_cpu_ns() - self.0, Relaxed);
    }
}

thread_local! {
    static LIFE: RefCell<Option<UntilTheEnd>> = const { RefCell::new(None) };
}

/// 64 threads at once that record 30 spans each and end: CPU time from their first to their last step.
pub fn threads<P: Work>(run: &Run<'_>) {
    let p = P::init(Mode::Drop);
    let spans = THREADS * TRACES_OF_A_THREAD * 2;
    let bursts = run.effort.map_or(0, |effort| effort.bursts);
    samples(run, ["caller"], || {
        SPENT.store(0, Relaxed);
        let start = DELIVERED.load(Relaxed);
        for burst in 1..=bursts {
            // Joined: a scope alone does not wait for the destructors of its threads.
            thread::scope(|scope| {
                let live = || {
                    LIFE.set(Some(UntilTheEnd(thread_cpu_ns())));
                    (0..TRACES_OF_A_THREAD).for_each(|i| p.trace(i));
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(live)).collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            });
            p.settle(start + burst * spans);
        }
        [SPENT.load(Relaxed) as f64 / (bursts * spans) as f64]
    });
}

fn workers(count: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(count).enable_all().build().unwrap()
}

async fn all<F: Future<Output = ()> + Send + 'static>(task: impl Fn(u64) -> F) {
    let tasks: Vec<_> = (0..TASKS).map(|i| tokio::spawn(task(i))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// 10,000 tasks of two spans that take turns on 2 workers: CPU time of all threads, per span, beyond that
/// of the same tasks without spans.
pub fn tasks<P: Work>(run: &Run<'_>) {
    let runtime = workers(2);
    let p: &'static P = Box::leak(Box::new(P::init(Mode::Drop)));
    if p.task(0).is_none() {
        return;
    }
    let cpu = |drive: &dyn Fn()| {
        let before = process_cpu_ns();
        drive();
        process_cpu_ns() - before
    };
    samples(run, ["process", "without"], || {
        let start = DELIVERED.load(Relaxed);
        let with = cpu(&|| runtime.block_on(all(|i| p.task(i).unwrap())));
        let (before, own) = (process_cpu_ns(), thread_cpu_ns());
        p.settle(start + TASKS * 2);
        let rest = (process_cpu_ns() - before).saturating_sub(thread_cpu_ns() - own);
        let without = cpu(&|| {
            runtime.block_on(all(|_| async {
                yield_now().await;
                yield_now().await;
                yield_now().await;
            }));
        });
        let per_span = |ns: u64| ns as f64 / (TASKS * 2) as f64;
        [per_span(with + rest) - per_span(without), per_span(without)]
    });
}

/// Connections of the client, each with one request on its way.
const CONNECTIONS: usize = 16;
/// Requests of a slice; three spans each fit the default queues.
const REQUESTS: u64 = 640;

async fn item(Path(id): Path<u64>) -> String {
    format!("{{\"id\":{id},\"name\":\"item\"}}")
}

/// A server on loopback, asked in turns for a route without spans and for one with three a request (the
/// server's and S1): how many requests it answers per second of its CPU time, what share tracing takes, and
/// how many nanoseconds of a request that is.
pub fn serve<P: Work>(run: &Run<'_>) {
    let p: &'static P = Box::leak(Box::new(P::init(Mode::Drop)));
    let traced = Router::new().route(
        "/traced/{id}",
        get(move |path: Path<u64>| async move {
            p.trace(path.0);
            item(path).await
        }),
    );
    let Some(traced) = p.traced(traced) else {
        return;
    };
    let app = Router::new().route("/bare/{id}", get(item)).merge(traced);
    let runtime = workers(1);
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    runtime.spawn(async move { axum::serve(listener, app).await.unwrap() });

    let mut client = Client::connect(address);
    if run.effort.is_none() {
        // For a profile of the process, client included.
        const SLICES: u64 = 10;
        run.row("operations", (SLICES * REQUESTS) as f64);
        (0..SLICES).for_each(|_| _ = client.slice("traced"));
        std::process::exit(0);
    }
    let bursts = run.effort.map_or(0, |effort| effort.bursts);
    samples(run, ["bare", "traced", "loss", "cost"], || {
        let (mut bare, mut traced) = (0, 0);
        for _ in 0..bursts {
            bare += client.slice("bare");
            let start = DELIVERED.load(Relaxed);
            traced += client.slice("traced");
            let (before, own) = (process_cpu_ns(), thread_cpu_ns());
            p.settle(start + REQUESTS * 3);
            traced += (process_cpu_ns() - before).saturating_sub(thread_cpu_ns() - own);
        }
        let per_second = |ns: u64| (bursts * REQUESTS) as f64 * 1e9 / ns as f64;
        let (without, with) = (bare as f64, traced as f64);
        let cost = (with - without) / (bursts * REQUESTS) as f64;
        [per_second(bare), per_second(traced), 100.0 - 100.0 * without / with, cost]
    });
}

struct Client {
    connections: Vec<TcpStream>,
    buffer: [u8; 1024],
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let connections = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect::<Vec<_>>();
        connections.iter().for_each(|connection| connection.set_nodelay(true).unwrap());
        Self { connections, buffer: [0; 1024] }
    }

    /// Sends the requests and gives the CPU time of all threads but this one.
    fn slice(&mut self, route: &str) -> u64 {
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let request = format!("GET /{route}/42 HTTP/1.1\r\nhost: bench\r\ntraceparent: {traceparent}\r\n\r\n");
        let (all, own) = (process_cpu_ns(), thread_cpu_ns());
        for _ in 0..REQUESTS / CONNECTIONS as u64 {
            for connection in &mut self.connections {
                connection.write_all(request.as_bytes()).unwrap();
            }
            for connection in &mut self.connections {
                // Small enough to come in one piece; the next request waits for it.
                let length = connection.read(&mut self.buffer).unwrap();
                let answer = &self.buffer[..length];
                assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"}"));
            }
        }
        (process_cpu_ns() - all).saturating_sub(thread_cpu_ns() - own)
    }
}
