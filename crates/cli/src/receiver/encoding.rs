//! The two encodings of an OTLP message.

use axum::http::{HeaderMap, header};
use continuum_observability::{SpanRecord, decode_request};

use super::answer::Refusal;
use crate::trace_file;

/// How a message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    #[default]
    Protobuf,
    Json,
}

impl Encoding {
    /// What the header says; `None` for neither of the two.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let media_type = value.split(';').next().unwrap_or_default().trim();
        let all = [Self::Protobuf, Self::Json];
        all.into_iter()
            .find(|encoding| media_type.eq_ignore_ascii_case(encoding.media_type()))
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }

    /// The spans of a message.
    pub(super) fn decode(self, message: &[u8]) -> Result<Vec<SpanRecord>, Refusal> {
        match self {
            Self::Protobuf => decode_request(message).map_err(|error| Refusal::unreadable(&error)),
            Self::Json => trace_file::parse(message)
                .map_err(|error| Refusal::unreadable(&format!("{error:#}"))),
        }
    }
}
