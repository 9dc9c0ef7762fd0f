//! Which sampler is used, what is decided when a trace has ended, and how much a span may hold.
//!
//! Position: part of [`super::settings`].
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification", "General SDK
//! Configuration", "Attribute Limits", "Span Limits".

use super::{
    env::{self, Environment, Variable},
    is_denied_key,
};
use crate::{
    sampling::{FlightRecorder, Sampler, TailPolicy},
    span::SpanLimits,
};
use std::{fmt, time::Duration};

/// Less than this, and what a busy thread did within a second does not fit.
const MIN_FLIGHT_RECORDER_BYTES: usize = 128 << 10;

/// What decides about a span at its start, and about a trace at its end.
#[derive(Debug)]
pub(super) struct Sampling {
    pub(super) sampler: Sampler,
    pub(super) tail: Option<TailPolicy>,
}

impl Sampling {
    /// The builder's policy and sampler, else its rate, else the sampler of `OTEL_TRACES_SAMPLER`, else
    /// the rate of `OTEL_SAMPLING_RATE`, else every span whose parent does not say otherwise.
    pub(super) fn resolve(
        sampler: Option<Sampler>,
        rate: Option<f64>,
        tail: Option<TailPolicy>,
        env: &Environment<'_>,
    ) -> Self {
        check(sampler.as_ref(), rate, tail.as_ref(), env);
        let switch = [("true", true), ("false", false)];
        let errors = env.choice(env::SAMPLE_ERRORS_ALWAYS, &switch);
        let of_rate = |rate| Self::of_rate(rate, errors.unwrap_or(true));
        if tail.is_some() || sampler.is_some() {
            let sampler = sampler.unwrap_or_default();
            return Self { sampler, tail };
        }
        rate.map(of_rate)
            .or_else(|| named(env).map(Self::from))
            .or_else(|| ratio(env, env::SAMPLING_RATE).map(of_rate))
            .unwrap_or_else(|| Self::from(Sampler::default()))
    }

    /// A share of the traces that begin here, and with `errors` all in which something fails.
    pub(super) fn of_rate(rate: f64, errors: bool) -> Self {
        if errors && rate < 1.0 {
            Self {
                sampler: Sampler::default(),
                tail: Some(TailPolicy::new(rate)),
            }
        } else {
            Self::from(Sampler::parent_based(Sampler::TraceIdRatio(rate)))
        }
    }
}

impl Sampling {
    /// Whether no trace that begins here is kept.
    #[cfg(feature = "_otlp")]
    pub(super) fn leaves_all_out(&self) -> bool {
        let root = match &self.sampler {
            Sampler::ParentBased(root) => root,
            sampler => sampler,
        };
        matches!(root, Sampler::AlwaysOff)
    }
}

impl From<Sampler> for Sampling {
    fn from(sampler: Sampler) -> Self {
        Self {
            sampler,
            tail: None,
        }
    }
}

impl fmt::Display for Sampling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sampler.description())?;
        match &self.tail {
            Some(tail) => write!(f, " and at the end of a trace ratio {}", tail.ratio),
            None => Ok(()),
        }
    }
}

fn check(
    sampler: Option<&Sampler>,
    rate: Option<f64>,
    tail: Option<&TailPolicy>,
    env: &Environment<'_>,
) {
    let ratios = [
        ("sampler", sampler.and_then(unusable_ratio)),
        ("sampling_rate", rate.filter(|rate| !is_ratio(*rate))),
        (
            "tail",
            tail.map(|tail| tail.ratio).filter(|rate| !is_ratio(*rate)),
        ),
    ];
    for (method, ratio) in ratios {
        if let Some(ratio) = ratio {
            let reason = format!("expected a ratio from 0 to 1, not {ratio}");
            env.refuse_builder(method, reason);
        }
    }
    if let Some(reason) = tail.and_then(unusable) {
        env.refuse_builder("tail", reason);
    }
}

