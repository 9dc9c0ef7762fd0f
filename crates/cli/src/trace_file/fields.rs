//! The fields of JSON that protobuf's mapping allows in more than one shape.
//!
//! Source: Protocol Buffers documentation, "JSON format": 64-bit integers are texts or numbers,
//! enumerations are numbers or names; OTLP: ids are hex in any case.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, de};

#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Unsigned(u64),
    Signed(i64),
    Text(String),
}

impl Number {
    fn to_i64(&self) -> Option<i64> {
        match self {
            Self::Unsigned(number) => i64::try_from(*number).ok(),
            Self::Signed(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }

    fn to_u64(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            Self::Signed(_) => None,
            Self::Text(text) => text.parse().ok(),
        }
    }
}

fn of_number<'de, D: Deserializer<'de>, T>(
    from: D,
    read: impl Fn(&Number) -> Option<T>,
) -> Result<T, D::Error> {
    let number = Number::deserialize(from)?;
    read(&number).ok_or_else(|| de::Error::custom("expected an integer"))
}

pub(super) fn unsigned<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    of_number(from, Number::to_u64)
}

pub(super) fn optional_signed<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    of_number(from, Number::to_i64).map(Some)
}

pub(super) fn optional_double<'de, D: Deserializer<'de>>(from: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Double {
        Number(f64),
        Text(String),
    }
    match Double::deserialize(from)? {
        Double::Number(number) => Ok(Some(number)),
        Double::Text(text) => text.parse().map(Some).map_err(de::Error::custom),
    }
}

/// A number, or a name of the `opentelemetry.proto.trace.v1` enumerations.
pub(super) fn enumeration<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    const NAMES: &[(&str, i32)] = &[
        ("SPAN_KIND_UNSPECIFIED", 0),
        ("SPAN_KIND_INTERNAL", 1),
        ("SPAN_KIND_SERVER", 2),
        ("SPAN_KIND_CLIENT", 3),
        ("SPAN_KIND_PRODUCER", 4),
        ("SPAN_KIND_CONSUMER", 5),
        ("STATUS_CODE_UNSET", 0),
        ("STATUS_CODE_OK", 1),
        ("STATUS_CODE_ERROR", 2),
    ];
    match Number::deserialize(from)? {
        Number::Text(text) => {
            let known = NAMES
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, number)| *number);
            known
                .ok_or_else(|| de::Error::unknown_variant(&text, &["SPAN_KIND_*", "STATUS_CODE_*"]))
        }
        number => number
            .to_i64()
            .and_then(|number| i32::try_from(number).ok())
            .ok_or_else(|| de::Error::custom("expected a small integer")),
    }
}

pub(super) fn id<'de, D: Deserializer<'de>, const N: usize>(from: D) -> Result<[u8; N], D::Error> {
    let text = String::deserialize(from)?;
    let error = || de::Error::custom(format_args!("expected {} hex digits, not {text:?}", 2 * N));
    let mut id = [0; N];
    if text.len() != 2 * N {
        return Err(error());
    }
    for (byte, pair) in id.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = str::from_utf8(pair)
            .ok()
            .filter(|pair| !pair.starts_with('+'));
        let value = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *byte = value.ok_or_else(error)?;
    }
    Ok(id)
}

/// Absent, empty or zero: no parent.
pub(super) fn optional_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<[u8; 8]>, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    let id = id::<_, 8>(de::value::StringDeserializer::<D::Error>::new(text))?;
    Ok((id != [0; 8]).then_some(id))
}

pub(super) fn optional_bytes<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<u8>>, D::Error> {
    let text = String::deserialize(from)?;
    BASE64_STANDARD
        .decode(text)
        .map(Some)
        .map_err(de::Error::custom)
}
