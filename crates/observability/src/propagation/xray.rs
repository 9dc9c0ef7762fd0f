//! AWS X-Ray: the `X-Amzn-Trace-Id` header.
//!
//! Position: between a [`carrier`](super::carrier) and a [`SpanContext`].
//!
//! Invariants:
//! - the trace id is the same 32 digits as everywhere, written as `1-{8 digits}-{24 digits}`;
//! - fields may come in any order, and those that we do not know are passed over.
//!
//! A decision that was left to us (`Sampled=?`, or none) counts as not sampled, as with other
//! implementations.
//!
//! Source: AWS X-Ray developer guide, "Tracing header"; OpenTelemetry specification, Propagators
//! API, "Propagators Distribution".

use super::carrier::{Extractor, Injector, the_only};
use crate::context::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header with ids and sampling decision.
pub const X_AMZN_TRACE_ID: &str = "x-amzn-trace-id";

/// Digits of the trace id before the second dash: seconds since the Unix epoch.
const TIME_DIGITS: usize = 8;

/// Reads the header; `None` for anything malformed, and without the id of a parent.
///
/// # Examples
///
/// ```
/// use continuum_observability::propagation::xray::{format_header, parse_header};
///
/// let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
/// let context = parse_header(header).ok_or("malformed")?;
/// assert_eq!(context.trace_id().to_string(), "5759e988bd862e3fe1be46a994272793");
/// assert_eq!(format_header(&context), header);
/// # Ok::<(), &str>(())
/// ```
pub fn parse_header(header: &str) -> Option<SpanContext> {
    let (mut root, mut parent, mut sampled) = (None, None, None);
    for field in header.split(';') {
        match field.trim_matches([' ', '\t']).split_once('=') {
            Some(("Root", value)) => root = Some(value),
            Some(("Parent", value)) => parent = Some(value),
            Some(("Sampled", value)) => sampled = Some(value),
            _ => {}
        }
    }
    let flags = match sampled {
        Some("1") => TraceFlags::SAMPLED,
        Some("0" | "?") | None => TraceFlags::NONE,
        Some(_) => return None,
    };
    let (trace_id, span_id) = (trace_id(root?)?, SpanId::from_hex(parent?).ok()?);
    let context = SpanContext::new(trace_id, span_id, flags, true, TraceState::EMPTY);
    context.is_valid().then_some(context)
}

fn trace_id(root: &str) -> Option<TraceId> {
    let (time, unique) = root.strip_prefix("1-")?.split_once('-')?;
    let fits = time.len() == TIME_DIGITS;
    TraceId::from_hex(&[time, unique].concat())
        .ok()
        .filter(|_| fits)
}

/// Writes the header, whether or not `context` is valid.
pub fn format_header(context: &SpanContext) -> String {
    let (trace_id, span_id) = (context.trace_id().to_string(), context.span_id());
    let (time, unique) = trace_id.split_at(TIME_DIGITS);
    let sampled = u8::from(context.is_sampled());
    format!("Root=1-{time}-{unique};Parent={span_id};Sampled={sampled}")
}

/// Reads the context of the caller's span from `carrier`.
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    parse_header(the_only(carrier, X_AMZN_TRACE_ID)?)
}

/// Writes `context` to `carrier`; when it is invalid, takes the header away.
pub fn inject(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    if context.is_valid() {
        carrier.set(X_AMZN_TRACE_ID, format_header(context));
    } else {
        carrier.remove(X_AMZN_TRACE_ID);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROOT: &str = "1-5759e988-bd862e3fe1be46a994272793";
    const PARENT: &str = "53995c3f42cd8ad8";

    #[test]
    fn fields_come_in_any_order_among_others() {
        for (header, sampled) in [
            (format!("Root={ROOT};Parent={PARENT};Sampled=1"), true),
            (format!("Sampled=0;Parent={PARENT};Root={ROOT}"), false),
            (format!("Parent={PARENT};Root={ROOT}"), false),
            (format!("Root={ROOT};Parent={PARENT};Sampled=?"), false),
            (
                format!("Self=1-2-3; Root={ROOT} ;\tParent={PARENT};Lineage=a:1|b:2;;x;Sampled=1;"),
                true,
            ),
        ] {
            let context = parse_header(&header).unwrap();
            assert_eq!(
                format_header(&context),
                format!("Root={ROOT};Parent={PARENT};Sampled={}", u8::from(sampled))
            );
            assert!(context.is_remote());
        }
    }

    #[test]
    fn malformed_headers_are_no_context() {
        for header in [
            String::new(),
            format!("Root={ROOT}"),
            format!("Parent={PARENT}"),
            format!("root={ROOT};Parent={PARENT}"),
            format!("Root={ROOT};Parent={PARENT};Sampled=2"),
            format!("Root={ROOT};Parent={PARENT};Sampled="),
            format!("Root={ROOT};Parent={}", &PARENT[1..]),
            format!("Root=2{};Parent={PARENT}", &ROOT[1..]),
            format!("Root={};Parent={PARENT}", ROOT.to_uppercase()),
            format!("Root={ROOT}0;Parent={PARENT}"),
            format!("Root=1-5759e9-88bd862e3fe1be46a994272793;Parent={PARENT}"),
            format!(
                "Root=1-{}-{};Parent={PARENT}",
                "0".repeat(8),
                "0".repeat(24)
            ),
            format!("Root={ROOT};Parent={}", "0".repeat(16)),
        ] {
            assert_eq!(parse_header(&header), None, "{header}");
        }
    }

    #[test]
    fn the_header_is_known_in_any_case_and_only_once() {
        let header = (
            "X-Amzn-Trace-Id".to_owned(),
            format!("Root={ROOT};Parent={PARENT}"),
        );
        assert!(extract(&vec![header.clone()]).is_some());
        assert_eq!(extract(&vec![header.clone(), header]), None);
        let mut carrier = Vec::new();
        inject(&SpanContext::INVALID, &mut carrier);
        assert_eq!(carrier, []);
    }

    proptest! {
        #[test]
        fn injecting_and_extracting_is_the_identity(trace in 1_u128.., span in 1_u64.., sampled: bool) {
            let flags = TraceFlags::NONE.with_sampled(sampled);
            let context = SpanContext::new(trace.into(), span.into(), flags, true, TraceState::EMPTY);
            let mut carrier = Vec::new();
            inject(&context, &mut carrier);
            prop_assert_eq!(extract(&carrier), Some(context));
        }

        #[test]
        fn no_text_panics_or_yields_an_invalid_context(
            header in "(Root=1-[0-9a-f]{8}-[0-9a-f]{24};?|Root=1-0{8}-0{23}[01];|Parent=0{15}[01]|Parent=[0-9a-f]{16};|Sampled=[01?];|.{0,9};){0,4}",
        ) {
            prop_assert!(parse_header(&header).is_none_or(|context| context.is_valid()));
        }
    }
}
