//! Receivers of spans on real sockets: sound ones over HTTP and gRPC, with and without TLS, and one for
//! each way to be the wrong one.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread::Builder,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a receiver does with each connection.
type Serve = dyn Fn(TcpStream) -> io::Result<()> + Send;

/// Starts a receiver for the rest of the process; returns its port.
pub(crate) fn start(serve: impl Fn(TcpStream) -> io::Result<()> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve: Box<Serve> = Box::new(serve);
    let accept = move || {
        for stream in listener.incoming() {
            // That the doctor hangs up is how it ends.
            let _ended = serve(stream.unwrap()).is_err();
        }
    };
    Builder::new().spawn(accept).unwrap();
    port
}

/// A port where nobody listens.
pub(crate) fn nobody() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Answers requests over HTTP/1.1 with one status, and passes the heads on.
pub(crate) fn http(status: u16) -> (u16, mpsc::Receiver<String>) {
    let (heads, received) = mpsc::sync_channel(10);
    let port = start(move |stream| answer_http(stream, status, &heads));
    (port, received)
}

/// The same over TLS.
pub(crate) fn https(tls: Arc<ServerConfig>) -> u16 {
    let (heads, received) = mpsc::sync_channel(10);
    start(move |stream| {
        let _kept = &received;
        let connection = ServerConnection::new(Arc::clone(&tls)).map_err(io::Error::other)?;
        answer_http(StreamOwned::new(connection, stream), 200, &heads)
    })
}

fn answer_http(
    mut stream: impl Read + Write,
    status: u16,
    heads: &mpsc::SyncSender<String>,
) -> io::Result<()> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        read_some(&mut stream, &mut received)?;
    };
    let head = String::from_utf8_lossy(&received[..end]).to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1);
    let length = length.and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
    while received.len() < end + length.unwrap_or_default() {
        read_some(&mut stream, &mut received)?;
    }
    let version_known = head.contains(" http/1.1\r\n");
    let status = if version_known { status } else { 505 };
    if version_known {
        heads.try_send(head).unwrap_or_default();
    }
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    stream.flush()
}

fn read_some(stream: &mut impl Read, into: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            into.extend_from_slice(&buffer[..count]);
            Ok(())
        }
    }
}

/// Answers calls over gRPC with one status.
pub(crate) fn grpc(status: u32) -> u16 {
    start(move |stream| {
        stream.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime
            .block_on(answer_calls(stream, status))
            .map_err(io::Error::other)
    })
}

async fn answer_calls(
    stream: TcpStream,
    status: u32,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let mut connection = h2::server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (_request, mut respond) = call?;
        let head = axum::http::Response::builder()
            .header("content-type", "application/grpc")
            .header("grpc-status", status);
        // A status without a message is all in the headers.
        respond.send_response(head.body(())?, true)?;
    }
    Ok(())
}

/// Speaks first, as a mail server does.
pub(crate) fn mail() -> u16 {
    start(|mut stream| {
        stream.write_all(b"220 mail.example ESMTP\r\n")?;
        io::copy(&mut stream, &mut io::sink()).map(drop)
    })
}
