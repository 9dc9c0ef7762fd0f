//! Python objects as attribute keys and values, and as other text.
//!
//! Position: below everything that takes attributes; borrows text from Python where it can.
//!
//! Invariants: nothing here raises; what has no counterpart is recorded as its `str()`, and what
//! has no text either is left out.

use crate::raised;
use continuum_observability::Value;
use pyo3::{
    prelude::*,
    types::{
        PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PySequence,
        PyString, PyTuple,
    },
};
use std::{borrow::Cow, convert::Infallible};

/// Arrays and maps are followed this deep, as the recorder does.
const MAX_DEPTH: usize = 8;

/// Sequences other than lists and tuples are recorded as such up to this length, longer ones as text.
const MAX_MEMBERS: usize = 1_000;

/// Any object as text; none of `None`.
#[derive(Debug, Clone)]
pub(crate) struct Text(pub(crate) String);

impl<'a, 'py> FromPyObject<'a, 'py> for Text {
    type Error = Infallible;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        if object.is_none() {
            return Ok(Self(String::new()));
        }
        Ok(Self(text(&object).into_owned()))
    }
}

/// A whole number from 0 on; nothing else is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count(Option<usize>);

impl Count {
    /// A default, or what a call says.
    pub(crate) const fn new(count: usize) -> Self {
        Self(Some(count))
    }

    pub(crate) fn get(self) -> Option<usize> {
        self.0
    }

    /// The number, or what counts in place of anything else.
    pub(crate) fn or(self, otherwise: usize) -> usize {
        self.0.unwrap_or(otherwise)
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Count {
    type Error = Infallible;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        let converted = || {
            let int = object.py().get_type::<PyInt>();
            raised::answer(object.py(), int.call1((object,)))?
                .extract()
                .ok()
        };
        if object.is_none() {
            return Ok(Self(None));
        }
        Ok(Self(object.extract().ok().or_else(converted)))
    }
}

/// The truth of any object, as `if` sees it; what raises is true, as all defaults are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Truth(pub(crate) bool);

impl<'a, 'py> FromPyObject<'a, 'py> for Truth {
    type Error = Infallible;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Infallible> {
        Ok(Self(
            raised::answer(object.py(), object.is_truthy()).unwrap_or(true),
        ))
    }
}

/// The object as text; lone surrogates, and bytes that are no UTF-8, become U+FFFD.
pub(crate) fn text<'a>(object: &'a Bound<'_, PyAny>) -> Cow<'a, str> {
    if let Ok(string) = object.cast::<PyString>() {
        return string.to_string_lossy();
    }
    match object.cast::<PyBytes>() {
        Ok(bytes) => String::from_utf8_lossy(bytes.as_bytes()),
        Err(_) => shown(object).unwrap_or_default().into(),
    }
}

/// What `str()` says; `None` where it raises.
pub(crate) fn shown(object: &Bound<'_, PyAny>) -> Option<String> {
    let string = raised::answer(object.py(), object.str())?;
    Some(string.to_string_lossy().into_owned())
}

/// The value of an attribute; `None` for what is left out, such as Python's `None`.
pub(crate) fn value<'a>(object: &'a Bound<'_, PyAny>) -> Option<Value<'a>> {
    if let Ok(string) = object.cast_exact::<PyString>() {
        return Some(Value::Str(string.to_string_lossy()));
    }
    number(object).or_else(|| owned(object, 0))
}

/// `bool` first: it is an `int` too.
fn number(object: &Bound<'_, PyAny>) -> Option<Value<'static>> {
    if let Ok(bool) = object.cast_exact::<PyBool>() {
        return Some(Value::Bool(bool.is_true()));
    }
    if object.cast_exact::<PyInt>().is_ok() {
        return object.extract().ok().map(Value::I64);
    }
    let float = object.cast_exact::<PyFloat>().ok()?;
    Some(Value::F64(float.value()))
}

fn owned(object: &Bound<'_, PyAny>, depth: usize) -> Option<Value<'static>> {
    if object.is_none() || depth > MAX_DEPTH {
        return (depth > 0).then_some(Value::Empty);
    }
    if let Some(number) = number(object) {
        return Some(number);
    }
    if let Ok(string) = object.cast::<PyString>() {
        return Some(Value::from(string.to_string_lossy().into_owned()));
    }
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Some(Value::Bytes(Cow::Owned(bytes.as_bytes().to_vec())));
    }
    if let Ok(bytes) = object.cast::<PyByteArray>() {
        return Some(Value::Bytes(Cow::Owned(bytes.to_vec())));
    }
    collection(object, depth).or_else(|| converted(object))
}

fn collection(object: &Bound<'_, PyAny>, depth: usize) -> Option<Value<'static>> {
    let member = |item: Bound<'_, PyAny>| owned(&item, depth + 1).unwrap_or(Value::Empty);
    if let Ok(list) = object.cast::<PyList>() {
        return Some(Value::Array(list.iter().map(member).collect()));
    }
    if let Ok(tuple) = object.cast::<PyTuple>() {
        return Some(Value::Array(tuple.iter().map(member).collect()));
    }
    let entry = |(key, item): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        (Cow::Owned(text(&key).into_owned()), member(item))
    };
    let map = |entries: Entries<'_>| Some(Value::Map(entries.into_iter().map(entry).collect()));
    if let Ok(dict) = object.cast::<PyDict>() {
        // A copy: the user's `str()` of a member may change what it is in.
        return map(dict.iter().collect());
    }
    if let Ok(mapping) = object.cast::<PyMapping>() {
        return map(entries(mapping));
    }
    let sequence = object.cast::<PySequence>().ok()?;
    // What is made when it is asked for may be without bounds.
    if raised::answer(object.py(), sequence.len())? > MAX_MEMBERS {
        return None;
    }
    let items = raised::answer(object.py(), sequence.to_list())?;
    Some(Value::Array(items.iter().map(member).collect()))
}

/// Keys and values of a mapping that is no `dict`; none where it cannot tell.
fn entries<'py>(mapping: &Bound<'py, PyMapping>) -> Entries<'py> {
    let items = raised::answer(mapping.py(), mapping.items());
    let pair = |item: Bound<'py, PyAny>| item.extract().ok();
    items.iter().flatten().filter_map(pair).collect()
}

