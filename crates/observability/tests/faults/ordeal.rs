//! What every fault has to show: the program goes on, memory is bounded, losses are counted and said
//! once with endpoint and remedy, and spans arrive again when the fault is over.

use crate::{
    PLENTY, alone, assert_accounts_balance,
    backend::{Backend, Fault},
    record,
};
use continuum_observability::{
    FlushError, OtlpConfig, OtlpProtocol, Stats, Telemetry, TelemetryBuilder,
};
use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

pub(crate) const BUDGET_BYTES: usize = 256 << 10;
/// More spans than fit into the budget.
pub(crate) const FLOOD: u64 = 6_000;

/// What the SDK said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Telemetry with a small memory that gives an export up soon.
pub(crate) fn builder(otlp: OtlpConfig) -> (TelemetryBuilder, Lines) {
    let builder = Telemetry::builder()
        .exporter(otlp)
        .export_timeout(Duration::from_millis(500))
        .schedule_delay(PLENTY)
        .memory_budget_bytes(BUDGET_BYTES);
    heard(builder)
}

/// Telemetry of which one hears what it says.
pub(crate) fn heard(builder: TelemetryBuilder) -> (TelemetryBuilder, Lines) {
    let lines = Lines::default();
    let heard = lines.clone();
    let builder = builder.diagnostics(move |_, line| heard.0.lock().unwrap().push(line.to_owned()));
    (builder, lines)
}

/// Lets the first span make a request.
pub(crate) fn prompt(builder: TelemetryBuilder) -> TelemetryBuilder {
    builder
        .schedule_delay(Duration::from_millis(1))
        .export_timeout(PLENTY)
}

pub(crate) fn over_http(backend: &Backend) -> OtlpConfig {
    let mut otlp = OtlpConfig::new(format!("http://{}", backend.address));
    otlp.protocol = Some(OtlpProtocol::HttpProtobuf);
    otlp
}

pub(crate) fn over_grpc(backend: &Backend) -> OtlpConfig {
    let mut otlp = OtlpConfig::new(format!("http://{}", backend.address));
    otlp.protocol = Some(OtlpProtocol::Grpc);
    otlp
}

/// Floods a faulty backend with spans; returns what became of them, and the one line about it.
pub(crate) fn endure(telemetry: &Telemetry, lines: &Lines) -> (Stats, String) {
    let flood = || record(FLOOD - 1);
    thread::Builder::new().spawn(flood).unwrap().join().unwrap();
    // Stays with this thread until the flush, which then has something to lose.
    record(1);
    assert_eq!(telemetry.force_flush(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    assert_eq!((stats.started, stats.pending), (FLOOD, 0), "{stats:?}");
    assert!(stats.peak_queued_bytes <= BUDGET_BYTES, "{stats:?}");
    assert_eq!(stats.queued_bytes, 0, "{stats:?}");
    assert_accounts_balance(stats);
    let said = lines.all();
    assert_eq!(said.len(), 1, "{said:?}");
    (stats, said[0].clone())
}

/// The backend is sound again.
pub(crate) fn recover(telemetry: &Telemetry, lines: &Lines, backend: &Backend) {
    const AGAIN: u64 = 10;
    let (before, taken) = (telemetry.stats(), backend.spans());
    record(AGAIN);
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()), "{:?}", lines.all());
    assert_eq!(backend.spans(), taken + AGAIN);
    assert_eq!(telemetry.shutdown(PLENTY), Ok(()));
    let stats = telemetry.stats();
    assert_eq!(stats.exported, before.exported + AGAIN);
    assert_eq!(stats.dropped(), before.dropped());
    let said = lines.all();
    let summary = format!("{} of {} spans were lost:", stats.dropped(), stats.started);
    assert!(said.last().unwrap().starts_with(&summary), "{said:?}");
    assert_eq!(said.len(), 2, "{said:?}");
}

/// The whole ordeal: everything of the flood is lost, and the line about it contains `remedy`.
pub(crate) fn ordeal(otlp: OtlpConfig, backend: &Backend, fault: Fault, remedy: &str) -> Stats {
    let _alone = alone();
    backend.set(fault);
    let (builder, lines) = builder(otlp);
    let telemetry = builder.init().unwrap();
    let (stats, line) = endure(&telemetry, &lines);
    assert_eq!(stats.dropped(), FLOOD, "{stats:?}");
    let endpoint = backend.address.to_string();
    assert!(line.contains(&endpoint) && line.contains(remedy), "{line}");
    backend.set(Fault::None);
    recover(&telemetry, &lines, backend);
    stats
}
