//! The code of a call site: a static with all that is the same in each of its spans.
//!
//! Position: written by [`crate::expand`] and [`crate::span`]; read by `span::traced` of the SDK.
//!
//! Invariant: nothing of the user's stands in its block, so that it sees none of the names made here.

use crate::attribute::Attribute;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote};
use syn::{LitStr, Path};

/// What a call site says of its spans.
pub(crate) struct CallSite<'a> {
    pub(crate) private: &'a Path,
    /// The name of the instrumentation scope; the module otherwise.
    pub(crate) tracer: Option<&'a LitStr>,
    pub(crate) name: &'a str,
    /// The variant of `SpanKind`; internal otherwise.
    pub(crate) kind: Option<&'a Ident>,
    /// Whether the name of the function becomes an attribute.
    pub(crate) names_function: bool,
    pub(crate) record_exception: bool,
    pub(crate) attributes: &'a Attributes,
}

/// The attributes of a call site as code.
#[derive(Default)]
pub(crate) struct Attributes {
    /// Pairs of key and value that are constants.
    pub(crate) fixed: Vec<TokenStream>,
    /// The keys of the others.
    pub(crate) keys: Vec<LitStr>,
    /// And their values.
    values: Vec<TokenStream>,
}

impl Attributes {
    pub(crate) fn of(given: &[Attribute], private: &Path) -> Self {
        let mut attributes = Self::default();
        for attribute in given {
            let key = &attribute.key;
            if let Some(value) = attribute.fixed(private) {
                attributes.fixed.push(quote!((#key, #value)));
            } else {
                attributes.keys.push(key.clone());
                attributes.values.push(attribute.computed(private));
            }
        }
        attributes
    }

    /// An array of the pairs of key and value that are not constants.
    pub(crate) fn computed(&self) -> TokenStream {
        let Self { keys, values, .. } = self;
        quote!([#((#keys, #values)),*])
    }
}

impl ToTokens for CallSite<'_> {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            private,
            name,
            record_exception,
            ..
        } = self;
        let tracer = self.tracer;
        let tracer = tracer.map_or(quote!(::core::module_path!()), ToTokens::to_token_stream);
        let kind = self
            .kind
            .map_or(quote!(Internal), ToTokens::to_token_stream);
        let Attributes { fixed, keys, .. } = self.attributes;
        // The path of a type that is declared here has the type of a method in it, which is not seen here.
        let (declared, inside) = if self.names_function {
            (
                quote!(
                    enum Inside {}
                ),
                quote!(Some(::core::any::type_name::<Inside>)),
            )
        } else {
            (quote!(), quote!(None))
        };
        tokens.extend(quote! {
            {
                #declared
                static CALL_SITE: #private::CallSite = #private::CallSite {
                    tracer: #tracer,
                    name: #name,
                    kind: #private::SpanKind::#kind,
                    attributes: &[#(#fixed),*],
                    computed: &[#(#keys),*],
                    inside: ::core::option::Option::#inside,
                    record_exception: #record_exception,
                    found: #private::Found::new(),
                };
                &CALL_SITE
            }
        });
    }
}
