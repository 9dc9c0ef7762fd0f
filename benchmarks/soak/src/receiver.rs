//! A receiver of OTLP/HTTP, in a process of its own, that fails now and then.
//!
//! Flow: [`Receiver::start`] runs this program again, which says where it listens → each connection
//! has a thread → when its input ends, it says what it took.
//!
//! Invariant: a span is counted if and only if the answer says that it was taken.

use std::{
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use continuum_observability::decode_request;

/// Each fault occurs once in so many requests.
const ROUND: u64 = 50;
const SLOW: Duration = Duration::from_secs(2);
/// `ExportTraceServiceResponse { partial_success { rejected_spans: 1 } }`
const ONE_REJECTED: &[u8] = &[0x0a, 2, 0x08, 1];

/// What a receiver took and what it refused of requests that it took.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) spans: u64,
    pub(crate) rejected: u64,
}

/// The running receiver.
pub(crate) struct Receiver {
    child: Child,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Receiver {
    pub(crate) fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(super::RECEIVER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take().context("no standard output")?;
        let mut receiver = Self {
            child,
            said: BufReader::new(said),
            address: String::new(),
        };
        receiver.address = receiver.line()?;
        Ok(receiver)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Ends it and asks what it took.
    pub(crate) fn stop(mut self) -> Result<Taken> {
        drop(self.child.stdin.take());
        let line = self.line()?;
        let (spans, rejected) = line.split_once(' ').context("two numbers")?;
        let taken = Taken {
            spans: spans.parse()?,
            rejected: rejected.parse()?,
        };
        ensure!(self.child.wait()?.success(), "the receiver failed");
        Ok(taken)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        self.said.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

#[derive(Default)]
struct Counts {
    requests: AtomicU64,
    spans: AtomicU64,
    rejected: AtomicU64,
}

/// Receives until standard input ends.
pub(crate) fn serve() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?);
    let counts = Arc::new(Counts::default());
    let accepting = Arc::clone(&counts);
    let accept = move || {
        for stream in listener.incoming().flatten() {
            let counts = Arc::clone(&accepting);
            // A connection that ends is no news here.
            let answer = move || drop(answer_all(&stream, &counts));
            if thread::Builder::new().spawn(answer).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().spawn(accept)?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    let (spans, rejected) = (&counts.spans, &counts.rejected);
    println!(
        "{} {}",
        spans.load(Ordering::SeqCst),
        rejected.load(Ordering::SeqCst)
    );
    Ok(())
}

fn answer_all(stream: &TcpStream, counts: &Counts) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut body = Vec::new();
    loop {
        read_request(&mut reader, &mut body)?;
        let number = counts.requests.fetch_add(1, Ordering::SeqCst) % ROUND;
        match number {
            7 => say(stream, "503 Busy\r\nRetry-After: 1", &[])?,
            17 => return Ok(()),
            27 => {
                let spans = decode_request(&body)?.len() as u64;
                counts.spans.fetch_add(spans - 1, Ordering::SeqCst);
                counts.rejected.fetch_add(1, Ordering::SeqCst);
                say(stream, "200 OK", ONE_REJECTED)?;
            }
            37 => say(stream, "400 Bad Request", b"no")?,
            _ => {
                if number == 47 {
                    thread::sleep(SLOW);
                }
                let spans = decode_request(&body)?.len() as u64;
                counts.spans.fetch_add(spans, Ordering::SeqCst);
                say(stream, "200 OK", &[])?;
            }
        }
    }
}

/// Reads a request to its end; what it says besides its length is of no interest.
fn read_request(reader: &mut impl BufRead, body: &mut Vec<u8>) -> Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        ensure!(reader.read_line(&mut line)? > 0, "the connection ended");
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse()?;
        }
    }
    body.clear();
    let read = reader.take(length).read_to_end(body)? as u64;
    ensure!(read == length, "the body is shorter than it says");
    Ok(())
}

fn say(mut stream: &TcpStream, head: &str, body: &[u8]) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n"
    )?;
    stream.write_all(body)
}
