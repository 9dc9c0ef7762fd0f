//! Samplers: `always_on`, `always_off`, `trace_id_ratio_based`, `parent_based`, `always_record`,
//! `probability/development`.
//!
//! Source: opentelemetry-configuration, `Sampler`.

use super::map::{Map, Only};
use crate::sampling::Sampler;

const CHOICES: &str = "there is no such sampler here, but always_on, always_off, \
                       trace_id_ratio_based, parent_based, always_record, probability/development";
const OF_THE_SCHEMA: [&str; 2] = ["composite/development", "jaeger_remote/development"];

/// What follows a parent's decision, and what each of these is here.
const DELEGATES: [(&str, &str); 4] = [
    ("remote_parent_sampled", "always_on"),
    ("remote_parent_not_sampled", "always_off"),
    ("local_parent_sampled", "always_on"),
    ("local_parent_not_sampled", "always_off"),
];

/// The sampler that a map with one key names.
pub(super) fn read(map: &Map<'_>) -> Option<Sampler> {
    let Only { name, settings } = map.only()?;
    let sampler = match name {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "trace_id_ratio_based" => Sampler::TraceIdRatio(settings.ratio("ratio").unwrap_or(1.0)),
        "probability/development" => Sampler::probability(settings.ratio("ratio").unwrap_or(1.0)),
        "parent_based" => parent_based(&settings),
        "always_record" => Sampler::always_record(root(&settings, true)),
        _ if OF_THE_SCHEMA.contains(&name) => {
            settings.not_supported(CHOICES);
            return None;
        }
        _ => {
            settings.error(CHOICES);
            return None;
        }
    };
    settings.finish();
    Some(sampler)
}

fn parent_based(settings: &Map<'_>) -> Sampler {
    for (key, here) in DELEGATES {
        let Some(only) = settings.map(key).and_then(|delegate| delegate.only()) else {
            continue;
        };
        if only.name != here {
            let reason = format!("the parent's decision is followed: {here}");
            settings.not_here(key, reason);
        }
    }
    Sampler::parent_based(root(settings, false))
}

/// The sampler inside; every span where there is none.
fn root(settings: &Map<'_>, required: bool) -> Sampler {
    let inside = settings.map("root");
    if required && inside.is_none() {
        settings.missing("root");
    }
    inside
        .and_then(|map| read(&map))
        .unwrap_or(Sampler::AlwaysOn)
}
