//! Jaeger's own headers: `uber-trace-id`, and `uberctx-{name}` for each member of the baggage.
//!
//! Position: between a [`carrier`](super::carrier) and a [`SpanContext`] or a [`Baggage`].
//!
//! Invariants:
//! - ids shorter than ours are filled with zeros on the left, in either case of the digits;
//! - the debug flag travels on and means sampled; the parent's own parent does not travel;
//! - names of baggage go into the names of headers, where HTTP does not keep their case.
//!
//! Source: Jaeger documentation, "Client Libraries", "Propagation Format"; OpenTelemetry
//! specification, Propagators API, "Propagators Distribution".

use super::baggage::is_token;
use super::carrier::{Extractor, Injector, the_only};
use super::percent;
use crate::context::{Baggage, MAX_BAGGAGE_BYTES, SpanContext, TraceFlags, TraceId, TraceState};

/// The header with ids and flags: `{trace id}:{span id}:{parent's span id}:{flags}`.
pub const UBER_TRACE_ID: &str = "uber-trace-id";
/// What the names of headers with baggage begin with.
pub const UBERCTX_PREFIX: &str = "uberctx-";

const SAMPLED: u8 = 0x01;
const DEBUG: u8 = 0x02;

/// Reads the header; `None` for anything malformed.
///
/// Some senders escape the colons for a URL, which is undone.
///
/// # Examples
///
/// ```
/// use continuum_observability::propagation::jaeger::{format_header, parse_header};
///
/// let context = parse_header("64fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1").ok_or("malformed")?;
/// assert!(context.is_sampled());
/// assert_eq!(
///     format_header(&context),
///     "000000000000000064fe8b2a57d3eff7:e457b5a2e4d86bd1:0:1"
/// );
/// # Ok::<(), &str>(())
/// ```
pub fn parse_header(header: &str) -> Option<SpanContext> {
    let header = percent::decode(header);
    let mut fields = header.split(':');
    let (trace_id, span_id) = (fields.next()?, fields.next()?);
    let (_deprecated_parent, flags) = (fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let trace_id: TraceId = number(trace_id, 32)?.into();
    let span_id = u64::try_from(number(span_id, 16)?).ok()?;
    let flags = flags_from(u8::try_from(number(flags, 2)?).ok()?);
    let context = SpanContext::new(trace_id, span_id.into(), flags, true, TraceState::EMPTY);
    context.is_valid().then_some(context)
}

/// A number of 1 to `max_digits` hex digits.
fn number(digits: &str, max_digits: usize) -> Option<u128> {
    let are_digits = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = are_digits && digits.len() <= max_digits;
    u128::from_str_radix(digits, 16).ok().filter(|_| fits)
}

const fn flags_from(bits: u8) -> TraceFlags {
    if bits & DEBUG != 0 {
        TraceFlags::DEBUG.with_sampled(true)
    } else {
        TraceFlags::NONE.with_sampled(bits & SAMPLED != 0)
    }
}

/// Writes the header, whether or not `context` is valid.
pub fn format_header(context: &SpanContext) -> String {
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    let flags = match context.trace_flags() {
        flags if flags.is_debug() => DEBUG | SAMPLED,
        flags if flags.is_sampled() => SAMPLED,
        _ => 0,
    };
    format!("{trace_id}:{span_id}:0:{flags:x}")
}

/// Reads the context of the caller's span from `carrier`.
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    parse_header(the_only(carrier, UBER_TRACE_ID)?)
}

/// Writes `context` to `carrier`; when it is invalid, takes the header away.
pub fn inject(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    if context.is_valid() {
        carrier.set(UBER_TRACE_ID, format_header(context));
    } else {
        carrier.remove(UBER_TRACE_ID);
    }
}

/// Adds the baggage of the caller to `baggage`; returns the number of members left out.
///
/// Names come in the order of the alphabet, since a carrier may have none.
pub fn extract_baggage(carrier: &(impl Extractor + ?Sized), baggage: &mut Baggage) -> usize {
    let mut keys = carrier.keys();
    keys.sort_unstable();
    keys.dedup();
    let members = keys.into_iter().filter_map(|key| {
        let name = strip_prefix_in_any_case(key)?;
        Some((name, carrier.get(key).unwrap_or_default()))
    });
    let refused = members.filter(|(name, value)| {
        let fits = is_token(name) && value.len() <= MAX_BAGGAGE_BYTES;
        !fits || baggage.insert(name, &percent::decode(value)).is_err()
    });
    refused.count()
}

fn strip_prefix_in_any_case(key: &str) -> Option<&str> {
    let (prefix, name) = key.split_at_checked(UBERCTX_PREFIX.len())?;
    prefix.eq_ignore_ascii_case(UBERCTX_PREFIX).then_some(name)
}

