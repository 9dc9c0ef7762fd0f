//! What stands in the parentheses of `#[trace_function(...)]`, and parts of it that `span!` has too.
//!
//! Position: attribute tokens → **arguments** → [`crate::expand`]; [`crate::span`] uses parts of it.
//!
//! Invariants: every mistake is reported at its own token, all of them at once; nothing is guessed.

use crate::attribute::{self, Attribute};
use proc_macro2::{Span, TokenTree};
use syn::{
    Error, Ident, LitBool, LitStr, Path, Result, Token,
    ext::IdentExt as _,
    parse::{Parse, ParseStream},
    parse_quote, token,
};

/// The kinds of a span, each with its variant of `SpanKind`, by which it may be written too.
const KINDS: [(&str, &str); 5] = [
    ("internal", "Internal"),
    ("server", "Server"),
    ("client", "Client"),
    ("producer", "Producer"),
    ("consumer", "Consumer"),
];

/// The arguments as given; what is absent has its default in [`crate::expand`].
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) name: Option<LitStr>,
    pub(crate) tracer: Option<LitStr>,
    pub(crate) kind: Option<Ident>,
    pub(crate) attributes: Option<Vec<Attribute>>,
    pub(crate) record_exception: Option<LitBool>,
    pub(crate) crate_path: Option<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        each(input, |input| arguments.take(input))?;
        Ok(arguments)
    }
}

impl Arguments {
    fn take(&mut self, input: ParseStream<'_>) -> Result<()> {
        let argument = input.call(Ident::parse_any).map_err(|mistake| {
            Error::new(
                mistake.span(),
                "expected an argument, such as `name = \"...\"`",
            )
        })?;
        let argument = &argument;
        match argument.to_string().as_str() {
            "name" => once(&mut self.name, argument, text(input, argument)?),
            "tracer" => once(&mut self.tracer, argument, text(input, argument)?),
            "kind" => once(&mut self.kind, argument, kind(input, argument)?),
            "attributes" => once(&mut self.attributes, argument, list(input)?),
            "record_exception" => once(
                &mut self.record_exception,
                argument,
                value(input, argument)?,
            ),
            "crate" => once(&mut self.crate_path, argument, path(input, argument)?),
            unknown => Err(Error::new(
                argument.span(),
                format!(
                    "unknown argument `{unknown}`: trace_function takes name, attributes, \
                     record_exception, kind, tracer and crate"
                ),
            )),
        }
    }
}

/// Parses members that are separated by commas, and reports the mistakes of all of them.
pub(crate) fn each(
    input: ParseStream<'_>,
    mut member: impl FnMut(ParseStream<'_>) -> Result<()>,
) -> Result<()> {
    let mut mistakes: Option<Error> = None;
    while !input.is_empty() {
        let parsed = member(input).and_then(|()| end_of_member(input));
        if let Err(mistake) = parsed {
            match &mut mistakes {
                Some(others) => others.combine(mistake),
                None => mistakes = Some(mistake),
            }
            skip_member(input);
        }
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
    }
    mistakes.map_or(Ok(()), Err)
}

pub(crate) fn end_of_member(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        Ok(())
    } else {
        Err(input.error("expected `,`"))
    }
}

fn skip_member(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Fills the place of an argument that may be given once.
pub(crate) fn once<T>(place: &mut Option<T>, argument: &Ident, value: T) -> Result<()> {
    if place.replace(value).is_some() {
        return Err(Error::new(
            argument.span(),
            format!("`{argument}` is given twice"),
        ));
    }
    Ok(())
}

/// The `=` after the name of an argument or the key of an attribute.
pub(crate) fn equals(input: ParseStream<'_>, span: Span, name: &str) -> Result<()> {
    let equals: Option<Token![=]> = input.parse()?;
    match equals {
        Some(_) => Ok(()),
        None => Err(Error::new(span, format!("expected `{name} = ...`"))),
    }
}

fn value<T: Parse>(input: ParseStream<'_>, argument: &Ident) -> Result<T> {
    equals(input, argument.span(), &argument.to_string())?;
    input.parse()
}

fn text(input: ParseStream<'_>, argument: &Ident) -> Result<LitStr> {
    not_empty(value(input, argument)?)
}

/// The text, if it says anything.
pub(crate) fn not_empty(text: LitStr) -> Result<LitStr> {
    if text.value().is_empty() {
        return Err(Error::new(text.span(), "expected a text that is not empty"));
    }
    Ok(text)
}

fn path(input: ParseStream<'_>, argument: &Ident) -> Result<Path> {
    equals(input, argument.span(), &argument.to_string())?;
    input.call(Path::parse_mod_style)
}

fn kind(input: ParseStream<'_>, argument: &Ident) -> Result<Ident> {
    equals(input, argument.span(), &argument.to_string())?;
    kind_word(input)
}

/// The variant of `SpanKind` that is meant.
pub(crate) fn kind_word(input: ParseStream<'_>) -> Result<Ident> {
    let (word, span): (String, Span) = if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        (text.value(), text.span())
    } else {
        let mut word = input.call(Ident::parse_any)?;
        // `SpanKind::Client`, however it is reached.
        while input.parse::<Option<Token![::]>>()?.is_some() {
            word = input.call(Ident::parse_any)?;
        }
        (word.to_string(), word.span())
    };
    let is_meant = |(written, variant): &&(&str, &str)| *written == word || *variant == word;
    match KINDS.iter().find(is_meant) {
        Some((_, variant)) => Ok(Ident::new(variant, span)),
        None => Err(Error::new(
            span,
            format!("unknown kind `{word}`: one of internal, server, client, producer, consumer"),
        )),
    }
}

/// Where the code that the macros write finds what it calls.
pub(crate) fn private_path(crate_path: Option<&Path>) -> Path {
    match crate_path {
        Some(path) => parse_quote!(#path::__private),
        None => parse_quote!(::continuum_observability::__private),
    }
}

fn list(input: ParseStream<'_>) -> Result<Vec<Attribute>> {
    if !input.peek(token::Paren) {
        return Err(input.error("expected a list: attributes(key = value, ...)"));
    }
    let members;
    syn::parenthesized!(members in input);
    attribute::parse_list(&members)
}
