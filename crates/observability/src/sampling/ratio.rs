//! A share of traces as a number that the random part of a trace id is compared with.
//!
//! Position: under every decision by ratio, at the head and at the tail.
//!
//! Invariant: what a ratio keeps, every higher ratio keeps too, in every process.
//!
//! Source: OpenTelemetry specification, "`TraceState`: Probability Sampling"; W3C Trace Context
//! level 2, "Random Trace ID Flag".

use crate::context::TraceId;

/// The random part of a trace id has 56 bits.
pub(crate) const RANDOM_BITS: u32 = 56;

/// Keeps the traces whose 56 random bits are at or above the rejection threshold.
#[inline]
pub(crate) fn keeps(threshold: u64, trace_id: TraceId) -> bool {
    random_bits(trace_id) >= threshold
}

/// The random part of a trace id.
#[inline]
pub(crate) fn random_bits(trace_id: TraceId) -> u64 {
    let [_, _, _, _, _, _, _, _, low @ ..] = trace_id.to_bytes();
    u64::from_be_bytes(low) & ((1 << RANDOM_BITS) - 1)
}

/// The rejection threshold of a ratio: 0 keeps everything, 2^56 nothing.
pub(crate) fn threshold(ratio: f64) -> u64 {
    const SPACE: f64 = (1u64 << RANDOM_BITS) as f64;
    // A ratio that is no number keeps nothing, like 0.
    let rejected = 1.0 - if ratio > 0.0 { ratio.min(1.0) } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the product lies between 0 and 2^56"
    )]
    let threshold = (rejected * SPACE) as u64;
    threshold
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_ratio_keeps_what_a_lower_one_keeps() {
        for i in 0..1_000u128 {
            let id = TraceId::from(i.wrapping_mul(0x2545_f491_4f6c_dd1d_1234_5678));
            assert!(!keeps(threshold(0.1), id) || keeps(threshold(0.5), id));
        }
    }

    #[test]
    fn only_the_random_bits_count() {
        let id = TraceId::from(u128::MAX - ((1 << RANDOM_BITS) - 1));
        assert!(!keeps(1, id) && keeps(0, id));
        assert!(keeps(
            (1 << RANDOM_BITS) - 1,
            TraceId::from((1u128 << RANDOM_BITS) - 1)
        ));
    }
}
