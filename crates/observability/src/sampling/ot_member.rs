//! The member of `tracestate` that belongs to OpenTelemetry: a trace's randomness, and for how many
//! others a span stands.
//!
//! Position: read and written by composable samplers at the head, written by decisions at the tail.
//!
//! Invariants: members of others and other values of `ot` stay as they are; a threshold that cannot be
//! written is not there, rather than wrong.
//!
//! Source: OpenTelemetry specification, "`TraceState` Handling".

use super::ratio::RANDOM_BITS;
use crate::context::TraceState;

/// The key of the member.
pub(crate) const MEMBER: &str = "ot";
const THRESHOLD: &str = "th";
const RANDOMNESS: &str = "rv";
/// A number of 56 bits in full.
const DIGITS: usize = RANDOM_BITS as usize / 4;

/// The rejection threshold that a span was kept by: "Sampling threshold value `th`".
pub(crate) fn threshold(state: &TraceState) -> Option<u64> {
    let digits = value(state, THRESHOLD)?;
    let number = hex(digits)?;
    Some(number << (4 * (DIGITS - digits.len())))
}

/// The randomness of a trace whose id has none: "Explicit randomness value `rv`".
pub(crate) fn randomness(state: &TraceState) -> Option<u64> {
    let digits = value(state, RANDOMNESS)?;
    hex(digits).filter(|_| digits.len() == DIGITS)
}

/// A threshold below 2^56 as `th:` and its digits, without trailing zeros.
pub(crate) fn threshold_text(threshold: u64) -> String {
    let digits = format!("{threshold:0DIGITS$x}");
    let digits = match digits.trim_end_matches('0') {
        "" => "0",
        some => some,
    };
    format!("{THRESHOLD}:{digits}")
}

/// `state` with another threshold, as `threshold_text` writes it, or with none.
pub(crate) fn with_threshold(state: &TraceState, text: Option<&str>) -> TraceState {
    let others = values(state).filter(|other| !other.is_empty() && !is(other, THRESHOLD));
    let others = others.collect::<Vec<_>>().join(";");
    let member = match (text, others.as_str()) {
        (Some(text), "") => text.to_owned(),
        (Some(text), others) => format!("{text};{others}"),
        (None, others) => others.to_owned(),
    };
    match state.insert(MEMBER, &member) {
        Ok(changed) if !member.is_empty() => changed,
        _ if others.is_empty() => state.remove(MEMBER),
        // Too long with ours.
        _ => {
            let without = state.insert(MEMBER, &others);
            without.unwrap_or_else(|_| state.remove(MEMBER))
        }
    }
}

/// `state` with the member of another one, or without any.
pub(crate) fn with_member_of(state: &TraceState, other: &TraceState) -> TraceState {
    match other.get(MEMBER) {
        Some(member) => state.insert(MEMBER, member).unwrap_or_default(),
        None => state.remove(MEMBER),
    }
}

/// The values of the member: `th:8`, `rv:6e6d1a75832a2f`. No member could be written that ends with a blank.
fn values(state: &TraceState) -> impl Iterator<Item = &str> {
    let values = state.get(MEMBER).unwrap_or_default().split(';');
    values.map(str::trim_end)
}

fn value<'a>(state: &'a TraceState, key: &str) -> Option<&'a str> {
    let mut found = values(state).filter(|value| is(value, key));
    found.next()?.get(key.len() + 1..)
}

fn is(value: &str, key: &str) -> bool {
    value
        .strip_prefix(key)
        .is_some_and(|rest| rest.starts_with(':'))
}

/// 1 to 14 digits, lower case only.
fn hex(digits: &str) -> Option<u64> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(is_digit);
    u64::from_str_radix(digits, 16).ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state(header: &str) -> TraceState {
        header.parse().unwrap()
    }

    #[test]
    fn thresholds_and_randomness_are_read_as_the_specification_says() {
        let rows = [
            ("ot=th:0", Some(0), None),
            ("ot=th:c", Some(0xc0_0000_0000_0000), None),
            ("ot=th:fd70a4", Some(0xfd_70a4_0000_0000), None),
            ("ot=th:00000000000001", Some(1), None),
            ("ot=rv:6e6d1a75832a2f", None, Some(0x6e_6d1a_7583_2a2f)),
            (
                "vendor=1,ot=p:8;rv:6e6d1a75832a2f;th:8",
                Some(0x80_0000_0000_0000),
                Some(0x6e_6d1a_7583_2a2f),
            ),
            ("ot=th:", None, None),
            ("ot=th:C", None, None),
            ("ot=th:+1", None, None),
            ("ot=th:000000000000001", None, None),
            ("ot=thx:1;xth:2", None, None),
            ("ot=rv:6e6d1a75832a2", None, None),
            ("ot=rv:6E6D1A75832A2F", None, None),
            ("th=8", None, None),
        ];
        for (header, th, rv) in rows {
            let read = state(header);
            assert_eq!((threshold(&read), randomness(&read)), (th, rv), "{header}");
        }
    }

    #[test]
    fn a_member_that_others_left_with_a_blank_costs_nobody_theirs() {
        let left = state("vendor=1,ot=th:C;r ;;;");
        let changed = with_threshold(&left, Some("th:0"));
        assert_eq!(changed, state("ot=th:0;r,vendor=1"));
        assert_eq!(with_threshold(&changed, Some("th:0")), changed);
    }

    #[test]
    fn a_threshold_is_set_and_erased_and_everything_else_stays() {
        let rows = [
            ("", "ot=th:8", ""),
            ("vendor=1", "ot=th:8,vendor=1", "vendor=1"),
            ("ot=th:c", "ot=th:8", ""),
            (
                "vendor=1,ot=rv:6e6d1a75832a2f;th:c",
                "ot=th:8;rv:6e6d1a75832a2f,vendor=1",
                "ot=rv:6e6d1a75832a2f,vendor=1",
            ),
        ];
        for (before, set, erased) in rows {
            assert_eq!(with_threshold(&state(before), Some("th:8")).header(), set);
            assert_eq!(with_threshold(&state(before), None).header(), erased);
        }
    }

    #[test]
    fn where_there_is_no_room_for_a_threshold_the_former_one_is_gone_all_the_same() {
        let others = format!("x:{}", "y".repeat(247));
        let before = state(&format!("ot={others};th:c"));
        let after = with_threshold(&before, Some("th:fd70a4"));
        assert_eq!(after.header(), format!("ot={others}"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(number in 0..1_u64 << RANDOM_BITS) {
            let written = with_threshold(&TraceState::EMPTY, Some(&threshold_text(number)));
            prop_assert_eq!(threshold(&written), Some(number));
        }
    }
}
