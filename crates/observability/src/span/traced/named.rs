//! The values of attributes: literals, and arguments that are named.
//!
//! Position: the right-hand sides in `attributes(key = value)` of `#[trace_function]`.
//!
//! An argument is read without taking it: by reference if a value can be made from that, else from a
//! clone, else from a clone of what it points to. The compiler chooses: it takes the implementation
//! with the most references that fits.

use crate::span::Value;
use std::{borrow::Cow, ops::Deref};

/// A text that is known when the program is compiled.
pub const fn text(text: &'static str) -> Value<'static> {
    Value::Str(Cow::Borrowed(text))
}

/// A place whose value becomes an attribute.
#[derive(Debug)]
pub struct Named<'a, T: ?Sized>(pub &'a T);

/// Places from whose reference a value can be made, such as a `String`.
pub trait ByReference<'a> {
    /// The attribute's value.
    fn value(&self) -> Value<'a>;
}

impl<'a, T: ?Sized> ByReference<'a> for &&Named<'a, T>
where
    &'a T: Into<Value<'a>>,
{
    #[inline]
    fn value(&self) -> Value<'a> {
        self.0.into()
    }
}

/// Places from whose clone a value can be made, such as a number or a `&str`.
pub trait ByClone<'a> {
    /// The attribute's value.
    fn value(&self) -> Value<'a>;
}

impl<'a, T: Clone + Into<Value<'a>>> ByClone<'a> for &Named<'_, T> {
    #[inline]
    fn value(&self) -> Value<'a> {
        self.0.clone().into()
    }
}

/// The rest: places that point to a value, such as a `&u32` or a `Box<str>`.
pub trait ByTarget<'a, T> {
    /// The attribute's value. What is no value at all is refused here, with its name.
    fn value(&self) -> Value<'a>
    where
        T: PointsToValue<'a>;
}

impl<'a, T> ByTarget<'a, T> for Named<'_, T> {
    #[inline]
    fn value(&self) -> Value<'a>
    where
        T: PointsToValue<'a>,
    {
        self.0.target()
    }
}

/// Something that leads to a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of an attribute",
    label = "neither a number, a text nor a truth value",
    note = "name something inside of it, or compute a value from it, such as `x.len()`"
)]
pub trait PointsToValue<'a> {
    /// The value that it leads to.
    fn target(&self) -> Value<'a>;
}

#[diagnostic::do_not_recommend]
impl<'a, T> PointsToValue<'a> for T
where
    T: Deref<Target: ToOwned<Owned: Into<Value<'a>>>>,
{
    #[inline]
    fn target(&self) -> Value<'a> {
        self.deref().to_owned().into()
    }
}
