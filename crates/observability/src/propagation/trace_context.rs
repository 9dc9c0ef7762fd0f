//! W3C Trace Context: `traceparent` and `tracestate`, strictly.
//!
//! Position: between a [`carrier`](super::carrier) and a [`SpanContext`].
//!
//! Invariants:
//! - a malformed `traceparent`, or more than one, is no context at all;
//! - a malformed `tracestate` leaves the context without one;
//! - only the flags that level 2 defines are taken from others and sent to them.
//!
//! Source: W3C Trace Context level 2, sections 3.2 to 3.4 and 4.

use std::borrow::Cow;

use super::carrier::{Extractor, Injector, the_only};
use crate::context::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use crate::context::{decode_hex, encode_hex};

/// The header with the ids and flags of the parent span.
pub const TRACEPARENT: &str = "traceparent";
/// The header with the data of other tracing systems.
pub const TRACESTATE: &str = "tracestate";

/// `00-` + 32 digits + `-` + 16 digits + `-` + 2 digits.
const TRACEPARENT_LEN: usize = 55;
const KNOWN_VERSION: u8 = 0x00;
/// W3C Trace Context level 2, 3.2.2.1: the version that will never be.
const FORBIDDEN_VERSION: u8 = 0xff;

/// Reads a `traceparent`; the context is remote and without `tracestate`.
///
/// Versions above 00 may go on after the flags with `-` and anything. `None` stands for anything
/// malformed: fields of another length, upper case hex, zero ids, version ff.
///
/// # Examples
///
/// ```
/// use continuum_observability::propagation::trace_context::{format_traceparent, parse_traceparent};
///
/// let header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let parent = parse_traceparent(header).ok_or("malformed")?;
/// assert!(parent.is_sampled() && parent.is_remote());
/// assert_eq!(format_traceparent(&parent), header);
/// # Ok::<(), &str>(())
/// ```
///
/// Spec: W3C Trace Context level 2, 3.2 "Traceparent Header".
pub fn parse_traceparent(header: &str) -> Option<SpanContext> {
    let [version] = decode_hex(header.get(..2)?)?;
    let ends_well = match header.as_bytes().get(TRACEPARENT_LEN) {
        None => true,
        Some(next) => version != KNOWN_VERSION && *next == b'-',
    };
    let separated = [2, 35, 52]
        .iter()
        .all(|at| header.as_bytes().get(*at) == Some(&b'-'));
    if version == FORBIDDEN_VERSION || !ends_well || !separated {
        return None;
    }
    let trace_id = TraceId::from_hex(header.get(3..35)?).ok()?;
    let span_id = SpanId::from_hex(header.get(36..52)?).ok()?;
    let [flags] = decode_hex(header.get(53..TRACEPARENT_LEN)?)?;
    // Bits without a meaning are dropped, here and on the way out: 3.2.2.5.3 "Other Flags".
    let flags = TraceFlags::new(TraceFlags::new(flags).to_w3c());
    let context = SpanContext::new(trace_id, span_id, flags, true, TraceState::EMPTY);
    context.is_valid().then_some(context)
}

/// Writes a `traceparent` of version 00, whether or not `context` is valid.
pub fn format_traceparent(context: &SpanContext) -> String {
    let mut header = [b'-'; TRACEPARENT_LEN];
    encode_hex(&[KNOWN_VERSION], &mut header[..2]);
    encode_hex(&context.trace_id().to_bytes(), &mut header[3..35]);
    encode_hex(&context.span_id().to_bytes(), &mut header[36..52]);
    encode_hex(&[context.trace_flags().to_w3c()], &mut header[53..]);
    std::str::from_utf8(&header).unwrap_or_default().to_owned()
}

/// Reads the context of the caller's span from `carrier`.
///
/// `None` when there is no `traceparent`, a malformed one or more than one: start a new trace.
/// Several `tracestate` headers are one list.
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    let context = parse_traceparent(the_only(carrier, TRACEPARENT)?)?;
    Some(context.with_trace_state(extract_tracestate(carrier)))
}

