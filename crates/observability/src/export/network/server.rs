//! A small HTTP/1.1 server on a real socket that answers as scripted and keeps what it was sent.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::{
    io::{self, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{Builder, JoinHandle},
};

/// One request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Received {
    pub(in super::super) connection: usize,
    pub(in super::super) request_line: String,
    pub(in super::super) headers: Vec<(String, String)>,
    pub(in super::super) body: Vec<u8>,
}

impl Received {
    pub(in super::super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(in super::super) enum Reply {
    /// Status, extra header lines, body; the connection stays open.
    Answer(u16, &'static str, Vec<u8>),
    /// Closes the connection without an answer.
    Close,
    /// Sends these bytes, whatever they are, and closes.
    Raw(&'static [u8]),
    /// Says nothing until the client goes away.
    Silence,
}

pub(in super::super) struct Server {
    pub(in super::super) port: u16,
    received: Arc<Mutex<Vec<Received>>>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Serves the replies in order, over as many connections as the client opens, then stops.
    pub(in super::super) fn start(replies: Vec<Reply>) -> Self {
        Self::start_with(replies, |stream| Some(Box::new(stream)))
    }

    /// The same over TLS. A connection on which it cannot be agreed uses up no reply.
    pub(in super::super) fn start_encrypted(replies: Vec<Reply>, tls: Arc<ServerConfig>) -> Self {
        Self::start_with(replies, move |stream| encrypted(stream, Arc::clone(&tls)))
    }

    fn start_with(
        replies: Vec<Reply>,
        open: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let kept = Arc::clone(&received);
        let serve = move || serve(&listener, open, replies, &kept);
        let thread = Builder::new()
            .name("test-server".into())
            .spawn(serve)
            .unwrap();
        Self {
            port,
            received,
            thread,
        }
    }

    pub(in super::super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/v1/traces", self.port)
    }

    /// Waits until every reply was used and returns what was received.
    pub(in super::super) fn finish(self) -> Vec<Received> {
        self.thread.join().unwrap();
        self.received.lock().unwrap().clone()
    }
}

trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

fn encrypted(mut stream: TcpStream, tls: Arc<ServerConfig>) -> Option<Box<dyn Stream>> {
    let mut connection = ServerConnection::new(tls).unwrap();
    while connection.is_handshaking() {
        if connection.complete_io(&mut stream).is_err() {
            // The client is to read why, which it could not if its own bytes stayed unread.
            let _alert = connection.write_tls(&mut stream);
            let _rest = io::copy(&mut stream, &mut io::sink());
            return None;
        }
    }
    Some(Box::new(StreamOwned::new(connection, stream)))
}

fn serve(
    listener: &TcpListener,
    open: impl Fn(TcpStream) -> Option<Box<dyn Stream>>,
    replies: Vec<Reply>,
    received: &Mutex<Vec<Received>>,
) {
    let mut replies = replies.into_iter().peekable();
    let mut connection = 0;
    while replies.peek().is_some() {
        let stream = listener.accept().unwrap().0;
        connection += 1;
        let Some(stream) = open(stream) else {
            continue;
        };
        let mut reader = BufReader::new(stream);
        while replies.peek().is_some() {
            let Some(request) = read_request(&mut reader, connection) else {
                break;
            };
            received.lock().unwrap().push(request);
            let keep_open = replies
                .next()
                .is_some_and(|reply| answer(reader.get_mut(), &reply));
            if !keep_open {
                break;
            }
        }
    }
}

fn read_request(reader: &mut impl io::BufRead, connection: usize) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let split = |line: &String| {
        line.split_once(": ")
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    };
    let headers: Vec<_> = lines.iter().skip(1).filter_map(split).collect();
    let mut request = Received {
        connection,
        request_line: lines[0].clone(),
        headers,
        body: Vec::new(),
    };
    let len = request.header("content-length");
    let len = len.map_or(0, |len| len.parse().unwrap());
    request.body.resize(len, 0);
    reader.read_exact(&mut request.body).unwrap();
    Some(request)
}

/// Returns whether the connection stays open.
fn answer(stream: &mut impl Stream, reply: &Reply) -> bool {
    match reply {
        Reply::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} -\r\n{headers}Content-Length: {length}\r\n\r\n");
            let bytes = [head.as_bytes(), body].concat();
            // The client may hang up before it has read an oversized body.
            stream.write_all(&bytes).is_ok()
        }
        Reply::Close => false,
        Reply::Raw(bytes) => {
            stream.write_all(bytes).unwrap();
            false
        }
        Reply::Silence => {
            let _until_closed = stream.read(&mut [0]);
            false
        }
    }
}
