//! Where requests go and what goes with them.
//!
//! Position: filled by the configuration, checked once when an exporter is made.
//!
//! Invariant: no debug or error text holds a header value, nor the user name and password that an
//! endpoint or proxy may carry.

use super::{
    super::{ExportError, Pause, escape},
    Compression, RetryPolicy, TlsFiles,
};
use http::{HeaderName, HeaderValue, Uri};
use std::{fmt, sync::Arc, time::Duration};

pub(in super::super) const USER_AGENT: &str =
    concat!("continuum-observability/", env!("CARGO_PKG_VERSION"));

/// What an exporter that sends over the network needs to know.
///
/// # Examples
///
/// ```
/// use continuum_observability::EndpointConfig;
///
/// let mut config = EndpointConfig::new("http://localhost:4318/v1/traces");
/// config.headers.push(("x-tenant".into(), "user_123".into()));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct EndpointConfig {
    /// Where requests go. Over HTTP the complete URL, used as it is: `/v1/traces` is not added.
    /// Over gRPC scheme, host and port alone count.
    pub endpoint: String,
    /// Sent with every request, such as `authorization`; metadata over gRPC.
    pub headers: Vec<(String, String)>,
    /// How bodies are compressed.
    pub compression: Compression,
    /// Certificates for `https` endpoints.
    pub tls: TlsFiles,
    /// When to try again.
    pub retry: RetryPolicy,
    /// An HTTP proxy, such as `http://proxy:3128`, over gRPC by `CONNECT`. Proxy variables of the
    /// environment are not looked at: they would send spans for a collector on this machine out to
    /// a proxy.
    pub proxy: Option<String>,
    /// Sleeps between attempts. The default cannot be cut short.
    pub pause: Pause,
}

impl EndpointConfig {
    /// No headers, no compression, no certificates of one's own, no proxy, the default retry policy.
    pub fn new(endpoint: impl Into<String>) -> Self {
        let pause = Arc::new(|duration: Duration| {
            std::thread::sleep(duration);
            true
        });
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            compression: Compression::None,
            tls: TlsFiles::default(),
            retry: RetryPolicy::default(),
            proxy: None,
            pause,
        }
    }

    /// The endpoint as it may be shown: without user, password and query.
    pub fn shown(&self) -> String {
        without_credentials(&self.endpoint)
    }

    /// `example` is what the error shows as a good one.
    pub(in super::super) fn checked_endpoint(&self, example: &str) -> Result<Uri, ExportError> {
        let refuse = || ExportError::Config {
            setting: "endpoint",
            reason: format!("expected a URL such as {example}, not `{}`", self.shown()),
        };
        let uri: Uri = self.endpoint.parse().map_err(|_invalid| refuse())?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if known && uri.host().is_some_and(|host| !host.is_empty()) {
            Ok(uri)
        } else {
            Err(refuse())
        }
    }

    pub(in super::super) fn checked_headers(
        &self,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, ExportError> {
        let checked = |(name, value): &(String, String)| {
            let refuse = |what| ExportError::Config {
                setting: "header",
                reason: format!(
                    "the {what} of `{}` has characters not allowed",
                    name.escape_debug()
                ),
            };
            let header = name
                .parse::<HeaderName>()
                .map_err(|_invalid| refuse("name"))?;
            let mut value = value
                .parse::<HeaderValue>()
                .map_err(|_invalid| refuse("value"))?;
            value.set_sensitive(true);
            Ok((header, value))
        };
        self.headers.iter().map(checked).collect()
    }
}

impl fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("EndpointConfig")
            .field("endpoint", &self.shown())
            .field("headers", &names)
            .field("compression", &self.compression)
            .field("tls", &self.tls)
            .field("retry", &self.retry)
            .field("proxy", &self.proxy.as_deref().map(without_credentials))
            .finish_non_exhaustive()
    }
}

/// The URL as it may be shown: without `user:password@` and without its query.
fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let separator = if scheme.is_empty() { "" } else { "://" };
    escape::line(&format!("{scheme}{separator}{host}{path}"), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_no_url_names_the_remedy() {
        for endpoint in ["", "localhost:4318", "grpc://host", "http://", "/v1/traces"] {
            let error = EndpointConfig::new(endpoint)
                .checked_endpoint("http://localhost:4318/v1/traces")
                .unwrap_err();
            let expected = format!(
                "invalid endpoint: \
                 expected a URL such as http://localhost:4318/v1/traces, not `{endpoint}`"
            );
            assert_eq!(error.to_string(), expected);
            assert!(!error.is_retryable());
        }
    }

    #[test]
    fn secrets_are_in_no_text() {
        let mut config = EndpointConfig::new("http://user:hunter2@host:1/path?key=hunter2");
        config
            .headers
            .push(("authorization".into(), "hunter2\n".into()));
        config.proxy = Some("http://user:hunter2@proxy:1".into());
        let header_error = config.checked_headers().unwrap_err().to_string();
        let text = format!("{config:?} {header_error}");
        assert!(!text.contains("hunter2"), "{text}");
        assert!(
            text.contains("http://host:1/path") && text.contains("authorization"),
            "{text}"
        );
        assert!(text.contains("http://proxy:1"), "{text}");
    }
}
