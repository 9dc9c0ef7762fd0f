//! What the recorder knows of itself, as metrics of the `opentelemetry` API.
//!
//! Position: reads the counts of the recorder when a metric reader asks; costs spans nothing.
//!
//! Invariants:
//! - the numbers are those of [`Stats`](crate::Stats) and add up as they do: started + recovered =
//!   sampled out, at the start and at the tail + processed + live + waiting + in flight;
//! - what counts something never goes down: spans that leave the flight recorder stay sampled out
//!   here, and are counted as recovered.
//!
//! Source: OpenTelemetry semantic conventions, "OpenTelemetry SDK metrics" (development).

use super::component::{Components, RESULT};
use crate::{
    TelemetryHandle,
    recorder::{Backlog, ParentOrigin, SamplingOutcome},
};
use opentelemetry::{
    KeyValue, global,
    metrics::{AsyncInstrument, Meter},
};

const SPANS: &str = "{span}";
const BYTES: &str = "By";
const PARENT_ORIGIN: &str = "otel.span.parent.origin";
const ERROR_TYPE: &str = "error.type";

/// Reports what happens to the spans of `telemetry` through the global `opentelemetry` meter.
///
/// Set the meter provider before. The instruments are `otel.sdk.span.started`, `otel.sdk.span.live`,
/// `otel.sdk.processor.span.queue.size`, `otel.sdk.processor.span.queue.capacity` (where a number of
/// spans was configured), `otel.sdk.processor.span.processed`, `otel.sdk.exporter.span.inflight` and
/// `otel.sdk.exporter.span.exported`; what was lost has an `error.type`. Our own are
/// `continuum.sdk.tail.span.sampled_out`, `continuum.sdk.tail.trace.decided_early`,
/// `continuum.sdk.flight_recorder.span.recovered`, and in bytes `continuum.sdk.queue.usage` and
/// `continuum.sdk.flight_recorder.usage`. `otel.component.type` and `otel.component.name` tell the queue
/// (`batching_span_processor`) from the exporter. They are read when the meter's reader asks, also after the
/// shutdown of `telemetry`. Call it once for each set-up.
///
/// ```
/// use continuum_observability::{ExporterConfig, Telemetry, interop::opentelemetry_0_33};
///
/// let telemetry = Telemetry::builder().exporter(ExporterConfig::None).init()?;
/// opentelemetry_0_33::register_self_metrics(telemetry.handle());
/// # Ok::<(), continuum_observability::ConfigError>(())
/// ```
pub fn register_self_metrics(telemetry: TelemetryHandle) {
    let meter = global::meter("continuum-observability");
    let counters: [(&'static str, &'static str, &'static str, Observe); 6] = [
        (
            "otel.sdk.span.started",
            SPANS,
            "spans started, sampled or not",
            observe_started,
        ),
        (
            "otel.sdk.processor.span.processed",
            SPANS,
            "finished spans that were given to the exporter or lost before",
            observe_processed,
        ),
        (
            "otel.sdk.exporter.span.exported",
            SPANS,
            "spans that the exporter delivered or lost",
            observe_exported,
        ),
        (
            "continuum.sdk.tail.span.sampled_out",
            SPANS,
            "spans of traces that were not kept when they had ended",
            |telemetry, of, to| {
                to.observe(telemetry.stats().ever_sampled_out_at_tail(), &of.processor);
            },
        ),
        (
            "continuum.sdk.tail.trace.decided_early",
            "{trace}",
            "traces that were decided before their local root had ended",
            |telemetry, of, to| to.observe(telemetry.stats().decided_early, &of.processor),
        ),
        (
            "continuum.sdk.flight_recorder.span.recovered",
            SPANS,
            "spans that were written out of the flight recorder",
            |telemetry, of, to| to.observe(telemetry.stats().recovered, &of.processor),
        ),
    ];
    for (name, unit, description, observe) in counters {
        let instrument = meter.u64_observable_counter(name).with_unit(unit);
        let report = move |to: &dyn AsyncInstrument<u64>| {
            observe(telemetry, &Components::of(telemetry), to);
        };
        let _registered = instrument
            .with_description(description)
            .with_callback(report)
            .build();
    }
    register_levels(&meter, telemetry);
}

type Observe = fn(TelemetryHandle, &Components, &dyn AsyncInstrument<u64>);
type Level = fn(TelemetryHandle, Backlog) -> Option<u64>;
/// Whose level it is.
type Owner = fn(&Components) -> &[KeyValue];

/// The numbers that go up and down.
fn register_levels(meter: &Meter, telemetry: TelemetryHandle) {
    let levels: [(&'static str, &'static str, &'static str, Owner, Level); 6] = [
        (
            "otel.sdk.span.live",
            SPANS,
            "recorded spans that have not ended",
            |of| &of.sampled,
            |telemetry, backlog| {
                let finished = backlog.queued + backlog.in_flight;
                Some(telemetry.stats().pending.saturating_sub(finished))
            },
        ),
        (
            "otel.sdk.processor.span.queue.size",
            SPANS,
            "finished spans that wait for the exporter",
            |of| &of.processor,
            |_, backlog| Some(backlog.queued),
        ),
        (
            "otel.sdk.processor.span.queue.capacity",
            SPANS,
            "finished spans that may wait for the exporter",
            |of| &of.processor,
            |_, backlog| backlog.capacity,
        ),
        (
            "otel.sdk.exporter.span.inflight",
            SPANS,
            "spans that the exporter is busy with",
            |of| &of.exporter,
            |_, backlog| Some(backlog.in_flight),
        ),
        (
            "continuum.sdk.queue.usage",
            BYTES,
            "memory of finished spans that wait for the exporter or the end of their trace",
            |of| &of.processor,
            |telemetry, _| u64::try_from(telemetry.stats().queued_bytes).ok(),
        ),
        (
            "continuum.sdk.flight_recorder.usage",
            BYTES,
            "memory of the flight recorder that is in use",
            |of| &of.processor,
            |telemetry, _| u64::try_from(telemetry.stats().flight_recorder_bytes).ok(),
        ),
    ];
    for (name, unit, description, owner, level) in levels {
        let report = move |to: &dyn AsyncInstrument<i64>| {
            let level = telemetry
                .backlog()
                .and_then(|backlog| level(telemetry, backlog));
            if let Some(spans) = level {
                let spans = i64::try_from(spans).unwrap_or(i64::MAX);
                to.observe(spans, owner(&Components::of(telemetry)));
            }
        };
        let instrument = meter.i64_observable_up_down_counter(name);
        let _registered = instrument
            .with_unit(unit)
            .with_description(description)
            .with_callback(report)
            .build();
    }
}

/// Each way in which spans began, once there was one.
fn observe_started(telemetry: TelemetryHandle, of: &Components, to: &dyn AsyncInstrument<u64>) {
    let stats = telemetry.stats();
    for origin in ParentOrigin::ALL {
        for result in SamplingOutcome::ALL {
            let spans = stats.begun((origin, result));
            let attributes = [
                KeyValue::new(PARENT_ORIGIN, origin_name(origin)),
                KeyValue::new(RESULT, result_name(result)),
            ];
            if spans > 0 {
                to.observe(spans, &[&of.processor[..], &attributes].concat());
            }
        }
    }
}

fn origin_name(origin: ParentOrigin) -> &'static str {
    match origin {
        ParentOrigin::None => "none",
        ParentOrigin::Local => "local",
        ParentOrigin::Remote => "remote",
    }
}

fn result_name(result: SamplingOutcome) -> &'static str {
    match result {
        SamplingOutcome::Drop => "DROP",
        SamplingOutcome::RecordOnly => "RECORD_ONLY",
        SamplingOutcome::RecordAndSample => "RECORD_AND_SAMPLE",
    }
}

fn observe_processed(telemetry: TelemetryHandle, of: &Components, to: &dyn AsyncInstrument<u64>) {
    let stats = telemetry.stats();
    let handed_on = stats.exported + stats.dropped_export_failed + stats.dropped_rejected;
    to.observe(handed_on, &of.processor);
    let lost = |error, spans| observe_error(to, &of.processor, error, spans);
    lost("queue_full", stats.dropped_budget_spent);
    lost("already_shutdown", stats.dropped_after_shutdown);
}

fn observe_exported(telemetry: TelemetryHandle, of: &Components, to: &dyn AsyncInstrument<u64>) {
    let stats = telemetry.stats();
    to.observe(stats.exported, &of.exporter);
    let lost = |error, spans| observe_error(to, &of.exporter, error, spans);
    lost("export_failed", stats.dropped_export_failed);
    lost("rejected", stats.dropped_rejected);
}

fn observe_error(to: &dyn AsyncInstrument<u64>, of: &[KeyValue], error: &'static str, spans: u64) {
    let error = KeyValue::new(ERROR_TYPE, error);
    to.observe(spans, &[of, &[error]].concat());
}
