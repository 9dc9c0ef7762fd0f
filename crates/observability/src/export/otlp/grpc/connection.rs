//! One HTTP/2 connection with the runtime that drives it.
//!
//! Position: under [`super::OtlpGrpcExporter`].
//!
//! Invariants:
//! - everything that waits ends at the deadline; what is still open then goes with the connection;
//! - at most [`MAX_BODY_BYTES`] of an answer are kept, and [`MAX_HEADER_BYTES`] of its headers and
//!   trailers each.
//!
//! Source: gRPC over HTTP2, "Requests", "Errors".

use super::super::super::{
    EndpointConfig, ExportError, escape,
    network::{
        Compression, UNKNOWN_HOST, USER_AGENT, tls_refusal, tls_refusal_in_words, without_address,
        without_connection,
    },
};
use super::proxy::Proxy;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use rustls::{ClientConfig, pki_types::ServerName};
use std::{
    io,
    net::{SocketAddr, ToSocketAddrs as _},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    runtime::{Builder, Runtime},
    time::timeout_at,
};
use tokio_rustls::TlsConnector;

const EXAMPLE: &str = "http://localhost:4317";
const UNKNOWN_PROXY: &str = "the name of the proxy's host is not known; correct the proxy";
const PATH: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const MAX_BODY_BYTES: usize = 64 * 1024;
const MAX_HEADER_BYTES: u32 = 16 * 1024;
const MAX_MESSAGE_CHARS: usize = 200;

/// Where calls go, and the head of each.
pub(super) struct Target {
    shown: String,
    proxy: Option<Proxy>,
    host: String,
    port: u16,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    uri: Uri,
    headers: HeaderMap,
    compression: Compression,
}

impl Target {
    pub(super) fn new(config: &EndpointConfig) -> Result<Self, ExportError> {
        let endpoint = config.checked_endpoint(EXAMPLE)?;
        config.compression.check()?;
        let material = config.tls.read()?;
        // An IPv6 address stands in brackets in a URL, and without them elsewhere.
        let host = endpoint.host().unwrap_or_default();
        let host = host.trim_matches(['[', ']']).to_owned();
        let refuse = |what: &str| ExportError::Config {
            setting: "endpoint",
            reason: format!("{what} in `{}`", config.shown()),
        };
        let is_encrypted = endpoint.scheme_str() == Some("https");
        let tls = if is_encrypted {
            let client = material.http2_client();
            let client = client.map_err(|_refused| refuse("no usable certificates"))?;
            let name = ServerName::try_from(host.clone());
            let name = name.map_err(|_invalid| refuse("no host that a certificate can name"))?;
            Some((Arc::new(client), name))
        } else {
            None
        };
        Ok(Self {
            shown: config.shown(),
            proxy: Proxy::of(config)?,
            port: endpoint
                .port_u16()
                .unwrap_or(if is_encrypted { 443 } else { 80 }),
            uri: method_uri(&endpoint).map_err(|_invalid| refuse("no authority"))?,
            headers: head(config.checked_headers()?, config.compression),
            compression: config.compression,
            host,
            tls,
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Of the endpoint, or of the proxy on the way to it.
    fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let (host, port, unknown) = match &self.proxy {
            None => (&self.host, self.port, UNKNOWN_HOST),
            Some(proxy) => (&proxy.host, proxy.port, UNKNOWN_PROXY),
        };
        let addresses = (host.as_str(), port).to_socket_addrs();
        match addresses {
            Ok(addresses) => Ok(addresses.collect()),
            Err(error) => Err(Failure::Lost(without_address(&error, unknown).to_owned())),
        }
    }

    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    fn request(&self, remaining: Duration) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        // At most eight digits are allowed, a bit more than a day in milliseconds.
        let millis = remaining.as_millis().min(99_999_999);
        if let Ok(timeout) = HeaderValue::try_from(format!("{millis}m")) {
            request.headers_mut().insert("grpc-timeout", timeout);
        }
        request
    }

    /// The answer is HTTP, but not gRPC: a proxy or another kind of server.
    pub(super) fn no_grpc(&self, status: StatusCode) -> ExportError {
        let endpoint = self.shown.clone();
        if status == StatusCode::OK {
            let reason = self.with_hint("the answer is not gRPC".into());
            return ExportError::Protocol { endpoint, reason };
        }
        ExportError::Status {
            endpoint,
            status: status.as_u16(),
            reason: self.with_hint("the answer is not gRPC".into()),
            attempts: 0,
            retry_after: None,
        }
    }

    pub(super) fn error(&self, failure: Failure) -> ExportError {
        let endpoint = self.shown.clone();
        let attempts = 0;
        match failure {
            Failure::Lost(reason) => ExportError::Connection {
                endpoint,
                reason: self.with_hint(reason),
                attempts,
            },
            Failure::Alien(reason) => ExportError::Protocol {
                endpoint,
                reason: self.with_hint(reason),
            },
            Failure::Tls(reason) => ExportError::Tls { endpoint, reason },
            Failure::Late => ExportError::Deadline { endpoint, attempts },
        }
    }

    /// The commonest mistake has a port of its own.
    fn with_hint(&self, reason: String) -> String {
        if self.port == 4318 {
            format!("{reason}; 4318 is the HTTP port, use 4317 for gRPC")
        } else {
            reason
        }
    }
}

/// Scheme and authority of the endpoint, without user and password, and the path of the method.
fn method_uri(endpoint: &Uri) -> Result<Uri, http::Error> {
    let authority = endpoint
        .authority()
        .map_or("", |authority| authority.as_str());
    let authority = authority.rsplit('@').next().unwrap_or_default();
    Uri::builder()
        .scheme(endpoint.scheme_str().unwrap_or("http"))
        .authority(authority)
        .path_and_query(PATH)
        .build()
}

fn head(of_user: Vec<(HeaderName, HeaderValue)>, compression: Compression) -> HeaderMap {
    let mut headers: HeaderMap = of_user.into_iter().collect();
    let fixed = [
        (header::CONTENT_TYPE, "application/grpc"),
        (header::TE, "trailers"),
        (header::USER_AGENT, USER_AGENT),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(encoding) = compression.encoding() {
        headers.insert("grpc-encoding", HeaderValue::from_static(encoding));
    }
    headers
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// No connection, or one that broke: another may do.
    Lost(String),
    /// The other side does not speak HTTP/2.
    Alien(String),
    Tls(String),
    Late,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match tls_refusal(&error) {
            Some(reason) => Self::Tls(reason),
            None => Self::Lost(
                without_connection(&error)
                    .unwrap_or_else(|| escape::line(&error.to_string(), MAX_MESSAGE_CHARS)),
            ),
        }
    }
}

impl From<h2::Error> for Failure {
    fn from(error: h2::Error) -> Self {
        let reason = escape::line(&error.to_string(), MAX_MESSAGE_CHARS);
        let transient = error.reason().is_some_and(|reason| {
            let busy = [
                h2::Reason::NO_ERROR,
                h2::Reason::REFUSED_STREAM,
                h2::Reason::CANCEL,
                h2::Reason::ENHANCE_YOUR_CALM,
            ];
            // Of our own side they mean that the other one went too far.
            error.is_remote() && busy.contains(&reason)
        });
        if transient {
            return Self::Lost(reason);
        }
        match error.into_io() {
            // Only TLS finds data invalid below HTTP/2; of its error h2 keeps the text alone.
            Some(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::Tls(tls_refusal_in_words(&error.to_string()))
            }
            Some(error) => error.into(),
            None => Self::Alien(reason),
        }
    }
}

/// What came back, whatever it means.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
}

