//! B3, the headers of Zipkin: a single one, or one for each field.
//!
//! Position: between a [`carrier`](super::carrier) and a [`SpanContext`].
//!
//! Invariants:
//! - both forms are read, the single header first; which one is written is the caller's choice;
//! - the debug flag travels on and means sampled; the parent's own parent does not travel.
//!
//! A decision that was left to us counts as not sampled, as with other implementations; a decision
//! without ids is no context.
//!
//! Source: openzipkin/b3-propagation; OpenTelemetry specification, Propagators API, "B3
//! Requirements".

use super::carrier::{Extractor, Injector, the_only};
use crate::context::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The single header: `{trace id}-{span id}-{sampling state}-{parent's span id}`.
pub const B3: &str = "b3";
/// The trace id, 16 or 32 digits.
pub const X_B3_TRACE_ID: &str = "x-b3-traceid";
/// The span id, 16 digits.
pub const X_B3_SPAN_ID: &str = "x-b3-spanid";
/// `1` or `0`.
pub const X_B3_SAMPLED: &str = "x-b3-sampled";
/// `1` for debug.
pub const X_B3_FLAGS: &str = "x-b3-flags";

const DEBUG: TraceFlags = TraceFlags::DEBUG.with_sampled(true);

/// Reads the single header; `None` for anything malformed.
///
/// # Examples
///
/// ```
/// use continuum_observability::propagation::b3::{format_single, parse_single};
///
/// let context = parse_single("64fe8b2a57d3eff7-e457b5a2e4d86bd1-1").ok_or("malformed")?;
/// assert!(context.is_sampled());
/// assert_eq!(
///     format_single(&context),
///     "000000000000000064fe8b2a57d3eff7-e457b5a2e4d86bd1-1"
/// );
/// # Ok::<(), &str>(())
/// ```
pub fn parse_single(header: &str) -> Option<SpanContext> {
    let mut fields = header.split('-');
    let (trace_id, span_id) = (fields.next()?, fields.next()?);
    let flags = fields.next().map_or(Some(TraceFlags::NONE), flags)?;
    if let Some(parent) = fields.next() {
        SpanId::from_hex(parent).ok()?;
    }
    match fields.next() {
        Some(_) => None,
        None => context(trace_id, span_id, flags),
    }
}

/// Writes the single header, whether or not `context` is valid.
pub fn format_single(context: &SpanContext) -> String {
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    let state = match context.trace_flags() {
        flags if flags.is_debug() => 'd',
        flags if flags.is_sampled() => '1',
        _ => '0',
    };
    format!("{trace_id}-{span_id}-{state}")
}

/// Reads the context of the caller's span from `carrier`, in either form.
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    the_only(carrier, B3)
        .and_then(parse_single)
        .or_else(|| extract_multi(carrier))
}

fn extract_multi(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    let (trace_id, span_id) = (
        the_only(carrier, X_B3_TRACE_ID)?,
        the_only(carrier, X_B3_SPAN_ID)?,
    );
    let flags = match carrier.get(X_B3_SAMPLED) {
        _ if carrier.get(X_B3_FLAGS) == Some("1") => DEBUG,
        None => TraceFlags::NONE,
        Some(_) => flags(the_only(carrier, X_B3_SAMPLED)?)?,
    };
    context(trace_id, span_id, flags)
}

/// Writes `context` as a single header; when it is invalid, takes the header away.
pub fn inject_single(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    if context.is_valid() {
        carrier.set(B3, format_single(context));
    } else {
        carrier.remove(B3);
    }
}

/// Writes `context` as a header for each field; nothing when it is invalid. Takes away those that it
/// does not write, and not the single header: both forms may be in use.
pub fn inject_multi(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    for header in [X_B3_TRACE_ID, X_B3_SPAN_ID, X_B3_FLAGS, X_B3_SAMPLED] {
        carrier.remove(header);
    }
    if !context.is_valid() {
        return;
    }
    carrier.set(X_B3_TRACE_ID, context.trace_id().to_string());
    carrier.set(X_B3_SPAN_ID, context.span_id().to_string());
    let flags = context.trace_flags();
    if flags.is_debug() {
        carrier.set(X_B3_FLAGS, "1".to_owned());
    } else {
        carrier.set(X_B3_SAMPLED, u8::from(flags.is_sampled()).to_string());
    }
}

/// The words are those of older senders.
fn flags(state: &str) -> Option<TraceFlags> {
    match state {
        "0" | "false" => Some(TraceFlags::NONE),
        "1" | "true" => Some(TraceFlags::SAMPLED),
        "d" => Some(DEBUG),
        _ => None,
    }
}

