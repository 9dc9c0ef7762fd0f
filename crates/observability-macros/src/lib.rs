//! The attribute `#[trace_function]` of `continuum-observability`.
//!
//! Use it through that crate, as `continuum_observability::trace_function`: the code that it writes
//! calls that crate, and the versions of the two belong together.
//!
//! Position: above `span::traced` of the SDK, which does the work at run time. A function goes
//! through `arguments`, `function` and `returned`, which read it, and `expand`, which writes it.

mod arguments;
mod attribute;
mod expand;
mod function;
mod returned;

use proc_macro::TokenStream;

#[doc = include_str!("trace_function.md")]
#[proc_macro_attribute]
pub fn trace_function(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::trace_function(arguments.into(), &item.into()).into()
}
