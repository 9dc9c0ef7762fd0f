//! Samplers that say how likely they want a span, so that they can be put together and a trace is
//! decided alike by everybody.
//!
//! Position: built by users, asked by a [`composite`] behind [`Sampler::composite`](super::Sampler::composite).
//!
//! Invariant: none of them touches the `ot` member of `tracestate`, which the composite sampler writes.
//!
//! Source: OpenTelemetry specification, Trace SDK, "`CompositeSampler`", "`ComposableSampler`",
//! "Built-in `ComposableSamplers`" (development).

pub(super) mod composite;
mod rule;

#[cfg(test)]
mod tests;

pub use rule::SamplingRule;

use super::{Sampler, SamplerSwitch, SamplingParameters, ratio};
use crate::{context::TraceState, span::Value};
use std::{
    borrow::Cow,
    fmt::{self, Debug},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// What a composable sampler wants for a span, before anybody has decided.
///
/// "`GetSamplingIntent`" in the specification.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SamplingIntent {
    /// The share of traces that is rejected, of 2^56: 0 keeps every span, `None` none.
    pub threshold: Option<u64>,
    /// Whether the threshold says for how many other spans one stands.
    pub adjusted_count_reliable: bool,
    /// Attributes to add to the span if it is sampled.
    pub attributes: Vec<(Cow<'static, str>, Value<'static>)>,
    /// A `tracestate` in place of the parent's; its `ot` member does not count.
    pub trace_state: Option<TraceState>,
}

impl SamplingIntent {
    /// Keeps no span.
    pub fn drop() -> Self {
        Self::default()
    }

    /// Keeps the given share of traces, 0.0 to 1.0, and says so.
    pub fn with_probability(probability: f64) -> Self {
        let threshold = ratio::threshold(probability);
        let threshold = Some(threshold).filter(|threshold| *threshold < 1 << ratio::RANDOM_BITS);
        Self {
            threshold,
            adjusted_count_reliable: threshold.is_some(),
            ..Self::default()
        }
    }

    /// Keeps the span, or does not, for a reason that says nothing about other spans.
    pub fn from_decision(sampled: bool) -> Self {
        Self {
            threshold: sampled.then_some(0),
            ..Self::default()
        }
    }
}

/// A composable sampler of one's own.
pub trait ComposableSampler: Debug + Send + Sync {
    /// What it wants for one span. Called on the traced thread: be quick.
    fn sampling_intent(&self, parameters: &SamplingParameters<'_>) -> SamplingIntent;

    /// A text that says what it does, such as `ComposableByTenant{gold}`.
    fn description(&self) -> String;
}

/// The built-in composable samplers, for [`Sampler::composite`](super::Sampler::composite).
///
/// ```
/// use continuum_observability::{
///     Composable, Sampler, SamplingRule, SpanKind, SpanLimits, get_tracer, testing::TestRecorder,
/// };
///
/// // Health checks never, checkouts always, a tenth of the rest; children as their parent.
/// let roots = Composable::rule_based([
///     SamplingRule::new(Composable::AlwaysOff).route("/health"),
///     SamplingRule::new(Composable::AlwaysOn).name("checkout*").kind(SpanKind::Server),
///     SamplingRule::new(Composable::Probability(0.1)),
/// ]);
/// let sampler = Sampler::composite(Composable::parent_threshold(roots));
/// let recorder = TestRecorder::with(sampler, SpanLimits::default());
/// recorder.run(|| {
///     let tracer = get_tracer("docs");
///     tracer.span_builder("GET /health").attribute("http.route", "/health").in_scope(|_| ());
///     tracer.span_builder("checkout.pay").kind(SpanKind::Server).in_scope(|_| {
///         tracer.in_scope("query", |_| ());
///     });
/// });
/// assert_eq!(recorder.tree(), "checkout.pay [server]\n  query\n");
/// assert_eq!(recorder.spans()[0].trace_state, "ot=th:0");
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Composable {
    /// Every span.
    AlwaysOn,
    /// No span.
    AlwaysOff,
    /// The given share of traces, 0.0 to 1.0, the same ones in every process.
    Probability(f64),
    /// As the parent was decided, with its threshold; for roots, as the sampler inside wants.
    ParentThreshold(Box<Self>),
    /// As the first rule wants that matches; no span where none does.
    RuleBased(Vec<SamplingRule>),
    /// As the sampler inside wants, with attributes for the spans that are sampled.
    Annotating(Vec<(Cow<'static, str>, Value<'static>)>, Box<Self>),
    /// As another sampler decides, which has no share: rate limited, adaptive, one of your own.
    Decided(Arc<Decided>),
    /// One of your own.
    Custom(Arc<dyn ComposableSampler>),
}

impl Composable {
    /// Follows the parent's threshold and decision, and `root` where there is no parent.
    pub fn parent_threshold(root: Self) -> Self {
        Self::ParentThreshold(Box::new(root))
    }

