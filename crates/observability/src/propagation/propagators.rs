//! [`Propagators`]: the formats of a process, and which baggage may leave it.
//!
//! Position: between [`super::current`], which users call, and the formats. One set is installed for
//! the process by `init_telemetry`; until then the default works.
//!
//! Invariants:
//! - the default pair needs no list and no call through a table;
//! - baggage whose name says that it is a secret leaves only when it was allowed by name.
//!
//! Source: OpenTelemetry specification, Propagators API, "Composite Propagator", "Global
//! Propagators".

use super::{Extractor, Injector, PropagationFormat, losses};
use crate::config::is_denied_key;
use crate::context::Context;
use crate::recorder::AtomicStatic;
use std::borrow::Cow;

static DEFAULT: Propagators = Propagators {
    formats: None,
    allowed_baggage: None,
};
static INSTALLED: AtomicStatic<Propagators> = AtomicStatic::none();

/// The formats that contexts are written and read in, one after the other.
///
/// When several formats name a parent, the last one decides. The default is W3C Trace Context and
/// W3C Baggage. What was given to `Telemetry::builder()`, or set as `OTEL_PROPAGATORS`, holds for
/// the functions of this crate; a set of its own serves a peer that speaks something else:
///
/// ```
/// use continuum_observability::propagation::{PropagationFormat, Propagators};
/// use continuum_observability::{Carrier, Context, get_tracer, testing::TestRecorder};
///
/// let zipkin = Propagators::new([PropagationFormat::B3]);
/// let mut headers = Carrier::new();
/// TestRecorder::new().run(|| {
///     get_tracer("docs").in_scope("call", |_| zipkin.inject(&Context::current(), &mut headers));
/// });
/// assert!(headers.get("b3").is_some_and(|b3| b3.ends_with("-1")));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Propagators {
    /// `None`: W3C Trace Context and W3C Baggage.
    formats: Option<Vec<PropagationFormat>>,
    /// `None`: all that does not look like a secret.
    allowed_baggage: Option<Vec<String>>,
}

impl Propagators {
    /// Exactly these formats, in this order.
    pub fn new(formats: impl IntoIterator<Item = PropagationFormat>) -> Self {
        let formats: Vec<_> = formats.into_iter().collect();
        let is_default = matches!(
            formats[..],
            [PropagationFormat::TraceContext, PropagationFormat::Baggage]
        );
        Self {
            formats: (!is_default).then_some(formats),
            allowed_baggage: None,
        }
    }

    /// Lets only baggage with these names leave the process.
    ///
    /// Without a list everything leaves but names such as `password` or `auth_token`.
    #[must_use]
    pub fn allow_baggage(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.allowed_baggage = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Writes the span and baggage of `context` into a carrier.
    pub fn inject(&self, context: &Context, carrier: &mut (impl Injector + ?Sized)) {
        let context = self.without_withheld_baggage(context);
        match &self.formats {
            None => {
                PropagationFormat::TraceContext.inject(&context, carrier);
                PropagationFormat::Baggage.inject(&context, carrier);
            }
            Some(formats) => {
                let formats = formats.iter();
                formats.for_each(|format| format.inject(&context, carrier));
            }
        }
    }

    /// The context that a carrier describes: a remote parent and baggage.
    ///
    /// Without either it is a context in which the next span is a root.
    pub fn extract(&self, carrier: &(impl Extractor + ?Sized)) -> Context {
        let mut context = Context::root();
        match &self.formats {
            None => {
                PropagationFormat::TraceContext.extract(&mut context, carrier);
                PropagationFormat::Baggage.extract(&mut context, carrier);
            }
            Some(formats) => {
                let formats = formats.iter();
                formats.for_each(|format| format.extract(&mut context, carrier));
            }
        }
        context
    }

    /// The set of this process.
    #[inline]
    pub(crate) fn installed() -> &'static Self {
        INSTALLED.get().unwrap_or(&DEFAULT)
    }

    /// Makes this the set of the process; kept for ever, as others may be reading it.
    pub(crate) fn install(self) {
        INSTALLED.set(Some(Box::leak(Box::new(self))));
    }

    fn may_leave(&self, name: &str) -> bool {
        match &self.allowed_baggage {
            Some(allowed) => allowed.iter().any(|known| known == name),
            None => !is_denied_key(name),
        }
    }

