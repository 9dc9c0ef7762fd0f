//! `span!(...)`: a span whose attributes are known to the compiler.
//!
//! Position: tokens of the call → **span** → [`crate::call_site`] → the compiler.
//!
//! Invariants: every mistake is reported at its own token; values are evaluated where they stand, so that
//! `?` and `.await` work in them, and only if somebody may want them.

use crate::{
    arguments::{end_of_member, kind_word, not_empty, once, private_path},
    attribute::{self, Attribute},
    call_site::{Attributes, CallSite},
};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Expr, Ident, LitStr, Path, Result, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
};

/// What stands in the parentheses.
struct Call {
    options: Options,
    name: LitStr,
    attributes: Vec<Attribute>,
}

/// What may stand before the name.
#[derive(Default)]
struct Options {
    tracer: Option<LitStr>,
    kind: Option<Ident>,
    parent: Option<Expr>,
    crate_path: Option<Path>,
}

/// Expands the macro; a mistake becomes a compile error.
pub(crate) fn span(call: TokenStream) -> TokenStream {
    let expanded = syn::parse2(call).map(|call: Call| call.expanded());
    expanded.unwrap_or_else(Error::into_compile_error)
}

impl Parse for Call {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Options::default();
        while !input.peek(LitStr) {
            options.take(input)?;
            input.parse::<Token![,]>()?;
        }
        let name = not_empty(input.parse()?)?;
        end_of_member(input)?;
        input.parse::<Option<Token![,]>>()?;
        Ok(Self {
            options,
            name,
            attributes: attribute::parse_list(input)?,
        })
    }
}

impl Options {
    fn take(&mut self, input: ParseStream<'_>) -> Result<()> {
        const EXPECTED: &str = "expected the name of the span, a text, or before it \
                                `kind: client`, `tracer: \"...\"` or `parent: &context`";
        let unexpected = |mistake: Error| Error::new(mistake.span(), EXPECTED);
        let option = &input.call(Ident::parse_any).map_err(unexpected)?;
        input.parse::<Token![:]>().map_err(unexpected)?;
        match option.to_string().as_str() {
            "tracer" => once(&mut self.tracer, option, not_empty(input.parse()?)?),
            "kind" => once(&mut self.kind, option, kind_word(input)?),
            "parent" => once(&mut self.parent, option, input.parse()?),
            "crate" => once(
                &mut self.crate_path,
                option,
                input.call(Path::parse_mod_style)?,
            ),
            _ => Err(Error::new(option.span(), EXPECTED)),
        }
    }
}

impl Call {
    fn expanded(&self) -> TokenStream {
        let options = &self.options;
        let private = private_path(options.crate_path.as_ref());
        let attributes = Attributes::of(&self.attributes, &private);
        let call_site = CallSite {
            private: &private,
            tracer: options.tracer.as_ref(),
            name: &self.name.value(),
            kind: options.kind.as_ref(),
            names_function: false,
            record_exception: true,
            attributes: &attributes,
        };
        let computed = attributes.computed();
        if let Some(parent) = &options.parent {
            // In a statement of its own: what the expressions borrow ends with it.
            quote!({
                let span = #call_site.span_with(::core::option::Option::Some(#parent), #computed);
                span
            })
        } else {
            quote! {
                if #private::CallSite::is_idle() {
                    #private::Span::default()
                } else {
                    #call_site.span_with(::core::option::Option::None, #computed)
                }
            }
        }
    }
}
