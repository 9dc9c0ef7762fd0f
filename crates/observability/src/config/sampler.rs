//! Which sampler is used, and how much a span may hold.
//!
//! Position: part of [`super::settings`].
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification", "General SDK
//! Configuration", "Attribute Limits", "Span Limits".

use super::env::{self, Environment, Variable};
use crate::{sampling::Sampler, span::SpanLimits};

/// The builder's sampler, else that of `OTEL_TRACES_SAMPLER`, else the ratio of
/// `OTEL_SAMPLING_RATE` for roots, else every span whose parent does not say otherwise.
pub(super) fn sampler(of_builder: Option<Sampler>, env: &Environment<'_>) -> Sampler {
    if let Some(sampler) = of_builder {
        if let Some(ratio) = unusable_ratio(&sampler) {
            env.refuse_builder(
                "sampler",
                format!("expected a ratio from 0 to 1, not {ratio}"),
            );
        }
        return sampler;
    }
    let rate = || ratio(env, env::SAMPLING_RATE).map(Sampler::TraceIdRatio);
    named(env)
        .or_else(|| rate().map(Sampler::parent_based))
        .unwrap_or_default()
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
        (0.0..=1.0).contains(ratio)
    })
}

fn unusable_ratio(sampler: &Sampler) -> Option<f64> {
    match sampler {
        Sampler::TraceIdRatio(ratio) if !(0.0..=1.0).contains(ratio) => Some(*ratio),
        Sampler::ParentBased(root) => unusable_ratio(root),
        _ => None,
    }
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
