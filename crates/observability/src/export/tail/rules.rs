//! The policy in the form in which it is applied: what a span says about its trace, as bits.
//!
//! Position: asked by [`super::Tail`] for every run, and once for every trace.

use super::{label::trace_state, run::Run, slowness::Slowness};
use crate::{
    context::TraceId,
    export::wire::{Field, Fields},
    recorder::records,
    sampling::{
        TailPolicy, ot_member,
        ratio::{random_bits, threshold},
    },
    span::{Value, Writer, attribute_len},
};
use std::ops::BitOrAssign;

/// OTLP `Span.attributes`.
const ATTRIBUTE: u8 = 9;

/// What is known of a trace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Facts(u8);

impl Facts {
    pub(super) const FAILED: Self = Self(1);
    pub(super) const FORCED: Self = Self(2);
    pub(super) const MATCHED: Self = Self(4);
    pub(super) const SLOW: Self = Self(8);
    pub(super) const WITHIN_RATIO: Self = Self(16);
    pub(super) const ENDED: Self = Self(32);

    pub(super) fn has_any_of(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    fn with(self, fact: Self, holds: bool) -> Self {
        Self(self.0 | if holds { fact.0 } else { 0 })
    }
}

impl BitOrAssign for Facts {
    fn bitor_assign(&mut self, more: Self) {
        self.0 |= more.0;
    }
}

/// What becomes of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Drop,
    /// For a reason of its own, which says nothing about other traces.
    Keep,
    /// For its id: it stands for others too.
    KeepByRatio,
}

#[derive(Debug)]
pub(super) struct Rules {
    threshold: u64,
    /// Any of these keeps a trace.
    reasons: Facts,
    slowness: Slowness,
    /// Attributes that keep a trace, each as a `KeyValue` message.
    attributes: Vec<Vec<u8>>,
}

impl Rules {
    pub(super) fn new(policy: &TailPolicy) -> Self {
        let mut reasons = Facts::FORCED.with(Facts::FAILED, policy.keep_errors);
        reasons |= Facts::MATCHED;
        reasons |= Facts::SLOW;
        let attributes = policy.attributes.iter();
        Self {
            threshold: threshold(policy.ratio),
            reasons,
            slowness: Slowness::new(policy.slower_than, policy.slower_than_percentile),
            attributes: attributes.map(|(key, value)| encoded(key, value)).collect(),
        }
    }

    pub(super) fn set_ratio(&mut self, ratio: f64) {
        self.threshold = threshold(ratio);
    }

    /// The rejection threshold of the ratio.
    pub(super) fn threshold(&self) -> u64 {
        self.threshold
    }

    /// What a run says about its trace.
    pub(super) fn facts(&mut self, run: &Run<'_>) -> Facts {
        let last = &run.last;
        let slow = last.is_local_root && self.slowness.is_slow(last.duration_nanos);
        Facts::default()
            .with(Facts::FAILED, run.failed)
            .with(Facts::FORCED, run.forced)
            .with(Facts::ENDED, last.is_local_root)
            .with(Facts::SLOW, slow)
            .with(Facts::WITHIN_RATIO, randomness(run) >= self.threshold)
            .with(Facts::MATCHED, self.matches(run))
    }

    pub(super) fn decide(&self, facts: Facts) -> Verdict {
        if facts.has_any_of(self.reasons) {
            Verdict::Keep
        } else if facts.has_any_of(Facts::WITHIN_RATIO) {
            Verdict::KeepByRatio
        } else {
            Verdict::Drop
        }
    }

    fn matches(&self, run: &Run<'_>) -> bool {
        let is_wanted =
            |span| attributes(span).any(|found| self.attributes.iter().any(|a| a == found));
        !self.attributes.is_empty() && records(run.bytes).any(|(_, span)| is_wanted(span))
    }
}

/// What the ratio is compared with: of the sampler at the head, or else of the trace's id.
fn randomness(run: &Run<'_>) -> u64 {
    let explicit = |span| {
        let (_, value) = trace_state(span)?;
        ot_member::randomness(&str::from_utf8(value).ok()?.parse().ok()?)
    };
    let of_spans = run.has_trace_state.then(|| records(run.bytes));
    let explicit = of_spans.and_then(|mut all| all.find_map(|(_, span)| explicit(span)));
    explicit.unwrap_or_else(|| random_bits(TraceId::from_bytes(run.last.trace_id)))
}

/// The attributes of an encoded span, as `KeyValue` messages.
fn attributes(span: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut fields = Fields::new(span);
    let fields = std::iter::from_fn(move || fields.next_field().ok().flatten());
    fields.filter_map(|(number, field)| match field {
        Field::Bytes(bytes) if number == u32::from(ATTRIBUTE) => Some(bytes),
        _ => None,
    })
}

/// A `KeyValue`, as the recorder would write it into a span.
fn encoded(key: &str, value: &Value<'_>) -> Vec<u8> {
    let key = key.as_bytes();
    let mut field = vec![0; attribute_len(key, value, usize::MAX)];
    Writer::new(&mut field).attribute(ATTRIBUTE, key, value, usize::MAX);
    attributes(&field)
        .next()
        .map(<[u8]>::to_vec)
        .unwrap_or_default()
}
