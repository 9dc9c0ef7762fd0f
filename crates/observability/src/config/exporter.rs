//! Which exporter is used, and with what.
//!
//! Position: part of [`super::settings`]; makes the factory that the export thread calls.
//!
//! The first that is set decides: the builder, `OTEL_TRACES_EXPORTER`, `OTEL_EXPORTER_TYPE`, any
//! variable of the OTLP exporter (OTLP), `CONTINUUM_ENV=production` (OTLP); else the console.

#[cfg(feature = "otlp-http")]
use super::otlp;
use super::{
    env::{self, Environment, Variable},
    opening::{Discard, Opening},
};
#[cfg(feature = "console")]
use crate::export::{ConsoleExporter, Palette, TreeStyle, color_is_wanted};
use crate::export::{Exporter, ExporterFactory, FileExporter};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

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
    env::SHORT_OTLP_ENDPOINT,
    env::SHORT_ENDPOINT,
];

/// Where finished spans go, as chosen in the program.
///
/// ```
/// use continuum_observability::ExporterConfig;
///
/// let mut exporter = ExporterConfig::otlp("https://collector.example:4318");
/// if let ExporterConfig::Otlp { headers, .. } = &mut exporter {
///     headers.push(("x-tenant".into(), "user_123".into()));
/// }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum ExporterConfig {
    /// OTLP over HTTP with protobuf bodies (cargo feature `otlp-http`). What is not given here is
    /// taken from the environment.
    Otlp {
        /// The URL of the receiver; `/v1/traces` is added when it has no path.
        endpoint: Option<String>,
        /// Sent with every request.
        headers: Vec<(String, String)>,
        /// The longest that one export may take, repetitions included.
        timeout: Option<Duration>,
    },
    /// A tree per trace on standard error (cargo feature `console`).
    Console,
    /// OTLP as JSON, one request a line, appended to this file.
    File(PathBuf),
    /// Nowhere. Spans are still made, so that ids and context are passed on.
    None,
}

impl ExporterConfig {
    /// OTLP over HTTP to `endpoint`, to which `/v1/traces` is added when it has no path.
    pub fn otlp(endpoint: impl Into<String>) -> Self {
        Self::Otlp {
            endpoint: Some(endpoint.into()),
            headers: Vec::new(),
            timeout: None,
        }
    }
}

/// Leaves out the values of headers, and an endpoint that may carry a password.
impl fmt::Debug for ExporterConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Otlp {
                headers, timeout, ..
            } => {
                let names: Vec<_> = headers.iter().map(|(name, _)| name).collect();
                let mut shown = f.debug_struct("Otlp");
                shown
                    .field("headers", &names)
                    .field("timeout", timeout)
                    .finish_non_exhaustive()
            }
            Self::Console => f.write_str("Console"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::None => f.write_str("None"),
        }
    }
}

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
}

/// The exporter with everything it needs.
#[derive(Debug, Clone)]
pub(super) enum Destination {
    #[cfg(feature = "otlp-http")]
    Otlp(otlp::OtlpSettings),
    #[cfg(feature = "console")]
    Console(Stream, Palette),
    File(PathBuf),
    Nowhere,
    Custom(CustomExporter),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[cfg(feature = "otlp-http")]
    Otlp,
    #[cfg(feature = "console")]
    Console,
    File,
    Nowhere,
}

/// The names in variables of the exporters that are built in.
const KINDS: &[(&str, Kind)] = &[
    #[cfg(feature = "otlp-http")]
    ("otlp", Kind::Otlp),
    #[cfg(feature = "console")]
    ("console", Kind::Console),
    ("file", Kind::File),
    ("none", Kind::Nowhere),
    // Jaeger takes OTLP on the same port as everybody else.
    #[cfg(feature = "otlp-http")]
    ("jaeger", Kind::Otlp),
];

impl Destination {
    pub(super) fn resolve(choice: Option<ExporterChoice>, env: &Environment<'_>) -> Self {
        match choice {
            Some(ExporterChoice::Custom(custom)) => Self::Custom(custom),
            Some(ExporterChoice::Config(config)) => Self::of_builder(config, env),
            None => Self::of_environment(env),
        }
    }

    fn of_builder(config: ExporterConfig, env: &Environment<'_>) -> Self {
        match config {
            #[cfg(feature = "otlp-http")]
            ExporterConfig::Otlp {
                endpoint,
                headers,
                timeout,
            } => Self::Otlp(otlp::OtlpSettings::resolve(endpoint, headers, timeout, env)),
            #[cfg(feature = "console")]
            ExporterConfig::Console => Self::console(env),
            ExporterConfig::File(path) => {
                if let Err(error) = FileExporter::append_to(&path) {
                    env.refuse_builder("exporter", error.to_string());
                }
                Self::File(path)
            }
            ExporterConfig::None => Self::Nowhere,
            #[cfg(not(all(feature = "otlp-http", feature = "console")))]
            other => {
                let reason = format!("{other:?} is not in this build: enable its cargo feature");
                env.refuse_builder("exporter", reason);
                Self::Nowhere
            }
        }
    }

