//! Exceptions: as events, and as the outcome of a scope that they leave.
//!
//! Position: used by `Span.record_exception` and by every scope's `__exit__`.
//!
//! Invariants: the exception itself is not touched; a status that somebody has set stays; code of
//! the user's that raises while it is shown leaves its attribute out.
//!
//! Source: OpenTelemetry semantic conventions, "Exceptions on spans".

use crate::{
    raised,
    state::State,
    value::{Attributes, borrowed, shown},
};
use continuum_observability::{SpanRef, Status, Value};
use pyo3::{
    exceptions::{PyException, PyGeneratorExit, PySystemExit},
    prelude::*,
};
use std::borrow::Cow;

/// What a cancelled task's span ends with, as in Rust.
const CANCELLED: &str = "cancelled";

/// Adds an `exception` event.
pub(crate) fn record(
    view: &SpanRef,
    exception: &Bound<'_, PyAny>,
    more: Option<&Bound<'_, PyAny>>,
    unix_nanos: Option<u64>,
) {
    if !view.is_recording() {
        return;
    }
    let more = Attributes::of(more);
    let mut pairs: Vec<(Cow<'_, str>, Value<'_>)> =
        vec![("exception.type".into(), type_name(exception).into())];
    if let Some(message) = shown(exception) {
        pairs.push(("exception.message".into(), message.into()));
    }
    if let Some(trace) = stack_trace(exception) {
        pairs.push(("exception.stacktrace".into(), trace.into()));
    }
    pairs.extend(more.pairs());
    match unix_nanos {
        Some(time) => view.add_event_at("exception", time, &borrowed(&pairs)),
        None => view.add_event("exception", &borrowed(&pairs)),
    }
}

/// What an exception that leaves a scope does to the span.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) record_exception: bool,
    pub(crate) set_status: bool,
    /// Whether the status says the type before the message.
    pub(crate) names_type: bool,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            record_exception: true,
            set_status: true,
            names_type: false,
        }
    }
}

/// Whether `exception`, which leaves a scope, is a failure; `None` is no exception.
pub(crate) fn is_failure(exception: &Bound<'_, PyAny>) -> bool {
    !exception.is_none() && !is_no_failure(exception)
}

/// Notes that `exception` leaves a scope; `None` is no exception.
pub(crate) fn escaped(state: &State, exception: &Bound<'_, PyAny>, outcome: Outcome) {
    if !is_failure(exception) || !state.view().is_recording() {
        return;
    }
    if is_cancellation(exception) {
        state.view().add_event(CANCELLED, &[]);
        if outcome.set_status && !state.has_status() {
            state.set_status(Status::error(CANCELLED));
        }
        return;
    }
    if outcome.record_exception {
        state.record_once(exception);
    }
    if outcome.set_status && !state.has_status() {
        state.set_status(Status::error(description(exception, outcome.names_type)));
    }
}

fn description(exception: &Bound<'_, PyAny>, names_type: bool) -> String {
    let text = shown(exception).filter(|text| !text.is_empty());
    if names_type {
        let name = exception.get_type().name();
        let name = name.map_or_else(
            |_| String::new(),
            |name| name.to_string_lossy().into_owned(),
        );
        return format!("{name}: {}", text.unwrap_or_default());
    }
    text.unwrap_or_else(|| type_name(exception))
}

/// A generator that is closed early, and a program that ends well.
fn is_no_failure(exception: &Bound<'_, PyAny>) -> bool {
    if exception.is_instance_of::<PyException>() {
        return false;
    }
    let succeeded = || {
        let code = exception.getattr("code").ok();
        code.is_some_and(|code| code.is_none() || code.extract::<i64>().is_ok_and(|code| code == 0))
    };
    exception.is_instance_of::<PyGeneratorExit>()
        || exception.is_instance_of::<PySystemExit>() && succeeded()
}

/// The cancellation of asyncio, trio, anyio.
fn is_cancellation(exception: &Bound<'_, PyAny>) -> bool {
    let name = || exception.get_type().name().ok();
    let is = |name: Bound<'_, _>| name == "CancelledError" || name == "Cancelled";
    !exception.is_instance_of::<PyException>() && name().is_some_and(is)
}

/// The qualified name of the type; without the module for built-in ones.
fn type_name(exception: &Bound<'_, PyAny>) -> String {
    let class = exception.get_type();
    let part = |name| {
        class
            .getattr(name)
            .and_then(|part| part.extract::<String>())
    };
    let name = part("__qualname__").unwrap_or_default();
    match part("__module__") {
        Ok(module) if module != "builtins" => format!("{module}.{name}"),
        _ => name,
    }
}

fn stack_trace(exception: &Bound<'_, PyAny>) -> Option<String> {
    let module = exception.py().import("traceback").ok()?;
    let lines = module.call_method1("format_exception", (exception,));
    let lines = raised::answer(exception.py(), lines)?;
    let lines: Vec<String> = lines.extract().ok()?;
    Some(lines.concat())
}
