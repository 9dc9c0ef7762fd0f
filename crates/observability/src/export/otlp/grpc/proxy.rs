//! The way through an HTTP proxy: after `CONNECT` the connection is as if there were none.
//!
//! Position: under [`super::connection`], before TLS and HTTP/2.
//!
//! Invariants:
//! - nothing is read beyond the answer of the proxy, and at most [`MAX_HEAD_BYTES`] of it;
//! - user and password are in no text.
//!
//! Source: RFC 9110, 9.3.6 "CONNECT" and 11.7.2 "Proxy-Authorization"; RFC 7617, "Basic".

use super::{
    super::super::{EndpointConfig, ExportError, json::push_base64},
    connection::Failure,
};
use crate::propagation::percent;
use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

const MAX_HEAD_BYTES: usize = 16 * 1024;

/// An HTTP proxy, with what it asks for.
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// The value of `Proxy-Authorization`.
    credentials: Option<String>,
}

impl Proxy {
    pub(super) fn of(config: &EndpointConfig) -> Result<Option<Self>, ExportError> {
        let Some(url) = &config.proxy else {
            return Ok(None);
        };
        let uri = url.parse::<Uri>().ok();
        let uri = uri.filter(|uri| uri.scheme_str() == Some("http"));
        let proxy = uri.as_ref().and_then(Self::at);
        let refuse = || ExportError::Config {
            setting: "proxy",
            reason: "expected a URL such as http://proxy:3128".into(),
        };
        proxy.map(Some).ok_or_else(refuse)
    }

    fn at(uri: &Uri) -> Option<Self> {
        let authority = uri.authority()?;
        let credentials = authority.as_str().rsplit_once('@');
        let credentials = credentials.map(|(user, _)| {
            let mut quoted = String::new();
            push_base64(&mut quoted, percent::decode(user).as_bytes());
            format!("Basic {}", quoted.trim_matches('"'))
        });
        let host = authority.host().trim_matches(['[', ']']);
        (!host.is_empty()).then(|| Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(80),
            credentials,
        })
    }

    /// Asks for a connection to `host`, as it stands in a URL, and `port`.
    pub(super) async fn tunnel(
        &self,
        stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
        (host, port): (&str, u16),
    ) -> Result<(), Failure> {
        let to = format!("{host}:{port}");
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
        if let Some(credentials) = &self.credentials {
            request.extend(["Proxy-Authorization: ", credentials, "\r\n"]);
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let head = read_head(stream).await?;
        match status(&head) {
            Some(200..=299) => Ok(()),
            Some(status @ (502..=504)) => Err(Failure::Lost(format!(
                "the proxy answered {status}: it does not reach the endpoint"
            ))),
            Some(407) => Err(Failure::Alien(
                "the proxy answered 407: give user and password in its URL".into(),
            )),
            Some(status) => Err(Failure::Alien(format!("the proxy answered {status}"))),
            None => Err(Failure::Alien("the proxy does not speak HTTP".into())),
        }
    }
}

/// Byte by byte, since what follows belongs to the other side.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Failure> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// What follows in `answer` once a tunnel is open.
#[cfg(feature = "_fuzzing")]
pub(crate) fn after_connect(answer: &[u8]) -> Option<&[u8]> {
    let proxy = Proxy {
        host: String::new(),
        port: 0,
        credentials: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().ok()?;
    let mut stream = tokio::io::join(answer, tokio::io::sink());
    let opened = runtime.block_on(proxy.tunnel(&mut stream, ("collector", 4317)));
    opened.ok().map(|()| stream.into_inner().0)
}

/// The status of `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let version = words.next()?;
    version
        .starts_with("HTTP/1.")
        .then(|| words.next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::otlp::grpc::tests::{config, ok, send};
    use crate::export::{Exported, network::tunnel::proxy, otlp::grpc::server::Server};

    #[test]
    fn a_call_goes_through_the_proxy_to_the_endpoint() {
        let server = Server::start(vec![ok()], None);
        let (port, heads) = proxy("HTTP/1.1 200 Connection established");
        let to = format!("127.0.0.1:{}", server.port);
        let mut config = config(&server);
        config.proxy = Some(format!("http://us%65r:pa%3Ass@127.0.0.1:{port}"));
        assert_eq!(send(config, b"body").unwrap(), Exported::default());

        assert!(server.finish()[0].body.ends_with(b"body"));
        assert_eq!(
            heads.try_recv().unwrap(),
            [
                format!("CONNECT {to} HTTP/1.1"),
                format!("Host: {to}"),
                // `user:pa:ss`
                "Proxy-Authorization: Basic dXNlcjpwYTpzcw==".to_owned(),
            ]
        );
    }

    #[test]
    fn a_proxy_that_refuses_is_named_with_the_remedy() {
        for (answer, attempts, expected) in [
            (
                "HTTP/1.1 407 No",
                1,
                "the proxy answered 407: give user and password in its URL",
            ),
            ("HTTP/1.0 403 No", 1, "the proxy answered 403"),
            (
                "HTTP/1.1 502 No",
                1,
                "the proxy answered 502: it does not reach the endpoint",
            ),
            ("SSH-2.0-x", 1, "the proxy does not speak HTTP"),
        ] {
            let (port, heads) = proxy(answer);
            let mut config = EndpointConfig::new("http://collector.invalid:4317");
            config.proxy = Some(format!("http://user:hunter2@127.0.0.1:{port}"));
            config.retry.max_attempts = attempts;
            let error = send(config, b"body").unwrap_err().to_string();
            assert!(error.contains(expected), "{answer}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
            let head = heads.try_recv().unwrap();
            assert_eq!(head[0], "CONNECT collector.invalid:4317 HTTP/1.1");
        }
    }

    #[test]
    fn a_proxy_that_is_no_http_url_is_refused() {
        for url in [
            "",
            "proxy:3128",
            "socks5://proxy",
            "https://proxy",
            "http://",
        ] {
            let mut config = EndpointConfig::new("http://collector:4317");
            config.proxy = Some(url.into());
            let error = send(config, b"").unwrap_err().to_string();
            let expected = "invalid proxy: expected a URL such as http://proxy:3128";
            assert_eq!(error, expected, "{url}");
        }
    }
}
