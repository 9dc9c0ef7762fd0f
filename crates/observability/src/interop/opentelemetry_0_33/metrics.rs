//! What the recorder knows of itself, as metrics of the `opentelemetry` API.
//!
//! Position: reads the counts of the recorder when a metric reader asks; costs spans nothing.
//!
//! Invariant: the numbers are those of [`Stats`](crate::Stats) and add up as they do: started =
//! sampled out + processed + live + waiting + in flight.
//!
//! Source: OpenTelemetry semantic conventions, "OpenTelemetry SDK metrics" (development).

use crate::{TelemetryHandle, recorder::Backlog};
use opentelemetry::{
    KeyValue, global,
    metrics::{AsyncInstrument, Meter},
};

const COMPONENT: &str = "otel.component.name";
const RECORDER: &str = "continuum_recorder/0";
const ERROR_TYPE: &str = "error.type";
const RESULT: &str = "otel.span.sampling_result";

/// Reports what happens to the spans of `telemetry` through the global `opentelemetry` meter.
///
/// Set the meter provider before. The instruments are `otel.sdk.span.started`, `otel.sdk.span.live`,
/// `otel.sdk.processor.span.queue.size`, `otel.sdk.processor.span.queue.capacity` (where a number of
/// spans was configured), `otel.sdk.processor.span.processed`, `otel.sdk.exporter.span.inflight` and
/// `otel.sdk.exporter.span.exported`; what was lost has an `error.type`. They are read when the
/// meter's reader asks, also after the shutdown of `telemetry`. Call it once for each set-up.
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
    let counters: [(&'static str, &'static str, Observe); 3] = [
        (
            "otel.sdk.span.started",
            "spans started, sampled or not",
            observe_started,
        ),
        (
            "otel.sdk.processor.span.processed",
            "finished spans that were given to the exporter or lost before",
            observe_processed,
        ),
        (
            "otel.sdk.exporter.span.exported",
            "spans that the exporter delivered or lost",
            observe_exported,
        ),
    ];
    for (name, description, observe) in counters {
        let instrument = meter.u64_observable_counter(name).with_unit("{span}");
        let report = move |to: &dyn AsyncInstrument<u64>| observe(telemetry, to);
        let _registered = instrument
            .with_description(description)
            .with_callback(report)
            .build();
    }
    register_levels(&meter, telemetry);
}

type Observe = fn(TelemetryHandle, &dyn AsyncInstrument<u64>);
type Level = fn(TelemetryHandle, Backlog) -> Option<u64>;

/// The numbers that go up and down.
fn register_levels(meter: &Meter, telemetry: TelemetryHandle) {
    let levels: [(&'static str, &'static str, Level); 4] = [
        (
            "otel.sdk.span.live",
            "recorded spans that have not ended",
            |telemetry, backlog| {
                let finished = backlog.queued + backlog.in_flight;
                Some(telemetry.stats().pending.saturating_sub(finished))
            },
        ),
        (
            "otel.sdk.processor.span.queue.size",
            "finished spans that wait for the exporter",
            |_, backlog| Some(backlog.queued),
        ),
        (
            "otel.sdk.processor.span.queue.capacity",
            "finished spans that may wait for the exporter",
            |_, backlog| backlog.capacity,
        ),
        (
            "otel.sdk.exporter.span.inflight",
            "spans that the exporter is busy with",
            |_, backlog| Some(backlog.in_flight),
        ),
    ];
    for (name, description, level) in levels {
        let report = move |to: &dyn AsyncInstrument<i64>| {
            let level = telemetry
                .backlog()
                .and_then(|backlog| level(telemetry, backlog));
            if let Some(spans) = level {
                let spans = i64::try_from(spans).unwrap_or(i64::MAX);
                to.observe(spans, &[KeyValue::new(COMPONENT, RECORDER)]);
            }
        };
        let instrument = meter.i64_observable_up_down_counter(name);
        let _registered = instrument
            .with_unit("{span}")
            .with_description(description)
            .with_callback(report)
            .build();
    }
}

fn observe_started(telemetry: TelemetryHandle, to: &dyn AsyncInstrument<u64>) {
    let stats = telemetry.stats();
    let recorded = stats.started - stats.sampled_out.min(stats.started);
    to.observe(recorded, &[KeyValue::new(RESULT, "RECORD_AND_SAMPLE")]);
    to.observe(stats.sampled_out, &[KeyValue::new(RESULT, "DROP")]);
}

fn observe_processed(telemetry: TelemetryHandle, to: &dyn AsyncInstrument<u64>) {
    let stats = telemetry.stats();
    let handed_on = stats.exported + stats.dropped_export_failed + stats.dropped_rejected;
    to.observe(handed_on, &[KeyValue::new(COMPONENT, RECORDER)]);
    observe_error(to, "queue_full", stats.dropped_budget_spent);
    observe_error(to, "already_shutdown", stats.dropped_after_shutdown);
}

fn observe_exported(telemetry: TelemetryHandle, to: &dyn AsyncInstrument<u64>) {
    let stats = telemetry.stats();
    to.observe(stats.exported, &[KeyValue::new(COMPONENT, RECORDER)]);
    observe_error(to, "export_failed", stats.dropped_export_failed);
    observe_error(to, "rejected", stats.dropped_rejected);
}

fn observe_error(to: &dyn AsyncInstrument<u64>, error: &'static str, spans: u64) {
    let component = KeyValue::new(COMPONENT, RECORDER);
    to.observe(spans, &[component, KeyValue::new(ERROR_TYPE, error)]);
}
