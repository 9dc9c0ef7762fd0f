//! A sampler that has every span recorded, also those that another one does not want.
//!
//! Position: around a sampler, behind `Sampler::always_record`.
//!
//! Source: OpenTelemetry specification, Trace SDK, "`AlwaysRecord`".

use super::{Sampler, SamplerSwitch, SamplingParameters, SamplingResult, ShouldSample};

/// Turns "drop" into "record only".
#[derive(Debug)]
pub(super) struct AlwaysRecord {
    root: SamplerSwitch,
    description: String,
}

impl AlwaysRecord {
    pub(super) fn new(root: Sampler) -> Self {
        Self {
            description: format!("AlwaysRecord{{{}}}", root.description()),
            root: SamplerSwitch::new(root, false),
        }
    }
}

impl ShouldSample for AlwaysRecord {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> SamplingResult<'static> {
        let result = self.root.should_sample(parameters);
        SamplingResult {
            is_sampled: result.is_sampled && result.is_recording,
            is_recording: true,
            ..result
        }
    }

    fn description(&self) -> String {
        self.description.clone()
    }
}
