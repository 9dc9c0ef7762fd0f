//! A small gRPC server on a real socket that answers as scripted and keeps what it was sent.
//!
//! It is made of `h2` like the client; that others understand the client is shown by the test
//! against a collector of others.

use bytes::Bytes;
use h2::{Reason, SendStream, server::SendResponse};
use http::{HeaderMap, Request, Response};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    thread::{Builder, JoinHandle},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite},
    net::{TcpListener, TcpStream},
    runtime,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// One call as it arrived.
#[derive(Debug, Clone)]
pub(in super::super) struct Received {
    pub(in super::super) connection: usize,
    pub(in super::super) uri: String,
    pub(in super::super) headers: HeaderMap,
    pub(in super::super) body: Vec<u8>,
}

impl Received {
    pub(in super::super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What the server does with a call.
#[derive(Debug, Clone)]
pub(in super::super) enum Reply {
    /// A message, then these trailers.
    Answer(Vec<u8>, Vec<(&'static str, String)>),
    /// No message: the status is in the headers.
    HeadersOnly(u16, Vec<(&'static str, String)>),
    /// Resets the stream.
    Reset(Reason),
    /// Answers, and closes the connection.
    AnswerAndClose,
    /// Closes the connection without an answer.
    Close,
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
    pub(in super::super) fn start(replies: Vec<Reply>, tls: Option<Arc<ServerConfig>>) -> Self {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::<Mutex<Vec<Received>>>::default();
        let mut script = Script {
            replies: replies.into(),
            received: Arc::clone(&received),
            connection: 0,
        };
        let serve = move || runtime.block_on(script.serve(&listener, tls));
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

    /// Waits until every reply was used and returns what was received.
    pub(in super::super) fn finish(self) -> Vec<Received> {
        self.thread.join().unwrap();
        self.received.lock().unwrap().clone()
    }
}

struct Script {
    replies: VecDeque<Reply>,
    received: Arc<Mutex<Vec<Received>>>,
    connection: usize,
}

impl Script {
    async fn serve(&mut self, listener: &TcpListener, tls: Option<Arc<ServerConfig>>) {
        while !self.replies.is_empty() {
            let (stream, _) = listener.accept().await.unwrap();
            self.connection += 1;
            match &tls {
                None => self.serve_connection(stream).await,
                Some(config) => self.serve_encrypted(stream, Arc::clone(config)).await,
            }
        }
    }

    async fn serve_encrypted(&mut self, stream: TcpStream, tls: Arc<ServerConfig>) {
        match TlsAcceptor::from(tls).accept(stream).into_fallible().await {
            Ok(stream) => self.serve_connection(stream).await,
            Err((_, mut stream)) => {
                // The client is to read why, which it could not if its own bytes stayed unread. A
                // reply stands for it.
                self.replies.pop_front();
                let mut rest = [0; 1024];
                while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            }
        }
    }

    async fn serve_connection(&mut self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Ok(mut connection) = h2::server::handshake(stream).await else {
            self.replies.pop_front();
            return;
        };
        while let Some(Ok((request, respond))) = connection.accept().await {
            let reply = self.replies.pop_front().unwrap();
            let is_silent = matches!(reply, Reply::Silence);
            let is_close = matches!(reply, Reply::Close | Reply::AnswerAndClose);
            if matches!(reply, Reply::Close) {
                return;
            }
            let (received, number) = (Arc::clone(&self.received), self.connection);
            // The connection must be driven while the body is read and the answer is written.
            let call = tokio::spawn(answer(request, respond, reply, received, number));
            if is_close {
                connection.graceful_shutdown();
            }
            if self.replies.is_empty() && !is_silent {
                connection.graceful_shutdown();
            }
            drop(call);
        }
    }
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    reply: Reply,
    received: Arc<Mutex<Vec<Received>>>,
    connection: usize,
) {
    let (head, mut body) = request.into_parts();
    let mut bytes = Vec::new();
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    received.lock().unwrap().push(Received {
        connection,
        uri: head.uri.to_string(),
        headers: head.headers,
        body: bytes,
    });
    let fields = |fields: &[(&'static str, String)]| -> HeaderMap {
        let parsed = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        parsed.collect()
    };
    match reply {
        Reply::Answer(message, trailers) => {
            let mut stream = send_head(&mut respond, 200, HeaderMap::new(), false);
            stream.send_data(message.into(), false).unwrap();
            stream.send_trailers(fields(&trailers)).unwrap();
        }
        Reply::AnswerAndClose => {
            let status = fields(&[("grpc-status", "0".into())]);
            drop(send_head(&mut respond, 200, status, true));
        }
        Reply::HeadersOnly(status, headers) => {
            drop(send_head(&mut respond, status, fields(&headers), true));
        }
        Reply::Reset(reason) => respond.send_reset(reason),
        Reply::Close => {}
        Reply::Silence => std::future::pending().await,
    }
}

fn send_head(
    respond: &mut SendResponse<Bytes>,
    status: u16,
    headers: HeaderMap,
    is_end: bool,
) -> SendStream<Bytes> {
    let mut response = Response::builder().status(status).body(()).unwrap();
    *response.headers_mut() = headers;
    respond.send_response(response, is_end).unwrap()
}
