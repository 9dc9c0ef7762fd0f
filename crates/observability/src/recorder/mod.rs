//! The recorder: where finished spans are kept until they are exported.
//!
//! Position: below `span`, which writes into it; above `export`, which empties it. It knows nothing
//! of the current context.
//!
//! A span in progress lives in a [`slot`]; when it ends, its bytes are copied into the chunk of the
//! ending [`thread`]; full chunks go to the queue of the [`core`], within a budget of bytes, and the
//! export thread takes them from there.

mod aside;
mod backlog;
mod beginning;
mod clock;
mod collecting;
mod core;
mod losses;
mod per_process;
mod record;
mod registry;
mod room;
mod slot;
mod stats;
mod sys;
pub(crate) mod thread;
mod ticket;
mod waiting;

#[cfg(feature = "opentelemetry_0_33")]
pub(crate) use backlog::Backlog;
pub use stats::Stats;
#[cfg(unix)]
pub(crate) use sys::platform::host_name;
#[cfg(all(unix, feature = "console"))]
pub(crate) use sys::platform::terminal_columns;
pub(crate) use {
    aside::Aside,
    beginning::{ParentOrigin, SamplingOutcome},
    clock::{Anchor, Clock},
    core::{Chunk, Core, LARGE_CHUNK_BYTES, Round},
    per_process::PerProcess,
    record::{HEADER_LEN, RecordHeader, put_record, records},
    slot::Slot,
    stats::{DropReason, Totals},
    sys::{
        leaked::AtomicStatic,
        platform::{fork_epoch, prepare},
    },
    ticket::Ticket,
};

#[cfg(feature = "_otlp_sdk")]
use crate::export::TlsFiles;
use crate::{
    export::{self, ExporterFactory},
    sampling::{FlightRecorder, Sampler, SamplerSwitch, TailPolicy},
    semconv::Naming,
    span::{ActiveHooks, Hooks, SpanLimits},
};
use std::{fmt, num::NonZeroU64, time::Duration};

static GLOBAL: AtomicStatic<Recorder> = AtomicStatic::none();

/// What a recorder is made from.
pub(crate) struct RecorderConfig {
    pub(crate) sampler: Sampler,
    /// Decides about traces when they have ended, of those that `sampler` keeps.
    pub(crate) tail: Option<TailPolicy>,
    /// Keeps what is not kept otherwise.
    pub(crate) flight_recorder: Option<FlightRecorder>,
    pub(crate) limits: SpanLimits,
    /// The names that ready-made spans give to their attributes.
    pub(crate) naming: Naming,
    /// Whether ready-made spans may show the beginning of texts of users.
    pub(crate) previews: bool,
    /// Whether log records have the ids of their trace.
    #[cfg(any(feature = "log_0_4", feature = "tracing"))]
    pub(crate) log_correlation: bool,
    pub(crate) hooks: Hooks,
    /// Encodes the `Resource` message of the calling process.
    pub(crate) resource: Resource,
    pub(crate) budget_bytes: usize,
    /// How long a thread waits for room in the budget; `None`: not at all.
    pub(crate) wait_when_full: Option<Duration>,
    pub(crate) caps: SpanCaps,
    pub(crate) interval: Duration,
    pub(crate) export_timeout: Duration,
    /// `None`: nothing is exported in the background; the owner drains the recorder.
    pub(crate) exporter: Option<ExporterFactory>,
    /// With what certificates it sends OTLP, if it does.
    #[cfg(feature = "_otlp_sdk")]
    pub(crate) otlp_tls: Option<TlsFiles>,
    /// What the exporter is called in metrics about the SDK.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(crate) exporter_component: Option<ExporterComponent>,
}

type Resource = Box<dyn Fn() -> Vec<u8> + Send + Sync>;

impl fmt::Debug for RecorderConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecorderConfig").finish_non_exhaustive()
    }
}

/// The exporter in metrics about the SDK.
#[cfg(feature = "opentelemetry_0_33")]
#[derive(Debug, Clone)]
pub(crate) struct ExporterComponent {
    /// A standard name, or that of the type.
    pub(crate) kind: String,
    /// Host and port, where it sends to one receiver.
    pub(crate) server: Option<(String, Option<u16>)>,
}

/// Bounds in numbers of spans, besides those in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct SpanCaps {
    /// Finished spans that may wait for the exporter.
    pub(crate) queue: Option<NonZeroU64>,
    /// Spans of one request.
    pub(crate) request: Option<NonZeroU64>,
}

/// One recorder. Never freed, so that spans can refer to it without counting.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) config: RecorderConfig,
    pub(crate) sampler: SamplerSwitch,
    pub(crate) hooks: Option<Box<ActiveHooks>>,
    cores: PerProcess<Core>,
}

impl Recorder {
    pub(crate) fn leak(mut config: RecorderConfig) -> &'static Self {
        const LONGEST: Duration = Duration::from_hours(24);
        config.interval = config.interval.min(LONGEST);
        config.export_timeout = config.export_timeout.min(LONGEST);
        prepare();
        // Before any span: a fork must not find the clock half made.
        Clock::global();
        Box::leak(Box::new(Self {
            sampler: SamplerSwitch::new(config.sampler.clone(), config.tail.is_some()),
            hooks: std::mem::take(&mut config.hooks).activate(),
            config,
            cores: PerProcess::new(),
        }))
    }

    /// The recorder that spans go to where no other one is in scope.
    #[inline]
    pub(crate) fn global() -> Option<&'static Self> {
        GLOBAL.get()
    }

    pub(crate) fn install(&'static self) {
        GLOBAL.set(Some(self));
    }

    /// Becomes the global recorder if there is none.
    pub(crate) fn install_where_none_is(&'static self) {
        GLOBAL.get_or_set(self);
    }

    /// Stops being the global recorder, if it is.
    pub(crate) fn uninstall(&'static self) {
        GLOBAL.clear_if(self);
    }

    /// The running part in this process, started on first use.
    pub(crate) fn core(&'static self) -> Option<&'static Core> {
        let mut fresh = false;
        let core = self.cores.get_or_init(|| {
            fresh = true;
            let config = &self.config;
            let aside = config.flight_recorder.map(|recorder| recorder.bytes);
            Core::new(
                config.budget_bytes,
                config.caps,
                config.wait_when_full,
                aside,
            )
        })?;
        if fresh && let Some(factory) = &self.config.exporter {
            export::start(self, core, factory.clone());
        }
        Some(core)
    }

    /// Whether spans that are not sampled are recorded, for the flight recorder.
    #[inline]
    pub(crate) fn records_unsampled(&self) -> bool {
        self.config.flight_recorder.is_some()
    }

    pub(crate) fn stats(&'static self) -> Stats {
        self.core().map(Core::stats).unwrap_or_default()
    }
}
