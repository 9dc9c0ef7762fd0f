//! Trace ids, span ids and trace flags: the fixed-size part of a span's identity.
//!
//! Position: below everything else in `context`; made by the recorder's id generator or read from
//! a carrier by `propagation`, written as bytes by the recorder and as hex at the edge only.
//!
//! Invariants:
//! - the bytes are in wire order (big endian), so that comparing ids compares their hex;
//! - hex is written and accepted in lower case and at the exact length only.
//!
//! Source: OpenTelemetry specification, Trace API, "`SpanContext`"; W3C Trace Context level 2,
//! sections 3.2.2.3 to 3.2.2.5.

use std::fmt;
use std::str::{self, FromStr};

/// The two hex digits of every byte.
const HEX_PAIRS: [[u8; 2]; 256] = hex_pairs();
/// The value of every ASCII byte as a hex digit, or [`NOT_HEX`].
const HEX_DIGITS: [u8; 256] = hex_digits();
/// Has a bit above the low four, which no digit has, so that digits can be checked together.
const NOT_HEX: u8 = 0xff;
const LOWER_HEX: [u8; 16] = *b"0123456789abcdef";

const fn hex_pairs() -> [[u8; 2]; 256] {
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < pairs.len() {
        pairs[byte] = [LOWER_HEX[byte >> 4], LOWER_HEX[byte & 0x0f]];
        byte += 1;
    }
    pairs
}

const fn hex_digits() -> [u8; 256] {
    let mut digits = [NOT_HEX; 256];
    let mut value: u8 = 0;
    while value < 16 {
        digits[LOWER_HEX[value as usize] as usize] = value;
        value += 1;
    }
    digits
}

/// Writes `bytes` as lower case hex to `out`, which is twice as long.
pub(crate) fn encode_hex(bytes: &[u8], out: &mut [u8]) {
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&HEX_PAIRS[usize::from(*byte)]);
    }
}

/// `bytes` as lower case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    encode_hex(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// Reads exactly `2 * N` lower case hex digits.
#[inline]
pub(crate) fn decode_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let hex = hex.as_bytes();
    if hex.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    let (eights, rest) = hex.as_chunks();
    let (fours, last) = bytes.as_chunks_mut();
    for (four, digits) in fours.iter_mut().zip(eights) {
        *four = decode_eight(*digits)?;
    }
    let mut seen = 0;
    for (byte, pair) in last.iter_mut().zip(rest.chunks_exact(2)) {
        let high = HEX_DIGITS[usize::from(pair[0])];
        let low = HEX_DIGITS[usize::from(pair[1])];
        seen |= high | low;
        *byte = (high << 4) | (low & 0x0f);
    }
    (seen <= 0x0f).then_some(bytes)
}

/// Reads eight digits at once, each in a byte of its own of one number.
#[expect(clippy::cast_possible_truncation, reason = "the upper half is zero")]
#[inline]
const fn decode_eight(digits: [u8; 8]) -> Option<[u8; 4]> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let digits = u64::from_be_bytes(digits);
    let letters = (digits >> 6) & ONES;
    let values = (digits & (0x0f * ONES)).wrapping_add(letters.wrapping_mul(9));
    // Only what is written like this again was a digit in lower case.
    let are_letters = (values.wrapping_add(6 * ONES) >> 4) & ONES;
    let written = values
        .wrapping_add(0x30 * ONES)
        .wrapping_add(are_letters.wrapping_mul(0x27));
    if written != digits || values & (0xf0 * ONES) != 0 {
        return None;
    }
    let pairs = (values | values >> 4) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some(((fours | fours >> 16) as u32).to_be_bytes())
}

/// The text was not an id: wrong length, or something else than lower case hex digits.
///
/// Final: the same text never parses. Treat the id as absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseIdError {
    expected_digits: usize,
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} lower case hex digits", self.expected_digits)
    }
}