    /// Asks the sampler of the first rule that matches.
    pub fn rule_based(rules: impl IntoIterator<Item = SamplingRule>) -> Self {
        Self::RuleBased(rules.into_iter().collect())
    }

    /// Adds attributes to the spans that are sampled because of `delegate`.
    pub fn annotating(
        attributes: impl IntoIterator<Item = (&'static str, Value<'static>)>,
        delegate: Self,
    ) -> Self {
        let attributes = attributes.into_iter();
        let attributes = attributes.map(|(key, value)| (key.into(), value));
        Self::Annotating(attributes.collect(), Box::new(delegate))
    }

    /// The name of the sampler as the specification writes it.
    pub fn description(&self) -> String {
        match self {
            Self::AlwaysOn => "ComposableAlwaysOn".to_owned(),
            Self::AlwaysOff => "ComposableAlwaysOff".to_owned(),
            Self::Probability(ratio) => format!("ComposableProbability{{{ratio}}}"),
            Self::ParentThreshold(root) => {
                format!("ComposableParentThreshold{{root:{}}}", root.description())
            }
            Self::RuleBased(rules) => {
                let rules: Vec<_> = rules.iter().map(ToString::to_string).collect();
                format!("ComposableRuleBased{{{}}}", rules.join(", "))
            }
            Self::Annotating(_, delegate) => {
                format!("ComposableAnnotating{{{}}}", delegate.description())
            }
            Self::Decided(decided) => decided.description.clone(),
            Self::Custom(sampler) => sampler.description(),
        }
    }

    /// What it wants for a span.
    fn intent(&self, parameters: &SamplingParameters<'_>) -> SamplingIntent {
        match self {
            Self::AlwaysOn => SamplingIntent::with_probability(1.0),
            Self::AlwaysOff => SamplingIntent::drop(),
            Self::Probability(ratio) => SamplingIntent::with_probability(*ratio),
            Self::ParentThreshold(root) => match parameters.parent {
                None => root.intent(parameters),
                Some(parent) => composite::intent_of_parent(parent),
            },
            Self::RuleBased(rules) => {
                let rule = rules.iter().find(|rule| rule.matches(parameters));
                rule.map_or_else(SamplingIntent::drop, |rule| rule.sampler.intent(parameters))
            }
            Self::Annotating(attributes, delegate) => {
                let mut intent = delegate.intent(parameters);
                intent.attributes.extend(attributes.iter().cloned());
                intent
            }
            Self::Decided(decided) => {
                let result = decided.switch.should_sample(parameters);
                SamplingIntent {
                    attributes: result.attributes,
                    trace_state: result.trace_state,
                    ..SamplingIntent::from_decision(result.is_sampled)
                }
            }
            Self::Custom(sampler) => {
                let ask = AssertUnwindSafe(|| sampler.sampling_intent(parameters));
                catch_unwind(ask).unwrap_or_default()
            }
        }
    }
}

impl From<Sampler> for Composable {
    /// A sampler that decides at once: what it keeps stands for itself alone, except where it is one
    /// of those that have a share.
    fn from(sampler: Sampler) -> Self {
        match sampler {
            Sampler::AlwaysOn => Self::AlwaysOn,
            Sampler::AlwaysOff => Self::AlwaysOff,
            Sampler::TraceIdRatio(ratio) => Self::Probability(ratio),
            other => Self::Decided(Arc::new(Decided {
                description: other.description(),
                switch: SamplerSwitch::new(other, false),
            })),
        }
    }
}

/// A sampler among composable ones; made by `Composable::from`.
pub struct Decided {
    description: String,
    switch: SamplerSwitch,
}

impl Debug for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.description)
    }
}
