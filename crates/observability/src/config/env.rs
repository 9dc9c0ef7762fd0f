//! The environment, read by the rules of the specification. Nothing else in the SDK reads it.
//!
//! Position: below [`super::settings`], which asks for values; above the operating system, or a map
//! in tests.
//!
//! Invariants:
//! - an empty value is an unset one;
//! - a value that cannot be used is remembered as a [`Problem`] and treated as unset; whether
//!   problems warn or refuse is decided once, by [`Environment::settle`];
//! - a variable that is not declared here cannot be read, and one that is not read does not compile.
//!
//! Source: OpenTelemetry specification, "Environment Variable Specification", "Parsing empty value"
//! to "Enum".

use super::{ConfigError, Problem};
use crate::diagnostics::{self, Topic};
use std::{
    cell::{Cell, RefCell},
    fmt,
    str::FromStr,
    time::Duration,
};

/// The name of a variable that the SDK reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable(&'static str);

macro_rules! variables {
    ($($(#[$attribute:meta])* $name:ident = $text:literal,)+) => {
        $($(#[$attribute])* pub(super) const $name: Variable = Variable($text);)+

        /// Every variable, for the test that compares them with the documentation.
        #[cfg(test)]
        pub(super) const ALL: &[Variable] = &[$($name),+];
    };
}

variables! {
    CONFIG_FILE = "OTEL_CONFIG_FILE",
    SDK_DISABLED = "OTEL_SDK_DISABLED",
    STRICT_CONFIG = "CONTINUUM_STRICT_CONFIG",
    CONTINUUM_ENV = "CONTINUUM_ENV",
    SERVICE_NAME = "OTEL_SERVICE_NAME",
    SERVICE_NAMESPACE = "OTEL_SERVICE_NAMESPACE",
    SERVICE_VERSION = "OTEL_SERVICE_VERSION",
    RESOURCE_ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES",
    RESOURCE_DETECTORS = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
    KUBERNETES_SERVICE_HOST = "KUBERNETES_SERVICE_HOST",
    K8S_CLUSTER_NAME = "K8S_CLUSTER_NAME",
    K8S_NAMESPACE_NAME = "K8S_NAMESPACE_NAME",
    POD_NAMESPACE = "POD_NAMESPACE",
    K8S_NODE_NAME = "K8S_NODE_NAME",
    NODE_NAME = "NODE_NAME",
    K8S_POD_NAME = "K8S_POD_NAME",
    POD_NAME = "POD_NAME",
    K8S_POD_UID = "K8S_POD_UID",
    POD_UID = "POD_UID",
    K8S_CONTAINER_NAME = "K8S_CONTAINER_NAME",
    CONTAINER_NAME = "CONTAINER_NAME",
    K8S_DEPLOYMENT_NAME = "K8S_DEPLOYMENT_NAME",
    HOST_NAME = "HOSTNAME",
    #[cfg_attr(all(unix, not(any(test, feature = "config-file"))), expect(dead_code, reason = "Unix has a call for it"))]
    COMPUTER_NAME = "COMPUTERNAME",
    TRACES_EXPORTER = "OTEL_TRACES_EXPORTER",
    EXPORTER_TYPE = "OTEL_EXPORTER_TYPE",
    TRACES_FILE = "CONTINUUM_TRACES_FILE",
    OTLP_TRACES_ENDPOINT = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    OTLP_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT",
    SHORT_OTLP_ENDPOINT = "OTLP_ENDPOINT",
    SHORT_ENDPOINT = "OTEL_ENDPOINT",
    OTLP_TRACES_HEADERS = "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    OTLP_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS",
    #[cfg_attr(not(any(test, feature = "_otlp")), expect(dead_code, reason = "read for OTLP only"))]
    SHORT_OTLP_HEADERS = "OTLP_HEADERS",
    OTLP_TRACES_TIMEOUT = "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    OTLP_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT",
    OTLP_TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    OTLP_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL",
    #[cfg_attr(not(any(test, feature = "_otlp")), expect(dead_code, reason = "read for OTLP only"))]
    SHORT_OTLP_PROTOCOL = "OTLP_PROTOCOL",
    OTLP_TRACES_COMPRESSION = "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
    OTLP_COMPRESSION = "OTEL_EXPORTER_OTLP_COMPRESSION",
    OTLP_TRACES_CERTIFICATE = "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    OTLP_CERTIFICATE = "OTEL_EXPORTER_OTLP_CERTIFICATE",
    OTLP_TRACES_CLIENT_CERTIFICATE = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
    OTLP_CLIENT_CERTIFICATE = "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    OTLP_TRACES_CLIENT_KEY = "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    OTLP_CLIENT_KEY = "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    #[cfg_attr(not(any(test, feature = "_otlp")), expect(dead_code, reason = "read for OTLP only"))]
    DD_AGENT_URL = "DD_AGENT_URL",
    #[cfg_attr(not(any(test, feature = "zipkin")), expect(dead_code, reason = "read for Zipkin only"))]
    ZIPKIN_ENDPOINT = "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    #[cfg_attr(not(any(test, feature = "zipkin")), expect(dead_code, reason = "read for Zipkin only"))]
    SHORT_ZIPKIN_ENDPOINT = "ZIPKIN_ENDPOINT",
    #[cfg_attr(not(any(test, feature = "zipkin")), expect(dead_code, reason = "read for Zipkin only"))]
    ZIPKIN_TIMEOUT = "OTEL_EXPORTER_ZIPKIN_TIMEOUT",
    TRACES_SAMPLER = "OTEL_TRACES_SAMPLER",
    TRACES_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG",
    SAMPLING_RATE = "OTEL_SAMPLING_RATE",
    SAMPLE_ERRORS_ALWAYS = "OTEL_SAMPLE_ERRORS_ALWAYS",
    FLIGHT_RECORDER = "CONTINUUM_FLIGHT_RECORDER",
    PROPAGATORS = "OTEL_PROPAGATORS",
    BAGGAGE_ALLOW = "CONTINUUM_BAGGAGE_ALLOW",
    REDACT_KEYS = "CONTINUUM_REDACT_KEYS",
    REDACT_ALLOW = "CONTINUUM_REDACT_ALLOW",
    SPAN_ATTRIBUTE_COUNT_LIMIT = "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    ATTRIBUTE_COUNT_LIMIT = "OTEL_ATTRIBUTE_COUNT_LIMIT",
    MAX_ATTRIBUTES_PER_SPAN = "OTEL_MAX_ATTRIBUTES_PER_SPAN",
    SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    ATTRIBUTE_VALUE_LENGTH_LIMIT = "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    SPAN_EVENT_COUNT_LIMIT = "OTEL_SPAN_EVENT_COUNT_LIMIT",
    MAX_EVENTS_PER_SPAN = "OTEL_MAX_EVENTS_PER_SPAN",
    SPAN_LINK_COUNT_LIMIT = "OTEL_SPAN_LINK_COUNT_LIMIT",
    MAX_LINKS_PER_SPAN = "OTEL_MAX_LINKS_PER_SPAN",
    EVENT_ATTRIBUTE_COUNT_LIMIT = "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    LINK_ATTRIBUTE_COUNT_LIMIT = "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    SEMCONV = "CONTINUUM_SEMCONV",
    SEMCONV_STABILITY_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN",
    PREVIEWS = "CONTINUUM_PREVIEWS",
    BAGGAGE_ATTRIBUTES = "CONTINUUM_BAGGAGE_ATTRIBUTES",
    LOG_LEVEL = "OTEL_LOG_LEVEL",
    #[cfg_attr(not(any(test, feature = "log_0_4", feature = "tracing", feature = "config-file")), expect(dead_code, reason = "read for logs only"))]
    LOG_CORRELATION = "OTEL_LOG_CORRELATION",
    #[cfg_attr(not(any(test, feature = "metrics", feature = "config-file")), expect(dead_code, reason = "read for metrics only"))]
    METRICS_ENABLED = "OTEL_METRICS_ENABLED",
    #[cfg_attr(not(any(test, feature = "metrics", feature = "config-file")), expect(dead_code, reason = "read for metrics only"))]
    METRICS_TENANTS = "CONTINUUM_METRICS_TENANTS",
    MAX_QUEUE_SIZE = "OTEL_BSP_MAX_QUEUE_SIZE",
    MAX_EXPORT_BATCH_SIZE = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    SCHEDULE_DELAY = "OTEL_BSP_SCHEDULE_DELAY",
    EXPORT_TIMEOUT = "OTEL_BSP_EXPORT_TIMEOUT",
    WAIT_WHEN_FULL = "CONTINUUM_WAIT_WHEN_FULL",
    #[cfg_attr(not(any(test, feature = "console", feature = "config-file")), expect(dead_code, reason = "read for the console only"))]
    CONSOLE_STREAM = "CONTINUUM_CONSOLE_STREAM",
    #[cfg_attr(not(any(test, feature = "console", feature = "config-file")), expect(dead_code, reason = "read for the console only"))]
    NO_COLOR = "NO_COLOR",
    #[cfg_attr(not(any(test, feature = "console", feature = "config-file")), expect(dead_code, reason = "read for the console only"))]
    TERM = "TERM",
}

impl Variable {
    pub(super) const fn name(self) -> &'static str {
        self.0
    }
}

/// All variables of this process, for what its parent has to say. Bytes that are no UTF-8 become
/// U+FFFD. None on wasm32, where asking for them panics.
pub(crate) fn process_variables() -> impl Iterator<Item = (String, String)> {
    let text = |bytes: std::ffi::OsString| bytes.to_string_lossy().into_owned();
    let variables = (!cfg!(target_arch = "wasm32")).then(std::env::vars_os);
    let variables = variables.into_iter().flatten();
    variables.map(move |(name, value)| (text(name), text(value)))
}

/// What counts beside a file: how strict its checks are, where the process runs, what its terminal
/// can show, and what no key of the schema says, above all what is secret.
#[cfg(feature = "config-file")]
const BESIDE_A_FILE: &[Variable] = &[
    STRICT_CONFIG,
    KUBERNETES_SERVICE_HOST,
    K8S_CLUSTER_NAME,
    K8S_NAMESPACE_NAME,
    POD_NAMESPACE,
    K8S_NODE_NAME,
    NODE_NAME,
    K8S_POD_NAME,
    POD_NAME,
    K8S_POD_UID,
    POD_UID,
    K8S_CONTAINER_NAME,
    CONTAINER_NAME,
    K8S_DEPLOYMENT_NAME,
    HOST_NAME,
    COMPUTER_NAME,
    NO_COLOR,
    TERM,
    CONSOLE_STREAM,
    REDACT_KEYS,
    REDACT_ALLOW,
    BAGGAGE_ALLOW,
    BAGGAGE_ATTRIBUTES,
    PREVIEWS,
    SEMCONV,
    SEMCONV_STABILITY_OPT_IN,
    FLIGHT_RECORDER,
    WAIT_WHEN_FULL,
    LOG_CORRELATION,
    METRICS_ENABLED,
    METRICS_TENANTS,
];

type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Variables that a program gives besides those of the process.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    /// What wins over the process's variables.
    pub(super) over: Vec<(String, String)>,
    /// What counts where the process has no such variable.
    pub(super) under: Vec<(String, String)>,
}

impl Given {
    fn find(variables: &[(String, String)], name: &str) -> Option<String> {
        let found = variables.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.clone())
    }
}

/// Where values come from, and what was wrong with them.
pub(super) struct Environment<'a> {
    lookup: Box<Lookup<'a>>,
    problems: RefCell<Vec<Problem>>,
    builder_erred: Cell<bool>,
    #[cfg(feature = "config-file")]
    given: Given,
    /// What a file says of variables, where there is one: then the others do not count.
    #[cfg(feature = "config-file")]
    of_file: Option<Vec<(&'static str, String)>>,
    /// Where a file names the exporters.
    #[cfg(feature = "config-file")]
    exporters_at: Option<String>,
}

impl fmt::Debug for Environment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}

