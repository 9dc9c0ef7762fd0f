//! Contexts in and out of carriers: headers, messages, the environment of a child.
//!
//! Position: the recorder's formats on Python's mappings; used by the package's `context` module and
//! by its propagator for the API.
//!
//! Invariant: whatever a carrier holds, reading it gives a context, without a parent at worst.

use crate::{
    context::{given_or_current, read_baggage, with_parent},
    opentelemetry::Api,
    raised,
    span::PySpan,
    value::text,
};
use continuum_observability::{
    Baggage, Carrier, Context, Extractor, Injector, SpanContext, SpanId, TraceFlags, TraceId,
    extract_trace_context, get_traceparent, inject_context, with_context,
};
use pyo3::{
    prelude::*,
    types::{PyBytes, PyDict, PyList, PyString, PyTuple},
};

/// Writes headers into a mapping; what cannot be written is left out.
struct Mapping<'a, 'py> {
    mapping: &'a Bound<'py, PyAny>,
    /// Nothing of another context is in it.
    was_empty: bool,
}

impl<'a, 'py> Mapping<'a, 'py> {
    fn new(mapping: &'a Bound<'py, PyAny>) -> Self {
        let dict = mapping.cast_exact::<PyDict>();
        Self {
            mapping,
            was_empty: dict.is_ok_and(PyDictMethods::is_empty),
        }
    }
}

impl Injector for Mapping<'_, '_> {
    fn set(&mut self, key: &str, value: String) {
        let set = match self.mapping.cast_exact::<PyDict>() {
            Ok(dict) => {
                if !self.was_empty {
                    remove_other_spellings(dict, key);
                }
                dict.set_item(key, value)
            }
            Err(_) => self.mapping.set_item(key, value),
        };
        let _refused = raised::answer(self.mapping.py(), set).is_none();
    }

    fn remove(&mut self, key: &str) {
        if self.was_empty {
            return;
        }
        if let Ok(dict) = self.mapping.cast_exact::<PyDict>() {
            remove_other_spellings(dict, key);
        }
        if self.mapping.contains(key).unwrap_or(false) {
            let _refused = self.mapping.del_item(key).is_err();
        }
    }
}

/// A header that is there twice is dropped by who reads it.
fn remove_other_spellings(headers: &Bound<'_, PyDict>, name: &str) {
    let is_other = |key: &Bound<'_, PyAny>| {
        let Ok(key) = key.cast::<PyString>() else {
            return false;
        };
        let key = key.to_string_lossy();
        key != name && key.eq_ignore_ascii_case(name)
    };
    for key in headers.keys().iter().filter(is_other) {
        let _refused = headers.del_item(key).is_err();
    }
}

/// Headers that were read from a mapping: those that a format may ask for.
struct Headers(Vec<(String, String)>);

impl Headers {
    fn of(carrier: &Bound<'_, PyAny>) -> Self {
        let mut headers = Vec::new();
        let mut add = |key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>| {
            if let Some(key) = header_text(key).filter(|key| may_be_asked_for(key)) {
                headers.extend(values(value).map(|value| (key.clone(), value)));
            }
        };
        if let Ok(dict) = carrier.cast::<PyDict>() {
            dict.iter().for_each(|(key, value)| add(&key, &value));
        } else {
            let py = carrier.py();
            let items = raised::answer(py, carrier.call_method0("items"));
            let pairs = items.unwrap_or_else(|| carrier.clone());
            for pair in raised::items(&pairs) {
                if let Some((key, value)) = header(&pair) {
                    add(&key, &value);
                }
            }
        }
        Self(headers)
    }
}

/// Name and value; ASGI has them as any two, and so has what was JSON.
fn header<'py>(pair: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    match pair.cast::<PyList>() {
        Ok(list) if list.len() == 2 => Some((list.get_item(0).ok()?, list.get_item(1).ok()?)),
        Ok(_) => None,
        Err(_) => pair.extract().ok(),
    }
}

/// Text, or bytes as ASGI has them.
fn header_text(object: &Bound<'_, PyAny>) -> Option<String> {
    if let Ok(string) = object.cast::<PyString>() {
        return Some(string.to_string_lossy().into_owned());
    }
    let bytes = object.cast::<PyBytes>().ok()?;
    Some(String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

/// One value, or each of a list.
fn values<'py>(object: &Bound<'py, PyAny>) -> impl Iterator<Item = String> + use<'py> {
    // Not by an iterator of Python's, which may change what the values are in.
    let list = object.cast::<PyList>().ok().map(PyListMethods::iter);
    let tuple = object.cast::<PyTuple>().ok().map(PyTupleMethods::iter);
    let is_one = list.is_none() && tuple.is_none();
    let one = is_one.then(|| object.clone());
    let many = list.into_iter().flatten();
    let many = many.chain(tuple.into_iter().flatten());
    one.into_iter()
        .chain(many)
        .filter_map(|value| header_text(&value))
}

/// All headers of all formats begin with one of these letters.
fn may_be_asked_for(key: &str) -> bool {
    let first = key.as_bytes().first();
    first.is_some_and(|byte| matches!(byte.to_ascii_lowercase(), b't' | b'b' | b'x' | b'u'))
}

impl Extractor for Headers {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)
    }

    fn keys(&self) -> Vec<&str> {
        Extractor::keys(&self.0)
    }

    fn for_each<'a>(&'a self, key: &str, visit: &mut dyn FnMut(&'a str)) {
        self.0.for_each(key, visit);
    }
}

