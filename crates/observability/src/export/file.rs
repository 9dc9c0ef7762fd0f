//! OTLP JSON lines: one request a line, to be kept, searched, or read by a collector later.
//!
//! Position: an [`Exporter`] over a file opened for appending, or any other writer.
//!
//! Invariant: a line is handed over in one write, so that processes that append to the same file
//! do not mix their lines.
//!
//! Source: OpenTelemetry protocol file exporter, "JSON lines file".

use std::{
    fmt,
    fs::OpenOptions,
    io::{self, Write},
    path::Path,
    time::Instant,
};

use super::{EncodedRequest, ExportError, Exported, Exporter, decode_request, json};

/// Appends each request as one line of OTLP JSON.
///
/// The file grows as long as spans are exported; rotating it is left to the system's tools.
///
/// # Examples
///
/// ```no_run
/// let exporter = continuum_observability::FileExporter::append_to("traces.jsonl")?;
/// # Ok::<(), continuum_observability::ExportError>(())
/// ```
pub struct FileExporter {
    out: Box<dyn Write + Send>,
    target: String,
    line: String,
}

impl FileExporter {
    /// Opens the file, which is created where it does not exist, and writes after its end.
    ///
    /// # Errors
    ///
    /// [`ExportError::Write`] when it cannot be opened.
    pub fn append_to(path: impl AsRef<Path>) -> Result<Self, ExportError> {
        let target = path.as_ref().display().to_string();
        match OpenOptions::new().create(true).append(true).open(path) {
            Ok(file) => Ok(Self::new(Box::new(file), target)),
            Err(source) => Err(ExportError::Write { target, source }),
        }
    }

    /// Writes to any stream; `target` names it in errors.
    pub fn new(out: Box<dyn Write + Send>, target: impl Into<String>) -> Self {
        Self {
            out,
            target: target.into(),
            line: String::new(),
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.out.write_all(self.line.as_bytes())?;
        self.out.flush()
    }
}

impl Exporter for FileExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let spans = decode_request(request.bytes())?;
        self.line.clear();
        json::write_request(&mut self.line, &spans);
        self.line.push('\n');
        match self.write() {
            Ok(()) => Ok(Exported::default()),
            Err(source) => Err(ExportError::Write {
                target: self.target.clone(),
                source,
            }),
        }
    }

    fn name(&self) -> &'static str {
        "file"
    }

    fn destination(&self) -> &str {
        &self.target
    }
}

impl fmt::Debug for FileExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileExporter")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::{
        collector::trace::v1::ExportTraceServiceRequest,
        common::v1::{AnyValue, ArrayValue, KeyValueList, any_value::Value},
        trace::v1::{Span, Status, span::Link},
    };

    use super::{super::sample, *};

    /// A span that has every field and every type of value.
    fn full_span() -> Span {
        let value = |value| AnyValue { value: Some(value) };
        let array = ArrayValue {
            values: vec![value(Value::BoolValue(true)), AnyValue::default()],
        };
        let map = KeyValueList {
            values: vec![sample::string("in\n\"ner", "\u{7}\\ é 漢")],
        };
        let attributes = vec![
            sample::entry("int", Value::IntValue(i64::MIN)),
            sample::entry("double", Value::DoubleValue(-1.5e300)),
            sample::entry("bytes", Value::BytesValue(vec![0, 255, 62, 63])),
            sample::entry("array", Value::ArrayValue(array)),
            sample::entry("empty", Value::ArrayValue(ArrayValue::default())),
            sample::entry("map", Value::KvlistValue(map)),
        ];
        let link = Link {
            trace_id: vec![0xcd; 16],
            span_id: vec![0xef; 8],
            trace_state: "a=b".into(),
            attributes: vec![sample::entry("flag", Value::BoolValue(false))],
            dropped_attributes_count: 4,
            flags: 0x301,
        };
        Span {
            kind: 3,
            trace_state: "vendor=1".into(),
            attributes,
            dropped_attributes_count: 1,
            events: vec![sample::event(
                "cache.miss",
                3,
                vec![sample::string("key", "k")],
            )],
            dropped_events_count: 2,
            links: vec![link],
            dropped_links_count: 3,
            status: Some(sample::failed("it \u{1b}[31m broke")),
            end_time_unix_nano: u64::MAX,
            ..sample::span("full", 2, Some(1))
        }
    }

    fn export_twice(exporter: &mut FileExporter, spans: &[Span]) {
        for _ in 0..2 {
            let bytes = sample::request(spans.to_vec());
            let request = EncodedRequest::new(&bytes, spans.len() as u64);
            assert_eq!(
                exporter.export(&request, Instant::now()).unwrap(),
                Exported::default()
            );
        }
    }

    #[test]
    fn each_line_is_read_back_by_the_reference_types() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("traces.jsonl");
        let spans = [sample::span("plain", 1, None), full_span()];
        export_twice(&mut FileExporter::append_to(&path).unwrap(), &spans);
        export_twice(&mut FileExporter::append_to(&path).unwrap(), &spans);

        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.ends_with('\n'));
        assert_eq!(text.lines().count(), 4);
        let mut expected = sample::message(spans);
        // An absent status and a status with nothing in it are the same message.
        expected.resource_spans[0].scope_spans[0].spans[0].status = Some(Status::default());
        for line in text.lines() {
            let request: ExportTraceServiceRequest = serde_json::from_str(line).unwrap();
            assert_eq!(request, expected);
        }
    }

    #[test]
    fn doubles_that_json_lacks_are_written_as_the_strings_of_the_protobuf_mapping() {
        let text = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|double| {
            let attributes = vec![sample::entry("double", Value::DoubleValue(double))];
            let bytes = sample::request([Span {
                attributes,
                ..sample::span("s", 1, None)
            }]);
            let mut line = String::new();
            json::write_request(&mut line, &decode_request(&bytes).unwrap());
            let json: serde_json::Value = serde_json::from_str(&line).unwrap();
            let span = &json["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
            span["attributes"][0]["value"]["doubleValue"]
                .as_str()
                .map(str::to_owned)
        });
        assert_eq!(text.map(Option::unwrap), ["NaN", "Infinity", "-Infinity"]);
    }

    #[test]
    fn a_path_that_cannot_be_opened_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("missing").join("traces.jsonl");
        let error = FileExporter::append_to(&path).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with(&format!("[{}]", path.display())),
            "{error}"
        );
        assert!(error.is_retryable());
    }

    /// Counts writes, each of which would be one system call.
    struct Writes(std::sync::mpsc::SyncSender<usize>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes.len()).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_write() {
        let (sender, writes) = std::sync::mpsc::sync_channel(8);
        export_twice(
            &mut FileExporter::new(Box::new(Writes(sender)), "test"),
            &[full_span()],
        );
        assert_eq!(writes.iter().count(), 2);
    }
}