fn context(trace_id: &str, span_id: &str, flags: TraceFlags) -> Option<SpanContext> {
    let trace_id = match trace_id.len() {
        16 => u128::from(u64::from(SpanId::from_hex(trace_id).ok()?)).into(),
        _ => TraceId::from_hex(trace_id).ok()?,
    };
    let span_id = SpanId::from_hex(span_id).ok()?;
    let context = SpanContext::new(trace_id, span_id, flags, true, TraceState::EMPTY);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
    const SPAN: &str = "a2fb4a1d1a96d312";

    type Headers = Vec<(String, String)>;

    fn headers(headers: &[(&str, &str)]) -> Headers {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        headers.iter().map(owned).collect()
    }

    #[test]
    fn the_sampling_state_is_a_digit_or_d_and_may_be_absent() {
        for (state, sampled, debug) in [
            ("", false, false),
            ("-0", false, false),
            ("-1", true, false),
            ("-d", true, true),
            ("-1-05e3ac9a4f6e3b90", true, false),
        ] {
            let context = parse_single(&format!("{TRACE}-{SPAN}{state}")).unwrap();
            assert_eq!(context.trace_id().to_string(), TRACE);
            assert_eq!(context.span_id().to_string(), SPAN);
            let flags = context.trace_flags();
            assert_eq!((flags.is_sampled(), flags.is_debug()), (sampled, debug));
            assert!(context.is_remote(), "{state}");
        }
    }

    #[test]
    fn malformed_headers_are_no_context() {
        for header in [
            "",
            "0",
            "1",
            "d",
            TRACE,
            &format!("{TRACE}-"),
            &format!("{TRACE}-{SPAN}-"),
            &format!("{TRACE}-{SPAN}-2"),
            &format!("{TRACE}-{SPAN}-1-"),
            &format!("{TRACE}-{SPAN}-1-{SPAN}-"),
            &format!("{TRACE}-{SPAN}-1-x"),
            &format!("{}-{SPAN}-1", &TRACE[1..]),
            &format!("{}-{SPAN}-1", TRACE.to_uppercase()),
            &format!("{TRACE}-{}-1", &SPAN[1..]),
            &format!("{}-{SPAN}-1", "0".repeat(32)),
            &format!("{}-{SPAN}-1", "0".repeat(16)),
            &format!("{TRACE}-{}-1", "0".repeat(16)),
        ] {
            assert_eq!(parse_single(header), None, "{header}");
        }
    }

    #[test]
    fn one_header_for_each_field_is_read_in_any_case() {
        let read = |more: &[(&str, &str)]| {
            let mut all = headers(&[("X-B3-TraceId", TRACE), ("X-B3-SpanId", SPAN)]);
            all.extend(headers(more));
            extract(&all).map(|context| format_single(&context))
        };
        let ids = format!("{TRACE}-{SPAN}");
        for (more, state) in [
            (&[][..], Some("0")),
            (&[("X-B3-Sampled", "1")], Some("1")),
            (&[("x-b3-sampled", "true")], Some("1")),
            (&[("x-b3-sampled", "false")], Some("0")),
            (&[("x-b3-flags", "1")], Some("d")),
            (&[("x-b3-flags", "1"), ("x-b3-sampled", "0")], Some("d")),
            (&[("x-b3-flags", "0")], Some("0")),
            (&[("x-b3-parentspanid", "anything")], Some("0")),
            (&[("x-b3-sampled", "yes")], None),
            (&[("x-b3-sampled", "1"), ("x-b3-sampled", "0")], None),
            (&[("x-b3-spanid", SPAN)], None),
        ] {
            let expected = state.map(|state| format!("{ids}-{state}"));
            assert_eq!(read(more), expected, "{more:?}");
        }
        assert_eq!(extract(&headers(&[("x-b3-traceid", TRACE)])), None);
        assert_eq!(extract(&headers(&[("x-b3-sampled", "1")])), None);
    }

    #[test]
    fn the_single_header_comes_first_unless_it_is_malformed() {
        let mut all = headers(&[
            ("b3", &format!("{TRACE}-{SPAN}-1")),
            ("x-b3-traceid", "1111111111111111"),
            ("x-b3-spanid", SPAN),
        ]);
        assert_eq!(extract(&all).unwrap().trace_id().to_string(), TRACE);
        all[0].1 = "1".to_owned();
        assert_eq!(
            extract(&all).unwrap().trace_id().to_string(),
            "00000000000000001111111111111111"
        );
    }

    #[test]
    fn a_flag_that_was_there_before_is_not_taken_for_ours() {
        let mut carrier = headers(&[("X-B3-Flags", "1"), ("b3", "0")]);
        let context = context(TRACE, SPAN, TraceFlags::SAMPLED).unwrap();
        inject_multi(&context, &mut carrier);
        assert!(!extract_multi(&carrier).unwrap().trace_flags().is_debug());
        assert_eq!(carrier[0].0, "b3");
    }

    #[test]
    fn an_invalid_context_is_not_injected() {
        let mut carrier = Headers::new();
        inject_single(&SpanContext::INVALID, &mut carrier);
        inject_multi(&SpanContext::INVALID, &mut carrier);
        assert_eq!(carrier, []);
    }

    proptest! {
        #[test]
        fn injecting_and_extracting_is_the_identity_in_both_forms(
            trace in 1_u128.., span in 1_u64.., flags in 0_usize..3,
        ) {
            let flags = [TraceFlags::NONE, TraceFlags::SAMPLED, DEBUG][flags];
            let context = SpanContext::new(trace.into(), span.into(), flags, true, TraceState::EMPTY);
            let (mut single, mut multi) = (Headers::new(), Headers::new());
            inject_single(&context, &mut single);
            inject_multi(&context, &mut multi);
            prop_assert_eq!(single.len(), 1);
            prop_assert_eq!(extract(&single), Some(context.clone()));
            prop_assert_eq!(extract(&multi), Some(context));
        }

        #[test]
        fn no_text_panics_or_yields_an_invalid_context(
            header in "[01d]?-?[0-9a-f]{16,32}-[0-9a-f]{16}(-[01d](-0{15}[01])?)?|0{31}[01]-0{15}[01]|.{0,60}",
        ) {
            let carrier = headers(&[("b3", &header), ("x-b3-traceid", &header), ("x-b3-spanid", &header)]);
            prop_assert!(extract(&carrier).is_none_or(|context| context.is_valid()));
        }
    }
}