impl Environment<'static> {
    /// The variables of this process. Bytes that are no UTF-8 become U+FFFD and are then judged
    /// like any other value.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
    pub(super) fn of_process(given: Given) -> Self {
        #[cfg(feature = "config-file")]
        let copy = given.clone();
        let env = Self::new(move |name| {
            let of_process = || {
                let value = std::env::var_os(name)?.to_string_lossy().into_owned();
                (!value.trim().is_empty()).then_some(value)
            };
            Given::find(&given.over, name)
                .or_else(of_process)
                .or_else(|| Given::find(&given.under, name))
        });
        #[cfg(feature = "config-file")]
        let env = Self { given: copy, ..env };
        env
    }
}

impl<'a> Environment<'a> {
    pub(super) fn new(lookup: impl Fn(&str) -> Option<String> + 'a) -> Self {
        Self {
            lookup: Box::new(lookup),
            problems: RefCell::default(),
            builder_erred: Cell::new(false),
            #[cfg(feature = "config-file")]
            given: Given::default(),
            #[cfg(feature = "config-file")]
            of_file: None,
            #[cfg(feature = "config-file")]
            exporters_at: None,
        }
    }

    #[cfg(not(feature = "config-file"))]
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    #[cfg(feature = "config-file")]
    fn value(&self, name: &str) -> Option<String> {
        let Some(of_file) = &self.of_file else {
            return (self.lookup)(name);
        };
        let told = of_file.iter().find(|(known, _)| *known == name);
        let beside = || {
            let passes = BESIDE_A_FILE.iter().any(|variable| variable.0 == name);
            passes.then(|| (self.lookup)(name))?
        };
        Given::find(&self.given.over, name)
            .or_else(|| told.map(|(_, value)| value.clone()))
            .or_else(beside)
            .or_else(|| Given::find(&self.given.under, name))
    }

