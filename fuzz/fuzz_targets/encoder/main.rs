//! Any sequence of operations on spans, against the model of `tests/recorder_model`: what is encoded is
//! decoded by the crate of the protocol and compared field by field.
//!
//! Recorders are never freed, hence a fixed set of them, each with limits of its own.

#![no_main]

mod draw;
#[path = "../../../crates/observability/tests/recorder_model/operations.rs"]
mod operations;
#[path = "../../../crates/observability/tests/recorder_model/reference.rs"]
mod reference;
#[path = "../../../crates/observability/tests/recorder_model/subject.rs"]
mod subject;

use continuum_observability::{Sampler, SpanLimits, fuzzing::take_encoded, testing::TestRecorder};
use libfuzzer_sys::{arbitrary::Unstructured, fuzz_target};
use std::sync::LazyLock;

static RECORDERS: LazyLock<Vec<(SpanLimits, TestRecorder)>> = LazyLock::new(|| {
    let recorder = |limits| (limits, TestRecorder::with(Sampler::default(), limits));
    (0..4_u32).flat_map(draw::limits).map(recorder).collect()
});

fuzz_target!(|bytes: &[u8]| {
    let mut input = Unstructured::new(bytes);
    let Ok((limits, recorder)) = input.choose(&RECORDERS) else {
        return;
    };
    let Ok((starts, steps)) = draw::operations(&mut input) else {
        return;
    };
    let subjects = recorder.run(|| subject::perform(*limits, &starts, &steps));
    let request = take_encoded(recorder);
    subject::assert_arrived(&subjects, subject::decoded(&request));
});
