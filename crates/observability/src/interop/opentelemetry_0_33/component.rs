//! The parts of the recorder as the metrics about it name them.
//!
//! Position: asked by [`super::metrics`] as the meter is read, since a child of a fork has a recorder of its own.
//!
//! Invariant: the names of two recorders differ, since one that was set up anew counts from zero.
//!
//! Source: OpenTelemetry semantic conventions, "OpenTelemetry SDK metrics" (development).

use crate::TelemetryHandle;
use opentelemetry::KeyValue;

/// What the recorder is in the terms of the specification.
const PROCESSOR: &str = "batching_span_processor";
/// Where telemetry is switched off.
const NO_EXPORTER: &str = "none";
pub(super) const RESULT: &str = "otel.span.sampling_result";

/// The attributes of a recorder's metrics. Those of spans have the queue's name, by which recorders are told apart.
#[derive(Debug)]
pub(super) struct Components {
    /// Of the queue of finished spans, and what decides about them.
    pub(super) processor: Vec<KeyValue>,
    pub(super) exporter: Vec<KeyValue>,
    /// Of the spans that are recorded to be exported.
    pub(super) sampled: Vec<KeyValue>,
}

impl Components {
    pub(super) fn of(telemetry: TelemetryHandle) -> Self {
        let number = telemetry.recorder_number();
        let component = telemetry.exporter_component();
        let kind = component.map_or(NO_EXPORTER, |component| &component.kind);
        let mut exporter = identity(kind, number);
        if let Some((host, port)) = component.and_then(|component| component.server.as_ref()) {
            exporter.push(KeyValue::new("server.address", host.clone()));
            let port = port.map(|port| KeyValue::new("server.port", i64::from(port)));
            exporter.extend(port);
        }
        let processor = identity(PROCESSOR, number);
        let sampled = KeyValue::new(RESULT, "RECORD_AND_SAMPLE");
        Self {
            sampled: [&processor[..], &[sampled]].concat(),
            processor,
            exporter,
        }
    }
}

/// Name and type of a component, of which there is one in each set-up.
fn identity(kind: &str, number: u64) -> Vec<KeyValue> {
    vec![
        KeyValue::new("otel.component.name", format!("{kind}/{number}")),
        KeyValue::new("otel.component.type", kind.to_owned()),
    ]
}
