//! What a call came to: the status in its trailers.
//!
//! Position: between a [`super::connection::Answer`] and the result of an export.
//!
//! Invariants: no panic on any header; text of the other side is escaped and shortened before it gets
//! into an error.
//!
//! Source: gRPC over HTTP2, "Responses"; OTLP specification 1.x, "OTLP/gRPC Throttling".

use super::{
    super::{
        super::{ExportError, escape},
        answer::rpc_retry_delay,
    },
    connection::Answer,
};
use crate::propagation::percent;
use http::HeaderMap;
use std::time::Duration;

const MAX_MESSAGE_CHARS: usize = 200;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct RpcStatus {
    code: u32,
    message: String,
    retry_after: Option<Duration>,
}

impl RpcStatus {
    /// The status, from the trailers or, where there is no body, from the headers. `None` when the
    /// other side does not speak gRPC.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let trailers = answer.trailers.as_ref();
        Self::read(trailers.unwrap_or(&answer.headers)).or_else(|| Self::read(&answer.headers))
    }

    fn read(fields: &HeaderMap) -> Option<Self> {
        let field = |name| fields.get(name).and_then(|value| value.to_str().ok());
        let details = field("grpc-status-details-bin").and_then(base64_decoded);
        Some(Self {
            code: field("grpc-status")?.parse().ok()?,
            message: percent::decode(field("grpc-message").unwrap_or_default()).into_owned(),
            retry_after: details.and_then(|details| rpc_retry_delay(&details)),
        })
    }

    pub(super) fn is_ok(&self) -> bool {
        self.code == 0
    }

    pub(super) fn into_error(self, endpoint: &str) -> ExportError {
        let said = escape::line(self.message.trim(), MAX_MESSAGE_CHARS);
        let remedy = match self.code {
            7 | 16 => "check the credentials in the export headers",
            8 | 14 => "the receiver is overloaded or restarting",
            12 => "the receiver does not take traces over gRPC here",
            _ => "",
        };
        let reason = match (said.is_empty(), remedy.is_empty()) {
            (false, false) => format!("{said}; {remedy}"),
            (false, true) => said,
            (true, false) => remedy.to_owned(),
            (true, true) => "no reason given".to_owned(),
        };
        ExportError::Rpc {
            endpoint: endpoint.to_owned(),
            code: self.code,
            reason,
            attempts: 0,
            retry_after: self.retry_after,
        }
    }
}

/// What an answer with these headers comes to.
#[cfg(feature = "_fuzzing")]
pub(crate) fn rpc_error(fields: &HeaderMap) -> Option<ExportError> {
    Some(RpcStatus::read(fields)?.into_error("http://localhost:4317"))
}

/// Standard base64, with or without padding.
fn base64_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0);
    for char in text.trim_end_matches('=').bytes() {
        let sextet = match char {
            b'A'..=b'Z' => char - b'A',
            b'a'..=b'z' => char - b'a' + 26,
            b'0'..=b'9' => char - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
        count += 6;
        if count >= 8 {
            count -= 8;
            let [.., byte] = (bits >> count).to_be_bytes();
            bytes.push(byte);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let parsed = fields
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        parsed.collect()
    }

    #[test]
    fn the_status_is_read_with_its_text_and_the_wait_it_asks_for() {
        // google.rpc.Status { code: 8, details: [Any of RetryInfo { retry_delay: 7.5 s }] }
        let any = [
            &b"\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x0a\x0a\x08\x08\x07\x10"[..],
            b"\x80\xca\xb5\xee\x01",
        ]
        .concat();
        let details = [
            &b"\x08\x08\x1a"[..],
            &[u8::try_from(any.len()).unwrap()],
            &any,
        ]
        .concat();
        let mut map = fields(&[
            ("grpc-status", "8"),
            ("grpc-message", "too much %E2%9C%93%zz"),
        ]);
        map.insert("grpc-status-details-bin", base64(&details).parse().unwrap());
        let expected = RpcStatus {
            code: 8,
            message: "too much ✓%zz".into(),
            retry_after: Some(Duration::from_millis(7_500)),
        };
        assert_eq!(RpcStatus::read(&map), Some(expected));
    }

    #[test]
    fn what_is_no_status_is_none() {
        for map in [fields(&[]), fields(&[("grpc-status", "fine")])] {
            assert_eq!(RpcStatus::read(&map), None);
        }
        let odd = fields(&[("grpc-status", "14"), ("grpc-status-details-bin", "!")]);
        assert_eq!(RpcStatus::read(&odd).unwrap().retry_after, None);
    }

    /// As the JSON writer makes it, without the quotes.
    fn base64(bytes: &[u8]) -> String {
        let mut json = String::new();
        crate::export::json::push_base64(&mut json, bytes);
        json.trim_matches('"').to_owned()
    }

    proptest! {
        #[test]
        fn base64_is_read_back_with_and_without_padding(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let text = base64(&bytes);
            prop_assert_eq!(base64_decoded(text.trim_end_matches('=')), Some(bytes.clone()));
            prop_assert_eq!(base64_decoded(&text), Some(bytes));
        }

        #[test]
        fn any_details_are_read_without_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..80),
        ) {
            let _any = rpc_retry_delay(&bytes);
        }
    }
}
