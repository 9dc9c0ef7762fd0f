//! Telemetry that a file sets up: a receiver gets the spans, as the file says.

use crate::{
    PLENTY, alone,
    backend::{Backend, Fault, Protocol},
    record,
};
use continuum_observability::{SpanRef, Telemetry, get_tracer};

const FILE: &str = "\
file_format: \"1.0\"
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: http://${RECEIVER}/v1/traces
  sampler:
    parent_based:
      root:
        ${SAMPLER:-always_on}:
";

#[test]
fn a_receiver_gets_the_spans_that_a_file_says() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::None);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("otel.yaml");
    for (sampler, expected) in [("always_on", 3), ("always_off", 4)] {
        // A key is not substituted, so that the sampler is written by hand.
        let text = FILE.replace("${SAMPLER:-always_on}", sampler);
        std::fs::write(&path, text).unwrap();
        let telemetry = Telemetry::builder()
            .variable("OTEL_CONFIG_FILE", path.to_string_lossy())
            .variable("RECEIVER", backend.address.to_string())
            .init()
            .unwrap();
        record(3);
        telemetry.force_flush(PLENTY).unwrap();
        assert_eq!(backend.spans(), expected, "{sampler}");
        let recorded = get_tracer("file").in_scope("late", SpanRef::is_recording);
        assert_eq!(recorded, sampler == "always_on");
        telemetry.shutdown(PLENTY).unwrap();
        if sampler == "always_on" {
            assert_eq!(telemetry.stats().exported, 4);
        }
    }
}
