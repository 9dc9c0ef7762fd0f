//! The checks that every text and number of a request goes through.
//!
//! Invariants: the answer names the field and never repeats the text.

use serde_json::value::RawValue;

use crate::error::InputError;

/// Accepts a text that says something, has no NUL and is not too long.
pub(super) fn text(field: &'static str, text: &str, limit_bytes: usize) -> Result<(), InputError> {
    if text.trim().is_empty() {
        return Err(InputError::Empty { field });
    }
    if text.len() > limit_bytes {
        return Err(InputError::TooLong {
            field,
            actual_bytes: text.len(),
            limit_bytes,
        });
    }
    without_nul(field, text.find('\0'))
}

fn without_nul(field: &'static str, found: Option<usize>) -> Result<(), InputError> {
    match found {
        Some(offset) => Err(InputError::NulByte { field, offset }),
        None => Ok(()),
    }
}

/// Accepts metadata that is not too long and has no NUL in any text.
pub(super) fn metadata(json: Option<&RawValue>, limit_bytes: usize) -> Result<(), InputError> {
    let json = json.map_or("", RawValue::get);
    if json.len() > limit_bytes {
        return Err(InputError::TooLong {
            field: "metadata",
            actual_bytes: json.len(),
            limit_bytes,
        });
    }
    without_nul("metadata", escaped_nul(json))
}

/// Where JSON has a NUL character: always as an escape, which has no backslash before it that is one itself.
fn escaped_nul(json: &str) -> Option<usize> {
    let mut escapes = json.match_indices("\\u0000").map(|(at, _)| at);
    let is_free = |at: &usize| {
        let before = json[..*at].bytes().rev();
        before.take_while(|byte| *byte == b'\\').count() % 2 == 0
    };
    escapes.find(is_free)
}

/// Accepts a number within an inclusive range.
pub(super) fn range(
    field: &'static str,
    actual: usize,
    min: usize,
    max: usize,
) -> Result<(), InputError> {
    if (min..=max).contains(&actual) {
        Ok(())
    } else {
        Err(InputError::OutOfRange {
            field,
            actual,
            min,
            max,
        })
    }
}

/// Accepts a date and time of RFC 3339, section 5.6.
pub(super) fn time(field: &'static str, text: &str) -> Result<(), InputError> {
    if is_rfc3339(text.as_bytes()) {
        Ok(())
    } else {
        Err(InputError::NotATime { field })
    }
}

fn is_rfc3339(text: &[u8]) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let fraction_digits = match rest.first() {
        Some(b'.') => rest[1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count(),
        _ => 0,
    };
    let zone = match (rest.first(), fraction_digits) {
        (Some(b'.'), 0) => return false,
        (Some(b'.'), digits) => &rest[1 + digits..],
        _ => rest,
    };
    let number = |at: usize, digits: usize| number(date_time, at, digits);
    follows(date_time, b"0000-00-00T00:00:00")
        && (1..=12).contains(&number(5, 2))
        && (1..=days_in_month(number(0, 4), number(5, 2))).contains(&number(8, 2))
        && number(11, 2) <= 23
        && number(14, 2) <= 59
        && number(17, 2) <= 60
        && is_zone(zone)
}

fn is_zone(zone: &[u8]) -> bool {
    match zone {
        b"Z" | b"z" => true,
        [b'+' | b'-', rest @ ..] => {
            follows(rest, b"00:00") && number(rest, 0, 2) <= 23 && number(rest, 3, 2) <= 59
        }
        _ => false,
    }
}

/// Whether `text` has digits where `shape` has `0`, and the same bytes elsewhere.
fn follows(text: &[u8], shape: &[u8]) -> bool {
    let fits = |(byte, shape): (&u8, &u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        letter => byte.eq_ignore_ascii_case(letter),
    };
    text.len() == shape.len() && text.iter().zip(shape).all(fits)
}

fn number(text: &[u8], at: usize, digits: usize) -> u32 {
    text[at..at + digits]
        .iter()
        .fold(0, |sum, byte| sum * 10 + u32::from(byte.wrapping_sub(b'0')))
}

fn days_in_month(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{escaped_nul, is_rfc3339};

    #[test]
    fn a_nul_in_json_is_found_by_its_escape() {
        for (json, expected) in [
            (r#"{"a": "b\u0000"}"#, Some(8)),
            (r#"{"\u0000": 1}"#, Some(2)),
            (r#""\\\u0000""#, Some(3)),
            (r#""\\u0000 \u0000""#, Some(9)),
            (r#""\\u0000""#, None),
            (r#""\u0001 u0000""#, None),
            ("", None),
        ] {
            assert_eq!(escaped_nul(json), expected, "{json}");
        }
    }

    #[test]
    fn accepts_times_of_rfc_3339_only() {
        for good in [
            "2026-03-01T09:30:00Z",
            "2026-03-01t09:30:00.123456z",
            "2024-02-29T23:59:60+05:30",
        ] {
            assert!(is_rfc3339(good.as_bytes()), "{good}");
        }
        for bad in [
            "",
            "2026-03-01",
            "2026-03-01T09:30:00",
            "2026-03-01 09:30:00Z",
            "2026-03-01T09:30:00.Z",
            "2026-13-01T09:30:00Z",
            "2026-02-29T09:30:00Z",
            "2026-03-01T24:30:00Z",
            "2026-03-01T09:30:00+24:00",
            "2026-03-01T09:30:00ZZ",
            "yesterday, at about nine",
        ] {
            assert!(!is_rfc3339(bad.as_bytes()), "{bad}");
        }
    }
}
