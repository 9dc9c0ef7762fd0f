//! A process of rotel, and the sink that it sends on to.
//!
//! Position: between the exporter and the comparison; see the head of the binary.
//!
//! Invariants: only free ports of the loopback interface are used; the process ends with its
//! [`Collector`].

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use std::{
    ffi::OsStr,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::Duration,
};

/// A free port can be taken by others before the collector has it: then another one is tried.
const MAX_STARTS: usize = 5;
const MAX_LOOKS: usize = 600;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A running collector, killed when dropped.
pub(crate) struct Collector {
    process: Child,
    http: SocketAddr,
    grpc: SocketAddr,
}

impl Collector {
    /// Starts `program` and waits until it takes connections.
    pub(crate) fn start(program: &OsStr, sink: SocketAddr) -> Self {
        let start = |_| Self::spawn(program, sink).when_ready();
        (0..MAX_STARTS)
            .find_map(start)
            .expect("a collector that takes connections")
    }

    /// Where it takes OTLP over HTTP.
    pub(crate) fn http_endpoint(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Where it takes OTLP over gRPC.
    pub(crate) fn grpc_endpoint(&self) -> String {
        format!("http://{}", self.grpc)
    }

    fn spawn(program: &OsStr, sink: SocketAddr) -> Self {
        let [grpc, http] = free_addresses();
        let process = Command::new(program)
            .env_clear()
            .arg("start")
            .args(["--otlp-grpc-endpoint", &grpc.to_string()])
            .args(["--otlp-http-endpoint", &http.to_string()])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args(["--otlp-exporter-endpoint", &format!("http://{sink}")])
            .args(["--batch-timeout", "50ms"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            process,
            http,
            grpc,
        }
    }

    fn when_ready(mut self) -> Option<Self> {
        for _ in 0..MAX_LOOKS {
            let connects = |address| TcpStream::connect(address).is_ok();
            let is_taken = connects(self.http) && connects(self.grpc);
            if self.process.try_wait().unwrap().is_some() {
                return None;
            }
            if is_taken {
                return Some(self);
            }
            thread::sleep(BETWEEN_LOOKS);
        }
        None
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to kill.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Two addresses that were free a moment ago; both are held until both are known.
fn free_addresses() -> [SocketAddr; 2] {
    let held = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}

/// An OTLP receiver that keeps the requests that it gets.
pub(crate) struct Sink {
    address: SocketAddr,
    requests: Receiver<ExportTraceServiceRequest>,
}

impl Sink {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let (keep, requests) = sync_channel(100);
        let serve = move || serve(&listener, &keep);
        thread::Builder::new()
            .name("sink".into())
            .spawn(serve)
            .unwrap();
        Self { address, requests }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next request; waits for it.
    pub(crate) fn next(&self, timeout: Duration) -> ExportTraceServiceRequest {
        self.requests.recv_timeout(timeout).unwrap()
    }
}

/// Takes one request from each connection until nobody wants them any more.
fn serve(listener: &TcpListener, keep: &SyncSender<ExportTraceServiceRequest>) {
    for connection in listener.incoming() {
        let request = answer(&connection.unwrap()).unwrap();
        if keep.send(request).is_err() {
            return;
        }
    }
}

fn answer(mut connection: &TcpStream) -> io::Result<ExportTraceServiceRequest> {
    let mut reader = BufReader::new(connection);
    let head = read_head(&mut reader)?;
    assert_eq!(head[0], "POST /v1/traces HTTP/1.1");
    assert_eq!(
        header(&head, "content-type"),
        Some("application/x-protobuf")
    );
    let len = header(&head, "content-length").unwrap().parse().unwrap();
    let mut body = vec![0; len];
    reader.read_exact(&mut body)?;
    // Whatever it is told, this collector compresses what it sends over HTTP.
    if header(&head, "content-encoding") == Some("gzip") {
        let compressed = std::mem::take(&mut body);
        GzDecoder::new(compressed.as_slice()).read_to_end(&mut body)?;
    }
    connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(ExportTraceServiceRequest::decode(body.as_slice())?)
}

/// The lines before the empty one.
fn read_head(reader: &mut impl io::BufRead) -> io::Result<Vec<String>> {
    let lines = reader.lines();
    let filled = |line: &io::Result<String>| !line.as_ref().is_ok_and(String::is_empty);
    lines.take_while(filled).collect()
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    let fields = head.iter().filter_map(|line| line.split_once(": "));
    let mut same = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    same.next().map(|(_, value)| value)
}