    fn of_environment(env: &Environment<'_>) -> Self {
        match kind(env) {
            #[cfg(feature = "otlp-http")]
            Kind::Otlp => Self::Otlp(otlp::OtlpSettings::resolve(None, Vec::new(), None, env)),
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
            #[cfg(feature = "otlp-http")]
            Self::Otlp(_) => "otlp",
            #[cfg(feature = "console")]
            Self::Console(..) => "console",
            Self::File(_) => "file",
            Self::Nowhere => "none",
            Self::Custom(custom) => &custom.name,
        }
    }

    /// How long finished spans wait for company, unless told otherwise.
    pub(super) fn schedule_delay(&self) -> Duration {
        match self {
            #[cfg(feature = "console")]
            Self::Console(..) => CONSOLE_SCHEDULE_DELAY,
            _ => SCHEDULE_DELAY,
        }
    }

    /// How long one export may take: the shorter of what was asked for in general and of OTLP.
    pub(super) fn export_timeout(&self, general: Option<Duration>) -> Duration {
        let own = match self {
            #[cfg(feature = "otlp-http")]
            Self::Otlp(otlp) => otlp.timeout_beside(general),
            _ => None,
        };
        general
            .into_iter()
            .chain(own)
            .min()
            .unwrap_or(EXPORT_TIMEOUT)
    }

    pub(super) fn factory(self) -> ExporterFactory {
        match self {
            #[cfg(feature = "otlp-http")]
            Self::Otlp(otlp) => ExporterFactory::new(move |pause| {
                let otlp = otlp.clone();
                Opening::boxed("otlp-http", move || otlp.exporter(pause.clone()))
            }),
            #[cfg(feature = "console")]
            Self::Console(stream, palette) => ExporterFactory::new(move |_pause| {
                let style = TreeStyle::terminal(palette);
                Box::new(match stream {
                    Stream::Stderr => ConsoleExporter::stderr(style),
                    Stream::Stdout => ConsoleExporter::stdout(style),
                })
            }),
            Self::File(path) => ExporterFactory::new(move |_pause| {
                let path = path.clone();
                Opening::boxed("file", move || {
                    Ok(Box::new(FileExporter::append_to(&path)?))
                })
            }),
            Self::Nowhere => ExporterFactory::new(|_pause| Box::new(Discard)),
            Self::Custom(custom) => ExporterFactory::new(move |_pause| (custom.make)()),
        }
    }
}

fn kind(env: &Environment<'_>) -> Kind {
    let explicit = [env::TRACES_EXPORTER, env::EXPORTER_TYPE];
    explicit
        .into_iter()
        .find_map(|variable| env.choice(variable, KINDS))
        .or_else(|| wants_otlp(env).then(|| built("otlp")).flatten())
        .or_else(|| built("console"))
        .unwrap_or(Kind::Nowhere)
}

fn built(name: &str) -> Option<Kind> {
    KINDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)
}

fn wants_otlp(env: &Environment<'_>) -> bool {
    let production = |text: String| text.eq_ignore_ascii_case("production");
    env.first_text(OTLP_SIGNS).is_some() || env.text(env::CONTINUUM_ENV).is_some_and(production)
}

/// Where the console exporter prints.
#[cfg(feature = "console")]
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Stderr,
    Stdout,
}

#[cfg(feature = "console")]
impl Destination {
    fn console(env: &Environment<'_>) -> Self {
        let choices = [("stderr", Stream::Stderr), ("stdout", Stream::Stdout)];
        let stream = env.choice(env::CONSOLE_STREAM, &choices);
        let stream = stream.unwrap_or(Stream::Stderr);
        Self::Console(stream, palette(stream, env))
    }
}

#[cfg(feature = "console")]
fn palette(stream: Stream, env: &Environment<'_>) -> Palette {
    use std::io::IsTerminal as _;
    let (no_color, term) = (env.text(env::NO_COLOR), env.text(env::TERM));
    let is_terminal = match stream {
        Stream::Stderr => std::io::stderr().is_terminal(),
        Stream::Stdout => std::io::stdout().is_terminal(),
    };
    if color_is_wanted(is_terminal, no_color.as_deref(), term.as_deref()) {
        Palette::Ansi
    } else {
        Palette::Plain
    }
}
