//! Attributes that any span may have: the tenant, the costs, the kind of an error.
//!
//! Position: methods of `SpanRef`, so that keys and types need not be remembered.
//!
//! Source: the tracing guide, "Custom Attributes" and "Custom Error Attributes"; OpenTelemetry
//! semantic conventions for generative AI, for `gen_ai.usage`.

use crate::{semconv::attribute, span::SpanRef};

/// How bad an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorSeverity {
    /// Nobody needs to look at it soon.
    Low,
    /// Something is worse than it should be.
    Medium,
    /// Something that a user asked for does not work.
    High,
    /// The service does not work, or data is in danger.
    Critical,
}

impl ErrorSeverity {
    /// The word that is recorded.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Attributes that any span may have.
///
/// ```
/// use continuum_observability::{get_tracer, layers::ErrorSeverity, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     get_tracer("assistant").in_scope("generate", |span| {
///         span.tenant_id("user_123");
///         span.tenant_tier("premium");
///         span.cost_tokens_used(150);
///         span.cost_api_calls(3);
///         span.gen_ai_usage_input_tokens(120);
///         span.gen_ai_usage_output_tokens(30);
///         span.error_type("business_logic_error");
///         span.error_severity(ErrorSeverity::High);
///         span.error_recoverable(false);
///     });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "generate tenant.id=user_123 tenant.tier=premium cost.tokens_used=150 cost.api_calls=3 \
///      gen_ai.usage.input_tokens=120 gen_ai.usage.output_tokens=30 error.type=business_logic_error error.severity=high \
///      error.recoverable=false\n"
/// );
/// ```
impl SpanRef {
    /// Says whose data the work is about.
    pub fn tenant_id(&self, tenant_id: &str) {
        self.set_attribute(attribute::TENANT_ID, tenant_id);
    }

    /// Says what the tenant pays for: `premium`.
    pub fn tenant_tier(&self, tier: &str) {
        self.set_attribute(attribute::TENANT_TIER, tier);
    }

    /// Says on behalf of which user the work is done. An id, not a name or an address.
    pub fn enduser_id(&self, user_id: &str) {
        self.set_attribute(attribute::ENDUSER_ID, user_id);
    }

    /// Records how many tokens of a language model were used.
    pub fn cost_tokens_used(&self, tokens: u64) {
        self.set_attribute(attribute::COST_TOKENS_USED, tokens);
    }

    /// Records how many paid calls were made.
    pub fn cost_api_calls(&self, calls: u64) {
        self.set_attribute(attribute::COST_API_CALLS, calls);
    }

    /// Records how many tokens were sent to a language model, those from its cache included.
    pub fn gen_ai_usage_input_tokens(&self, tokens: u64) {
        self.set_attribute(attribute::GEN_AI_USAGE_INPUT_TOKENS, tokens);
    }

    /// Records how many tokens a language model answered with.
    pub fn gen_ai_usage_output_tokens(&self, tokens: u64) {
        self.set_attribute(attribute::GEN_AI_USAGE_OUTPUT_TOKENS, tokens);
    }

    /// Names the class of an error, one of a few: `timeout`, `business_logic_error`.
    pub fn error_type(&self, error_type: &str) {
        self.set_attribute(attribute::ERROR_TYPE, error_type);
    }

    /// Says how bad an error is.
    pub fn error_severity(&self, severity: ErrorSeverity) {
        self.set_attribute(attribute::ERROR_SEVERITY, severity.as_str());
    }

    /// Says whether trying again can help.
    pub fn error_recoverable(&self, recoverable: bool) {
        self.set_attribute(attribute::ERROR_RECOVERABLE, recoverable);
    }
}
