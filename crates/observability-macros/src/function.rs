//! The function that is traced, as far as the expansion has to know it.
//!
//! Position: item tokens → **function** → [`crate::expand`].
//!
//! Invariant: the body stays tokens. It is not checked here, so that what the compiler says about
//! it is the same with and without the attribute.

use proc_macro2::{Group, TokenStream};
use syn::{
    AttrStyle, Attribute, Error, Result, Signature, Token, Visibility,
    parse::{Parse, ParseStream},
    token,
};

/// A function or method with its body.
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature = signature(input)?;
        if let Some(constness) = &signature.constness {
            return Err(Error::new(
                constness.span,
                "a const fn cannot be traced: it may run in the compiler",
            ));
        }
        if input.peek(Token![;]) {
            return Err(Error::new(
                signature.ident.span(),
                "there is no body to trace: put trace_function on the implementations",
            ));
        }
        let content;
        let brace: token::Brace = syn::braced!(content in input);
        let inner = content.call(Attribute::parse_inner)?;
        attributes.extend(inner.into_iter().map(|attribute| Attribute {
            style: AttrStyle::Outer,
            ..attribute
        }));
        let tokens: TokenStream = content.parse()?;
        let mut body = Group::new(proc_macro2::Delimiter::Brace, tokens);
        body.set_span(brace.span.join());
        Ok(Self {
            attributes,
            visibility,
            signature,
            body,
        })
    }
}

fn signature(input: ParseStream<'_>) -> Result<Signature> {
    let begins_function = input.peek(Token![fn])
        || input.peek(Token![const])
        || input.peek(Token![async])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern]);
    if begins_function {
        input.parse()
    } else {
        Err(input.error("trace_function belongs on a function or a method"))
    }
}
