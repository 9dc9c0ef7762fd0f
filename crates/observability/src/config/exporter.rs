//! Which exporters are used, and with what.
//!
//! Position: part of [`super::settings`]; makes the factory that the export thread calls.
//!
//! The first that is set decides: the builder, `OTEL_TRACES_EXPORTER`, `OTEL_EXPORTER_TYPE`, any
//! variable of the OTLP exporter (OTLP), `CONTINUUM_ENV=production` (OTLP); else the console.

#[cfg(feature = "console")]
use super::console::Stream;
#[cfg(feature = "_otlp")]
use super::otlp::{OtlpSettings, Receiver};
#[cfg(feature = "zipkin")]
use super::zipkin::ZipkinSettings;
use super::{
    ExporterConfig,
    env::{self, Environment, Variable},
    opening::{Discard, Opening},
};
#[cfg(feature = "console")]
use crate::export::Palette;
use crate::{
    diagnostics::{self, Topic},
    export::{Exporter, ExporterFactory, FileExporter, Pause, Several},
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Where the file exporter writes when `CONTINUUM_TRACES_FILE` is not set.
const DEFAULT_TRACES_FILE: &str = "continuum-traces.jsonl";
/// Short, since somebody is watching.
#[cfg(feature = "console")]
const CONSOLE_SCHEDULE_DELAY: Duration = Duration::from_millis(100);
const SCHEDULE_DELAY: Duration = Duration::from_secs(1);
/// Trace SDK, "Batching processor": `exportTimeoutMillis`.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(30);

/// Any of these says that there is an OTLP receiver.
const OTLP_SIGNS: &[Variable] = &[
    env::OTLP_TRACES_ENDPOINT,
    env::OTLP_ENDPOINT,
    env::OTLP_TRACES_HEADERS,
    env::OTLP_HEADERS,
    env::OTLP_TRACES_TIMEOUT,
    env::OTLP_TIMEOUT,
    env::OTLP_TRACES_PROTOCOL,
    env::OTLP_PROTOCOL,
    env::OTLP_TRACES_COMPRESSION,
    env::OTLP_COMPRESSION,
    env::OTLP_TRACES_CERTIFICATE,
    env::OTLP_CERTIFICATE,
    env::OTLP_TRACES_CLIENT_CERTIFICATE,
    env::OTLP_CLIENT_CERTIFICATE,
    env::OTLP_TRACES_CLIENT_KEY,
    env::OTLP_CLIENT_KEY,
    env::SHORT_OTLP_ENDPOINT,
    env::SHORT_ENDPOINT,
];

/// An exporter that the program brings along.
#[derive(Clone)]
pub(super) struct CustomExporter {
    pub(super) name: String,
    pub(super) make: Arc<dyn Fn() -> Box<dyn Exporter> + Send + Sync>,
}

impl fmt::Debug for CustomExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CustomExporter").field(&self.name).finish()
    }
}

/// What the builder was told.
#[derive(Debug, Clone)]
pub(super) enum ExporterChoice {
    Config(ExporterConfig),
    Custom(CustomExporter),
    /// A list of names, as variables have them.
    Named(String),
}

/// The exporter with everything it needs.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    #[cfg(feature = "_otlp")]
    Otlp(OtlpSettings),
    #[cfg(feature = "zipkin")]
    Zipkin(ZipkinSettings),
    #[cfg(feature = "console")]
    Console(Stream, Palette),
    File(PathBuf),
    Nowhere,
    Custom(CustomExporter),
    Several(Vec<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(feature = "_otlp")]
    Otlp(Receiver),
    #[cfg(feature = "zipkin")]
    Zipkin,
    #[cfg(feature = "console")]
    Console,
    File,
    Nowhere,
}

/// The names in variables of the exporters that are built in.
const KINDS: &[(&str, Kind)] = &[
    #[cfg(feature = "_otlp")]
    ("otlp", Kind::Otlp(Receiver::Any)),
    #[cfg(feature = "console")]
    ("console", Kind::Console),
    ("file", Kind::File),
    ("none", Kind::Nowhere),
    // Jaeger takes OTLP on the same ports as everybody else.
    #[cfg(feature = "_otlp")]
    ("jaeger", Kind::Otlp(Receiver::Any)),
    #[cfg(feature = "_otlp")]
    ("datadog", Kind::Otlp(Receiver::DatadogAgent)),
    #[cfg(feature = "zipkin")]
    ("zipkin", Kind::Zipkin),
];

