//! The call site of a traced function or of `span!`: all that is the same in each of its spans.
//!
//! Position: a static in the code that the macros write; starts the span of each call.
//!
//! Invariants:
//! - what only the running program knows is found out at the first call, without a lock: a fork could
//!   find it held for ever;
//! - an attribute of `#[trace_function]` whose expression panics is left out, with the other computed ones; in
//!   `span!`, whose values are code of the caller's, the panic goes on;
//! - nothing is allocated from the second call on.

use super::{Entry, function_name::function_name};
use crate::{
    context::Context,
    recorder::AtomicStatic,
    semconv::attribute,
    span::{InstrumentationScope, Span, SpanKind, Template, Value, start::Start},
};
use std::{
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Everything about the spans of a place in the code that is known when it is compiled.
#[derive(Debug)]
pub struct CallSite {
    /// The name of the instrumentation scope.
    pub tracer: &'static str,
    /// The name of the span.
    pub name: &'static str,
    /// The kind of the span.
    pub kind: SpanKind,
    /// The attributes whose values are literals.
    pub attributes: &'static [(&'static str, Value<'static>)],
    /// The keys of the others, in the order in which their values are given.
    pub computed: &'static [&'static str],
    /// The path of a type inside of the function, if the function's name becomes an attribute.
    pub inside: Option<fn() -> &'static str>,
    /// Whether a failure adds an exception event.
    pub record_exception: bool,
    /// What is found out at the first call.
    pub found: Found,
}

/// What the running program knows about a call site.
#[derive(Debug)]
pub struct Found(AtomicStatic<Site>);

impl Found {
    /// Nothing yet.
    #[expect(
        clippy::new_without_default,
        reason = "for a static, by the macro alone"
    )]
    pub const fn new() -> Self {
        Self(AtomicStatic::none())
    }
}

#[derive(Debug)]
struct Site {
    /// The number of the instrumentation scope.
    scope: u32,
    /// The attributes that are the same at each call, and the keys of the computed ones.
    template: Template,
}

impl CallSite {
    /// Starts the span of a call; `computed` gives the attributes that are not the same at each.
    #[inline]
    pub fn start<'a, const COMPUTED: usize>(
        &self,
        computed: impl FnOnce() -> [(&'static str, Value<'a>); COMPUTED],
    ) -> Entry {
        let span = if Start::is_idle() {
            Span::default()
        } else if COMPUTED == 0 {
            self.span(None, &[])
        } else {
            match catch_unwind(AssertUnwindSafe(computed)) {
                Ok(computed) => self.span_with(None, computed),
                Err(_) => self.span(None, &[]),
            }
        };
        Entry {
            span,
            record_exception: self.record_exception,
        }
    }

    /// Whether a span under the current context is nothing, so that its attributes need no values.
    #[inline]
    pub fn is_idle() -> bool {
        Start::is_idle()
    }

    /// Starts a span; `computed` are the attributes that are not literals.
    #[inline]
    pub fn span_with<const COMPUTED: usize>(
        &self,
        parent: Option<&Context>,
        computed: [(&'static str, Value<'_>); COMPUTED],
    ) -> Span {
        // Mostly there is nothing to drop, which is found out faster for all than for each.
        let computed = ManuallyDrop::new(computed);
        let span = self.span(parent, &*computed);
        if computed.iter().any(|(_, value)| value.owns_memory()) {
            drop(ManuallyDrop::into_inner(computed));
        }
        span
    }

    fn span(&self, parent: Option<&Context>, computed: &[(&str, Value<'_>)]) -> Span {
        let site = self.site();
        let start = Start {
            kind: self.kind,
            attributes: computed,
            template: Some(&site.template),
            ..Start::plain(site.scope, self.name)
        };
        start.span_under(parent)
    }

    #[inline]
    fn site(&self) -> &'static Site {
        self.found.0.get().unwrap_or_else(|| self.find_out())
    }

    /// Kept for ever, as the call site is.
    #[cold]
    fn find_out(&self) -> &'static Site {
        let mut fixed = self.attributes.to_vec();
        if let Some(inside) = self.inside {
            let name: &'static str = function_name(inside()).leak();
            fixed.push((attribute::CODE_FUNCTION_NAME, name.into()));
        }
        let scope = InstrumentationScope::intern(self.tracer, "", "");
        let site = Site {
            scope,
            template: Template::new(fixed, self.computed),
        };
        self.found.0.get_or_set(Box::leak(Box::new(site)))
    }
}