/// Numbers of other types, such as `NumPy`'s, by what they convert to; anything else as text.
fn converted(object: &Bound<'_, PyAny>) -> Option<Value<'static>> {
    let py = object.py();
    let has = |name: &str| raised::answer(py, object.hasattr(name)).unwrap_or(false);
    if has("dtype")
        && let Some(truth) = truth(object)
    {
        return Some(Value::Bool(truth));
    }
    let is_int = object.cast::<PyInt>().is_ok();
    if (is_int || has("__index__"))
        && let Some(number) = raised::answer(py, object.extract())
    {
        return Some(Value::I64(number));
    }
    if !is_int
        && has("__float__")
        && let Some(number) = raised::answer(py, object.extract())
    {
        return Some(Value::F64(number));
    }
    shown(object).map(Value::from)
}

/// A truth of `NumPy`'s, which converts to a number as well.
fn truth(object: &Bound<'_, PyAny>) -> Option<bool> {
    let py = object.py();
    let kind = raised::answer(py, object.getattr("dtype"))?;
    let kind = raised::answer(py, kind.getattr("kind"))?;
    let dimensions = raised::answer(py, object.getattr("ndim"))?.extract();
    let is_truth = kind.extract().is_ok_and(|kind: &str| kind == "b")
        && dimensions.is_ok_and(|count: i64| count == 0);
    is_truth.then(|| raised::answer(py, object.is_truthy()))?
}

/// Attributes of a mapping, kept alive while they are borrowed from.
#[derive(Debug, Default)]
pub(crate) struct Attributes<'py>(Entries<'py>);

type Entries<'py> = Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>;

impl<'py> Attributes<'py> {
    /// The entries of a mapping; none of anything else.
    pub(crate) fn of(object: Option<&Bound<'py, PyAny>>) -> Self {
        let Some(object) = object.filter(|object| !object.is_none()) else {
            return Self::default();
        };
        if let Ok(dict) = object.cast::<PyDict>() {
            return Self(dict.iter().collect());
        }
        Self(object.cast::<PyMapping>().map(entries).unwrap_or_default())
    }

    /// Keys with those values that are not left out.
    pub(crate) fn pairs(&self) -> Vec<(Cow<'_, str>, Value<'_>)> {
        let pairs = self.0.iter();
        pairs
            .filter_map(|(key, object)| Some((text(key), value(object)?)))
            .collect()
    }
}

/// The same value, to keep.
pub(crate) fn kept(value: Value<'_>) -> Value<'static> {
    match value {
        Value::Str(text) => Value::Str(Cow::Owned(text.into_owned())),
        Value::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
        Value::Bool(value) => Value::Bool(value),
        Value::I64(value) => Value::I64(value),
        Value::F64(value) => Value::F64(value),
        Value::Array(values) => Value::Array(values.into_iter().map(kept).collect()),
        Value::Map(entries) => {
            let entry =
                |(key, value): (Cow<'_, str>, _)| (Cow::Owned(key.into_owned()), kept(value));
            Value::Map(entries.into_iter().map(entry).collect())
        }
        _ => Value::Empty,
    }
}

/// Borrows keys, as the recorder wants to have them.
pub(crate) fn borrowed<'a>(pairs: &'a [(Cow<'_, str>, Value<'a>)]) -> Vec<(&'a str, Value<'a>)> {
    pairs
        .iter()
        .map(|(key, value)| (key.as_ref(), value.clone()))
        .collect()
}

/// A value as an object of Python; sequences are tuples, as the API has them.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value<'_>) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Str(text) => PyString::new(py, text).into_any(),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::I64(number) => PyInt::new(py, *number).into_any(),
        Value::F64(number) => PyFloat::new(py, *number).into_any(),
        Value::Bytes(bytes) => PyBytes::new(py, bytes).into_any(),
        Value::Array(values) => {
            let values: PyResult<Vec<_>> = values.iter().map(|value| object(py, value)).collect();
            PyTuple::new(py, values?)?.into_any()
        }
        Value::Map(entries) => {
            let map = PyDict::new(py);
            for (key, value) in entries {
                map.set_item(key, object(py, value)?)?;
            }
            map.into_any()
        }
        _ => py.None().into_bound(py),
    })
}