impl Destination {
    pub(super) fn resolve(of_builder: Vec<ExporterChoice>, env: &Environment<'_>) -> Self {
        let mut all: Vec<_> = if of_builder.is_empty() {
            Self::of_kinds(kinds(env), env)
        } else {
            let chosen = |choice| match choice {
                ExporterChoice::Custom(custom) => vec![Self::Custom(custom)],
                ExporterChoice::Config(config) => vec![Self::of_builder(config, env)],
                ExporterChoice::Named(list) => Self::of_kinds(named(&list, env), env),
            };
            of_builder.into_iter().flat_map(chosen).collect()
        };
        // What is written on this machine need not wait for a receiver that does not answer.
        all.sort_by_key(Self::may_stall);
        match (all.pop(), all.is_empty()) {
            (Some(only), true) => only,
            (last, _) => Self::Several(all.into_iter().chain(last).collect()),
        }
    }

    fn of_builder(config: ExporterConfig, env: &Environment<'_>) -> Self {
        match config {
            #[cfg(feature = "_otlp")]
            ExporterConfig::Otlp(otlp) => {
                Self::Otlp(OtlpSettings::resolve(otlp, Receiver::Any, env))
            }
            #[cfg(feature = "zipkin")]
            ExporterConfig::Zipkin(endpoint) => {
                Self::Zipkin(ZipkinSettings::resolve(endpoint, env))
            }
            #[cfg(feature = "console")]
            ExporterConfig::Console => Self::console(env),
            ExporterConfig::File(path) => {
                if let Err(error) = FileExporter::append_to(&path) {
                    env.refuse_builder("exporter", error.to_string());
                }
                Self::File(path)
            }
            ExporterConfig::None => Self::Nowhere,
            #[cfg(not(all(feature = "_otlp", feature = "zipkin", feature = "console")))]
            other => {
                let reason = format!("{other:?} is not in this build: enable its cargo feature");
                env.refuse_builder("exporter", reason);
                Self::Nowhere
            }
        }
    }

    fn of_kinds(kinds: Vec<Kind>, env: &Environment<'_>) -> Vec<Self> {
        let of_environment = |kind| Self::of_environment(kind, env);
        kinds.into_iter().map(of_environment).collect()
    }

    fn of_environment(kind: Kind, env: &Environment<'_>) -> Self {
        match kind {
            #[cfg(feature = "_otlp")]
            Kind::Otlp(receiver) => Self::Otlp(OtlpSettings::resolve(
                super::OtlpConfig::default(),
                receiver,
                env,
            )),
            #[cfg(feature = "zipkin")]
            Kind::Zipkin => Self::Zipkin(ZipkinSettings::resolve(None, env)),
            #[cfg(feature = "console")]
            Kind::Console => Self::console(env),
            Kind::File => {
                let path = env.text(env::TRACES_FILE);
                let path = PathBuf::from(path.as_deref().unwrap_or(DEFAULT_TRACES_FILE));
                if let Err(error) = FileExporter::append_to(&path) {
                    env.refuse(env::TRACES_FILE, error.to_string());
                }
                Self::File(path)
            }
            Kind::Nowhere => Self::Nowhere,
        }
    }

    /// The name that a message calls it by.
    pub(super) fn name(&self) -> &str {
        match self {
            #[cfg(feature = "_otlp")]
            Self::Otlp(_) => "otlp",
            #[cfg(feature = "console")]
            Self::Console(..) => "console",
            Self::File(_) => "file",
            Self::Nowhere => "none",
            #[cfg(feature = "zipkin")]
            Self::Zipkin(_) => "zipkin",
            Self::Several(_) => "several",
            Self::Custom(custom) => &custom.name,
        }
    }

    fn may_stall(&self) -> bool {
        match self {
            #[cfg(feature = "console")]
            Self::Console(..) => false,
            Self::File(_) | Self::Nowhere => false,
            _ => true,
        }
    }

    /// How long finished spans wait for company, unless told otherwise.
    pub(super) fn schedule_delay(&self) -> Duration {
        match self {
            #[cfg(feature = "console")]
            Self::Console(..) => CONSOLE_SCHEDULE_DELAY,
            Self::Several(all) => all
                .iter()
                .map(Self::schedule_delay)
                .min()
                .unwrap_or(SCHEDULE_DELAY),
            _ => SCHEDULE_DELAY,
        }
    }

    /// How long one export may take: the shorter of what was asked for in general and of the
    /// exporter's own, or of each exporter's own.
    pub(super) fn export_timeout(&self, general: Option<Duration>) -> Duration {
        general
            .into_iter()
            .chain(self.own_timeout(general))
            .min()
            .unwrap_or(EXPORT_TIMEOUT)
    }