/// An open connection. It moves only during a call; what the other side sent meanwhile is read at
/// the next one.
pub(super) struct Connection {
    runtime: Runtime,
    sender: SendRequest<Bytes>,
}

impl Connection {
    /// Connects and shakes hands.
    pub(super) fn open(target: &Target, deadline: Instant) -> Result<Self, Failure> {
        let addresses = target.addresses()?;
        let runtime = Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let sender = runtime
            .block_on(async { timeout_at(deadline.into(), connect(target, &addresses)).await })
            .map_err(|_elapsed| Failure::Late)??;
        Ok(Self { runtime, sender })
    }

    /// Makes one call. The connection comes back with the answer, and is gone after a failure.
    pub(super) fn call(
        self,
        target: &Target,
        message: &Bytes,
        deadline: Instant,
    ) -> Result<(Self, Answer), Failure> {
        let Self { runtime, sender } = self;
        let request = target.request(deadline.saturating_duration_since(Instant::now()));
        let call = call(sender.clone(), request, message.clone());
        let answer = runtime
            .block_on(async { timeout_at(deadline.into(), call).await })
            .map_err(|_elapsed| Failure::Late)??;
        Ok((Self { runtime, sender }, answer))
    }
}

async fn connect(target: &Target, to: &[SocketAddr]) -> Result<SendRequest<Bytes>, Failure> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    if let Some(proxy) = &target.proxy {
        let host = target.uri.host().unwrap_or_default();
        proxy.tunnel(&mut stream, (host, target.port)).await?;
    }
    match &target.tls {
        None => handshake(stream).await,
        Some((config, name)) => {
            let connector = TlsConnector::from(Arc::clone(config));
            let stream = connector.connect(name.clone(), stream).await?;
            handshake(stream).await
        }
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Bytes>, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = h2::client::Builder::new();
    builder.max_header_list_size(MAX_HEADER_BYTES);
    let (sender, connection) = builder.handshake(stream).await?;
    // Its error is that of the call, too. It ends with the runtime.
    drop(tokio::spawn(connection));
    Ok(sender)
}

async fn call(
    sender: SendRequest<Bytes>,
    request: Request<()>,
    message: Bytes,
) -> Result<Answer, Failure> {
    let (response, mut stream) = sender.ready().await?.send_request(request, false)?;
    stream.send_data(message, true)?;
    let (head, mut body) = response.await?.into_parts();
    let mut kept = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        let room = MAX_BODY_BYTES - kept.len();
        kept.extend_from_slice(data.get(..room).unwrap_or(&data));
    }
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body: kept,
        trailers: body.trailers().await?,
    })
}