    fn without_withheld_baggage<'a>(&self, context: &'a Context) -> Cow<'a, Context> {
        let mut names = context.baggage().iter().map(|entry| entry.key);
        if names.all(|name| self.may_leave(name)) {
            return Cow::Borrowed(context);
        }
        let names = context.baggage().iter().map(|entry| entry.key);
        let withheld: Vec<_> = names.filter(|name| !self.may_leave(name)).collect();
        let mut baggage = context.baggage().clone();
        for name in &withheld {
            baggage.remove(name);
        }
        losses::count_withheld(withheld.len());
        Cow::Owned(context.clone().with_baggage(baggage))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Propagator, baggage_losses};
    use super::*;
    use crate::context::{Baggage, SpanContext, TraceFlags, TraceState};
    use crate::propagation::Carrier;

    fn span_context(trace: u128, flags: TraceFlags, state: &str) -> SpanContext {
        let state: TraceState = state.parse().unwrap();
        SpanContext::new(trace.into(), 2.into(), flags, true, state)
    }

    fn context() -> Context {
        let mut baggage = Baggage::new();
        for (key, value) in [("tenant_id", "user_123"), ("auth_token", "s3cret")] {
            baggage.insert(key, value).unwrap();
        }
        Context::root()
            .with_remote_span_context(span_context(1, TraceFlags::SAMPLED, "a=1"))
            .with_baggage(baggage)
    }

    fn injected(propagators: &Propagators) -> Vec<String> {
        let mut carrier = Carrier::new();
        propagators.inject(&context(), &mut carrier);
        let headers = carrier.iter();
        headers
            .map(|(key, value)| format!("{key}: {value}"))
            .collect()
    }

    #[test]
    fn every_format_writes_its_own_headers_and_no_secrets() {
        use PropagationFormat::*;
        let trace = "00000000000000000000000000000001";
        let span = "0000000000000002";
        for (format, expected) in [
            (
                TraceContext,
                vec![
                    format!("traceparent: 00-{trace}-{span}-01"),
                    "tracestate: a=1".into(),
                ],
            ),
            (Baggage, vec!["baggage: tenant_id=user_123".into()]),
            (B3, vec![format!("b3: {trace}-{span}-1")]),
            (
                B3Multi,
                vec![
                    format!("x-b3-traceid: {trace}"),
                    format!("x-b3-spanid: {span}"),
                    "x-b3-sampled: 1".into(),
                ],
            ),
            (
                Jaeger,
                vec![
                    format!("uber-trace-id: {trace}:{span}:0:1"),
                    "uberctx-tenant_id: user_123".into(),
                ],
            ),
            (
                XRay,
                vec![format!(
                    "x-amzn-trace-id: Root=1-00000000-000000000000000000000001;Parent={span};Sampled=1"
                )],
            ),
        ] {
            assert_eq!(injected(&Propagators::new([format])), expected);
        }
        assert_eq!(injected(&Propagators::new([])), [""; 0]);
    }

    #[test]
    fn every_format_takes_its_own_headers_away_where_there_is_no_context() {
        use PropagationFormat::*;
        for format in [TraceContext, Baggage, B3, B3Multi, Jaeger, XRay] {
            let propagators = Propagators::new([format]);
            let mut carrier = Carrier::new();
            propagators.inject(&context(), &mut carrier);
            carrier.remove("uberctx-tenant_id"); // Nobody knows which members there were before.
            carrier.set("other", "1".to_owned());
            propagators.inject(&Context::root(), &mut carrier);
            assert_eq!(carrier.iter().collect::<Vec<_>>(), [("other", "1")]);
        }
    }

    #[test]
    fn the_default_is_the_pair_of_w3c() {
        let pair = Propagators::new([PropagationFormat::TraceContext, PropagationFormat::Baggage]);
        assert!(pair.formats.is_none());
        let headers = injected(&Propagators::default());
        assert_eq!(headers.len(), 3);
        assert_eq!(headers[2], "baggage: tenant_id=user_123");
    }

    #[test]
    fn only_allowed_baggage_leaves_and_the_rest_is_counted() {
        let before = baggage_losses().withheld;
        let none = Propagators::default().allow_baggage([""; 0]);
        assert_eq!(injected(&none).len(), 2);
        let secret = Propagators::default().allow_baggage(["auth_token"]);
        assert_eq!(injected(&secret)[2], "baggage: auth_token=s3cret");
        let mut carrier: Carrier = [("baggage", "auth_token=s3cret")].into_iter().collect();
        none.inject(&context(), &mut carrier);
        assert_eq!(carrier.get("baggage"), None);
        assert!(baggage_losses().withheld >= before + 3);
    }

    #[test]
    fn the_last_format_that_names_a_parent_decides() {
        let formats = [PropagationFormat::TraceContext, PropagationFormat::B3];
        let propagators = Propagators::new(formats);
        let mut carrier = Carrier::new();
        propagators.inject(&context(), &mut carrier);
        carrier.set("b3", format!("{:032x}-{:016x}-0", 7, 8));
        let found = propagators.extract(&carrier);
        assert_eq!(found.span_context().trace_id(), 7.into());
        carrier.set("b3", "malformed".to_owned());
        let found = propagators.extract(&carrier);
        assert_eq!(found.span_context().trace_id(), 1.into());
    }

    #[test]
    fn formats_that_name_the_same_parent_complete_each_other() {
        use PropagationFormat::*;
        let carrier: Carrier = [
            ("traceparent", format!("00-{:032x}-{:016x}-03", 1, 2)),
            ("tracestate", "a=1".to_owned()),
            ("uber-trace-id", "1:2:0:2".to_owned()),
            ("baggage", "plan=free,x=1".to_owned()),
            ("uberctx-plan", "paid".to_owned()),
        ]
        .into_iter()
        .collect();
        let flags = TraceFlags::DEBUG.with_sampled(true).with_random(true);
        for order in [
            [TraceContext, Baggage, Jaeger],
            [Jaeger, TraceContext, Baggage],
        ] {
            let found = Propagators::new(order).extract(&carrier);
            assert_eq!(*found.span_context(), span_context(1, flags, "a=1"));
            assert_eq!(found.baggage().get("x"), Some("1"));
        }
    }

    #[derive(Debug)]
    struct Panicking;

    impl Propagator for Panicking {
        fn inject(&self, _: &Context, carrier: &mut dyn Injector) {
            carrier.set("written", "before".to_owned());
            panic!("inject");
        }

        fn extract(&self, _: Context, _: &dyn Extractor) -> Context {
            panic!("extract");
        }
    }

    #[test]
    fn a_panic_in_a_format_of_the_users_stops_no_other() {
        let formats = [
            PropagationFormat::B3,
            PropagationFormat::custom(Panicking),
            PropagationFormat::Baggage,
        ];
        let propagators = Propagators::new(formats);
        let mut carrier = Carrier::new();
        propagators.inject(&context(), &mut carrier);
        let names: Vec<_> = carrier.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["b3", "written", "baggage"]);
        let found = propagators.extract(&carrier);
        assert_eq!(found.span_context().trace_id(), 1.into());
        assert_eq!(found.baggage().len(), 1);
    }
}