/// Writes each member of `baggage` to `carrier`; returns the number of members left out.
///
/// Left out are members whose name cannot be part of the name of a header.
pub fn inject_baggage(baggage: &Baggage, carrier: &mut (impl Injector + ?Sized)) -> usize {
    let (sent, kept): (Vec<_>, Vec<_>) = baggage.iter().partition(|entry| is_token(entry.key));
    for entry in sent {
        let mut value = String::with_capacity(entry.value.len());
        percent::push_encoded(&mut value, entry.value);
        carrier.set(&format!("{UBERCTX_PREFIX}{}", entry.key), value);
    }
    kept.len()
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
    fn short_ids_are_filled_with_zeros_and_colons_may_be_escaped() {
        for (header, written) in [
            (
                "1:2:0:1",
                "00000000000000000000000000000001:0000000000000002:0:1",
            ),
            (
                "AB%3Acd%3a7%3A0",
                "000000000000000000000000000000ab:00000000000000cd:0:0",
            ),
            (
                "1:2::3",
                "00000000000000000000000000000001:0000000000000002:0:3",
            ),
            (
                "1:2:0:02",
                "00000000000000000000000000000001:0000000000000002:0:3",
            ),
            (
                "1:2:0:09",
                "00000000000000000000000000000001:0000000000000002:0:1",
            ),
        ] {
            let context = parse_header(header).unwrap();
            assert_eq!(format_header(&context), written, "{header}");
            assert!(context.is_remote());
        }
    }

    #[test]
    fn malformed_headers_are_no_context() {
        for header in [
            String::new(),
            format!("{TRACE}:{SPAN}:0"),
            format!("{TRACE}:{SPAN}:0:"),
            format!("{TRACE}:{SPAN}:0:100"),
            format!("{TRACE}:{SPAN}:0:+1"),
            format!("{TRACE}:{SPAN}:0:1:"),
            format!("0{TRACE}:{SPAN}:0:1"),
            format!("{TRACE}:0{SPAN}:0:1"),
            format!("+{}:{SPAN}:0:1", &TRACE[1..]),
            format!("{TRACE}:-1:0:1"),
            format!("x:{SPAN}:0:1"),
            format!(":{SPAN}:0:1"),
            format!("0:{SPAN}:0:1"),
            format!("{TRACE}:00:0:1"),
        ] {
            assert_eq!(parse_header(&header), None, "{header}");
        }
    }

    #[test]
    fn each_member_of_the_baggage_is_a_header() {
        let mut carrier = Headers::new();
        let mut baggage = Baggage::new();
        for (key, value) in [("tenant_id", "user 123"), ("a b", "stays"), ("empty", "")] {
            baggage.insert(key, value).unwrap();
        }
        assert_eq!(inject_baggage(&baggage, &mut carrier), 1);
        assert_eq!(
            carrier,
            headers(&[("uberctx-tenant_id", "user%20123"), ("uberctx-empty", "")])
        );
    }

    #[test]
    fn baggage_is_read_in_any_case_and_added_to_what_is_there() {
        let mut baggage = Baggage::new();
        baggage.insert("plan", "free").unwrap();
        let long = "x".repeat(MAX_BAGGAGE_BYTES + 1);
        let carrier = headers(&[
            ("Uberctx-tenant", "user%20123"),
            ("uberctx-plan", "paid"),
            ("uberctx-", "no name"),
            ("uberctx-a b", "no token"),
            ("uberctx-long", &long),
            ("uberctx", "no baggage"),
            ("other", "no baggage"),
        ]);
        assert_eq!(extract_baggage(&carrier, &mut baggage), 3);
        let members: Vec<_> = baggage
            .iter()
            .map(|entry| (entry.key, entry.value))
            .collect();
        assert_eq!(members, [("plan", "paid"), ("tenant", "user 123")]);
    }

    #[test]
    fn two_headers_or_an_invalid_context_are_nothing() {
        let header = format!("{TRACE}:{SPAN}:0:1");
        let twice = headers(&[("uber-trace-id", &header), ("Uber-Trace-Id", &header)]);
        assert_eq!(extract(&twice), None);
        assert!(extract(&twice[1..].to_vec()).is_some());
        let mut carrier = Headers::new();
        inject(&SpanContext::INVALID, &mut carrier);
        assert_eq!(carrier, []);
    }

    proptest! {
        #[test]
        fn injecting_and_extracting_is_the_identity(
            trace in 1_u128.., span in 1_u64.., flags in 0_usize..3,
            members in prop::collection::btree_map("[a-z0-9_.-]{1,8}", "\\PC{0,16}", 0..5),
        ) {
            let flags = [0, SAMPLED, SAMPLED | DEBUG].map(flags_from)[flags];
            let context = SpanContext::new(trace.into(), span.into(), flags, true, TraceState::EMPTY);
            let mut baggage = Baggage::new();
            for (key, value) in &members {
                baggage.insert(key, value).unwrap();
            }
            let mut carrier = Headers::new();
            inject(&context, &mut carrier);
            prop_assert_eq!(inject_baggage(&baggage, &mut carrier), 0);
            prop_assert_eq!(extract(&carrier), Some(context));
            let mut read = Baggage::new();
            prop_assert_eq!(extract_baggage(&carrier, &mut read), 0);
            let read: Vec<_> = read.iter().map(|entry| (entry.key.len(), entry.value.to_owned())).collect();
            let sent: Vec<_> = members.iter().map(|(key, value)| (key.len(), value.clone())).collect();
            prop_assert_eq!(read, sent);
        }

        #[test]
        fn no_text_panics_or_yields_an_invalid_context(
            header in "[0-9a-fA-F]{1,33}:[0-9a-f]{1,17}:0?:[0-9a-f]{1,3}|0:0:0:0|([0-9a-f:%]|\\PC){0,60}",
        ) {
            prop_assert!(parse_header(&header).is_none_or(|context| context.is_valid()));
            let carrier = headers(&[(&format!("uberctx-{header}"), &header)]);
            let mut baggage = Baggage::new();
            let refused = extract_baggage(&carrier, &mut baggage);
            prop_assert_eq!(baggage.len() + refused, 1);
        }
    }
}
