//! One `key = value` of `attributes(...)` or of `span!`.
//!
//! Position: part of [`crate::arguments`] and [`crate::span`]; the values become tokens here, the lists in
//! [`crate::call_site`].
//!
//! Invariant: a value that is known to the compiler is kept apart from one that is computed for each span,
//! so that the former can live in the call site.

use crate::arguments::{each, equals};
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use std::collections::HashSet;
use syn::{
    Error, Expr, ExprLit, Ident, Lit, LitStr, Path, Result, Token, UnOp, ext::IdentExt as _,
    parse::ParseStream, spanned::Spanned as _,
};

/// An attribute of the span.
pub(crate) struct Attribute {
    pub(crate) key: LitStr,
    value: Expr,
}

/// Parses the inside of the parentheses.
pub(crate) fn parse_list(input: ParseStream<'_>) -> Result<Vec<Attribute>> {
    let mut attributes = Vec::new();
    let mut keys = HashSet::new();
    each(input, |input| {
        let key = key(input)?;
        equals(input, key.span(), &key.value())?;
        let value = input.parse()?;
        if !keys.insert(key.value()) {
            let mistake = format!("attribute `{}` is given twice", key.value());
            return Err(Error::new(key.span(), mistake));
        }
        attributes.push(Attribute { key, value });
        Ok(())
    })?;
    Ok(attributes)
}

/// A key: words with dots between them, or a string literal.
fn key(input: ParseStream<'_>) -> Result<LitStr> {
    if input.peek(LitStr) {
        let key: LitStr = input.parse()?;
        if key.value().is_empty() {
            return Err(Error::new(key.span(), "an attribute needs a key"));
        }
        return Ok(key);
    }
    let first = input
        .call(Ident::parse_any)
        .map_err(|mistake| Error::new(mistake.span(), "expected a key, such as `component`"))?;
    let mut key = first.unraw().to_string();
    while input.peek(Token![.]) {
        input.parse::<Token![.]>()?;
        let word = input.call(Ident::parse_any)?;
        key = format!("{key}.{}", word.unraw());
    }
    Ok(LitStr::new(&key, first.span()))
}

impl Attribute {
    /// The value as a constant expression, if it is a literal.
    pub(crate) fn fixed(&self, private: &Path) -> Option<TokenStream> {
        literal(&self.value, private)
    }

    /// The value as an expression over the arguments.
    ///
    /// A place (an argument, a field of it) is read by reference, so that the function still owns
    /// it; what an expression makes is taken as it is.
    pub(crate) fn computed(&self, private: &Path) -> TokenStream {
        let value = &self.value;
        if is_place(value) {
            let read = quote_spanned!(value.span()=> (&&&#private::Named(&#value)).value());
            quote! {{
                use #private::{ByClone as _, ByReference as _, ByTarget as _};
                #read
            }}
        } else {
            quote_spanned!(value.span()=> #private::Value::from(#value))
        }
    }
}

fn literal(value: &Expr, private: &Path) -> Option<TokenStream> {
    match value {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Some(quote!(#private::text(#text))),
            Lit::Bool(value) => Some(quote!(#private::Value::Bool(#value))),
            number => literal_number(number, private, 1),
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match &*unary.expr {
            Expr::Lit(ExprLit { lit, .. }) => literal_number(lit, private, -1),
            _ => None,
        },
        Expr::Group(group) => literal(&group.expr, private),
        _ => None,
    }
}

fn literal_number(literal: &Lit, private: &Path, sign: i8) -> Option<TokenStream> {
    match literal {
        // A number with the type of others is computed: `1f64` reads as an integer here.
        Lit::Int(number) if number.suffix().starts_with('f') => None,
        Lit::Float(number) if number.suffix() == "f32" => None,
        Lit::Int(number) => {
            let number = i64::from(sign) * number.base10_parse::<i64>().ok()?;
            Some(quote!(#private::Value::I64(#number)))
        }
        Lit::Float(number) => {
            let number = f64::from(sign) * number.base10_parse::<f64>().ok()?;
            Some(quote!(#private::Value::F64(#number)))
        }
        _ => None,
    }
}

/// Whether the expression names something that is there already.
fn is_place(value: &Expr) -> bool {
    match value {
        Expr::Path(_) => true,
        Expr::Field(field) => is_place(&field.base),
        Expr::Index(index) => is_place(&index.expr),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Deref(_)) && is_place(&unary.expr),
        Expr::Paren(inner) => is_place(&inner.expr),
        Expr::Group(inner) => is_place(&inner.expr),
        _ => false,
    }
}
