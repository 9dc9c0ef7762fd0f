//! Where OTLP/HTTP requests go and what goes with them.
//!
//! Position: filled by the configuration, checked once when the exporter is made.
//!
//! Invariant: no debug or error text holds a header value, nor the user name and password that an
//! endpoint or proxy may carry.

use std::{fmt, sync::Arc, time::Duration};

use ureq::{
    Agent, Proxy,
    http::{HeaderName, HeaderValue, Uri},
};

use super::{super::ExportError, super::Pause, RetryPolicy};

const USER_AGENT: &str = concat!("continuum-observability/", env!("CARGO_PKG_VERSION"));

/// What [`OtlpHttpExporter`](super::OtlpHttpExporter) needs to know.
///
/// # Examples
///
/// ```
/// use continuum_observability::OtlpHttpConfig;
///
/// let mut config = OtlpHttpConfig::new("http://localhost:4318/v1/traces");
/// config.headers.push(("x-tenant".into(), "user_123".into()));
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct OtlpHttpConfig {
    /// The complete URL for traces, used as it is: `/v1/traces` is not added.
    pub endpoint: String,
    /// Sent with every request, such as `authorization`.
    pub headers: Vec<(String, String)>,
    /// When to try again.
    pub retry: RetryPolicy,
    /// An HTTP proxy, such as `http://proxy:3128`. Proxy variables of the environment are not
    /// looked at: they would send spans for a collector on this machine out to a proxy.
    pub proxy: Option<String>,
    /// Sleeps between attempts. The default cannot be cut short.
    pub pause: Pause,
}

impl OtlpHttpConfig {
    /// No headers, no proxy, the default retry policy.
    pub fn new(endpoint: impl Into<String>) -> Self {
        let pause = Arc::new(|duration: Duration| {
            std::thread::sleep(duration);
            true
        });
        let (headers, retry) = (Vec::new(), RetryPolicy::default());
        Self {
            endpoint: endpoint.into(),
            headers,
            retry,
            proxy: None,
            pause,
        }
    }

    pub(super) fn checked_endpoint(&self) -> Result<Uri, ExportError> {
        let refuse = || ExportError::Config {
            setting: "endpoint",
            reason: format!(
                "expected a URL such as http://localhost:4318/v1/traces, not `{}`",
                without_credentials(&self.endpoint)
            ),
        };
        let uri: Uri = self.endpoint.parse().map_err(|_invalid| refuse())?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        if known && uri.host().is_some_and(|host| !host.is_empty()) {
            Ok(uri)
        } else {
            Err(refuse())
        }
    }

    pub(super) fn checked_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, ExportError> {
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

    /// One connection is enough for one export thread.
    pub(super) fn agent(&self) -> Result<Agent, ExportError> {
        let proxy = self.proxy.as_deref().map(Proxy::new).transpose();
        let proxy = proxy.map_err(|_invalid| ExportError::Config {
            setting: "proxy",
            reason: "expected a URL such as http://proxy:3128".into(),
        })?;
        let config = Agent::config_builder()
            .proxy(proxy)
            .user_agent(USER_AGENT)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(1)
            .max_idle_connections_per_host(1)
            .max_idle_age(Duration::from_mins(1))
            .build();
        Ok(config.new_agent())
    }
}

impl fmt::Debug for OtlpHttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        f.debug_struct("OtlpHttpConfig")
            .field("endpoint", &without_credentials(&self.endpoint))
            .field("headers", &names)
            .field("retry", &self.retry)
            .field("proxy", &self.proxy.as_deref().map(without_credentials))
            .finish_non_exhaustive()
    }
}

/// The URL as it may be shown: without `user:password@` and without its query.
pub(super) fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let separator = if scheme.is_empty() { "" } else { "://" };
    super::super::escape::line(&format!("{scheme}{separator}{host}{path}"), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_that_is_no_url_names_the_remedy() {
        for endpoint in ["", "localhost:4318", "grpc://host", "http://", "/v1/traces"] {
            let error = OtlpHttpConfig::new(endpoint)
                .checked_endpoint()
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
        let mut config = OtlpHttpConfig::new("http://user:hunter2@host:1/path?key=hunter2");
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
