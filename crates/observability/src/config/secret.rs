//! Which keys name a secret, besides those that everybody knows, and which do not.
//!
//! Position: [`TelemetryBuilder`] and [`Environment`] → **secret** → [`Rules`], which hold for the
//! process: names of baggage and of parameters in URLs belong to no recorder.

use super::{
    TelemetryBuilder,
    env::{self, Environment, Variable},
    redaction::Rules,
};

/// What the program asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct SecretOverrides {
    denied: Option<Vec<String>>,
    allowed: Option<Vec<String>>,
}

impl TelemetryBuilder {
    /// Names further secrets by words of their keys, in place of `CONTINUUM_REDACT_KEYS`.
    ///
    /// The values of attributes, events, links, baggage and URL parameters whose key has such a word
    /// become `[redacted]`, besides those of passwords, tokens and the like. `iban` stands for
    /// `user.iban` and `userIBAN`, `credit_card` also for `creditCard`; a part of a word does not
    /// count. It holds for the whole process.
    ///
    /// ```
    /// use continuum_observability::{ExporterConfig, Telemetry, get_tracer, testing::TestRecorder};
    ///
    /// let _telemetry = Telemetry::builder()
    ///     .exporter(ExporterConfig::None)
    ///     .redact_keys(["iban", "credit_card"])
    ///     .redact_allow(["session.token"])
    ///     .init()?;
    /// let recorder = TestRecorder::new();
    /// recorder.run(|| {
    ///     get_tracer("docs").in_scope("pay", |span| {
    ///         span.set_attribute("user.IBAN", "DE02 1203 0000");
    ///         span.set_attribute("session.token", 7);
    ///     });
    /// });
    /// assert_eq!(recorder.tree(), "pay user.IBAN=[redacted] session.token=7\n");
    /// # Ok::<(), continuum_observability::ConfigError>(())
    /// ```
    pub fn redact_keys(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.overrides.secrets.denied = Some(words.into_iter().map(Into::into).collect());
        self
    }

    /// Names keys whose values are no secret, whatever their words, in place of
    /// `CONTINUUM_REDACT_ALLOW`.
    ///
    /// Each is a whole key, in upper or lower case; `*` stands for anything, as in `llm.*`. It wins
    /// over [`redact_keys`](Self::redact_keys), and holds for the whole process.
    pub fn redact_allow(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.overrides.secrets.allowed = Some(keys.into_iter().map(Into::into).collect());
        self
    }
}

/// Where a list stands, and what it holds.
struct List {
    variable: Variable,
    method: &'static str,
    expected: &'static str,
}

const DENIED: List = List {
    variable: env::REDACT_KEYS,
    method: "redact_keys",
    expected: "words of keys",
};
const ALLOWED: List = List {
    variable: env::REDACT_ALLOW,
    method: "redact_allow",
    expected: "keys, and not all there are",
};

/// The builder's lists, else those of the environment.
pub(super) fn rules(of_builder: SecretOverrides, env: &Environment<'_>) -> Rules {
    let mut rules = Rules::default();
    DENIED.read(of_builder.denied, env, |word| rules.deny(word));
    ALLOWED.read(of_builder.allowed, env, |key| rules.allow(key));
    rules
}

impl List {
    /// Hands over each member; one that is not taken is refused.
    fn read(
        &self,
        of_builder: Option<Vec<String>>,
        env: &Environment<'_>,
        mut take: impl FnMut(&str) -> bool,
    ) {
        let reason = |member: &str| format!("expected {}, not {member:?}", self.expected);
        if let Some(members) = of_builder {
            for member in members.iter().filter(|member| !take(member)) {
                env.refuse_builder(self.method, reason(member));
            }
            return;
        }
        let list = env.text(self.variable).unwrap_or_default();
        let members = list.split(',').map(str::trim);
        for member in members.filter(|member| !member.is_empty() && !take(member)) {
            env.refuse(self.variable, reason(member));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::environment;
    use super::*;

    const LISTS: [(&str, &str); 2] = [
        ("CONTINUUM_REDACT_KEYS", "iban, 12 ,,ssn"),
        ("CONTINUUM_REDACT_ALLOW", "llm.*,*"),
    ];

    #[test]
    fn lists_are_read_and_what_says_nothing_is_passed_over() {
        let env = environment(&LISTS);
        let mut expected = Rules::default();
        assert!(expected.deny("iban") && expected.deny("ssn") && expected.allow("llm.*"));
        assert_eq!(rules(SecretOverrides::default(), &env), expected);
        assert_eq!(
            env.problems(),
            [
                "CONTINUUM_REDACT_KEYS: expected words of keys, not \"12\"",
                "CONTINUUM_REDACT_ALLOW: expected keys, and not all there are, not \"*\"",
            ]
        );
    }

    #[test]
    fn the_builder_comes_before_the_environment() {
        let env = environment(&LISTS);
        let builder = TelemetryBuilder::default()
            .redact_keys(["passport"])
            .redact_allow([""; 0]);
        let mut expected = Rules::default();
        assert!(expected.deny("passport"));
        assert_eq!(rules(builder.overrides.secrets, &env), expected);
        assert_eq!(env.problems(), [""; 0]);
    }

    #[test]
    fn a_list_of_the_builder_that_says_nothing_is_an_error() {
        let builder = TelemetryBuilder::default().redact_allow(["*"]);
        let error = builder.init_from(environment(&[])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "redact_allow: expected keys, and not all there are, not \"*\""
        );
    }
}
