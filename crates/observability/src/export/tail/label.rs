//! The `tracestate` of spans that a ratio kept: for how many others they stand.
//!
//! Of the sampler at the head and the ratio at the tail the one that keeps less counts. A sampler that
//! neither writes its threshold down nor goes by the ids may keep any share: its spans get no label.
//!
//! Position: between a kept run and the request, where the recorder's bytes are copied anyway.
//!
//! Invariant: other vendors' members and other values of `ot` stay as they are.
//!
//! Source: OpenTelemetry specification, "`TraceState` Handling", "Rejection Threshold Value (`th`)".

use crate::{
    context::TraceState,
    export::wire::{Field, Fields},
    recorder::{put_record, records},
    sampling::{
        ot_member::{MEMBER, threshold, threshold_text, with_threshold},
        ratio::RANDOM_BITS,
    },
    span::put_message,
};
use std::ops::Range;

/// OTLP `Span.trace_state`.
const TRACE_STATE: u8 = 3;

#[derive(Debug)]
pub(super) struct Label {
    /// The rejection threshold of the ratio.
    tail: u64,
    /// The higher one of it and of the sampler at the head, if that is known.
    both: Option<u64>,
    /// The field for a span without a `tracestate`; may be empty.
    field: Vec<u8>,
}

impl Label {
    /// The label for rejection thresholds at the tail and, if it is known, at the head.
    pub(super) fn new(tail: u64, head: Option<u64>) -> Self {
        let both = head
            .map(|head| head.max(tail))
            .filter(|both| can_be_written(*both));
        let mut field = Vec::new();
        if let Some(both) = both {
            let value = format!("{MEMBER}={}", threshold_text(both));
            put_message(&mut field, TRACE_STATE, value.as_bytes());
        }
        Self { tail, both, field }
    }

    /// What a span without a `tracestate` gets at its end.
    pub(super) fn field(&self) -> &[u8] {
        &self.field
    }

    /// Appends `run` to `out`, each span with the label.
    pub(super) fn write(&self, run: &[u8], out: &mut Vec<u8>) {
        for (header, span) in records(run) {
            let known = header.has_trace_state.then(|| trace_state(span)).flatten();
            match known {
                None => put_record(header, &[span, &self.field], out),
                Some((range, value)) => {
                    let mut field = Vec::new();
                    put_message(
                        &mut field,
                        TRACE_STATE,
                        self.added_to(value).header().as_bytes(),
                    );
                    let parts = [&span[..range.start], &span[range.end..], &field];
                    put_record(header, &parts, out);
                }
            }
        }
    }

    /// `value` with the threshold that counts.
    fn added_to(&self, value: &[u8]) -> TraceState {
        let text = str::from_utf8(value).unwrap_or_default();
        let state = text.parse().unwrap_or_default();
        let known = threshold(&state).map(|head| head.max(self.tail));
        match known.or(self.both).filter(|both| can_be_written(*both)) {
            Some(both) => with_threshold(&state, Some(&threshold_text(both))),
            None => state,
        }
    }
}

/// Nothing is kept by a threshold that has no `th`.
fn can_be_written(threshold: u64) -> bool {
    threshold < 1 << RANDOM_BITS
}

/// Where the `tracestate` of an encoded span lies, and what it is.
pub(super) fn trace_state(span: &[u8]) -> Option<(Range<usize>, &[u8])> {
    let mut fields = Fields::new(span);
    loop {
        let start = span.len() - fields.rest_len();
        if let (number, Field::Bytes(value)) = fields.next_field().ok()??
            && number == u32::from(TRACE_STATE)
        {
            return Some((start..span.len() - fields.rest_len(), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{recorder::RecordHeader, sampling::ratio::threshold};

    fn labelled(label: &Label, state: &str) -> String {
        let mut span = vec![6 << 3, 1];
        if !state.is_empty() {
            put_message(&mut span, TRACE_STATE, state.as_bytes());
        }
        put_message(&mut span, 5, b"name");
        let header = RecordHeader {
            len: u32::try_from(span.len()).unwrap(),
            has_trace_state: !state.is_empty(),
            ..RecordHeader::default()
        };
        let run = [&header.to_bytes()[..], &span].concat().repeat(2);
        let mut out = Vec::new();
        label.write(&run, &mut out);
        let spans: Vec<_> = records(&out).map(|(_, span)| span).collect();
        assert_eq!(spans[0], spans[1]);
        let (range, value) = trace_state(spans[0]).unwrap();
        assert_eq!(range.end, spans[0].len());
        assert_eq!(trace_state(&spans[0][..range.start]), None, "there is one");
        assert!(spans[0].windows(4).any(|part| part == b"name"));
        String::from_utf8(value.to_vec()).unwrap()
    }

    #[test]
    fn the_threshold_is_written_without_trailing_zeros() {
        let rows = [
            (1.0, "0"),
            (0.5, "8"),
            (0.25, "c"),
            (0.0625, "f"),
            (0.1, "e6666666666668"),
        ];
        for (ratio, th) in rows {
            let label = Label::new(threshold(ratio), Some(0));
            assert_eq!(labelled(&label, ""), format!("ot=th:{th}"));
        }
        assert_eq!(
            labelled(&Label::new(1, Some(0)), ""),
            "ot=th:00000000000001"
        );
    }

    #[test]
    fn what_others_wrote_into_the_tracestate_stays() {
        let label = Label::new(threshold(0.5), Some(0));
        let rows = [
            ("vendor=1", "ot=th:8,vendor=1"),
            (
                "vendor=1,ot=rv:6e6d1a75832a2f",
                "ot=th:8;rv:6e6d1a75832a2f,vendor=1",
            ),
            ("ot=rv:1;th:4;x:y,vendor=1", "ot=th:8;rv:1;x:y,vendor=1"),
            ("ot=th:0", "ot=th:8"),
        ];
        for (before, after) in rows {
            assert_eq!(labelled(&label, before), after);
        }
    }

    #[test]
    fn of_head_and_tail_the_one_that_keeps_less_counts() {
        let (half, quarter) = (threshold(0.5), threshold(0.25));
        assert_eq!(labelled(&Label::new(half, Some(quarter)), ""), "ot=th:c");
        assert_eq!(labelled(&Label::new(quarter, Some(half)), ""), "ot=th:c");
        // What the head has written is more than what is known of it.
        for head in [None, Some(0)] {
            let label = Label::new(half, head);
            assert_eq!(labelled(&label, "ot=th:c,vendor=1"), "ot=th:c,vendor=1");
            assert_eq!(labelled(&label, "ot=th:4"), "ot=th:8");
        }
    }

    #[test]
    fn where_the_share_of_the_head_is_not_known_there_is_no_label() {
        let label = Label::new(threshold(0.5), None);
        assert!(label.field().is_empty());
        for state in ["vendor=1", "ot=rv:6e6d1a75832a2f"] {
            assert_eq!(labelled(&label, state), state);
        }
    }

    #[test]
    fn a_member_that_would_grow_too_long_stays_as_it_is() {
        let long = format!("ot=x:{}", "y".repeat(254));
        assert_eq!(labelled(&Label::new(0, Some(0)), &long), long);
    }
}