    #[cfg_attr(
        not(feature = "_network"),
        expect(
            clippy::only_used_in_recursion,
            reason = "only the network has defaults"
        )
    )]
    fn own_timeout(&self, general: Option<Duration>) -> Option<Duration> {
        match self {
            #[cfg(feature = "_otlp")]
            Self::Otlp(otlp) => otlp.timeout_beside(general),
            #[cfg(feature = "zipkin")]
            Self::Zipkin(zipkin) => zipkin.timeout_beside(general),
            Self::Several(all) => all.iter().filter_map(|one| one.own_timeout(general)).min(),
            _ => None,
        }
    }

    /// Tries to deliver as often as there is time for.
    pub(super) fn persist(&mut self) {
        match self {
            #[cfg(feature = "_otlp")]
            Self::Otlp(otlp) => otlp.persist(),
            #[cfg(feature = "zipkin")]
            Self::Zipkin(zipkin) => zipkin.persist(),
            Self::Several(all) => all.iter_mut().for_each(Self::persist),
            _ => {}
        }
    }

    pub(super) fn factory(self) -> ExporterFactory {
        ExporterFactory::new(move |pause| self.open(&pause))
    }

    fn open(&self, pause: &Pause) -> Box<dyn Exporter> {
        #[cfg(not(feature = "_network"))]
        let _: &Pause = pause;
        match self {
            #[cfg(feature = "_otlp")]
            Self::Otlp(otlp) => {
                let (otlp, pause) = (otlp.clone(), Arc::clone(pause));
                let (name, destination) = (otlp.name(), otlp.destination());
                Opening::boxed(name, destination, move || otlp.exporter(Arc::clone(&pause)))
            }
            #[cfg(feature = "zipkin")]
            Self::Zipkin(zipkin) => {
                let (zipkin, pause) = (zipkin.clone(), Arc::clone(pause));
                let destination = zipkin.destination();
                Opening::boxed("zipkin", destination, move || {
                    zipkin.exporter(Arc::clone(&pause))
                })
            }
            #[cfg(feature = "console")]
            Self::Console(stream, palette) => Box::new(stream.exporter(*palette)),
            Self::File(path) => {
                let path = path.clone();
                Opening::boxed("file", path.display().to_string(), move || {
                    Ok(Box::new(FileExporter::append_to(&path)?))
                })
            }
            Self::Nowhere => Box::new(Discard),
            Self::Custom(custom) => (custom.make)(),
            Self::Several(all) => {
                let opened = all.iter().filter_map(|one| one.open_guarded(pause));
                Box::new(Several::new(opened.collect()))
            }
        }
    }

    /// Beside others, one that cannot be made is left out.
    fn open_guarded(&self, pause: &Pause) -> Option<Box<dyn Exporter>> {
        let opened = catch_unwind(AssertUnwindSafe(|| self.open(pause))).ok();
        if opened.is_none() {
            let name = self.name();
            let message =
                format_args!("one of several exporters is left out: making {name} panicked");
            diagnostics::warn(Topic::SetUp, message);
        }
        opened
    }
}

/// At least one.
fn kinds(env: &Environment<'_>) -> Vec<Kind> {
    let explicit = [env::TRACES_EXPORTER, env::EXPORTER_TYPE];
    let listed = explicit.into_iter().find_map(|variable| {
        let kinds = listed(variable, env);
        (!kinds.is_empty()).then_some(kinds)
    });
    listed.unwrap_or_else(|| {
        let default = wants_otlp(env).then(|| kind_named("otlp")).flatten();
        vec![
            default
                .or_else(|| kind_named("console"))
                .unwrap_or(Kind::Nowhere),
        ]
    })
}

/// The exporters that variables name where OTLP is not among them; nothing is set up.
#[cfg(feature = "_otlp")]
pub(super) fn instead_of_otlp(env: &Environment<'_>) -> Option<String> {
    let kinds = kinds(env);
    if kinds.iter().any(|kind| matches!(kind, Kind::Otlp(_))) {
        return None;
    }
    let name = |kind: &Kind| KINDS.iter().find(|(_, known)| known == kind);
    let names: Vec<_> = kinds
        .iter()
        .filter_map(name)
        .map(|(name, _)| *name)
        .collect();
    Some(names.join(" and "))
}

