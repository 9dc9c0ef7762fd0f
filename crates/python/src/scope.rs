//! [`Scope`]: the object that `start_as_current_span` and every `trace_…` helper return.
//!
//! Position: a context manager around [`Work`]: enters by starting the span and making it current,
//! leaves by noting what escaped, putting back what was current before, and ending the span.
//!
//! Invariants:
//! - the span starts at the entry, so that a scope that is only a decorator starts none;
//! - leaving never raises, and ends the span even in a `contextvars.Context` of somebody else;
//! - what was changed in the context inside, such as baggage, ends with the scope.

use crate::{
    context::{given_or_current, with_parent},
    exception::{self, Outcome},
    meter::{self, Operation},
    opentelemetry::Api,
    span::PySpan,
    work::Work,
};
use continuum_observability::Status;
use pyo3::{
    prelude::*,
    types::{PyDict, PyTuple},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// Opens a span for a `with` block, or for each call of the function that it decorates.
#[pyclass(frozen, name = "SpanScope", module = "continuum.observability._native")]
#[derive(Debug)]
pub(crate) struct Scope {
    work: Work,
    context: Option<Py<PyAny>>,
    outcome: Outcome,
    ends: bool,
    open: Mutex<Option<Open>>,
}

/// An entry that was not left yet.
#[derive(Debug)]
struct Open {
    span: Py<PySpan>,
    place: Place,
    /// When an operation of a layer began.
    began: Option<Instant>,
    /// The entry before, where a scope is entered again inside of itself.
    outer: Option<Box<Self>>,
}

#[derive(Debug)]
enum Place {
    /// The span is current; the token leads back.
    Current(Py<PyAny>),
    /// A generator is between two steps; the context is kept for the next one.
    Aside(Py<PyDict>),
}

impl Scope {
    /// A scope that ends its span, unless `ends` says otherwise.
    pub(crate) fn new(
        work: Work,
        context: Option<Py<PyAny>>,
        outcome: Outcome,
        ends: bool,
    ) -> Self {
        Self {
            work,
            context,
            outcome,
            ends,
            open: Mutex::new(None),
        }
    }

    pub(crate) fn layer(work: Work) -> Self {
        Self::new(work, None, Outcome::default(), true)
    }

    fn open(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leave(&self) -> Option<Open> {
        let mut open = self.open();
        let mut left = open.take()?;
        *open = left.outer.take().map(|outer| *outer);
        Some(left)
    }

    #[inline]
    fn start<'py>(&self, py: Python<'py>, api: &Api) -> PyResult<(Bound<'py, PySpan>, Py<PyAny>)> {
        let context = self.context.as_ref().map(|context| context.bind(py));
        let base = given_or_current(py, api, context)?;
        let (span, baggage) = with_parent(api, &base, |parent| {
            (self.work.start(py, &parent.context), parent.baggage)
        });
        let span = PySpan::started(py, api, span, baggage, self.outcome)?;
        let inside = api.context_with(&base, &api.span_key, &span)?;
        let token = api.attach(&inside)?;
        Ok((span, token))
    }

    /// Notes what escaped, puts back what was current before, and ends the span.
    #[inline]
    fn finish(
        &self,
        span: &PySpan,
        token: Option<Py<PyAny>>,
        began: Option<Instant>,
        exception: &Bound<'_, PyAny>,
    ) {
        let py = exception.py();
        let mut failed = exception::is_failure(exception);
        if let Some(state) = span.state() {
            if !exception.is_none() {
                exception::escaped(state, exception, self.outcome);
            } else if self.work.operation().is_some() && !state.has_status() {
                state.set_status(Status::Ok);
            }
            failed |= state.has_failed();
            if matches!(self.work.operation(), Some(Operation::Transaction)) {
                let committed = exception.is_none() && !failed;
                state.view().transaction_committed(committed);
            }
        }
        if let (Some(token), Some(api)) = (token, Api::get(py)) {
            api.detach(py, token);
        }
        if let Some(state) = span.state().filter(|_| self.ends) {
            state.end(None);
        }
        if let (Some(operation), Some(began)) = (self.work.operation(), began) {
            meter::measured(py, operation, began.elapsed(), failed);
        }
    }
}

#[pymethods]
impl Scope {
    #[inline]
    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySpan>> {
        let Some(api) = Api::get(py) else {
            return Bound::new(py, PySpan::default());
        };
        let (span, token) = self.start(py, api)?;
        let mut open = self.open();
        let outer = open.take().map(Box::new);
        *open = Some(Open {
            span: span.clone().unbind(),
            place: Place::Current(token),
            began: self.work.operation().map(|_| Instant::now()),
            outer,
        });
        Ok(span)
    }

    #[inline]
    fn __exit__(
        &self,
        _kind: &Bound<'_, PyAny>,
        exception: &Bound<'_, PyAny>,
        _traceback: &Bound<'_, PyAny>,
    ) -> bool {
        if let Some(left) = self.leave() {
            let place = match left.place {
                Place::Current(token) => Some(token),
                Place::Aside(_) => None,
            };
            self.finish(left.span.get(), place, left.began, exception);
        }
        false
    }

    /// Calls a function inside of a span, as a `with` block around the call would.
    #[inline]
    fn run<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
        named: &Bound<'py, PyDict>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = function.py();
        let started = Api::get(py).and_then(|api| self.start(py, api).ok());
        let Some((span, token)) = started else {
            return function.call(arguments, Some(named));
        };
        let began = self.work.operation().map(|_| Instant::now());
        let result = function.call(arguments, Some(named));
        let exception = match &result {
            Ok(_) => py.None(),
            // With its traceback, which lies beside it before Python 3.12.
            Err(error) => error.clone_ref(py).into_value(py).into_any(),
        };
        self.finish(span.get(), Some(token), began, exception.bind(py));
        result
    }

    /// Decorates a function: each call, or each run of a coroutine or generator, is a span.
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        function: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let module = slf.py().import("continuum.observability._decorator")?;
        module.call_method1("decorate", (slf, function))
    }

    /// A scope like this one that was not entered.
    fn again(&self, py: Python<'_>) -> Self {
        Self {
            work: self.work.again(py),
            context: self.context.as_ref().map(|context| context.clone_ref(py)),
            outcome: self.outcome,
            ends: self.ends,
            open: Mutex::new(None),
        }
    }

    /// Puts back what was current before, until `resume`.
    fn suspend(&self, py: Python<'_>) -> PyResult<()> {
        let Some(api) = Api::get(py) else {
            return Ok(());
        };
        let context = api.current(py)?.unbind();
        let token = match &mut *self.open() {
            Some(open) => match std::mem::replace(&mut open.place, Place::Aside(context)) {
                Place::Current(token) => Some(token),
                Place::Aside(_) => None,
            },
            None => None,
        };
        if let Some(token) = token {
            api.detach(py, token);
        }
        Ok(())
    }

    /// Makes the span current again, with what was changed inside before.
    fn resume(&self, py: Python<'_>) -> PyResult<()> {
        let Some(api) = Api::get(py) else {
            return Ok(());
        };
        let kept = match &*self.open() {
            Some(Open {
                place: Place::Aside(context),
                ..
            }) => Some(context.clone_ref(py)),
            _ => None,
        };
        if let Some(context) = kept {
            let token = api.attach(context.bind(py))?;
            if let Some(open) = &mut *self.open() {
                open.place = Place::Current(token);
            }
        }
        Ok(())
    }
}
