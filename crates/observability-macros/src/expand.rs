//! The code that `#[trace_function]` writes.
//!
//! Position: [`crate::arguments`] + [`crate::function`] + [`crate::returned`] → **expand** → the
//! compiler. What it calls is `span::traced` of the SDK.
//!
//! Invariants:
//! - everything around the body stays as it was written: attributes, visibility, signature;
//! - the body sees none of the names that are made here;
//! - everything fixed lies in one `static` per function.

use crate::{
    arguments::{Arguments, private_path},
    call_site::{Attributes, CallSite},
    function::Function,
    returned::{Returned, classify, without_impl_trait},
};
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Expr, ExprAsync, ExprCall, LitStr, Path, Result, ReturnType, Type, ext::IdentExt as _,
    parse_quote,
};

/// Expands the attribute; a mistake becomes a compile error beside the function as it was.
pub(crate) fn trace_function(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    try_expand(arguments, item.clone()).unwrap_or_else(|mistake| {
        let mistake = mistake.into_compile_error();
        quote!(#mistake #item)
    })
}

fn try_expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function: Function = syn::parse2(item)?;
    let arguments: Arguments = syn::parse2(arguments)?;
    let expanded = Expansion::new(&arguments, &function).body();
    let Function {
        attributes,
        visibility,
        signature,
        body,
    } = function;
    let body = braced(expanded, body.span());
    Ok(quote!(#(#attributes)* #visibility #signature #body))
}

/// The parts that every shape of function has in common.
struct Expansion<'a> {
    function: &'a Function,
    private: Path,
    /// Starts the span: an expression of type `Entry`.
    start: TokenStream,
    returned: Returned<'a>,
}

impl<'a> Expansion<'a> {
    fn new(arguments: &Arguments, function: &'a Function) -> Self {
        let private = private_path(arguments.crate_path.as_ref());
        Self {
            function,
            start: start(arguments, function, &private),
            returned: classify(&function.signature.output),
            private,
        }
    }

    fn body(&self) -> TokenStream {
        if self.function.signature.asyncness.is_some() {
            return self.async_fn();
        }
        match &self.returned {
            Returned::Nothing | Returned::Value => self.called(&quote!(run)),
            Returned::Stream { boxed, item } => {
                let item = inner_type(*item);
                pinned(*boxed, self.called(&quote!(stream::<#item, _, _>)))
            }
            Returned::Future { boxed, output } => {
                if let Some(body) = AsyncBody::of(&self.function.body) {
                    return self.async_body(&body, *output);
                }
                let output = inner_type(*output);
                pinned(*boxed, self.called(&quote!(future::<#output, _, _>)))
            }
        }
    }

    /// The body as a closure, which `Entry::run`, `future` or `stream` calls inside the span.
    fn called(&self, method: &TokenStream) -> TokenStream {
        let start = &self.start;
        let body = &self.function.body;
        let settle = self.settle();
        let output = match &self.function.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(arrow, ty) => {
                let ty = without_impl_trait((**ty).clone());
                Some(quote!(#arrow #ty))
            }
        };
        quote!(#start.#method(move || #output #body, #settle))
    }

    fn async_fn(&self) -> TokenStream {
        let output = match &self.function.signature.output {
            ReturnType::Type(_, ty) if !matches!(**ty, Type::Never(_)) => Some(&**ty),
            _ => None,
        };
        let body = with_type(&self.function.body, output);
        self.watched(&quote!(async move #body))
    }

    /// A function that does nothing but return an async block is an async function.
    fn async_body(&self, body: &AsyncBody, output: Option<&Type>) -> TokenStream {
        let AsyncBody { head, block, pin } = body;
        let block = with_type(block, output);
        let watched = self.watched(&quote!(#(#head)* #block));
        let lazy = quote!(async move { #watched });
        pin.as_ref()
            .map_or_else(|| lazy.clone(), |pin| quote!(#pin(#lazy)))
    }

    /// A future inside the span, awaited; the span starts when that begins.
    fn watched(&self, future: &impl ToTokens) -> TokenStream {
        let (start, settle) = (&self.start, self.settle());
        let entry = mixed("entry");
        quote! {
            let #entry = #start;
            #entry.watch(#future, #settle).await
        }
    }

    /// A closure that looks at what the function returns, or at an item of the stream.
    fn settle(&self) -> TokenStream {
        if matches!(self.returned, Returned::Nothing) {
            return quote!(|_, _| ());
        }
        let private = &self.private;
        let (watch, output) = (mixed("watch"), mixed("output"));
        quote! {
            |#watch, #output| {
                use #private::{
                    AnyOutcome as _, DisplayOutcome as _, DynErrorOutcome as _,
                    ErrorOutcome as _, ResultOutcome as _,
                };
                (&&&&&#private::Outcome(#output)).settle(#watch)
            }
        }
    }
}

/// The call site with all that is fixed, and the start of a span at it.
fn start(arguments: &Arguments, function: &Function, private: &Path) -> TokenStream {
    let function_name = function.signature.ident.unraw().to_string();
    let name = arguments.name.as_ref();
    let record_exception = arguments.record_exception.as_ref();
    let attributes = attributes(arguments, &function_name, private);
    let call_site = CallSite {
        private,
        tracer: arguments.tracer.as_ref(),
        name: &name.map_or(function_name, LitStr::value),
        kind: arguments.kind.as_ref(),
        names_function: !is_given(arguments, "code.function.name"),
        record_exception: record_exception.is_none_or(|given| given.value),
        attributes: &attributes,
    };
    let computed = attributes.computed();
    quote!(#call_site.start(|| #computed))
}

/// The given attributes, and those of the function that are not among them.
fn attributes(arguments: &Arguments, function_name: &str, private: &Path) -> Attributes {
    let given = arguments.attributes.as_deref().unwrap_or_default();
    let mut attributes = Attributes::of(given, private);
    let of_function = [
        ("function.name", quote!(#function_name)),
        ("function.module", quote!(::core::module_path!())),
    ];
    for (key, value) in of_function {
        if !is_given(arguments, key) {
            let fixed = quote!((#key, #private::text(#value)));
            attributes.fixed.push(fixed);
        }
    }
    attributes
}

/// Whether the attribute has a value of the user's.
fn is_given(arguments: &Arguments, key: &str) -> bool {
    let given = arguments.attributes.as_deref().unwrap_or_default();
    given.iter().any(|attribute| attribute.key.value() == key)
}

/// A body that is one async block and nothing else, bare or in `Box::pin(...)`.
struct AsyncBody {
    /// `async`, and `move` if it is there.
    head: Vec<TokenTree>,
    block: Group,
    /// `Box::pin` as it is written.
    pin: Option<Box<Expr>>,
}

impl AsyncBody {
    fn of(body: &Group) -> Option<Self> {
        match syn::parse2(body.stream()).ok()? {
            Expr::Async(block) => Self::new(block, None),
            Expr::Call(ExprCall { func, mut args, .. }) if args.len() == 1 && is_pin(&func) => {
                match args.pop()? {
                    Expr::Async(block) => Self::new(block, Some(func)),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn new(block: ExprAsync, pin: Option<Box<Expr>>) -> Option<Self> {
        let mut head: Vec<TokenTree> = block.into_token_stream().into_iter().collect();
        match head.pop()? {
            TokenTree::Group(block) => Some(Self { head, block, pin }),
            _ => None,
        }
    }
}

/// Whether an expression is `Box::pin`, with any path before it.
fn is_pin(function: &Expr) -> bool {
    let Expr::Path(path) = function else {
        return false;
    };
    let mut segments = path.path.segments.iter().rev();
    segments.next().is_some_and(|name| name.ident == "pin")
        && segments.next().is_some_and(|name| name.ident == "Box")
}

/// The body of an async block, which has no syntax of its own for what it resolves to.
fn with_type(body: &Group, output: Option<&Type>) -> Group {
    let Some(output) = output.cloned().map(without_impl_trait) else {
        return body.clone();
    };
    let (never, statements) = (mixed("never"), body.stream());
    let typed = quote! {
        if let ::core::option::Option::Some(#never) = ::core::option::Option::None::<#output> {
            return #never;
        }
        #statements
    };
    braced(typed, body.span())
}

fn braced(tokens: TokenStream, span: Span) -> Group {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    group
}

/// What a future or stream gives, for the compiler to infer the types in the body from, as it does
/// from the return type of a function that is not traced.
fn inner_type(written: Option<&Type>) -> Type {
    written.map_or_else(
        || parse_quote!(_),
        |written| without_impl_trait(written.clone()),
    )
}

fn pinned(boxed: bool, value: TokenStream) -> TokenStream {
    if boxed {
        quote!(::std::boxed::Box::pin(#value))
    } else {
        value
    }
}

/// A name that the body cannot see.
fn mixed(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
