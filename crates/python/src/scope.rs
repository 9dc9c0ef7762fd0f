//! [`Scope`]: the object that `start_as_current_span` and every `trace_…` helper return.
//!
//! Position: a context manager around [`Work`]: enters by starting the span and making it current,
//! leaves by noting what escaped, putting back what was current before, and ending the span.
//!
//! Invariants:
//! - the span starts at the entry, so that a scope that is only a decorator starts none;
//! - leaving never raises, and ends the span even in a `contextvars.Context` of somebody else;
//! - what was changed in the context inside, such as baggage, ends with the scope;
//! - the collector does not look into a scope: PyO3's freelist, which makes scopes cheap, hands out
//!   objects that it would not know.

use crate::{
    context::{given_or_current, with_parent},
    exception::{self, Outcome},
    meter::{self, Operation},
    opentelemetry::Api,
    propagation,
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
#[pyclass(
    frozen,
    freelist = 16,
    name = "SpanScope",
    module = "continuum.observability._native"
)]
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
    /// The span is current.
    Current(Entry),
    /// A generator is between two steps; the context is kept for the next one.
    Aside(Py<PyDict>),
}

/// How a span became the current one.
#[derive(Debug)]
struct Entry {
    /// Leads back.
    token: Py<PyAny>,
    /// The context that was made for it.
    context: Option<Py<PyDict>>,
}

impl Entry {
    /// Puts back what was current before.
    #[inline]
    fn leave(self, py: Python<'_>, api: &Api, span: &Bound<'_, PySpan>) {
        api.detach(py, &self.token, span);
        // It holds the context before.
        drop(self.token);
        if let Some(context) = self.context {
            api.give_back(context.into_bound(py));
        }
    }
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

    /// Takes the entry that is left.
    #[inline]
    fn leave(&self, py: Python<'_>) -> Option<Open> {
        let mut open = self.open();
        if open.as_ref()?.outer.is_none() {
            return open.take();
        }
        drop(open);
        self.leave_one_of_several(py)
    }

    /// Tasks may share a scope: the one whose span is the current one is left, else the innermost.
    #[cold]
    fn leave_one_of_several(&self, py: Python<'_>) -> Option<Open> {
        let current = propagation::current_span(py).ok().flatten();
        let is_left = |entry: &Open| current.as_ref().is_none_or(|span| entry.span.is(span));
        let mut open = self.open();
        let mut top = open.take()?;
        let left = if is_left(&top) {
            None
        } else {
            take_outer(&mut top.outer, is_left)
        };
        if left.is_some() {
            *open = Some(top);
            return left;
        }
        *open = top.outer.take().map(|outer| *outer);
        Some(top)
    }

    #[inline]
    fn start<'py>(&self, py: Python<'py>, api: &Api) -> PyResult<(Bound<'py, PySpan>, Entry)> {
        let context = self.context.as_ref().map(|context| context.bind(py));
        let base = given_or_current(py, api, context)?;
        let (span, baggage) = with_parent(api, &base, |parent| {
            (self.work.start(py, &parent.context), parent.baggage)
        });
        let span = PySpan::started(py, api, span, baggage, self.outcome)?;
        let inside = api.context_of(&base, &span)?;
        let entry = Entry {
            token: api.attach(&inside)?,
            context: Some(inside.unbind()),
        };
        Ok((span, entry))
    }

    /// Notes what escaped, puts back what was current before, and ends the span.
    #[inline]
    fn finish(
        &self,
        span: &Bound<'_, PySpan>,
        entry: Option<Entry>,
        began: Option<Instant>,
        exception: &Bound<'_, PyAny>,
    ) {
        let py = exception.py();
        let mut failed = exception::is_failure(exception);
        let state = span.get().state();
        if let Some(state) = state {
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
        if let (Some(entry), Some(api)) = (entry, Api::get(py)) {
            entry.leave(py, api, span);
        }
        if let Some(state) = state.filter(|_| self.ends) {
            state.end(py, None);
        }
        if let (Some(operation), Some(began)) = (self.work.operation(), began) {
            meter::measured(py, operation, began.elapsed(), failed);
        }
    }
}

/// Takes an entry out of those below the top.
fn take_outer(outer: &mut Option<Box<Open>>, wanted: impl Fn(&Open) -> bool) -> Option<Open> {
    let mut link = outer;
    while link.as_ref().is_some_and(|entry| !wanted(entry)) {
        link = &mut link.as_mut()?.outer;
    }
    let mut found = link.take()?;
    *link = found.outer.take();
    Some(*found)
}

#[pymethods]
impl Scope {
    #[inline]
    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PySpan>> {
        let Some(api) = Api::get(py) else {
            return Bound::new(py, PySpan::default());
        };
        let (span, entry) = self.start(py, api)?;
        let mut open = self.open();
        let outer = open.take().map(Box::new);
        *open = Some(Open {
            span: span.clone().unbind(),
            place: Place::Current(entry),
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
        let py = exception.py();
        if let Some(left) = self.leave(py) {
            let entry = match left.place {
                Place::Current(entry) => Some(entry),
                Place::Aside(_) => None,
            };
            self.finish(left.span.bind(py), entry, left.began, exception);
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
        let Some((span, entry)) = started else {
            return function.call(arguments, Some(named));
        };
        let began = self.work.operation().map(|_| Instant::now());
        let result = function.call(arguments, Some(named));
        let exception = match &result {
            Ok(_) => py.None(),
            // With its traceback, which lies beside it before Python 3.12.
            Err(error) => error.clone_ref(py).into_value(py).into_any(),
        };
        self.finish(&span, Some(entry), began, exception.bind(py));
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
        let entry = match &mut *self.open() {
            Some(open) => match std::mem::replace(&mut open.place, Place::Aside(context)) {
                Place::Current(entry) => Some((entry, open.span.clone_ref(py))),
                Place::Aside(_) => None,
            },
            None => None,
        };
        if let Some((entry, span)) = entry {
            entry.leave(py, api, span.bind(py));
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
                // The context was changed inside, or is held by somebody: it is not to be used again.
                open.place = Place::Current(Entry {
                    token,
                    context: None,
                });
            }
        }
        Ok(())
    }
}
