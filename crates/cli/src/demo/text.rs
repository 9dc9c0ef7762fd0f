//! The report as text.
//!
//! Position: `report` → **here** → standard output.

use std::io::{Result, Write};

use super::layer::LayerLatency;
use super::report::{Accounting, Federated, Learned, NeverSaid, Picture, Recalled, Report};
use crate::{dataset::Dataset, evaluation::Quality};

/// Says what is about to happen.
pub(super) fn write_headline(out: &mut dyn Write, dataset: &Dataset) -> Result<()> {
    writeln!(
        out,
        "continuum demo: learning {} turns of {} conversations, then asking {} questions",
        dataset.turns(),
        dataset.conversations.len(),
        dataset.questions(),
    )?;
    out.flush()
}

/// Writes the whole report.
pub(super) fn write(out: &mut dyn Write, report: &Report) -> Result<()> {
    learned(out, &report.learned)?;
    recalled(out, &report.recalled)?;
    federated(out, &report.federated)?;
    layers(out, &report.layers)?;
    for picture in &report.traces {
        tree(out, picture)?;
    }
    accounting(out, &report.spans)?;
    if let Some(path) = &report.data_dir {
        writeln!(out, "\nThe data is in {}", path.display())?;
    }
    further(out)
}

fn learned(out: &mut dyn Write, learned: &Learned) -> Result<()> {
    writeln!(out, "\nLearned")?;
    writeln!(
        out,
        "  {} turns of {} conversations",
        learned.turns, learned.conversations
    )?;
    writeln!(
        out,
        "  {} mentions of concepts, {} of them compounds; {} links between concepts; {} decisions",
        learned.concept_mentions, learned.compound_mentions, learned.links, learned.decisions,
    )
}

fn recalled(out: &mut dyn Write, recalled: &Recalled) -> Result<()> {
    writeln!(out, "\nRecalled")?;
    writeln!(
        out,
        "  questions about         asked  recall@5  recall@10    MRR"
    )?;
    for (category, figures) in &recalled.by_category {
        quality(out, category_name(*category), figures)?;
    }
    if let Some(all) = &recalled.quality {
        quality(out, "all of these", all)?;
    }
    never_said(out, &recalled.never_said)?;
    if recalled.skipped_without_evidence + recalled.unknown_evidence > 0 {
        writeln!(
            out,
            "  left out: {} questions that name no turn, {} references to unknown turns",
            recalled.skipped_without_evidence, recalled.unknown_evidence,
        )?;
    }
    Ok(())
}

fn quality(out: &mut dyn Write, name: &str, figures: &Quality) -> Result<()> {
    let Quality {
        questions,
        recall_at_5,
        recall_at_10,
        mrr,
    } = figures;
    writeln!(
        out,
        "  {name:<22} {questions:>6} {recall_at_5:>9.2} {recall_at_10:>10.2} {mrr:>6.2}"
    )
}

fn category_name(category: u8) -> &'static str {
    match category {
        1 => "several turns together",
        2 => "dates and times",
        3 => "conclusions",
        4 => "a single fact",
        _ => "something else",
    }
}

fn never_said(out: &mut dyn Write, never_said: &NeverSaid) -> Result<()> {
    if never_said.questions == 0 {
        return Ok(());
    }
    write!(
        out,
        "  never said: {} questions, {} answered with nothing",
        never_said.questions, never_said.answered_with_nothing,
    )?;
    let scores = (
        never_said.median_best_score,
        never_said.median_best_score_of_others,
    );
    if let (Some(best), Some(others)) = scores {
        write!(
            out,
            "; median best score {best:.2}, against {others:.2} for the others"
        )?;
    }
    writeln!(out)
}

fn federated(out: &mut dyn Write, federated: &Federated) -> Result<()> {
    writeln!(out, "\nTwo nodes")?;
    writeln!(
        out,
        "  {} turn told to the first, {} recalled from the second",
        federated.told_turns, federated.recalled_turns,
    )
}

fn layers(out: &mut dyn Write, layers: &[LayerLatency]) -> Result<()> {
    writeln!(out, "\nTime spent in each layer, from its spans")?;
    writeln!(out, "  layer        spans    p50 ms    p99 ms")?;
    for LayerLatency { layer, latency } in layers {
        let (name, count) = (layer.name(), latency.count);
        let (p50, p99) = (latency.p50_millis, latency.p99_millis);
        writeln!(out, "  {name:<10} {count:>7} {p50:>9.3} {p99:>9.3}")?;
    }
    Ok(())
}

fn tree(out: &mut dyn Write, picture: &Picture) -> Result<()> {
    writeln!(out, "\n{}, trace {}", picture.title, picture.trace_id)?;
    for line in picture.tree.lines() {
        writeln!(out, "  {line}")?;
    }
    Ok(())
}

fn accounting(out: &mut dyn Write, spans: &Accounting) -> Result<()> {
    let Accounting {
        started,
        exported,
        sampled_out,
        dropped,
        pending,
        accounted,
    } = spans;
    let verdict = if *accounted {
        "all accounted for"
    } else {
        "NOT all accounted for"
    };
    writeln!(out, "\nSpans: {verdict}")?;
    writeln!(
        out,
        "  {started} started = {exported} exported + {sampled_out} sampled out + {dropped} dropped \
         + {pending} pending"
    )
}

fn further(out: &mut dyn Write) -> Result<()> {
    out.write_all(
        b"
See the same traces in Jaeger, or in any other OTLP backend
  docker run --rm -p 16686:16686 -p 4318:4318 jaegertracing/jaeger
  continuum demo --exporter otlp --endpoint http://localhost:4318
  then open http://localhost:16686 and paste a trace id from above into its search
Your own service sends its traces there with
  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 continuum serve
",
    )
}
