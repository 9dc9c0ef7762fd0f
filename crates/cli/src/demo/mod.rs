//! The demo: the real service, a corpus of conversations, and the traces that explain what it did.
//!
//! Position: command line → **here**. `host` runs the service in a temporary directory, `client`
//! talks to it over HTTP, `lesson` teaches it, `exam` asks it, `fault` breaks one memory, `federation`
//! lets one service tell another;
//! `telemetry` keeps every span beside the chosen exporter, `layer` and `picture` read them, and
//! `report` and `text` say what came out.
//!
//! Invariants:
//! - every figure about time and every tree is taken from spans, none from a stop-watch beside them;
//! - it succeeds only if every span that was started is accounted for.

mod client;
mod exam;
mod fault;
mod federation;
mod host;
mod layer;
mod lesson;
mod picture;
mod progress;
mod report;
mod telemetry;
mod text;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use anyhow::{Context as _, Result, ensure};
use continuum_observability::Palette;

use crate::dataset::Dataset;
use client::Client;
use host::Host;
use picture::Shown;
use report::{Accounting, Report};
pub use telemetry::Destination;
use telemetry::Recording;

/// What the demo is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Demo {
    /// A file in the `LoCoMo` layout instead of the embedded conversations.
    pub dataset: Option<PathBuf>,
    /// One JSON document instead of text.
    pub json: bool,
    /// Where spans go besides the report.
    pub destination: Option<Destination>,
    /// Keeps the data directory.
    pub keep: bool,
    /// The colours of the trees in the report.
    pub palette: Palette,
}

impl Demo {
    /// Runs the demo and writes the report; returns what came of the writing, since nobody has to read it.
    ///
    /// # Errors
    ///
    /// When the service cannot run or answers what it should not, and, after the report, when spans
    /// are not accounted for, whether or not the report was read.
    pub fn run(&self, out: &mut dyn Write) -> Result<io::Result<()>> {
        let dataset = match &self.dataset {
            Some(path) => Dataset::read(path)?,
            None => Dataset::embedded()?,
        };
        let begun = if self.json {
            Ok(())
        } else {
            text::write_headline(out, &dataset)
        };
        let report = self.collect(&dataset)?;
        let written = begun.and_then(|()| self.write(out, &report));
        ensure!(
            report.spans.accounted,
            "spans are missing: {:?}",
            report.spans
        );
        Ok(written)
    }

    fn write(&self, out: &mut dyn Write, report: &Report) -> io::Result<()> {
        if !self.json {
            return text::write(out, report);
        }
        serde_json::to_writer_pretty(&mut *out, report)?;
        writeln!(out)
    }

    fn collect(&self, dataset: &Dataset) -> Result<Report> {
        let recording = Recording::start(self.destination.as_ref())?;
        let mut host = Host::start(None)?;
        let kept = self.keep.then(|| host.keep());
        let collected = self.collect_from(dataset, recording, host);
        match (collected, kept) {
            (Err(error), Some(dir)) => {
                Err(error.context(format!("stopped; the data is kept in {}", dir.display())))
            }
            (collected, data_dir) => Ok(Report {
                data_dir,
                ..collected?
            }),
        }
    }

    fn collect_from(&self, dataset: &Dataset, recording: Recording, host: Host) -> Result<Report> {
        let worked = work(dataset, &host)?;
        host.stop()?;
        let federated = federation::tell_one_and_ask_the_other()?;
        let (spans, stats) = recording.finish();
        let shown = Shown {
            cached: (worked.cached.first()).context("no recall came from the cache")?,
            failed: &worked.failed,
            federated: &federated.trace_id,
        };
        Ok(Report {
            dataset: self.dataset.clone(),
            learned: worked.learned.totals,
            recalled: worked.asked,
            layers: layer::latencies(&spans),
            traces: picture::pictures(&spans, &shown, self.palette)?,
            federated,
            spans: Accounting::new(&stats, spans.len()),
            data_dir: None,
        })
    }
}

/// What one service did.
struct Worked {
    learned: lesson::Lesson,
    asked: report::Recalled,
    cached: Vec<String>,
    failed: String,
}

/// Teaches a service, asks it, and breaks one of its memories.
fn work(dataset: &Dataset, host: &Host) -> Result<Worked> {
    let client = Client::new(host.addr());
    let learned = lesson::learn(dataset, host, &client)?;
    Ok(Worked {
        asked: exam::ask(dataset, &learned.memories, &client)?,
        cached: exam::ask_again(dataset, &learned.memories, &client)?,
        failed: fault::recall_from_a_damaged_file(host, &client)?,
        learned,
    })
}
