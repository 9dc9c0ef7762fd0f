//! `tracer_provider`, `attribute_limits`: processors, limits and the sampler.
//!
//! Of several processors the shortest times and smallest numbers hold for all: there is one queue.
//!
//! Source: opentelemetry-configuration, `TracerProvider`, `AttributeLimits`.

use super::{
    Told,
    exporter::{self, NO_LIMIT},
    map::{Map, Only},
    nowhere, sampler,
};
use crate::{
    config::{exporter::ExporterChoice, settings::Overrides},
    sampling::Sampler,
    span::SpanLimits,
};
use std::time::Duration;

/// A span that is exported at once waits no longer than this for company.
const AT_ONCE: Duration = Duration::from_millis(1);

pub(super) fn read(root: &Map<'_>, told: &mut Told) {
    let mut limits = SpanLimits::default();
    if let Some(general) = root.map("attribute_limits") {
        read_attribute_limits(&general, &mut limits);
        general.finish();
    }
    if let Some(provider) = root.map("tracer_provider") {
        read_provider(provider, &mut told.overrides, &mut limits);
    } else {
        // A provider that does nothing, as the schema says.
        told.overrides.sampler = Some(Sampler::AlwaysOff);
        told.overrides.exporters = vec![ExporterChoice::Config(nowhere())];
    }
    told.overrides.limits = Some(limits);
}

fn read_provider(provider: Map<'_>, overrides: &mut Overrides, limits: &mut SpanLimits) {
    if let Some(node) = provider.value("processors") {
        provider.report.processors_at(node.place);
    } else {
        provider.missing("processors");
    }
    for processor in provider.maps("processors") {
        read_processor(&processor, overrides);
    }
    if overrides.exporters.is_empty() {
        overrides.exporters.push(ExporterChoice::Config(nowhere()));
    }
    if let Some(map) = provider.map("limits") {
        read_attribute_limits(&map, limits);
        read_span_limits(&map, limits);
        map.finish();
    }
    overrides.sampler = provider.map("sampler").and_then(|map| sampler::read(&map));
    overrides.sampler.get_or_insert_default();
    provider.unsupported(
        "id_generator",
        "ids are random; a generator is given to the builder",
    );
    let configurator = "tracers are filtered by the builder: filter_tracers";
    provider.unsupported("tracer_configurator/development", configurator);
    provider.finish();
}

fn read_processor(processor: &Map<'_>, overrides: &mut Overrides) {
    let Some(Only { name, settings }) = processor.only() else {
        return;
    };
    match name {
        "batch" => read_batch(&settings, overrides),
        "simple" => shorten(&mut overrides.schedule_delay, AT_ONCE),
        _ => {
            settings.error("there is no such processor here, but batch, simple");
            return;
        }
    }
    match settings.map("exporter") {
        Some(exporter) => {
            let exporter = exporter::read(&exporter).map(ExporterChoice::Config);
            overrides.exporters.extend(exporter);
        }
        None => settings.missing("exporter"),
    }
    settings.finish();
}

fn read_batch(batch: &Map<'_>, overrides: &mut Overrides) {
    if let Some(millis) = batch.count("schedule_delay", 0) {
        let delay = Duration::from_millis(millis).max(AT_ONCE);
        shorten(&mut overrides.schedule_delay, delay);
    }
    if let Some(millis) = batch.count("export_timeout", 0) {
        let timeout = match millis {
            0 => NO_LIMIT,
            millis => Duration::from_millis(millis),
        };
        shorten(&mut overrides.export_timeout, timeout);
    }
    if let Some(spans) = batch.count("max_queue_size", 1) {
        shorten(&mut overrides.max_queue_size, spans);
    }
    if let Some(spans) = batch.count("max_export_batch_size", 1) {
        shorten(&mut overrides.max_export_batch_size, spans);
    }
}

/// Keeps the smaller of two, where there are two.
fn shorten<T: Ord + Copy>(known: &mut Option<T>, other: T) {
    *known = Some(known.map_or(other, |known| known.min(other)));
}

fn read_attribute_limits(map: &Map<'_>, limits: &mut SpanLimits) {
    set(map, "attribute_count_limit", &mut limits.attributes);
    if let Some(length) = map.count("attribute_value_length_limit", 0) {
        limits.value_length = usize::try_from(length).unwrap_or(usize::MAX);
    }
    map.unsupported(
        "attribute_value_depth_limit",
        "the limit is what encoders agree on",
    );
}

fn read_span_limits(map: &Map<'_>, limits: &mut SpanLimits) {
    set(map, "event_count_limit", &mut limits.events);
    set(map, "link_count_limit", &mut limits.links);
    set(
        map,
        "event_attribute_count_limit",
        &mut limits.attributes_per_event,
    );
    set(
        map,
        "link_attribute_count_limit",
        &mut limits.attributes_per_link,
    );
}

fn set(map: &Map<'_>, key: &'static str, limit: &mut u32) {
    if let Some(count) = map.count(key, 0) {
        *limit = u32::try_from(count).unwrap_or(u32::MAX);
    }
}