/// The exporters of a list that the builder was given.
fn named(list: &str, env: &Environment<'_>) -> Vec<Kind> {
    let named = |name: &str| {
        let kind = kind_named(name);
        if kind.is_none() {
            let unknown = || format!("expected {}, not {name:?}", env::one_of(KINDS));
            env.refuse_builder("exporter_type", not_built(name).unwrap_or_else(unknown));
        }
        kind
    };
    list.split(',').map(str::trim).filter_map(named).collect()
}

fn listed(variable: Variable, env: &Environment<'_>) -> Vec<Kind> {
    let mut kinds = env.choices(variable, KINDS, not_built);
    if kinds.len() > 1 && kinds.contains(&Kind::Nowhere) {
        env.refuse(
            variable,
            "expected none by itself, or exporters without none",
        );
        kinds.retain(|kind| *kind != Kind::Nowhere);
    }
    kinds
}

/// What is wrong with the name of an exporter that needs another build.
fn not_built(name: &str) -> Option<String> {
    const FEATURES: [(&str, &str); 5] = [
        ("otlp", "otlp-http or otlp-grpc"),
        ("jaeger", "otlp-http or otlp-grpc"),
        ("datadog", "otlp-http or otlp-grpc"),
        ("zipkin", "zipkin"),
        ("console", "console"),
    ];
    let mut known = FEATURES.iter();
    let (name, feature) = known.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(format!(
        "{name} is not in this build, enable the cargo feature {feature}"
    ))
}

fn kind_named(name: &str) -> Option<Kind> {
    let mut known = KINDS.iter();
    let found = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, kind)| *kind)
}

fn wants_otlp(env: &Environment<'_>) -> bool {
    let production = |text: String| text.eq_ignore_ascii_case("production");
    env.first_text(OTLP_SIGNS).is_some() || env.text(env::CONTINUUM_ENV).is_some_and(production)
}

#[cfg(feature = "console")]
impl Destination {
    fn console(env: &Environment<'_>) -> Self {
        let stream = Stream::of(env);
        Self::Console(stream, stream.palette(env))
    }
}

#[cfg(test)]
#[cfg(all(feature = "otlp-http", feature = "console"))]
mod tests {
    use super::{
        super::{
            settings::{Overrides, Settings},
            testing::environment,
        },
        *,
    };

    fn names(
        list: Vec<ExporterChoice>,
        variables: &[(&str, &str)],
    ) -> (Vec<&'static str>, Vec<String>) {
        let env = environment(variables);
        let overrides = Overrides {
            exporters: list,
            ..Overrides::default()
        };
        let name = |destination: &Destination| match destination {
            Destination::Console(..) => "console",
            Destination::Otlp(otlp) => otlp.name(),
            _ => "another",
        };
        let names = match Settings::resolve(overrides, &env).destination {
            Destination::Several(all) => all.iter().map(name).collect(),
            only => vec![name(&only)],
        };
        (names, env.problems())
    }

    #[test]
    fn several_exporters_are_used_at_once_those_of_this_machine_first() {
        let list = |list| names(Vec::new(), &[("OTEL_TRACES_EXPORTER", list)]);
        assert_eq!(list("otlp,console"), (vec!["console", "otlp-http"], vec![]));
        assert_eq!(list(" OTLP , jaeger,, otlp "), (vec!["otlp-http"], vec![]));
        let of_builder = [ExporterConfig::otlp("http://h:1"), ExporterConfig::Console];
        let of_builder = of_builder.map(ExporterChoice::Config).to_vec();
        let variables = [("OTEL_TRACES_EXPORTER", "file")];
        assert_eq!(
            names(of_builder, &variables),
            (vec!["console", "otlp-http"], vec![])
        );
    }

    #[test]
    fn members_of_a_list_that_cannot_be_used_are_named_and_left_out() {
        let variables = [("OTEL_TRACES_EXPORTER", "console,none,stdout")];
        let (names, problems) = names(Vec::new(), &variables);
        assert_eq!(names, ["console"]);
        assert_eq!(problems.len(), 2);
        assert!(problems[0].ends_with("not \"stdout\""), "{}", problems[0]);
        let expected = "OTEL_TRACES_EXPORTER: expected none by itself, or exporters without none";
        assert_eq!(problems[1], expected);
    }

    #[test]
    fn the_shortest_times_of_several_count() {
        let env = environment(&[("OTEL_TRACES_EXPORTER", "otlp,console")]);
        let settings = Settings::resolve(Overrides::default(), &env);
        assert_eq!(settings.schedule_delay, Duration::from_millis(100));
        assert_eq!(settings.export_timeout, Duration::from_secs(10));
    }
}
