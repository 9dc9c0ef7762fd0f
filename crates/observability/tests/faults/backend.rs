//! An OTLP receiver on a real socket whose behaviour can be changed while it runs.
//!
//! Sound, it takes and decodes what it gets. Each connection has a thread, which looks at the fault of
//! the moment for each request, or for each connection where the fault is below HTTP.

use crate::grpc::{self, Reply};
use continuum_observability::decode_request;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What is wrong with the backend.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Reads the request and says nothing, until the fault is another one.
    Silent,
    /// Answers with one byte a second.
    Drip,
    /// An HTTP status with header lines and a body.
    Status(u16, &'static str, &'static str),
    /// A body of OTLP with status 200.
    Says(Vec<u8>),
    /// Closes each connection at once.
    HangUp,
    /// Closes its sending half without an answer, and keeps the other one open.
    HalfClosed,
    /// Headers that never end.
    EndlessHeaders,
    /// Status 200 with a body that never ends.
    EndlessBody,
    /// A line that is no HTTP, before anything was asked.
    Nonsense,
    /// A gRPC status.
    Rpc(u32),
    /// Reads one byte a second, from a socket that keeps as little as it can.
    Sip,
}

/// What it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http,
    Grpc,
}

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    protocol: Protocol,
    fault: Mutex<Fault>,
    changed: Condvar,
    tls: Mutex<Option<Arc<ServerConfig>>>,
    requests: AtomicU64,
    spans: AtomicU64,
    /// The most bytes of an endless answer that went out on one connection.
    longest_answer: AtomicU64,
    stopped: AtomicBool,
}