fn extract_tracestate(carrier: &(impl Extractor + ?Sized)) -> TraceState {
    let mut header = Cow::Borrowed("");
    carrier.for_each(TRACESTATE, &mut |value| {
        if header.is_empty() {
            header = Cow::Borrowed(value);
        } else {
            let list = header.to_mut();
            list.push(',');
            list.push_str(value);
        }
    });
    if header.is_empty() {
        return TraceState::EMPTY;
    }
    header.parse().unwrap_or_default()
}

/// Writes `context` to `carrier`; nothing when it is invalid. Takes away what it does not write.
pub fn inject(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    let state = context.trace_state();
    let has_state = context.is_valid() && !state.is_empty();
    if !has_state {
        // Before anything is written: a carrier that is new has nothing in it yet.
        carrier.remove(TRACESTATE);
    }
    if context.is_valid() {
        carrier.set(TRACEPARENT, format_traceparent(context));
    } else {
        carrier.remove(TRACEPARENT);
    }
    if has_state {
        carrier.set(TRACESTATE, state.header().to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    type Headers = Vec<(String, String)>;

    fn headers(headers: &[(&str, &str)]) -> Headers {
        headers
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn traceparent() -> String {
        format!("00-{TRACE}-{SPAN}-01")
    }

    #[test]
    fn a_traceparent_is_a_remote_context() {
        let context = parse_traceparent(&traceparent()).unwrap();
        assert_eq!(context.trace_id().to_string(), TRACE);
        assert_eq!(context.span_id().to_string(), SPAN);
        assert!(context.is_remote() && context.is_sampled());
        assert!(context.trace_state().is_empty());
    }

    #[test]
    fn malformed_traceparents_are_refused() {
        let (no_trace, no_span) = ("0".repeat(32), "0".repeat(16));
        for header in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-010"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("000-{TRACE}-{SPAN}-01"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0x-{TRACE}-{SPAN}-01"),
            format!("CC-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01.more"),
            format!("cc-{TRACE}-{SPAN}"),
            format!("00-{no_trace}-{SPAN}-01"),
            format!("00-{TRACE}-{no_span}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{}-01", SPAN.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0A"),
            format!("00-{TRACE}-{SPAN}-.0"),
            format!("00_{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}_{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}_01"),
            format!("00-{}-0{SPAN}-01", &TRACE[1..]),
            format!("00-é{}-{SPAN}-01", &TRACE[2..]),
        ] {
            assert_eq!(parse_traceparent(&header), None, "{header}");
        }
    }

    #[test]
    fn later_versions_are_read_as_far_as_they_are_known() {
        let known = parse_traceparent(&traceparent());
        for header in [
            format!("01-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01-"),
            format!("fe-{TRACE}-{SPAN}-01-what-the-future-é"),
        ] {
            assert_eq!(parse_traceparent(&header), known, "{header}");
        }
    }

    #[test]
    fn only_known_flags_come_in_and_go_out() {
        for (received, sent) in [
            ("00", "00"),
            ("01", "01"),
            ("02", "02"),
            ("ff", "03"),
            ("fc", "00"),
        ] {
            let context = parse_traceparent(&format!("00-{TRACE}-{SPAN}-{received}")).unwrap();
            assert_eq!(
                format!("{:?}", context.trace_flags()),
                format!("TraceFlags({sent})")
            );
            assert_eq!(
                format_traceparent(&context),
                format!("00-{TRACE}-{SPAN}-{sent}")
            );
        }
        let flags = TraceFlags::new(0xff);
        let context = SpanContext::new(1.into(), 1.into(), flags, false, TraceState::EMPTY);
        assert!(format_traceparent(&context).ends_with("-03"));
    }

    #[test]
    fn names_of_headers_may_have_any_case() {
        let carrier = headers(&[("TraceParent", &traceparent()), ("TRACESTATE", "a=1")]);
        assert_eq!(extract(&carrier).unwrap().trace_state().get("a"), Some("1"));
    }

    #[test]
    fn more_than_one_traceparent_is_none() {
        let twice = headers(&[
            ("traceparent", &traceparent()),
            ("Traceparent", &traceparent()),
        ]);
        assert_eq!(extract(&twice), None);
        assert!(extract(&twice[..1].to_vec()).is_some());
    }

    #[test]
    fn more_than_one_spelling_in_a_map_is_none() {
        let other = traceparent().replace("0af7", "1bf8");
        let spelled = [("traceparent", traceparent()), ("Traceparent", other)];
        let owned = spelled.map(|(key, value)| (key.to_owned(), value));
        let mut map = std::collections::HashMap::from(owned);
        assert_eq!(extract(&map), None);
        map.remove("Traceparent");
        assert!(extract(&map).is_some());
    }

    #[test]
    fn what_is_not_written_is_taken_away() {
        let mut carrier = headers(&[("Traceparent", "old"), ("TraceState", "old=1"), ("b", "2")]);
        let mut context = parse_traceparent(&traceparent()).unwrap();
        inject(&context, &mut carrier);
        assert_eq!(
            carrier,
            headers(&[("b", "2"), ("traceparent", &traceparent())])
        );
        context = context.with_trace_state("a=1".parse().unwrap());
        inject(&context, &mut carrier);
        assert_eq!(carrier.len(), 3);
        inject(&SpanContext::INVALID, &mut carrier);
        assert_eq!(carrier, headers(&[("b", "2")]));
    }

    #[test]
    fn several_tracestate_headers_are_one_list() {
        let parent = traceparent();
        let read = |states: &[&str]| {
            let states = states.iter().map(|state| ("tracestate", *state));
            let all: Vec<_> = std::iter::once(("traceparent", parent.as_str()))
                .chain(states)
                .collect();
            extract(&headers(&all))
                .unwrap()
                .trace_state()
                .header()
                .to_owned()
        };
        assert_eq!(read(&["a=1", "", "b=2,c=3", "d=4"]), "a=1,b=2,c=3,d=4");
        assert_eq!(read(&["", "a=1"]), "a=1");
        assert_eq!(read(&["a=1", "a=2"]), "a=1");
        assert_eq!(read(&["a=1", "malformed"]), "");
    }

    #[test]
    fn a_tracestate_without_traceparent_is_nothing() {
        assert_eq!(extract(&headers(&[("tracestate", "a=1")])), None);
        assert_eq!(
            extract(&headers(&[("tracestate", "a=1"), ("traceparent", "x")])),
            None
        );
    }

    #[test]
    fn an_empty_tracestate_is_not_sent() {
        let mut carrier = Headers::new();
        inject(&parse_traceparent(&traceparent()).unwrap(), &mut carrier);
        assert_eq!(carrier, headers(&[("traceparent", &traceparent())]));
    }

    #[test]
    fn an_invalid_context_is_not_injected() {
        let mut carrier = Headers::new();
        inject(&SpanContext::INVALID, &mut carrier);
        let half = SpanContext::new(
            1.into(),
            SpanId::INVALID,
            TraceFlags::SAMPLED,
            false,
            "a=1".parse().unwrap(),
        );
        inject(&half, &mut carrier);
        assert_eq!(carrier, []);
    }

    proptest! {
        #[test]
        fn injecting_and_extracting_is_the_identity(
            trace in 1_u128.., span in 1_u64.., flags in 0_u8..4,
            members in prop::collection::btree_map("[a-z0-9][a-z0-9@/]{0,3}", "[ -+:;a-~]{0,3}[!a~]", 0..5),
        ) {
            let mut state = TraceState::EMPTY;
            for (key, value) in &members {
                state = state.insert(key, value).unwrap();
            }
            let flags = TraceFlags::new(flags);
            let context = SpanContext::new(trace.into(), span.into(), flags, true, state);
            let mut carrier = Headers::new();
            inject(&context, &mut carrier);
            prop_assert_eq!(extract(&carrier), Some(context));
        }

        #[test]
        fn no_text_panics_or_yields_an_invalid_context(
            parent in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.{0,2}|[0f]{2}-0{31}[01]-0{15}[01]-0[01]|.{0,60}",
            state in "[ab=1, \t]{0,24}|.{0,24}",
        ) {
            let carrier = headers(&[("traceparent", &parent), ("tracestate", &state)]);
            if let Some(context) = extract(&carrier) {
                prop_assert!(context.is_valid());
                prop_assert!(context.is_remote());
                prop_assert_eq!(&format_traceparent(&context)[2..53], &parent[2..53]);
            }
        }
    }
}
