//! What code of the user's raises while it is asked for telemetry: a `__str__`, a sampler, an observer.
//!
//! Position: around every such call.
//!
//! Invariant: nothing of it reaches the traced code, except an interrupt, which is nobody's to keep.

use pyo3::{exceptions::PyKeyboardInterrupt, prelude::*};

/// The answer, if there is one. An interrupt meanwhile is raised again in the main thread.
pub(crate) fn answer<T>(py: Python<'_>, asked: PyResult<T>) -> Option<T> {
    asked.inspect_err(|error| pass_on(py, error)).ok()
}

/// The items of an iterable. One that raises is the last: there is no end to those of an iterator that fails.
pub(crate) fn items<'py>(
    asked: &Bound<'py, PyAny>,
) -> impl Iterator<Item = Bound<'py, PyAny>> + use<'py> {
    let py = asked.py();
    let items = answer(py, asked.try_iter()).into_iter().flatten();
    items.map_while(move |item| answer(py, item))
}

#[cold]
fn pass_on(py: Python<'_>, error: &PyErr) {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        let module = py.import("_thread");
        let _nobody_handles_it = module
            .and_then(|thread| thread.call_method0("interrupt_main"))
            .is_err();
    }
}
