//! What a function returns, as far as it can be seen in its signature.
//!
//! Position: signature → **returned** → [`crate::expand`].
//!
//! Invariant: only what is written is believed: `impl Future`, `impl Stream`, their pinned boxes
//! and the names that the `futures` crates give to these. An alias of one's own is a plain value.

use syn::{
    GenericArgument, PathArguments, PathSegment, ReturnType, Type, TypeParamBound, parse_quote,
    punctuated::Punctuated,
    token::Plus,
    visit_mut::{self, VisitMut},
};

/// What the span lasts for.
pub(crate) enum Returned<'a> {
    /// Nothing that could be a failure: `()` or `!`.
    Nothing,
    /// A value that is there when the function returns.
    Value,
    /// A future; the span lasts until it is done.
    Future {
        boxed: bool,
        /// What it resolves to, where that is written.
        output: Option<&'a Type>,
    },
    /// A stream; the span lasts until it is exhausted.
    Stream {
        boxed: bool,
        /// What its items are, where that is written.
        item: Option<&'a Type>,
    },
}

/// Reads a return type.
pub(crate) fn classify(output: &ReturnType) -> Returned<'_> {
    let ReturnType::Type(_, ty) = output else {
        return Returned::Nothing;
    };
    match bare(ty) {
        Type::Tuple(tuple) if tuple.elems.is_empty() => Returned::Nothing,
        Type::Never(_) => Returned::Nothing,
        Type::ImplTrait(opaque) => of_bounds(&opaque.bounds, false),
        Type::Path(path) => path.path.segments.last().map_or(Returned::Value, of_name),
        _ => Returned::Value,
    }
}

/// The type without the parentheses and invisible groups around it.
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(inner) => bare(&inner.elem),
        Type::Group(inner) => bare(&inner.elem),
        other => other,
    }
}

fn of_bounds(bounds: &Punctuated<TypeParamBound, Plus>, boxed: bool) -> Returned<'_> {
    let traits = bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last(),
        _ => None,
    });
    for name in traits {
        if name.ident == "Future" {
            let output = associated(name, "Output");
            return Returned::Future { boxed, output };
        }
        if name.ident == "Stream" {
            let item = associated(name, "Item");
            return Returned::Stream { boxed, item };
        }
    }
    Returned::Value
}

/// `Pin<Box<dyn Future>>` and what the `futures` crates call it.
fn of_name(name: &PathSegment) -> Returned<'_> {
    let boxed = true;
    match name.ident.to_string().as_str() {
        "Pin" => match argument(name).map(bare) {
            Some(Type::Path(path)) => path.path.segments.last().map_or(Returned::Value, of_box),
            _ => Returned::Value,
        },
        "BoxFuture" | "LocalBoxFuture" => Returned::Future {
            boxed,
            output: argument(name),
        },
        "BoxStream" | "LocalBoxStream" => Returned::Stream {
            boxed,
            item: argument(name),
        },
        _ => Returned::Value,
    }
}

fn of_box(name: &PathSegment) -> Returned<'_> {
    match argument(name).map(bare) {
        Some(Type::TraitObject(object)) if name.ident == "Box" => of_bounds(&object.bounds, true),
        _ => Returned::Value,
    }
}

/// The first type in the angle brackets.
fn argument(name: &PathSegment) -> Option<&Type> {
    arguments(name).find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn associated<'a>(name: &'a PathSegment, wanted: &str) -> Option<&'a Type> {
    arguments(name).find_map(|argument| match argument {
        GenericArgument::AssocType(found) if found.ident == wanted => Some(&found.ty),
        _ => None,
    })
}

fn arguments(name: &PathSegment) -> impl Iterator<Item = &GenericArgument> {
    match &name.arguments {
        PathArguments::AngleBracketed(brackets) => Some(&brackets.args),
        _ => None,
    }
    .into_iter()
    .flatten()
}

/// The type with `_` for every `impl Trait` in it, which may not be written inside of a body.
pub(crate) fn without_impl_trait(mut ty: Type) -> Type {
    Erase.visit_type_mut(&mut ty);
    ty
}

struct Erase;

impl VisitMut for Erase {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if matches!(ty, Type::ImplTrait(_)) {
            *ty = parse_quote!(_);
        } else {
            visit_mut::visit_type_mut(self, ty);
        }
    }
}
