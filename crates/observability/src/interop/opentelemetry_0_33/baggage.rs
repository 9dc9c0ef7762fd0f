//! One baggage for both sides, in the form that each of them has for it.
//!
//! Position: asked by `bridge` where a context goes from one stack to the other, and by the propagator.
//!
//! Invariants:
//! - what became of a native baggage comes back as that very one, so that nothing is lost on the way which
//!   the API's has no place for: the order, names that are no tokens;
//! - what an API context holds beside it is no more than the baggage of one other, however long the chain of
//!   contexts that were made of each other;
//! - an API context that leaves the baggage of the one before it alone leaves the native one alone too.

use crate::Baggage;
use opentelemetry::{
    Context as ApiContext,
    baggage::{Baggage as ApiBaggage, BaggageExt as _},
    trace::{SpanContext, TraceContextExt as _},
};
use std::ptr;

/// Kept in an API context: the native baggage that its own was made of, if it was made of one.
#[derive(Debug)]
struct Translation(Option<MadeOf>);

#[derive(Debug)]
struct MadeOf {
    native: Baggage,
    /// Holds what was made of it, so that nothing else comes to lie in its place.
    made: ApiContext,
}

/// `api` with `native` as its baggage.
pub(super) fn with_baggage(api: ApiContext, native: &Baggage) -> ApiContext {
    if (native.is_empty() && api.baggage().is_empty())
        || made_of(&api).is_some_and(|known| known.is_same(native))
    {
        return api;
    }
    // Without a span, which may be waiting for its end, and without a translation before this one.
    let api = api
        .with_value(Translation(None))
        .with_baggage(translated(native));
    let made = api.with_remote_span_context(SpanContext::NONE);
    api.with_value(Translation(Some(MadeOf {
        native: native.clone(),
        made,
    })))
}

/// The baggage of an API context; `None` where it is that of `before`, the one that it follows.
pub(super) fn changed_baggage(api: &ApiContext, before: &ApiContext) -> Option<Baggage> {
    (!ptr::eq(api.baggage(), before.baggage())).then(|| baggage(api))
}

/// The baggage of an API context.
pub(super) fn baggage(api: &ApiContext) -> Baggage {
    match made_of(api) {
        Some(native) => native.clone(),
        None => native(api.baggage()),
    }
}

/// The native baggage that the API's was made of, if that was not changed since.
fn made_of(api: &ApiContext) -> Option<&Baggage> {
    let Translation(known) = api.get()?;
    let known = known.as_ref()?;
    ptr::eq(known.made.baggage(), api.baggage()).then_some(&known.native)
}

fn translated(native: &Baggage) -> ApiBaggage {
    let mut translated = ApiBaggage::new();
    for entry in native.iter() {
        let (key, value) = (entry.key.to_owned(), entry.value.to_owned());
        // The API refuses a name that is no token.
        let _before = translated.insert_with_metadata(key, value, entry.metadata);
    }
    translated
}

/// Members that do not fit are left out; the API keeps none of the order, so that it is made one.
fn native(api: &ApiBaggage) -> Baggage {
    let mut members: Vec<_> = api.iter().collect();
    members.sort_by_key(|(key, _)| key.as_str());
    let mut native = Baggage::new();
    for (key, (value, metadata)) in members {
        let set = native.insert_with_metadata(key.as_str(), value.as_str(), metadata.as_str());
        let _refused = set.is_err();
    }
    native
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::KeyValue;

    #[test]
    fn what_comes_to_lie_where_a_translation_was_is_not_taken_for_it() {
        let mut native = Baggage::new();
        native.insert("user", "ann").unwrap();
        let user = |name: &'static str| [KeyValue::new("user", name)];
        for _ in 0..100 {
            let derived = with_baggage(ApiContext::new(), &native).with_baggage(user("bob"));
            let later: Vec<_> = (0..16).map(|_| derived.with_baggage(user("eve"))).collect();
            for context in later {
                assert_eq!(baggage(&context).get("user"), Some("eve"));
            }
        }
    }
}
