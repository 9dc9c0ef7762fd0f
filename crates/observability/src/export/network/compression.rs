//! Bodies made smaller on the way out.
//!
//! Position: between an encoded request and its transport, HTTP and gRPC alike.
//!
//! Invariant: level 1, since the traced program's machine pays for the time: on spans it reaches
//! most of what the best level does.

use super::{super::ExportError, Compression};

impl Compression {
    /// The value of `content-encoding` or `grpc-encoding`, where one is to be sent.
    pub(in super::super) fn encoding(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
        }
    }

    pub(in super::super) fn check(self) -> Result<(), ExportError> {
        if self == Self::Gzip && cfg!(not(feature = "gzip")) {
            return Err(ExportError::Config {
                setting: "compression",
                reason: "gzip is not in this build: enable its cargo feature".into(),
            });
        }
        Ok(())
    }
}

/// Appends `body` as one gzip member to `out`.
#[cfg(feature = "gzip")]
pub(in super::super) fn gzip(body: &[u8], out: Vec<u8>) -> Vec<u8> {
    use std::io::Write as _;

    let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
    // Writing to memory does not fail; were it to, a short body would be refused by the receiver.
    let _infallible = encoder.write_all(body).is_ok();
    encoder.finish().unwrap_or_default()
}