/// What is wrong with a policy besides its ratio.
fn unusable(tail: &TailPolicy) -> Option<String> {
    let is_percentile = |percentile: &f64| *percentile > 0.0 && *percentile < 100.0;
    if let Some(percentile) = tail.slower_than_percentile.filter(|p| !is_percentile(p)) {
        return Some(format!(
            "expected a percentile between 0 and 100, not {percentile}"
        ));
    }
    if tail.max_wait == Duration::ZERO {
        return Some("expected a time above zero".to_owned());
    }
    let mut keys = tail.attributes.iter().map(|(key, _)| key);
    let secret = keys.find(|key| key.is_empty() || is_denied_key(key))?;
    Some(format!(
        "no span shows a value under the attribute {secret:?}"
    ))
}

fn named(env: &Environment<'_>) -> Option<Sampler> {
    type Make = fn(&Environment<'_>) -> Sampler;
    let choices: [(&str, Make); 6] = [
        ("always_on", |_| Sampler::AlwaysOn),
        ("always_off", |_| Sampler::AlwaysOff),
        ("traceidratio", of_argument),
        ("parentbased_always_on", |_| {
            Sampler::parent_based(Sampler::AlwaysOn)
        }),
        ("parentbased_always_off", |_| {
            Sampler::parent_based(Sampler::AlwaysOff)
        }),
        ("parentbased_traceidratio", |env| {
            Sampler::parent_based(of_argument(env))
        }),
    ];
    env.choice(env::TRACES_SAMPLER, &choices)
        .map(|make| make(env))
}

/// Every trace where no usable ratio is given, as the specification says.
fn of_argument(env: &Environment<'_>) -> Sampler {
    Sampler::TraceIdRatio(ratio(env, env::TRACES_SAMPLER_ARG).unwrap_or(1.0))
}

fn ratio(env: &Environment<'_>, variable: Variable) -> Option<f64> {
    env.number(variable, "a number from 0 to 1", |ratio: &f64| {
        is_ratio(*ratio)
    })
}

fn is_ratio(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

fn unusable_ratio(sampler: &Sampler) -> Option<f64> {
    match sampler {
        Sampler::TraceIdRatio(ratio) if !is_ratio(*ratio) => Some(*ratio),
        Sampler::ParentBased(root) => unusable_ratio(root),
        _ => None,
    }
}

/// The builder's flight recorder, else one of as many bytes as the environment says.
pub(super) fn flight_recorder(
    of_builder: Option<FlightRecorder>,
    env: &Environment<'_>,
) -> Option<FlightRecorder> {
    const LEAST: usize = MIN_FLIGHT_RECORDER_BYTES;
    if let Some(small) = of_builder.filter(|recorder| recorder.bytes < LEAST) {
        let reason = format!("expected at least {LEAST} bytes, not {}", small.bytes);
        env.refuse_builder("flight_recorder", reason);
    }
    of_builder.or_else(|| {
        env.bytes(env::FLIGHT_RECORDER, LEAST)
            .map(FlightRecorder::new)
    })
}

/// The builder's limits, else each one from its most specific variable.
pub(super) fn limits(of_builder: Option<SpanLimits>, env: &Environment<'_>) -> SpanLimits {
    of_builder.unwrap_or_else(|| limits_of_environment(env))
}

fn limits_of_environment(env: &Environment<'_>) -> SpanLimits {
    let default = SpanLimits::default();
    let count = |variables: &[Variable], default| env.first_count(variables).unwrap_or(default);
    let attributes = [
        env::SPAN_ATTRIBUTE_COUNT_LIMIT,
        env::ATTRIBUTE_COUNT_LIMIT,
        env::MAX_ATTRIBUTES_PER_SPAN,
    ];
    let value_length = [
        env::SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT,
        env::ATTRIBUTE_VALUE_LENGTH_LIMIT,
    ];
    SpanLimits {
        attributes: count(&attributes, default.attributes),
        events: count(
            &[env::SPAN_EVENT_COUNT_LIMIT, env::MAX_EVENTS_PER_SPAN],
            default.events,
        ),
        links: count(
            &[env::SPAN_LINK_COUNT_LIMIT, env::MAX_LINKS_PER_SPAN],
            default.links,
        ),
        attributes_per_event: count(
            &[env::EVENT_ATTRIBUTE_COUNT_LIMIT],
            default.attributes_per_event,
        ),
        attributes_per_link: count(
            &[env::LINK_ATTRIBUTE_COUNT_LIMIT],
            default.attributes_per_link,
        ),
        value_length: env
            .first_count(&value_length)
            .unwrap_or(default.value_length),
    }
}
