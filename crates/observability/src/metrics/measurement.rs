//! What is measured of one span.
//!
//! Position: read from the span's body at its end, before its bytes go.
//!
//! Invariant: label values are no longer than [`MAX_VALUE_BYTES`].

use super::{
    Operation,
    catalogue::Label,
    series::{SEPARATOR, push_value},
    tenants::Tenants,
};
use crate::{
    context::{SpanContext, SpanId, TraceId},
    layers::http::{OTHER_METHOD, known_method},
    semconv::{attribute, former},
    span::{SpanBody, SpanTime},
};

/// One run of an operation.
#[derive(Debug)]
pub(crate) struct Measurement {
    pub(crate) operation: Operation,
    pub(crate) seconds: f64,
    pub(crate) failed: bool,
    /// Whether the span has the event `slow_query`.
    pub(crate) is_slow: bool,
    /// Whether the span says which class its error is of.
    pub(crate) is_typed: bool,
    /// Whether a cache had the entry, where one was asked.
    pub(crate) hit: Option<bool>,
    /// The span as an example, if it is exported.
    pub(crate) example: Option<(TraceId, SpanId)>,
}

impl Measurement {
    /// Reads a span that ends then, and appends the values of its labels to `key`.
    pub(super) fn of(
        body: &SpanBody,
        (span, end): (&SpanContext, SpanTime),
        tenants: Option<&Tenants>,
        key: &mut String,
    ) -> Option<Self> {
        let operation = Operation::of(body.name(), body.kind)?;
        let method = method(body, operation);
        if operation == Operation::Request && method.is_none() {
            // A server of something else than HTTP.
            return None;
        }
        let nanos = body.nanos_until(body.end_unix_nanos(end));
        let error_type = body.text_attribute(attribute::ERROR_TYPE);
        for label in operation.labels() {
            match label {
                Label::Method => push_value(key, method.unwrap_or_default()),
                Label::Route => push_text(key, body, attribute::HTTP_ROUTE),
                Label::Status => push_status(key, body),
                Label::ErrorType => push_value(key, error_type.unwrap_or_default()),
                Label::Operation => push_value(key, operation.part_of_name(body.name())),
                Label::Success => push_value(key, success(body)),
                Label::Tenant => {
                    let tenant = body.text_attribute(attribute::TENANT_ID);
                    push_value(
                        key,
                        tenants.map_or("", |known| known.name(tenant.unwrap_or_default())),
                    );
                }
            }
            key.push(SEPARATOR);
        }
        // Where the end of a trace decides, that of an error is kept.
        let is_kept = span.is_sampled() && (body.failed() || !body.is_undecided());
        let example = is_kept.then(|| (span.trace_id(), span.span_id()));
        Some(Self {
            operation,
            seconds: std::time::Duration::from_nanos(nanos).as_secs_f64(),
            failed: body.failed(),
            is_slow: nanos >= body.slow_after_nanos,
            is_typed: error_type.is_some(),
            hit: body.truth_attribute(attribute::CACHE_HIT),
            example,
        })
    }
}

fn push_text(key: &mut String, body: &SpanBody, name: &str) {
    push_value(key, body.text_attribute(name).unwrap_or_default());
}

/// The method of a request, whichever name it has; anybody can make one up, which is no value of a label.
fn method(body: &SpanBody, operation: Operation) -> Option<&'static str> {
    const NAMES: [&str; 2] = [attribute::HTTP_REQUEST_METHOD, former::HTTP_METHOD];
    if operation != Operation::Request {
        return None;
    }
    let method = NAMES.iter().find_map(|name| body.text_attribute(name))?;
    Some(known_method(method).unwrap_or(OTHER_METHOD))
}

/// Empty where nobody knows.
fn success(body: &SpanBody) -> &'static str {
    if body.failed() {
        return "false";
    }
    #[cfg(feature = "tracing")]
    if body.is_outcome_unknown {
        return "";
    }
    "true"
}

fn push_status(key: &mut String, body: &SpanBody) {
    const NAMES: [&str; 2] = [
        attribute::HTTP_RESPONSE_STATUS_CODE,
        former::HTTP_STATUS_CODE,
    ];
    if let Some(status) = NAMES.iter().find_map(|name| body.integer_attribute(name)) {
        push_value(key, &status.to_string());
    }
}
