//! Choices about the network that can be named in every build, whether it has the exporter or not.
//!
//! Position: chosen by the program or the environment, carried out by the rest of this folder.

use std::path::PathBuf;

/// How OTLP is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Over HTTP/1.1, as `http/protobuf` (cargo feature `otlp-http`).
    HttpProtobuf,
    /// Over HTTP/2, as `grpc` (cargo feature `otlp-grpc`).
    Grpc,
}

/// How bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// As gzip (cargo feature `gzip`).
    Gzip,
}

/// PEM files for `https` endpoints; what is not given is the default of the web.
///
/// # Examples
///
/// ```
/// use continuum_observability::{OtlpConfig, TlsFiles};
///
/// let mut otlp = OtlpConfig::new("https://collector.internal:4318");
/// otlp.tls = TlsFiles {
///     certificate: Some("/etc/ssl/our-authority.pem".into()),
///     ..TlsFiles::default()
/// };
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authorities that may have signed the receiver's certificate, in place of the public ones.
    pub certificate: Option<PathBuf>,
    /// The certificate that proves who we are, followed by those it was signed with.
    pub client_certificate: Option<PathBuf>,
    /// The private key of the client certificate.
    pub client_key: Option<PathBuf>,
}
