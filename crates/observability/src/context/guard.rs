//! Scopes for synchronous code: a context attached to the thread, or the thread's own scope.
//!
//! Position: what `Context::attach` and `thread_scope` return; built on [`super::stack`].
//!
//! Invariant: a guard stays on its thread (`!Send`) and may be dropped in any order.

use super::{Context, Position, stack};
use std::marker::PhantomData;

/// Makes a context current until it is dropped.
///
/// Not `Send`, which keeps it out of futures on multi-threaded runtimes. On a single-threaded one
/// the compiler cannot help; this line in `clippy.toml` does:
///
/// ```toml
/// await-holding-invalid-types = ["continuum_observability::ContextGuard", "continuum_observability::SpanGuard"]
/// ```
#[derive(Debug)]
#[must_use = "the context is current only as long as the guard lives"]
pub struct ContextGuard {
    position: Position,
    not_send: PhantomData<*const ()>,
}

impl ContextGuard {
    /// Runs `work` in the scope, and leaves nothing of it on the thread.
    pub(crate) fn run<R>(self, work: impl FnOnce() -> R) -> R {
        struct Leave(Position);
        impl Drop for Leave {
            fn drop(&mut self) {
                stack::leave_forgotten(self.0);
            }
        }
        let _leave = Leave(self.position);
        work()
    }
}

pub(super) fn attach(context: Context) -> ContextGuard {
    ContextGuard {
        position: stack::push(context),
        not_send: PhantomData,
    }
}

impl Drop for ContextGuard {
    #[inline]
    fn drop(&mut self) {
        stack::pop(self.position);
    }
}

/// Opens a scope for the whole thread, so that `set_baggage` has a place to act in.
///
/// For a synchronous `main` or a worker thread of one's own; inherits what is current.
pub fn thread_scope() -> ContextGuard {
    attach(Context::current())
}
