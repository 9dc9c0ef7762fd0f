//! Conversions between the API's small types and ours, both ways where both are needed.
//!
//! Invariant: ids and flags keep their bits; a `tracestate` that the other side's grammar refuses
//! becomes empty, never a broken one.

use crate::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState, Value};
use opentelemetry::{Array, KeyValue, StringValue, trace as api};
use std::time::{SystemTime, UNIX_EPOCH};

macro_rules! same_bits {
    ($($ours:ty, $theirs:ty: $to:ident, $from:ident;)+) => {$(
        impl From<$ours> for $theirs {
            fn from(ours: $ours) -> Self {
                Self::$from(ours.$to())
            }
        }

        impl From<$theirs> for $ours {
            fn from(theirs: $theirs) -> Self {
                Self::$from(theirs.$to())
            }
        }
    )+};
}

same_bits! {
    TraceId, api::TraceId: to_bytes, from_bytes;
    SpanId, api::SpanId: to_bytes, from_bytes;
    TraceFlags, api::TraceFlags: to_u8, new;
}

impl From<&TraceState> for api::TraceState {
    fn from(ours: &TraceState) -> Self {
        if ours.is_empty() {
            Self::NONE
        } else {
            ours.header().parse().unwrap_or_default()
        }
    }
}

impl From<&api::TraceState> for TraceState {
    fn from(theirs: &api::TraceState) -> Self {
        if *theirs == api::TraceState::NONE {
            return Self::EMPTY;
        }
        theirs.header().parse().unwrap_or_default()
    }
}

impl From<&SpanContext> for api::SpanContext {
    fn from(ours: &SpanContext) -> Self {
        Self::new(
            ours.trace_id().into(),
            ours.span_id().into(),
            ours.trace_flags().into(),
            ours.is_remote(),
            ours.trace_state().into(),
        )
    }
}

impl From<&api::SpanContext> for SpanContext {
    fn from(theirs: &api::SpanContext) -> Self {
        Self::new(
            theirs.trace_id().into(),
            theirs.span_id().into(),
            theirs.trace_flags().into(),
            theirs.is_remote(),
            theirs.trace_state().into(),
        )
    }
}

impl From<api::SpanKind> for SpanKind {
    fn from(theirs: api::SpanKind) -> Self {
        match theirs {
            api::SpanKind::Client => Self::Client,
            api::SpanKind::Server => Self::Server,
            api::SpanKind::Producer => Self::Producer,
            api::SpanKind::Consumer => Self::Consumer,
            api::SpanKind::Internal => Self::Internal,
        }
    }
}

impl From<api::Status> for Status<'_> {
    fn from(theirs: api::Status) -> Self {
        match theirs {
            api::Status::Unset => Self::Unset,
            api::Status::Ok => Self::Ok,
            api::Status::Error { description } => Self::Error { description },
        }
    }
}

impl<'a> From<&'a opentelemetry::Value> for Value<'a> {
    fn from(theirs: &'a opentelemetry::Value) -> Self {
        match theirs {
            opentelemetry::Value::Bool(value) => Self::Bool(*value),
            opentelemetry::Value::I64(value) => Self::I64(*value),
            opentelemetry::Value::F64(value) => Self::F64(*value),
            opentelemetry::Value::Array(Array::Bool(values)) => list(values, |v| Self::Bool(*v)),
            opentelemetry::Value::Array(Array::I64(values)) => list(values, |v| Self::I64(*v)),
            opentelemetry::Value::Array(Array::F64(values)) => list(values, |v| Self::F64(*v)),
            opentelemetry::Value::Array(Array::String(values)) => {
                list(values, |v: &'a StringValue| Self::Str(v.as_str().into()))
            }
            text => Self::Str(text.as_str()),
        }
    }
}

fn list<'a, T>(values: &'a [T], convert: impl Fn(&'a T) -> Value<'a>) -> Value<'a> {
    Value::Array(values.iter().map(convert).collect())
}

/// The attributes of an event or a link.
pub(super) fn attributes(theirs: &[KeyValue]) -> Vec<(&str, Value<'_>)> {
    theirs
        .iter()
        .map(|member| (member.key.as_str(), (&member.value).into()))
        .collect()
}

/// Nanoseconds since the Unix epoch; earlier times are its start.
pub(super) fn unix_nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_span_context_survives_the_way_there_and_back(
            trace: u128,
            span: u64,
            flags: u8,
            remote: bool,
            state in "[a-z][a-z0-9]{0,6}=[a-z0-9]{1,6}(,[A-Z]{0}x[a-z0-9]{0,6}@?=[a-z0-9]{1,4})?",
        ) {
            let state: TraceState = state.parse().unwrap_or_default();
            let flags = TraceFlags::new(flags);
            let ours = SpanContext::new(trace.into(), span.into(), flags, remote, state);
            let theirs = api::SpanContext::from(&ours);
            prop_assert_eq!(theirs.trace_id().to_string(), ours.trace_id().to_string());
            prop_assert_eq!(theirs.span_id().to_string(), ours.span_id().to_string());
            let back = SpanContext::from(&theirs);
            prop_assert_eq!(back.is_remote(), remote);
            prop_assert_eq!(back.trace_flags(), ours.trace_flags());
            prop_assert_eq!(back.trace_state().header(), theirs.trace_state().header());
        }
    }

    #[test]
    fn members_of_a_tracestate_keep_their_order() {
        let ours: TraceState = "b=2,a=1".parse().unwrap();
        let theirs = api::TraceState::from(&ours);
        assert_eq!(theirs.header(), "b=2,a=1");
        assert_eq!(TraceState::from(&theirs), ours);
    }

    #[test]
    fn a_time_before_the_epoch_is_the_epoch() {
        assert_eq!(
            unix_nanos(UNIX_EPOCH - std::time::Duration::from_secs(1)),
            0
        );
        assert_eq!(
            unix_nanos(UNIX_EPOCH + std::time::Duration::from_nanos(7)),
            7
        );
    }
}
