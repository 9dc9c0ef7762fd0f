//! What others are told of the exporter: what it is called where the SDK reports on itself, whom it sends to, and
//! with what certificates.
//!
//! Position: worked out of the settings of the exporter; read by the metrics about the SDK, and by the senders of
//! other signals.
//!
//! Source: OpenTelemetry semantic conventions, "`OTel` component attributes" (development): standard names where
//! there are some, or else the name of the type.

use super::{exporter::Destination, opening::Discard};
#[cfg(feature = "console")]
use crate::export::ConsoleExporter;
#[cfg(feature = "_otlp_sdk")]
use crate::export::TlsFiles;
#[cfg(feature = "_network")]
use crate::span::url::Url;
use crate::{
    export::{FileExporter, Several},
    recorder::ExporterComponent,
};
use std::any::type_name;

impl ExporterComponent {
    fn of<Exporter>() -> Self {
        Self::named(type_name::<Exporter>())
    }

    fn named(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            server: None,
        }
    }

    /// One that sends to a URL.
    #[cfg(feature = "_network")]
    pub(super) fn sending(kind: &str, endpoint: &str) -> Self {
        let server = Url::parse(endpoint).map(|url| (url.host.to_owned(), url.port));
        Self {
            server,
            ..Self::named(kind)
        }
    }
}

impl Destination {
    pub(super) fn component(&self) -> ExporterComponent {
        match self {
            #[cfg(feature = "_otlp")]
            Self::Otlp(otlp) => otlp.component(),
            #[cfg(feature = "zipkin")]
            Self::Zipkin(zipkin) => zipkin.component(),
            #[cfg(feature = "console")]
            Self::Console(..) => ExporterComponent::of::<ConsoleExporter>(),
            Self::File(_) => ExporterComponent::of::<FileExporter>(),
            Self::Nowhere => ExporterComponent::of::<Discard>(),
            Self::Several(_) => ExporterComponent::of::<Several>(),
            Self::Custom(custom) => ExporterComponent::named(&custom.name),
        }
    }

    /// With what certificates spans go to an OTLP receiver, if they go to one.
    #[cfg(feature = "_otlp_sdk")]
    pub(super) fn otlp_tls(&self) -> Option<TlsFiles> {
        match self {
            Self::Otlp(otlp) => Some(otlp.tls()),
            Self::Several(all) => all.iter().find_map(Self::otlp_tls),
            _ => None,
        }
    }
}

#[cfg(all(test, feature = "otlp-http", feature = "otlp-grpc", feature = "zipkin"))]
mod tests {
    use super::super::{
        settings::{Overrides, Settings},
        testing::environment,
    };

    fn component(variables: &[(&str, &str)]) -> (String, Option<(String, Option<u16>)>) {
        let env = environment(variables);
        let settings = Settings::resolve(Overrides::default(), &env);
        let component = settings.destination.component();
        (component.kind, component.server)
    }

    #[test]
    fn exporters_have_the_names_of_the_conventions_and_tell_whom_they_send_to() {
        let to = |host: &str, port| Some((host.to_owned(), Some(port)));
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://key@collector:443");
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let rows = [
            (
                &[endpoint][..],
                "otlp_http_span_exporter",
                to("collector", 443),
            ),
            (
                &[endpoint, grpc],
                "otlp_grpc_span_exporter",
                to("collector", 443),
            ),
            (
                &[("OTEL_TRACES_EXPORTER", "zipkin")],
                "zipkin_http_span_exporter",
                to("localhost", 9411),
            ),
            (
                &[("OTEL_TRACES_EXPORTER", "none")],
                "continuum_observability::config::opening::Discard",
                None,
            ),
            (
                &[("OTEL_TRACES_EXPORTER", "otlp,zipkin")],
                "continuum_observability::export::several::Several",
                None,
            ),
        ];
        for (variables, kind, server) in rows {
            assert_eq!(component(variables), (kind.to_owned(), server));
        }
    }
}