impl std::error::Error for ParseIdError {}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $int:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// All zero: "there is no id".
            pub const INVALID: Self = Self([0; $bytes]);

            /// Takes the bytes in wire order.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes in wire order.
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0
            }

            /// Reads lower case hex of exactly the right length.
            ///
            /// All zero digits are read as well: ask [`is_valid`](Self::is_valid).
            ///
            /// # Errors
            ///
            /// [`ParseIdError`] for any other length and any other character, upper case included.
            pub fn from_hex(hex: &str) -> Result<Self, ParseIdError> {
                let expected_digits = 2 * $bytes;
                decode_hex(hex).map(Self).ok_or(ParseIdError { expected_digits })
            }

            /// Whether the id is anything but all zero.
            pub const fn is_valid(self) -> bool {
                <$int>::from_be_bytes(self.0) != 0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut hex = [0; 2 * $bytes];
                encode_hex(&self.0, &mut hex);
                f.pad(str::from_utf8(&hex).unwrap_or_default())
            }
        }

        impl fmt::LowerHex for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(hex: &str) -> Result<Self, ParseIdError> {
                Self::from_hex(hex)
            }
        }

        impl From<$int> for $name {
            fn from(number: $int) -> Self {
                Self(number.to_be_bytes())
            }
        }

        impl From<$name> for $int {
            fn from(id: $name) -> Self {
                Self::from_be_bytes(id.0)
            }
        }
    };
}

id! {
    /// The id of a trace: 16 bytes, shared by all its spans in all processes.
    ///
    /// # Examples
    ///
    /// ```
    /// use continuum_observability::TraceId;
    ///
    /// let id: TraceId = "0af7651916cd43dd8448eb211c80319c".parse()?;
    /// assert!(id.is_valid());
    /// assert_eq!(id, TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128));
    /// assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
    /// # Ok::<(), continuum_observability::ParseIdError>(())
    /// ```
    ///
    /// Spec: W3C Trace Context level 2, 3.2.2.3 "trace-id".
    TraceId, 16, u128
}

id! {
    /// The id of a span: 8 bytes, unique within its trace.
    ///
    /// # Examples
    ///
    /// ```
    /// use continuum_observability::SpanId;
    ///
    /// let id: SpanId = "b7ad6b7169203331".parse()?;
    /// assert_eq!(u64::from(id), 0xb7ad_6b71_6920_3331);
    /// # Ok::<(), continuum_observability::ParseIdError>(())
    /// ```
    ///
    /// Spec: W3C Trace Context level 2, 3.2.2.4 "parent-id".
    SpanId, 8, u64
}

/// The flags that travel with a span's ids.
///
/// Spec: W3C Trace Context level 2, 3.2.2.5 "trace-flags".
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TraceFlags(u8);

impl TraceFlags {
    /// No flag: not sampled, and nothing known about the randomness of the trace id.
    pub const NONE: Self = Self(0);
    /// The caller may have recorded the trace.
    pub const SAMPLED: Self = Self(0x01);
    /// The last 7 bytes of the trace id are random, so that samplers may rely on them.
    pub const RANDOM: Self = Self(0x02);
    /// The caller wants the trace at any price. Not a flag of W3C: only the formats that know it
    /// (B3, Jaeger) read and write it, and it is not exported.
    pub const DEBUG: Self = Self(0x80);

    /// Takes all eight bits as they are.
    pub const fn new(bits: u8) -> Self {
        Self(bits)
    }

    /// All eight bits.
    pub const fn to_u8(self) -> u8 {
        self.0
    }

    /// The bits that W3C Trace Context defines; no others may be sent in its name.
    pub(crate) const fn to_w3c(self) -> u8 {
        self.0 & (Self::SAMPLED.0 | Self::RANDOM.0)
    }

    /// Whether [`SAMPLED`](Self::SAMPLED) is set.
    pub const fn is_sampled(self) -> bool {
        self.0 & Self::SAMPLED.0 != 0
    }

    /// Whether [`RANDOM`](Self::RANDOM) is set.
    pub const fn is_random(self) -> bool {
        self.0 & Self::RANDOM.0 != 0
    }

    /// Whether [`DEBUG`](Self::DEBUG) is set.
    pub const fn is_debug(self) -> bool {
        self.0 & Self::DEBUG.0 != 0
    }