    /// A variable that a file names.
    #[cfg(feature = "config-file")]
    pub(super) fn any(&self, name: &str) -> Option<String> {
        (self.lookup)(name)
    }

    /// From now on only what a file says counts, besides what the program has given.
    #[cfg(feature = "config-file")]
    pub(super) fn hide_behind(&mut self, of_file: Vec<(&'static str, String)>) {
        self.of_file = Some(of_file);
    }

    /// Says where the exporters are named, for what is found out about them later.
    #[cfg(feature = "config-file")]
    pub(super) fn exporters_are_of(&mut self, place: Option<String>) {
        self.exporters_at = place;
    }

    /// Remembers what is wrong with a file, which is never forgiven.
    #[cfg(feature = "config-file")]
    pub(super) fn refuse_file(&self, problem: Problem) {
        self.builder_erred.set(true);
        self.add(problem);
    }

    #[cfg(feature = "config-file")]
    pub(super) fn add(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// The value without the blanks around it.
    pub(super) fn text(&self, variable: Variable) -> Option<String> {
        let value = self.value(variable.name())?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// The first of several variables that is set.
    pub(super) fn first_text(&self, variables: &[Variable]) -> Option<(Variable, String)> {
        variables
            .iter()
            .find_map(|variable| Some((*variable, self.text(*variable)?)))
    }

    /// Whether the variable is `true`; anything but `true` and `false` is a problem.
    pub(super) fn flag(&self, variable: Variable) -> bool {
        self.flag_or(variable, false)
    }

    /// The same, with what counts where the variable says nothing.
    pub(super) fn flag_or(&self, variable: Variable, otherwise: bool) -> bool {
        self.choice(variable, &[("true", true), ("false", false)])
            .unwrap_or(otherwise)
    }

    /// One of the named choices, in upper or lower case.
    pub(super) fn choice<T: Clone>(&self, variable: Variable, choices: &[(&str, T)]) -> Option<T> {
        let value = self.text(variable)?;
        let found = choices
            .iter()
            .find(|(name, _)| value.eq_ignore_ascii_case(name));
        if found.is_none() {
            self.unexpected(variable, &value, &one_of(choices));
        }
        found.map(|(_, choice)| choice.clone())
    }

    /// Several of the named choices, separated by commas, each once. A member that is none of them
    /// is a problem, for the reason that `absent` knows if it does, and left out.
    pub(super) fn choices<T: Copy + PartialEq>(
        &self,
        variable: Variable,
        choices: &[(&str, T)],
        absent: impl Fn(&str) -> Option<String>,
    ) -> Vec<T> {
        let mut found = Vec::new();
        let list = self.text(variable).unwrap_or_default();
        let members = list.split(',').map(str::trim);
        for member in members.filter(|member| !member.is_empty()) {
            let same = |(name, _): &&(&str, T)| member.eq_ignore_ascii_case(name);
            match choices.iter().find(same) {
                Some((_, choice)) if found.contains(choice) => {}
                Some((_, choice)) => found.push(*choice),
                None => match absent(member) {
                    Some(reason) => self.refuse(variable, reason),
                    None => self.unexpected(variable, member, &one_of(choices)),
                },
            }
        }
        found
    }

    /// A number that `accept` agrees with.
    pub(super) fn number<T: FromStr>(
        &self,
        variable: Variable,
        expected: &str,
        accept: impl Fn(&T) -> bool,
    ) -> Option<T> {
        let value = self.text(variable)?;
        let number = value.parse().ok().filter(accept);
        if number.is_none() {
            self.unexpected(variable, &value, expected);
        }
        number
    }

    /// The first of several variables that holds a usable whole number.
    pub(super) fn first_count<T: FromStr>(&self, variables: &[Variable]) -> Option<T> {
        let read =
            |variable: &Variable| self.number(*variable, "a whole number, 0 or more", |_| true);
        variables.iter().find_map(read)
    }

    /// The first of several variables that holds a usable time in milliseconds.
    pub(super) fn first_millis(&self, variables: &[Variable]) -> Option<Duration> {
        let expected = "a whole number of milliseconds, at least 1";
        let read =
            |variable: &Variable| self.number(*variable, expected, |millis: &u64| *millis > 0);
        variables.iter().find_map(read).map(Duration::from_millis)
    }

    /// A number of bytes, at least so many, with or without a unit.
    pub(super) fn bytes(&self, variable: Variable, least: usize) -> Option<usize> {
        let value = self.text(variable)?;
        let bytes = bytes(&value).filter(|bytes| *bytes >= least);
        if bytes.is_none() {
            let expected = format!("a number of bytes such as 16MiB, at least {least}");
            self.unexpected(variable, &value, &expected);
        }
        bytes
    }

    fn unexpected(&self, variable: Variable, value: &str, expected: &str) {
        self.refuse(variable, format!("expected {expected}, not {value:?}"));
    }

    /// Remembers that the value of a variable cannot be used.
    pub(super) fn refuse(&self, variable: Variable, reason: impl Into<String>) {
        self.problems
            .borrow_mut()
            .push(Problem::new(variable.name(), reason));
    }

    /// Remembers that a value given to the builder cannot be used, which is never forgiven.
    pub(super) fn refuse_builder(&self, method: &str, reason: impl Into<String>) {
        self.builder_erred.set(true);
        #[cfg(feature = "config-file")]
        let method = match &self.exporters_at {
            Some(place) if method == "exporter" => place,
            _ => method,
        };
        self.problems
            .borrow_mut()
            .push(Problem::new(method, reason));
    }

    /// Ends the reading: problems are an error where checks are strict, and warnings elsewhere.
    pub(super) fn settle(self, strict: bool) -> Result<(), ConfigError> {
        let strict = strict || self.flag(STRICT_CONFIG) || self.builder_erred.get();
        let problems = self.problems.into_inner();
        if strict && !problems.is_empty() {
            return Err(ConfigError::Invalid(problems));
        }
        for problem in problems {
            diagnostics::warn(Topic::SetUp, format_args!("ignored {problem}"));
        }
        Ok(())
    }

    /// Ends the reading, and leaves what was wrong to the caller.
    #[cfg(feature = "_otlp")]
    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    #[cfg(test)]
    pub(super) fn problems(&self) -> Vec<String> {
        self.problems
            .borrow()
            .iter()
            .map(ToString::to_string)
            .collect()
    }
}

/// `1024`, `1KiB`, `1 kib`.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    number.parse::<usize>().ok()?.checked_mul(factor)
}

pub(super) fn one_of<T>(choices: &[(&str, T)]) -> String {
    let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
    format!("one of {}", names.join(", "))
}
