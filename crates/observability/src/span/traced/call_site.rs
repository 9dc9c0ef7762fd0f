//! The call site of a traced function: all that is the same at each call.
//!
//! Position: a static in the code that the macro writes; starts the span of each call.
//!
//! Invariants:
//! - what only the running program knows is found out at the first call, without a lock: a fork could
//!   find it held for ever;
//! - an attribute whose expression panics is left out, with the other computed ones;
//! - nothing is allocated from the second call on.

use super::{Entry, function_name::function_name};
use crate::{
    recorder::AtomicStatic,
    semconv::attribute,
    span::{InstrumentationScope, Span, SpanKind, Template, Value, start::Start},
};
use std::{
    array,
    panic::{AssertUnwindSafe, catch_unwind},
};

/// Everything about a traced function that is known when it is compiled; one static for each.
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
    /// The attributes that are the same at each call.
    fixed: Vec<(&'static str, Value<'static>)>,
    /// These, encoded.
    template: Option<Template>,
}

impl CallSite {
    /// Starts a span at this call site; `computed` gives the attributes that are not the same at each
    /// call, with which there are `ALL`.
    #[inline]
    pub fn start<'a, const ALL: usize, const COMPUTED: usize>(
        &self,
        computed: impl FnOnce() -> [(&'static str, Value<'a>); COMPUTED],
    ) -> Entry {
        let span = if Start::is_idle() {
            Span::default()
        } else if COMPUTED == 0 {
            let site = self.site();
            self.start_with(site, &site.fixed)
        } else {
            self.start_computed::<ALL, COMPUTED>(computed)
        };
        Entry {
            span,
            record_exception: self.record_exception,
        }
    }

    fn start_computed<'a, const ALL: usize, const COMPUTED: usize>(
        &self,
        computed: impl FnOnce() -> [(&'static str, Value<'a>); COMPUTED],
    ) -> Span {
        let site = self.site();
        let Ok(computed) = catch_unwind(AssertUnwindSafe(computed)) else {
            return self.start_with(site, &site.fixed);
        };
        let mut each = site.fixed.iter().cloned().chain(computed);
        let all: [_; ALL] = array::from_fn(|_| each.next().unwrap_or(("", Value::Empty)));
        self.start_with(site, &all)
    }

    #[inline]
    fn start_with(&self, site: &Site, attributes: &[(&str, Value<'_>)]) -> Span {
        let start = Start {
            kind: self.kind,
            attributes,
            template: site.template.as_ref(),
            ..Start::plain(site.scope, self.name)
        };
        start.span()
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
            template: Template::of(&fixed),
            fixed,
        };
        self.found.0.get_or_set(Box::leak(Box::new(site)))
    }
}