    /// The same flags with [`SAMPLED`](Self::SAMPLED) set or cleared.
    #[must_use]
    pub const fn with_sampled(self, sampled: bool) -> Self {
        Self(if sampled {
            self.0 | Self::SAMPLED.0
        } else {
            self.0 & !Self::SAMPLED.0
        })
    }

    /// The same flags with [`RANDOM`](Self::RANDOM) set or cleared.
    #[must_use]
    pub const fn with_random(self, random: bool) -> Self {
        Self(if random {
            self.0 | Self::RANDOM.0
        } else {
            self.0 & !Self::RANDOM.0
        })
    }
}

impl fmt::Debug for TraceFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceFlags({:02x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE_HEX: &str = "0af7651916cd43dd8448eb211c80319c";

    #[test]
    fn ids_print_as_lower_case_hex_in_wire_order() {
        let trace = TraceId::from(0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128);
        assert_eq!(trace.to_string(), TRACE_HEX);
        assert_eq!(format!("{trace:x}"), TRACE_HEX);
        assert_eq!(format!("{trace:?}"), format!("TraceId({TRACE_HEX})"));
        assert_eq!(trace.to_bytes()[..2], [0x0a, 0xf7]);
        assert_eq!(SpanId::from(0xab).to_string(), "00000000000000ab");
    }

    #[test]
    fn only_lower_case_hex_of_the_exact_length_is_an_id() {
        let upper = TRACE_HEX.to_uppercase();
        let short = &TRACE_HEX[1..];
        let long = format!("{TRACE_HEX}0");
        let foreign = format!("g{short}");
        let wide = format!("é{}", &TRACE_HEX[2..]);
        for text in [
            "",
            &upper,
            short,
            &long,
            &foreign,
            &wide,
            "+af7651916cd43dd8448eb211c80319c",
        ] {
            let error = text.parse::<TraceId>().unwrap_err();
            assert_eq!(
                error.to_string(),
                "expected 32 lower case hex digits",
                "{text}"
            );
        }
        assert!(TRACE_HEX.parse::<SpanId>().is_err());
    }

    #[test]
    fn every_byte_but_a_digit_is_refused_in_every_place() {
        let digits = *b"0f7a9c12";
        for (at, byte) in (0..8).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
            let mut changed = digits;
            changed[at] = byte;
            let text = changed.map(char::from).iter().collect::<String>();
            let is_hex = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            let expected = is_hex.then(|| u32::from_str_radix(&text, 16).unwrap().to_be_bytes());
            assert_eq!(decode_eight(changed), expected, "{text}");
        }
    }

    #[test]
    fn only_the_all_zero_id_is_invalid() {
        assert!(!TraceId::INVALID.is_valid());
        assert!(!SpanId::default().is_valid());
        assert_eq!("0".repeat(16).parse(), Ok(SpanId::INVALID));
        assert!(TraceId::from(1).is_valid());
        assert!(SpanId::from(1 << 63).is_valid());
    }

    #[test]
    fn a_flag_is_set_and_cleared_without_touching_the_others() {
        let flags = TraceFlags::new(0xfc).with_sampled(true);
        assert!(flags.is_sampled() && !flags.is_random());
        assert_eq!(flags.with_random(true).to_u8(), 0xff);
        assert_eq!(flags.with_random(true).with_sampled(false).to_u8(), 0xfe);
        assert_eq!(flags.with_random(false), flags);
        assert_eq!(format!("{:?}", TraceFlags::RANDOM), "TraceFlags(02)");
    }

    proptest! {
        #[test]
        fn printing_and_parsing_an_id_is_the_identity(trace: u128, span: u64) {
            let (trace, span) = (TraceId::from(trace), SpanId::from(span));
            prop_assert_eq!(trace.to_string().parse(), Ok(trace));
            prop_assert_eq!(span.to_string().parse(), Ok(span));
            prop_assert_eq!(TraceId::from_bytes(trace.to_bytes()), trace);
        }

        #[test]
        fn ids_sort_like_their_numbers_and_their_hex(a: u64, b: u64) {
            let (left, right) = (SpanId::from(a), SpanId::from(b));
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            prop_assert_eq!(left.cmp(&right), left.to_string().cmp(&right.to_string()));
        }
    }
}
