//! Which formats carry the context between processes, and which baggage may leave.
//!
//! Position: [`TelemetryBuilder`] and [`Environment`] → **propagation** → [`Propagators`]. They hold
//! for the process, and also where the SDK is disabled: a service that records nothing still passes
//! the context on.
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification", "General SDK
//! Configuration".

use super::{
    TelemetryBuilder,
    env::{self, Environment},
};
use crate::propagation::{PropagationFormat, Propagators};

/// What the program asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct PropagationOverrides {
    formats: Option<Vec<PropagationFormat>>,
    allowed_baggage: Option<Vec<String>>,
}

impl TelemetryBuilder {
    /// Says in which formats the context is written and read, in place of `OTEL_PROPAGATORS`.
    ///
    /// ```
    /// use continuum_observability::{PropagationFormat, Telemetry};
    ///
    /// let builder = Telemetry::builder().propagators([
    ///     PropagationFormat::TraceContext,
    ///     PropagationFormat::Baggage,
    ///     PropagationFormat::B3,
    /// ]);
    /// # let _ = builder;
    /// ```
    pub fn propagators(mut self, formats: impl IntoIterator<Item = PropagationFormat>) -> Self {
        self.overrides.propagation.formats = Some(formats.into_iter().collect());
        self
    }

    /// Lets only baggage with these names leave the process, in place of
    /// `CONTINUUM_BAGGAGE_ALLOW`.
    ///
    /// Without a list everything leaves but names such as `password` or `auth_token`.
    pub fn allow_baggage(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.overrides.propagation.allowed_baggage = Some(names);
        self
    }
}

#[cfg(feature = "config-file")]
impl PropagationOverrides {
    pub(super) fn set_formats(&mut self, formats: Vec<PropagationFormat>) {
        self.formats = Some(formats);
    }

    /// Takes from a file what the program left open.
    pub(super) fn complete(&mut self, of_file: Self) {
        self.formats = self.formats.take().or(of_file.formats);
    }
}

/// The builder's formats, else those of `OTEL_PROPAGATORS`, else those of W3C.
pub(super) fn propagators(of_builder: &PropagationOverrides, env: &Environment<'_>) -> Propagators {
    let formats = of_builder.formats.clone().or_else(|| named_formats(env));
    let propagators = formats.map(Propagators::new).unwrap_or_default();
    let allowed = of_builder.allowed_baggage.clone();
    match allowed.or_else(|| Some(members(&env.text(env::BAGGAGE_ALLOW)?).collect())) {
        Some(names) => propagators.allow_baggage(names),
        None => propagators,
    }
}

/// `None` when the variable names no format that can be used; `none` is a list without formats.
fn named_formats(env: &Environment<'_>) -> Option<Vec<PropagationFormat>> {
    let value = env.text(env::PROPAGATORS)?;
    let mut names: Vec<String> = Vec::new();
    for name in members(&value).map(|name| name.to_ascii_lowercase()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names == ["none"] {
        return Some(Vec::new());
    }
    let formats = names.iter().filter_map(|name| format_named(name, env));
    Some(formats.collect()).filter(|formats: &Vec<_>| !formats.is_empty())
}

/// The names of the formats.
pub(super) const FORMATS: &str = "tracecontext, baggage, b3, b3multi, jaeger, xray";

fn format_named(name: &str, env: &Environment<'_>) -> Option<PropagationFormat> {
    let found = format(name);
    if found.is_none() {
        let reason = format!("expected a list of {FORMATS}, or none alone, not {name:?}");
        env.refuse(env::PROPAGATORS, reason);
    }
    found
}

/// The format with a name in lower case.
pub(super) fn format(name: &str) -> Option<PropagationFormat> {
    Some(match name {
        "tracecontext" => PropagationFormat::TraceContext,
        "baggage" => PropagationFormat::Baggage,
        "b3" => PropagationFormat::B3,
        "b3multi" => PropagationFormat::B3Multi,
        "jaeger" => PropagationFormat::Jaeger,
        "xray" => PropagationFormat::XRay,
        _ => return None,
    })
}

fn members(list: &str) -> impl Iterator<Item = String> {
    let members = list.split(',').map(str::trim);
    members
        .filter(|member| !member.is_empty())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::super::testing::environment;
    use super::*;

    /// The formats of the variable and what is wrong with it.
    fn read(value: &str) -> (String, Vec<String>) {
        let variables = [("OTEL_PROPAGATORS", value)];
        let env = environment(&variables);
        let formats = named_formats(&env);
        (format!("{formats:?}"), env.problems())
    }

    #[test]
    fn formats_are_named_in_a_list() {
        for (value, formats) in [
            ("", "None"),
            (" ,", "None"),
            ("none", "Some([])"),
            ("tracecontext,baggage", "Some([TraceContext, Baggage])"),
            ("B3, b3multi ,b3", "Some([B3, B3Multi])"),
            ("jaeger,xray", "Some([Jaeger, XRay])"),
        ] {
            assert_eq!(read(value), (formats.to_owned(), Vec::new()), "{value}");
        }
    }

    #[test]
    fn an_unknown_format_is_named_and_passed_over() {
        let (formats, problems) = read("b3,ottrace");
        assert_eq!(formats, "Some([B3])");
        assert_eq!(
            problems,
            [
                "OTEL_PROPAGATORS: expected a list of tracecontext, baggage, b3, b3multi, jaeger, \
              xray, or none alone, not \"ottrace\""
            ]
        );
        assert_eq!(read("ottrace").0, "None");
        assert_eq!(read("b3,none").1.len(), 1);
    }

    #[test]
    fn the_builder_comes_before_the_environment() {
        let variables = [
            ("OTEL_PROPAGATORS", "b3"),
            ("CONTINUUM_BAGGAGE_ALLOW", "a, b"),
        ];
        let env = environment(&variables);
        let of_environment = propagators(&PropagationOverrides::default(), &env);
        let builder = TelemetryBuilder::default()
            .propagators([PropagationFormat::XRay])
            .allow_baggage(["c"]);
        let of_builder = propagators(&builder.overrides.propagation, &env);
        assert_eq!(
            format!("{of_environment:?}"),
            r#"Propagators { formats: Some([B3]), allowed_baggage: Some(["a", "b"]) }"#
        );
        assert_eq!(
            format!("{of_builder:?}"),
            r#"Propagators { formats: Some([XRay]), allowed_baggage: Some(["c"]) }"#
        );
    }
}
