//! Files of OTLP JSON lines, as the file exporter and the Collector write them, read back.
//!
//! Position: between a file and everything that looks at finished spans from outside, such as
//! `continuum lint` and `continuum trace`.
//!
//! Invariant: a line that is no request gives an error with the file and the line's number, never a
//! span with made-up fields.
//!
//! Source: OTLP specification 1.x, "JSON Protobuf Encoding"; OpenTelemetry protocol file exporter.

mod fields;
mod wire;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use continuum_observability::SpanRecord;

/// Where the file exporter writes unless it is told otherwise.
pub const DEFAULT_FILE: &str = "continuum-traces.jsonl";

/// A request holds 512 KiB of protobuf at most; JSON is a few times larger.
const MAX_LINE_BYTES: u64 = 64 << 20;

/// Reads all spans of a file, or of standard input where the path is `-`.
///
/// # Errors
///
/// When the file cannot be read, or a line is not an OTLP JSON request; names the line.
pub fn read(path: &Path) -> Result<Vec<SpanRecord>> {
    if path == Path::new("-") {
        return read_lines(io::stdin().lock(), "standard input");
    }
    let name = path.display().to_string();
    let file = File::open(path).with_context(|| {
        format!("cannot open {name}; write such a file with OTEL_TRACES_EXPORTER=file")
    })?;
    read_lines(BufReader::new(file), &name)
}

/// The spans of one OTLP JSON request, wherever it comes from.
///
/// # Errors
///
/// When it is not such a request.
pub(crate) fn parse(request: &[u8]) -> Result<Vec<SpanRecord>> {
    wire::parse(request)
}

fn read_lines(mut lines: impl BufRead, name: &str) -> Result<Vec<SpanRecord>> {
    let mut spans = Vec::new();
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let mut limited = (&mut lines).take(MAX_LINE_BYTES + 1);
        let read = limited.read_until(b'\n', &mut line);
        if read.with_context(|| format!("cannot read {name}"))? == 0 {
            break;
        }
        if line.len() as u64 > MAX_LINE_BYTES {
            bail!(
                "{name}:{number}: the line is longer than {} MiB",
                MAX_LINE_BYTES >> 20
            );
        }
        if !line.trim_ascii().is_empty() {
            let found = wire::parse(&line);
            spans.extend(
                found.with_context(|| format!("{name}:{number}: not a line of OTLP JSON"))?,
            );
        }
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use continuum_observability::{
        AnyValue, EncodedRequest, ExportError, Exported, Exporter, FileExporter, InMemoryExporter,
        SpanKind, Telemetry, get_tracer,
    };
    use std::time::Instant;

    use super::*;

    fn read_text(text: &str) -> Result<Vec<SpanRecord>> {
        read_lines(text.as_bytes(), "spans.jsonl")
    }

    /// Shows each request to both exporters.
    struct Both(FileExporter, InMemoryExporter);

    impl Exporter for Both {
        fn export(
            &mut self,
            request: &EncodedRequest<'_>,
            deadline: Instant,
        ) -> Result<Exported, ExportError> {
            self.0.export(request, deadline)?;
            self.1.export(request, deadline)
        }

        fn name(&self) -> &'static str {
            "both"
        }
    }

    #[test]
    fn what_the_file_exporter_wrote_is_read_back_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spans.jsonl");
        let memory = InMemoryExporter::new(10);
        let (to, copy) = (path.clone(), memory.clone());
        let make = move || -> Box<dyn Exporter> {
            Box::new(Both(FileExporter::append_to(&to).unwrap(), copy.clone()))
        };
        let telemetry = Telemetry::builder()
            .exporter_with("both", make)
            .init()
            .unwrap();
        let tracer = get_tracer("trace_file");
        tracer.in_scope("outer", |outer| {
            outer.set_attribute("a.bytes", &[0_u8, 255, 7][..]);
            outer.set_attribute("a.float", -0.5);
            outer.set_attribute("a.flag", true);
            outer.add_event("said", &[("a.text", "ü\n\"".into())]);
            let inner = tracer
                .span_builder("inner")
                .kind(SpanKind::Client)
                .link(outer.span_context())
                .start();
            inner.record_failure(&"it broke");
            inner.end();
        });
        telemetry
            .shutdown(std::time::Duration::from_secs(30))
            .unwrap();
        let spans = memory.spans();
        assert_eq!(spans.len(), 2);
        assert_eq!(read(&path).unwrap(), spans);
    }

    #[test]
    fn a_broken_line_is_named() {
        for broken in [
            "{",
            "[]",
            r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af"}]}]}]}"#,
        ] {
            let error = read_text(&format!("\n{{}}\n{broken}\n")).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with("spans.jsonl:3: not a line of OTLP JSON"),
                "{error:#}"
            );
        }
    }

    #[test]
    fn a_number_is_read_to_its_last_bit() {
        let line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
            "traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",
            "attributes":[{"key":"d","value":{"doubleValue":2.3287771384510634e231}}]}]}]}]}"#;
        let spans = read_text(&line.replace('\n', "")).unwrap();
        let expected = AnyValue::Double(2.328_777_138_451_063_4e231);
        assert_eq!(spans[0].attribute("d"), Some(&expected));
    }

    #[test]
    fn numbers_may_be_texts_and_kinds_may_be_names() {
        let line = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{
            "traceId":"0AF7651916CD43DD8448EB211C80319C","spanId":"b7ad6b7169203331","name":"a","kind":"SPAN_KIND_CLIENT",
            "startTimeUnixNano":5,"endTimeUnixNano":"7","status":{"code":"STATUS_CODE_ERROR"},
            "attributes":[{"key":"n","value":{"intValue":3}},{"key":"d","value":{"doubleValue":"NaN"}}]}]}]}]}"#;
        let spans = read_text(&line.replace('\n', "")).unwrap();
        assert_eq!(
            (
                spans[0].kind,
                spans[0].status_code,
                spans[0].duration_nanos()
            ),
            (3, 2, 2)
        );
        assert_eq!(spans[0].trace_id[0], 0x0a);
        assert_eq!(spans[0].attribute("n"), Some(&AnyValue::Int(3)));
        assert!(matches!(spans[0].attribute("d"), Some(AnyValue::Double(d)) if d.is_nan()));
    }
}
