//! The context inside of JSON messages, for queues without headers.
//!
//! Position: beside [`super::current`], on `serde_json` values.
//!
//! Invariants:
//! - a message that is no object is left as it is, and describes no context;
//! - the context is written under one name and read under two, since both are in use.

use super::{Carrier, extract_trace_context, inject_trace_context};
use crate::context::Context;
use serde_json::{Map, Value};

/// The member that the context is written under.
const KEY: &str = "_trace_context";
/// The member that others write the context under.
const OTHER_KEY: &str = "trace_context";

/// A message of JSON: a value or the members of an object.
pub trait JsonMessage {
    /// The members; `None` when the message is no object.
    fn members(&self) -> Option<&Map<String, Value>>;

    /// The members; `None` when the message is no object.
    fn members_mut(&mut self) -> Option<&mut Map<String, Value>>;
}

impl JsonMessage for Value {
    fn members(&self) -> Option<&Map<String, Value>> {
        self.as_object()
    }

    fn members_mut(&mut self) -> Option<&mut Map<String, Value>> {
        self.as_object_mut()
    }
}

impl JsonMessage for Map<String, Value> {
    fn members(&self) -> Option<&Self> {
        Some(self)
    }

    fn members_mut(&mut self) -> Option<&mut Self> {
        Some(self)
    }
}

/// Writes the current span and baggage into a message, under `_trace_context`.
///
/// Nothing is written without either, and nothing into a message that is no object.
///
/// # Examples
///
/// ```
/// use continuum_observability::{
///     extract_context_from_dict, get_tracer, propagate_context_to_dict, testing::TestRecorder,
/// };
/// use serde_json::json;
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     // Producer: inject the context into the message.
///     let message = tracer.in_scope("publish", |_| {
///         let mut message = json!({"event_type": "memory_added", "data": {"id": 7}});
///         propagate_context_to_dict(&mut message);
///         message.to_string()
///     });
///     // Consumer: extract the context from the message.
///     let message: serde_json::Value = serde_json::from_str(&message).unwrap_or_default();
///     let context = extract_context_from_dict(&message);
///     tracer.span_builder("process_message").parent(&context).in_scope(|_| ());
/// });
/// assert_eq!(recorder.tree(), "publish\n  process_message\n");
/// ```
pub fn propagate_context_to_dict(message: &mut impl JsonMessage) {
    let Some(members) = message.members_mut() else {
        return;
    };
    let mut carrier = Carrier::new();
    inject_trace_context(&mut carrier);
    if !carrier.is_empty() {
        members.insert(KEY.to_owned(), carrier.into());
    }
}

/// The context that a message describes under `_trace_context`, or else under `trace_context`.
///
/// Whatever else is there gives a context without a parent, in which the next span is a root.
pub fn extract_context_from_dict(message: &impl JsonMessage) -> Context {
    let found = message.members().and_then(|members| {
        let values = [KEY, OTHER_KEY].map(|key| members.get(key));
        values.into_iter().flatten().find(|value| value.is_object())
    });
    extract_trace_context(&found.map(Carrier::from).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{get_trace_id, set_baggage, with_context};
    use crate::{get_tracer, testing::TestRecorder};
    use serde_json::json;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn trace_id(message: &Value) -> Option<String> {
        let context = extract_context_from_dict(message);
        with_context(&context, get_trace_id).map(|id| id.to_string())
    }

    #[test]
    fn both_names_are_read_and_ours_comes_first() {
        let ours = json!({"traceparent": PARENT});
        let other = json!({"Traceparent": PARENT.replace("0af7", "ffff")});
        let read = |message: Value| trace_id(&message).map(|id| id[..4].to_owned());
        assert_eq!(
            read(json!({"_trace_context": ours})).as_deref(),
            Some("0af7")
        );
        assert_eq!(
            read(json!({"trace_context": other})).as_deref(),
            Some("ffff")
        );
        let both = json!({"trace_context": other, "_trace_context": ours});
        assert_eq!(read(both).as_deref(), Some("0af7"));
        let null = json!({"trace_context": other, "_trace_context": null});
        assert_eq!(read(null).as_deref(), Some("ffff"));
    }

    #[test]
    fn whatever_is_no_context_gives_a_root() {
        for message in [
            json!(null),
            json!([1]),
            json!("text"),
            json!({}),
            json!({"_trace_context": 1}),
            json!({"_trace_context": {"traceparent": 1, "tracestate": null}}),
            json!({"_trace_context": {"traceparent": "x"}}),
            json!({"traceparent": PARENT}),
        ] {
            assert_eq!(trace_id(&message), None, "{message}");
        }
    }

    #[test]
    fn a_message_that_is_no_object_and_one_without_a_context_stay_as_they_are() {
        TestRecorder::new().run(|| {
            for mut message in [json!(null), json!([1]), json!("text")] {
                let before = message.clone();
                get_tracer("t").in_scope("publish", |_| propagate_context_to_dict(&mut message));
                assert_eq!(message, before);
            }
            let mut message = json!({"_trace_context": {"traceparent": PARENT}});
            propagate_context_to_dict(&mut message);
            assert_eq!(trace_id(&message).unwrap(), PARENT[3..35]);
        });
    }

    #[test]
    fn span_and_baggage_replace_the_context_of_a_message_that_is_sent_on() {
        TestRecorder::new().run(|| {
            let mut message = Map::new();
            message.insert(
                KEY.to_owned(),
                json!({"traceparent": PARENT, "tracestate": "a=1"}),
            );
            get_tracer("t").in_scope("publish", |_| {
                assert!(set_baggage("tenant_id", "user_123"));
                propagate_context_to_dict(&mut message);
            });
            let written = message[KEY].as_object().unwrap();
            assert_ne!(written["traceparent"], PARENT);
            assert_eq!(written["baggage"], "tenant_id=user_123");
            assert_eq!(written.len(), 2);
        });
    }
}