/// Writes the span and baggage of a context, by default the current one, into a carrier.
#[pyfunction]
#[pyo3(signature = (carrier, context = None))]
pub(crate) fn inject(
    py: Python<'_>,
    carrier: &Bound<'_, PyAny>,
    context: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    with_current(py, context, |context| {
        inject_context(context, &mut Mapping::new(carrier));
    })?;
    Ok(())
}

fn with_current<R>(
    py: Python<'_>,
    context: Option<&Bound<'_, PyAny>>,
    then: impl FnOnce(&Context) -> R,
) -> PyResult<Option<R>> {
    let Some(api) = Api::get(py) else {
        return Ok(None);
    };
    let base = given_or_current(py, api, context)?;
    Ok(Some(with_parent(api, &base, |parent| {
        then(&parent.context)
    })))
}

/// The context given, or else an empty one, with the parent and the baggage of a carrier.
#[pyfunction]
#[pyo3(signature = (carrier, context = None))]
pub(crate) fn extract<'py>(
    py: Python<'py>,
    carrier: &Bound<'py, PyAny>,
    context: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(api) = Api::get(py) else {
        return Ok(py.None().into_bound(py));
    };
    let mut found = extract_trace_context(&Headers::of(carrier));
    let base = context.and_then(|context| context.cast::<PyDict>().ok());
    let made = match base {
        Some(base) => api.context.bind(py).call1((base,))?.cast_into()?,
        None => api.empty(py)?,
    };
    let before = made.get_item(api.baggage_key.bind(py))?;
    let baggage = baggage_dict(py, &found, before.as_ref())?;
    if let Some(baggage) = &baggage {
        made.set_item(api.baggage_key.bind(py), baggage)?;
        if before.is_some() {
            found = found.with_baggage(read_baggage(Some(baggage)));
        }
    }
    if found.span_context().is_valid() {
        let span = PySpan::remote(py, api, found, baggage.map(Bound::into_any))?;
        made.set_item(api.span_key.bind(py), span)?;
    }
    Ok(made.into_any())
}

/// The baggage of a context as the API has it, on top of what there was before.
fn baggage_dict<'py>(
    py: Python<'py>,
    context: &Context,
    before: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let before = before.and_then(|before| before.cast::<PyDict>().ok());
    let dict = match before {
        Some(before) => before.copy()?,
        None if context.baggage().is_empty() => return Ok(None),
        None => PyDict::new(py),
    };
    for entry in context.baggage().iter() {
        dict.set_item(entry.key, entry.value)?;
    }
    Ok(Some(dict))
}

/// The names of the headers that the formats in use write.
#[pyfunction]
pub(crate) fn propagated_fields() -> Vec<String> {
    let mut baggage = Baggage::new();
    let _fits = baggage.insert(SAMPLE, SAMPLE).is_ok();
    let flags = TraceFlags::SAMPLED;
    let state = format!("{SAMPLE}=1").parse().unwrap_or_default();
    let span = SpanContext::new(TraceId::from(1), SpanId::from(1), flags, true, state);
    let context = Context::root()
        .with_remote_span_context(span)
        .with_baggage(baggage);
    let mut carrier = Carrier::new();
    inject_context(&context, &mut carrier);
    let names = carrier.iter().map(|(name, _)| name.to_owned());
    // Jaeger has a header for each entry of the baggage.
    names.filter(|name| !name.contains(SAMPLE)).collect()
}

const SAMPLE: &str = "any-key";

/// Trace id, span id, `traceparent` and `tracestate` of the current span; `None` without one.
#[pyfunction]
pub(crate) fn current_ids(py: Python<'_>) -> PyResult<Option<(String, String, String, String)>> {
    let found = with_current(py, None, |context| {
        let identity = context.span_context();
        identity.is_valid().then(|| {
            (
                identity.trace_id().to_string(),
                identity.span_id().to_string(),
                with_context(context, get_traceparent).unwrap_or_default(),
                identity.trace_state().header().to_owned(),
            )
        })
    })?;
    Ok(found.flatten())
}

/// The current span, as an object of the API; `None` where there is none of ours.
#[pyfunction]
pub(crate) fn current_span(py: Python<'_>) -> PyResult<Option<Bound<'_, PyAny>>> {
    let Some(api) = Api::get(py) else {
        return Ok(None);
    };
    let context = api.current(py)?;
    context.get_item(api.span_key.bind(py))
}

/// Sets a baggage entry, or with `None` removes it, until the scope that is open ends.
#[pyfunction]
pub(crate) fn set_baggage(
    py: Python<'_>,
    key: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let Some(api) = Api::get(py) else {
        return Ok(());
    };
    let context = api.current(py)?;
    let before = context.get_item(api.baggage_key.bind(py))?;
    let baggage = match before
        .as_ref()
        .and_then(|before| before.cast::<PyDict>().ok())
    {
        Some(before) => before.copy()?,
        None => PyDict::new(py),
    };
    if value.is_none() {
        let _was_not_there = baggage.del_item(text(key)).is_err();
    } else {
        baggage.set_item(text(key), text(value))?;
    }
    let changed = api.context_with(&context, &api.baggage_key, &baggage)?;
    api.attach(&changed)?;
    Ok(())
}
