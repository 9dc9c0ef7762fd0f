//! Attribute values: the `AnyValue` of the protocol, borrowed where possible.
//!
//! Position: what users hand to `set_attribute`; encoded at once by [`super::encode`], never stored.
//!
//! Source: OpenTelemetry specification 1.x, "Attribute collections" and "`AnyValue`".

use std::borrow::Cow;

/// The value of an attribute.
///
/// Every type that converts into it can be passed to `set_attribute`:
///
/// ```
/// use continuum_observability::Value;
///
/// assert_eq!(Value::from(3u32), Value::I64(3));
/// assert_eq!(Value::from("GET"), Value::Str("GET".into()));
/// assert_eq!(Value::from(vec![1i64, 2]), Value::Array(vec![Value::I64(1), Value::I64(2)]));
/// ```
///
/// Unsigned numbers above `i64::MAX` become their decimal text, since the protocol has no unsigned
/// integer and a wrapped number would be a wrong one.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// No value; what deeply nested values are cut to.
    Empty,
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    I64(i64),
    /// A floating-point number.
    F64(f64),
    /// Text.
    Str(Cow<'a, str>),
    /// Uninterpreted bytes.
    Bytes(Cow<'a, [u8]>),
    /// A list; its members may differ in type.
    Array(Vec<Self>),
    /// A map from text to values; a key that occurs twice keeps its last value.
    Map(Vec<(Cow<'a, str>, Self)>),
}

#[cfg(feature = "macros")]
impl Value<'_> {
    /// Whether there is something to give back when it is dropped.
    #[inline]
    pub(crate) fn owns_memory(&self) -> bool {
        match self {
            Self::Empty | Self::Bool(_) | Self::I64(_) | Self::F64(_) => false,
            Self::Str(text) => matches!(text, Cow::Owned(_)),
            Self::Bytes(bytes) => matches!(bytes, Cow::Owned(_)),
            Self::Array(_) | Self::Map(_) => true,
        }
    }
}

macro_rules! from_number {
    ($variant:ident: $($from:ty),+) => {$(
        impl From<$from> for Value<'_> {
            #[inline]
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

from_number!(I64: i8, i16, i32, i64, u8, u16, u32);
from_number!(F64: f32, f64);

impl From<bool> for Value<'_> {
    #[inline]
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value<'_> {
    #[inline]
    fn from(value: u64) -> Self {
        i64::try_from(value).map_or_else(|_| Self::Str(value.to_string().into()), Self::I64)
    }
}

impl From<usize> for Value<'_> {
    #[inline]
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl From<isize> for Value<'_> {
    #[inline]
    fn from(value: isize) -> Self {
        Self::I64(value as i64)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    #[inline]
    fn from(value: &'a str) -> Self {
        Self::Str(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    #[inline]
    fn from(value: &'a String) -> Self {
        Self::Str(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    #[inline]
    fn from(value: String) -> Self {
        Self::Str(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    #[inline]
    fn from(value: Cow<'a, str>) -> Self {
        Self::Str(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(Cow::Borrowed(value))
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value<'_> {
    fn from(values: Vec<T>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Value<'_> {
    fn from(values: [T; N]) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

/// `None` is recorded as an empty value.
impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers_beyond_i64_become_text() {
        assert_eq!(
            Value::from(u64::MAX),
            Value::Str("18446744073709551615".into())
        );
        assert_eq!(Value::from(7usize), Value::I64(7));
    }

    #[test]
    fn none_is_empty() {
        assert_eq!(Value::from(None::<i64>), Value::Empty);
        assert_eq!(Value::from(Some(1i64)), Value::I64(1));
    }
}