impl Backend {
    pub(crate) fn start(protocol: Protocol, fault: Fault) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), protocol, fault)
    }

    pub(crate) fn start_at(address: SocketAddr, protocol: Protocol, fault: Fault) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let shared = Arc::new(Shared {
            protocol,
            fault: Mutex::new(fault),
            changed: Condvar::new(),
            tls: Mutex::default(),
            requests: AtomicU64::new(0),
            spans: AtomicU64::new(0),
            longest_answer: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let address = listener.local_addr().unwrap();
        let accepting = Arc::clone(&shared);
        let accept = move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                let serve = move || shared.serve(stream.unwrap());
                thread::Builder::new().spawn(serve).unwrap();
            }
        };
        thread::Builder::new().spawn(accept).unwrap();
        Self { address, shared }
    }

    /// An address where nobody listens.
    pub(crate) fn nowhere() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap()
    }

    /// Changes what is wrong. Requests that are held back are given up.
    pub(crate) fn set(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
        self.shared.changed.notify_all();
    }

    /// Shows this certificate from the next connection on.
    pub(crate) fn set_tls(&self, tls: Arc<ServerConfig>) {
        *self.shared.tls.lock().unwrap() = Some(tls);
    }

    /// The number of requests that were read to their end.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// The number of spans that were taken.
    pub(crate) fn spans(&self) -> u64 {
        self.shared.spans.load(Ordering::SeqCst)
    }

    /// The most bytes of an endless answer that were taken on one connection, or are on the way.
    pub(crate) fn longest_answer(&self) -> u64 {
        self.shared.longest_answer.load(Ordering::SeqCst)
    }

    /// Blocks until a request was read.
    pub(crate) fn wait_for_request(&self) {
        let fault = self.shared.fault.lock().unwrap();
        let waiting = self
            .shared
            .changed
            .wait_while(fault, |_| self.requests() == 0);
        drop(waiting.unwrap());
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.set(Fault::HangUp);
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    fn fault(&self) -> Fault {
        self.fault.lock().unwrap().clone()
    }

    fn take_spans(&self, request: &[u8]) {
        let spans = decode_request(request).unwrap().len();
        self.spans.fetch_add(spans as u64, Ordering::SeqCst);
    }

    fn note_request(&self) {
        let _fault = self.fault.lock().unwrap();
        self.requests.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_all();
    }

    /// Blocks while the backend is silent.
    fn wait_for_change(&self) {
        let fault = self.fault.lock().unwrap();
        let is_silent = |fault: &mut Fault| matches!(fault, Fault::Silent);
        drop(self.changed.wait_while(fault, is_silent).unwrap());
    }

    /// One connection; that the client hangs up is its end, too.
    fn serve(&self, stream: TcpStream) {
        let tls = self.tls.lock().unwrap().clone();
        let _ended = match (self.fault(), tls, self.protocol) {
            (Fault::HangUp, ..) => Ok(()),
            (Fault::Nonsense, None, _) => greet(stream),
            (Fault::Sip, ..) => self.sip(stream),
            (_, Some(tls), Protocol::Grpc) => {
                grpc::serve_tls(stream, tls, |request| self.reply_to(request))
            }
            (_, Some(tls), Protocol::Http) => {
                let connection = ServerConnection::new(tls).unwrap();
                self.answer_all(StreamOwned::new(connection, stream))
            }
            (_, None, Protocol::Http) => self.answer_all(stream),
            (fault, None, Protocol::Grpc) => self.serve_grpc(stream, &fault),
        };
    }

    fn serve_grpc(&self, stream: TcpStream, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::None | Fault::Rpc(_) | Fault::Says(_) | Fault::EndlessBody => {
                grpc::serve(stream, |request| self.reply_to(request))
            }
            fault => {
                let mut stream = stream;
                stream.read_exact(&mut [0; 24])?;
                self.note_request();
                if matches!(fault, Fault::EndlessHeaders) {
                    return grpc::send_endless_headers(&stream, |sent| self.note_sent(sent));
                }
                self.answer(&mut stream, fault, &[]).map(drop)
            }
        }
    }

    fn reply_to(&self, request: &[u8]) -> Reply {
        self.note_request();
        match self.fault() {
            Fault::Rpc(status) => Reply::Status(status),
            Fault::Says(message) => Reply::Says(message),
            Fault::EndlessBody => Reply::Endless,
            _ => {
                self.take_spans(request);
                Reply::Says(Vec::new())
            }
        }
    }

    fn note_sent(&self, bytes: u64) {
        self.longest_answer.fetch_max(bytes, Ordering::SeqCst);
    }

    /// Takes what the system has taken already, byte by byte.
    fn sip(&self, mut stream: TcpStream) -> io::Result<()> {
        while matches!(self.fault(), Fault::Sip) {
            stream.read_exact(&mut [0])?;
            self.note_request();
            thread::sleep(Duration::from_secs(1));
        }
        Ok(())
    }

    fn answer_all(&self, stream: impl Stream) -> io::Result<()> {
        let mut reader = BufReader::new(stream);
        loop {
            let body = read_request(&mut reader)?;
            self.note_request();
            if !self.answer(reader.get_mut(), &self.fault(), &body)? {
                return Ok(());
            }
        }
    }

    /// Returns whether the connection stays open.
    fn answer(&self, to: &mut impl Stream, fault: &Fault, body: &[u8]) -> io::Result<bool> {
        match fault {
            Fault::None => {
                self.take_spans(body);
                to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            }
            Fault::Status(status, headers, text) => {
                let length = text.len();
                write!(
                    to,
                    "HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\n\r\n{text}"
                )?;
            }
            Fault::Says(message) => {
                let length = message.len();
                write!(to, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
                to.write_all(message)?;
            }
            broken => return self.break_off(to, broken).map(|()| false),
        }
        Ok(true)
    }

    fn break_off(&self, to: &mut impl Stream, fault: &Fault) -> io::Result<()> {
        match fault {
            Fault::Silent => self.wait_for_change(),
            Fault::Drip => {
                for byte in b"HTTP/1.1 200 OK\r\n".iter().cycle() {
                    to.write_all(&[*byte])?;
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Fault::HalfClosed => {
                to.stop_sending()?;
                io::copy(to, &mut io::sink())?;
            }
            Fault::EndlessHeaders => {
                to.write_all(b"HTTP/1.1 200 OK\r\n")?;
                loop {
                    to.write_all(b"x-more: and more\r\n")?;
                }
            }
            Fault::EndlessBody => {
                to.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n")?;
                for sent in 1.. {
                    to.write_all(&[0; 4096])?;
                    self.note_sent(sent * 4096);
                }
            }
            other => panic!("{other:?} is no fault of this protocol"),
        }
        Ok(())
    }
}

/// Speaks first, as a mail server does.
fn greet(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"220 mail.example ESMTP\r\n")?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// A connection, encrypted or not.
trait Stream: Read + Write {
    fn stop_sending(&mut self) -> io::Result<()>;
}

impl Stream for TcpStream {
    fn stop_sending(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Stream for StreamOwned<ServerConnection, TcpStream> {
    fn stop_sending(&mut self) -> io::Result<()> {
        self.sock.shutdown(Shutdown::Write)
    }
}

/// The body of the next request.
fn read_request(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line.trim_end().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}
