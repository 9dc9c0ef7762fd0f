//! One baggage for both sides, in the form that each of them has for it.
//!
//! Position: asked by `bridge` where a context goes from one stack to the other, and by the propagator.
//!
//! Invariants:
//! - what became of a native baggage comes back as that very one, so that nothing is lost on the way which
//!   the API's has no place for: the order, names that are no tokens;
//! - an API context that leaves the baggage of the one before it alone leaves the native one alone too.

use crate::Baggage;
use opentelemetry::{
    Context as ApiContext,
    baggage::{Baggage as ApiBaggage, BaggageExt as _},
};
use std::ptr;

/// Kept in an API context: the native baggage that its own was made of.
#[derive(Debug)]
struct MadeOf {
    native: Baggage,
    /// Where the API's lies, as it was made.
    made: usize,
}

/// `api` with `native` as its baggage.
pub(super) fn with_baggage(api: ApiContext, native: &Baggage) -> ApiContext {
    if (native.is_empty() && api.baggage().is_empty())
        || made_of(&api).is_some_and(|known| known.is_same(native))
    {
        return api;
    }
    let api = api.with_baggage(translated(native));
    let made = address(&api);
    api.with_value(MadeOf {
        native: native.clone(),
        made,
    })
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
    let known = api.get::<MadeOf>()?;
    (known.made == address(api)).then_some(&known.native)
}

fn address(api: &ApiContext) -> usize {
    ptr::from_ref(api.baggage()).addr()
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
