//! The attribute `#[trace_function]` and the macro `span!` of `continuum-observability`.
//!
//! Use them through that crate, as `continuum_observability::{span, trace_function}`: the code that they write
//! calls that crate, and the versions of the two belong together.
//!
//! Position: above `span::traced` of the SDK, which does the work at run time. A function goes
//! through `arguments`, `function` and `returned`, which read it, and `expand`, which writes it; a span
//! goes through `span`. Both end in a `call_site`.

mod arguments;
mod attribute;
mod call_site;
mod expand;
mod function;
mod returned;
mod span;

use proc_macro::TokenStream;

#[doc = include_str!("trace_function.md")]
#[proc_macro_attribute]
pub fn trace_function(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::trace_function(arguments.into(), &item.into()).into()
}

#[doc = include_str!("span.md")]
#[proc_macro]
pub fn span(call: TokenStream) -> TokenStream {
    span::span(call.into()).into()
}
