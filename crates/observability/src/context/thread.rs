//! Work for other threads, with the context carried over.
//!
//! Position: around a closure that `std::thread`, a scope of threads or a pool is given.

use super::{Context, with_context};

/// Wraps a closure so that it runs in the context that is current now, wherever it runs.
///
/// A thread starts without a context; this carries it over, for every kind of spawn function.
///
/// ```
/// use continuum_observability::{get_tracer, in_current_context, testing::TestRecorder};
/// use std::thread;
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     tracer.in_scope("recall", |_| {
///         let embed = in_current_context(|| tracer.in_scope("embed", |_| ()));
///         thread::scope(|threads| drop(threads.spawn(embed)));
///     });
/// });
/// assert_eq!(recorder.tree(), "recall\n  embed\n");
/// ```
pub fn in_current_context<R, F: FnOnce() -> R>(work: F) -> impl FnOnce() -> R + use<R, F> {
    let context = Context::current();
    move || with_context(&context, work)
}
