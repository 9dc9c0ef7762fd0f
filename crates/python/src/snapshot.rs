//! What a span was told so far, as objects of Python: instrumentations by others look at it.
//!
//! Position: behind the properties of the package's `Span`.
//!
//! Invariant: made anew at each call; nothing of it leads back into the span.

use crate::opentelemetry::Api;
use continuum_observability::{
    AnyValue, SpanContext, SpanId, SpanRecord, TraceFlags, TraceId, TraceState,
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyTuple},
};

/// The bit of a span's flags that says that its parent is remote.
const IS_REMOTE: u32 = 0x200;

type Pairs = [(String, AnyValue)];

/// The fields of a span in progress by name.
pub(crate) fn fields<'py>(
    py: Python<'py>,
    api: &Api,
    span: &SpanRecord,
) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    fields.set_item("name", &span.name)?;
    fields.set_item("start_time", span.start_unix_nanos)?;
    fields.set_item("status", (span.status_code, &span.status_message))?;
    fields.set_item("attributes", attributes(py, &span.attributes)?)?;
    fields.set_item("parent", parent(py, api, span)?)?;
    let event = |event: &continuum_observability::EventRecord| {
        let attributes = attributes(py, &event.attributes)?;
        (&event.name, attributes, event.time_unix_nanos).into_pyobject(py)
    };
    fields.set_item("events", list(span.events.iter().map(event))?)?;
    let link = |link: &continuum_observability::LinkRecord| {
        let identity = (link.trace_id, link.span_id, link.flags, &*link.trace_state);
        (
            context(py, api, identity)?,
            attributes(py, &link.attributes)?,
        )
            .into_pyobject(py)
    };
    fields.set_item("links", list(span.links.iter().map(link))?)?;
    Ok(fields)
}

fn list<'py>(
    items: impl Iterator<Item = PyResult<Bound<'py, PyTuple>>>,
) -> PyResult<Vec<Bound<'py, PyTuple>>> {
    items.collect()
}

fn parent<'py>(
    py: Python<'py>,
    api: &Api,
    span: &SpanRecord,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let id = span.parent_span_id;
    id.map(|id| context(py, api, (span.trace_id, id, span.flags, &span.trace_state)))
        .transpose()
}

fn context<'py>(
    py: Python<'py>,
    api: &Api,
    (trace_id, span_id, flags, state): ([u8; 16], [u8; 8], u32, &str),
) -> PyResult<Bound<'py, PyAny>> {
    let [low, ..] = flags.to_le_bytes();
    let context = SpanContext::new(
        TraceId::from(u128::from_be_bytes(trace_id)),
        SpanId::from(u64::from_be_bytes(span_id)),
        TraceFlags::new(low),
        flags & IS_REMOTE != 0,
        state.parse::<TraceState>().unwrap_or_default(),
    );
    api.span_context(py, &context)
}

fn attributes<'py>(py: Python<'py>, pairs: &Pairs) -> PyResult<Bound<'py, PyDict>> {
    let attributes = PyDict::new(py);
    for (key, value) in pairs {
        attributes.set_item(key, object(py, value)?)?;
    }
    Ok(attributes)
}

/// A value as the API has it: sequences are tuples.
fn object<'py>(py: Python<'py>, value: &AnyValue) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        AnyValue::String(text) => text.into_pyobject(py)?.into_any(),
        AnyValue::Bool(truth) => truth.into_pyobject(py)?.to_owned().into_any(),
        AnyValue::Int(number) => number.into_pyobject(py)?.into_any(),
        AnyValue::Double(number) => number.into_pyobject(py)?.into_any(),
        AnyValue::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        AnyValue::Map(pairs) => attributes(py, pairs)?.into_any(),
        AnyValue::Array(values) => {
            let values: PyResult<Vec<_>> = values.iter().map(|value| object(py, value)).collect();
            PyTuple::new(py, values?)?.into_any()
        }
        _ => py.None().into_bound(py),
    })
}
