//! One real span, sent the way every span of a program in this environment is sent.
//!
//! Invariants: the exporter is the SDK's own; a request is tried once, without the repetitions that a
//! program would make.

use std::{
    net::SocketAddr,
    sync::mpsc::{self, RecvTimeoutError, SyncSender},
    time::{Duration, Instant},
};

use continuum_observability::{
    EncodedRequest, ExportError, Exported, Exporter, OtlpGrpcExporter, OtlpHttpExporter,
    OtlpProtocol, ResolvedOtlp, Sampler, Telemetry, TraceId, get_tracer,
};

use super::{
    Check, Finding,
    settings::Target,
    spoken::{self, Spoken},
};

/// For whatever is beside the export itself.
const MARGIN: Duration = Duration::from_secs(5);

/// A span that arrived, and what the receiver said about it.
pub(super) struct Delivered {
    trace_id: TraceId,
    answer: Exported,
}

/// Why it did not arrive.
pub(super) enum Failure {
    /// Nothing was sent, for this reason and with this remedy.
    NotSent(String, &'static str),
    Refused(ExportError),
}

type Sent = Result<Exported, ExportError>;

/// Keeps what became of a request, which telemetry would only log.
struct Observed<'a>(&'a ResolvedOtlp, SyncSender<Sent>);

struct Observer {
    exporter: Result<Box<dyn Exporter>, Option<ExportError>>,
    outcomes: SyncSender<Sent>,
}

impl Exporter for Observer {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let outcome = match &mut self.exporter {
            Ok(exporter) => exporter.export(request, deadline),
            Err(error) => error.take().map_or_else(|| Ok(Exported::default()), Err),
        };
        // There is room for the only request.
        let _unheard = self.outcomes.try_send(outcome).is_err();
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "doctor"
    }
}

impl Observed<'_> {
    fn exporter(&self) -> Box<dyn Exporter> {
        let mut endpoint = self.0.endpoint.clone();
        endpoint.retry.max_attempts = 1;
        let exporter: Result<Box<dyn Exporter>, _> = match self.0.protocol {
            OtlpProtocol::Grpc => OtlpGrpcExporter::new(endpoint).map(|made| Box::new(made) as _),
            _ => OtlpHttpExporter::new(endpoint).map(|made| Box::new(made) as _),
        };
        Box::new(Observer {
            exporter: exporter.map_err(Some),
            outcomes: self.1.clone(),
        })
    }
}

/// Records a span and sends it.
pub(super) fn send_span(resolved: &ResolvedOtlp) -> Result<Delivered, Failure> {
    let (outcomes, outcome) = mpsc::sync_channel(1);
    let (settings, patience) = (resolved.clone(), resolved.timeout + MARGIN);
    let telemetry = Telemetry::builder()
        .service_name("continuum-doctor")
        .sampler(Sampler::AlwaysOn)
        .export_timeout(resolved.timeout)
        .exporter_with("doctor", move || {
            Observed(&settings, outcomes.clone()).exporter()
        })
        // What is wrong with other settings is not about the receiver.
        .diagnostics(|_, _| ())
        .init()
        .map_err(|error| Failure::NotSent(error.to_string(), "correct the named settings"))?;
    if !telemetry.is_active() {
        let remedy = "unset OTEL_SDK_DISABLED where spans are wanted";
        return Err(Failure::NotSent(
            "OTEL_SDK_DISABLED=true: nothing is recorded".into(),
            remedy,
        ));
    }
    let trace_id = get_tracer("continuum.doctor").in_scope("doctor.check", |span| {
        span.set_attribute("doctor.endpoint", resolved.endpoint.shown());
        span.span_context().trace_id()
    });
    let _asked = telemetry.force_flush_async(patience);
    match outcome.recv_timeout(patience) {
        Ok(Ok(answer)) => Ok(Delivered { trace_id, answer }),
        Ok(Err(error)) => Err(Failure::Refused(error)),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(Failure::NotSent(
            format!("no outcome after {patience:?}"),
            "try again, or raise OTEL_EXPORTER_OTLP_TIMEOUT",
        )),
    }
}

/// What a delivery proves.
pub(super) fn praise(target: &Target, delivered: &Delivered) -> Vec<Finding> {
    let Delivered { trace_id, answer } = delivered;
    let mut findings = vec![
        Finding::fine(Check::Protocol, "the receiver understood the request"),
        encryption(target),
        Finding::fine(Check::Authorization, "the receiver took the request"),
    ];
    let said = answer.message.as_deref().unwrap_or("no reason given");
    findings.push(if answer.rejected > 0 {
        let detail = format!("the receiver rejected the test span: {said}");
        Finding::failed(Check::Delivery, detail, "look at what the receiver says")
    } else {
        Finding::fine(
            Check::Delivery,
            format!("a test span arrived, trace {trace_id}"),
        )
    });
    findings
}

fn encryption(target: &Target) -> Finding {
    let is_local = matches!(target.host.as_str(), "localhost" | "127.0.0.1" | "::1");
    match (target.is_encrypted, is_local) {
        (true, _) => Finding::fine(Check::Tls, "encrypted, and the certificate is trusted"),
        (false, true) => Finding::fine(Check::Tls, "not encrypted, and stays on this machine"),
        (false, false) => Finding::warning(
            Check::Tls,
            "not encrypted, and leaves this machine",
            "use an endpoint with https:// where the network is not trusted",
        ),
    }
}

/// What a failure means, after looking at what the receiver speaks where that can be the reason.
pub(super) fn explain(
    resolved: &ResolvedOtlp,
    target: &Target,
    address: SocketAddr,
    failure: &Failure,
) -> Vec<Finding> {
    let error = match failure {
        Failure::NotSent(detail, remedy) => {
            return vec![Finding::failed(Check::Delivery, detail, *remedy)];
        }
        Failure::Refused(error) => error,
    };
    if let Some(mismatch) = mismatch(resolved.protocol, target, address, error) {
        return vec![mismatch];
    }
    let understood = || {
        let protocol = Finding::fine(Check::Protocol, "the receiver understood the request");
        [protocol, encryption(target)]
    };
    let text = error.to_string();
    match error {
        ExportError::Tls { .. } => {
            let remedy = "see what is said about the certificate, and whether the endpoint is to \
                          begin with https://";
            vec![Finding::failed(Check::Tls, text, remedy)]
        }
        ExportError::Status {
            status: 401 | 403, ..
        }
        | ExportError::Rpc { code: 7 | 16, .. } => {
            let remedy = "set the credentials in OTEL_EXPORTER_OTLP_HEADERS, such as \
                          authorization=Bearer%20<token>";
            let refused = Finding::failed(Check::Authorization, text, remedy);
            understood().into_iter().chain([refused]).collect()
        }
        ExportError::Status {
            status: 404 | 405, ..
        } => {
            let remedy = "correct the path: receivers usually take traces at /v1/traces";
            let refused = Finding::failed(Check::Delivery, text, remedy);
            understood().into_iter().chain([refused]).collect()
        }
        ExportError::Status { .. } | ExportError::Rpc { .. } => {
            let refused = Finding::failed(Check::Delivery, text, "look into the receiver's log");
            understood().into_iter().chain([refused]).collect()
        }
        ExportError::Config { .. } => {
            vec![Finding::failed(
                Check::Settings,
                text,
                "correct the named setting",
            )]
        }
        _ => vec![Finding::failed(
            Check::Delivery,
            text,
            "look into the receiver's log and at what is between here and there",
        )],
    }
}

/// Whether the receiver speaks something else than we do.
fn mismatch(
    ours: OtlpProtocol,
    target: &Target,
    address: SocketAddr,
    error: &ExportError,
) -> Option<Finding> {
    let may_be = matches!(
        error,
        ExportError::Protocol { .. }
            | ExportError::Connection { .. }
            | ExportError::Deadline { .. }
    );
    if !may_be {
        return None;
    }
    let is_grpc = ours == OtlpProtocol::Grpc;
    let (detail, remedy) = match spoken::ask(address) {
        Spoken::Tls | Spoken::Nothing if target.is_encrypted => return None,
        Spoken::Http1 | Spoken::Http2 if target.is_encrypted => {
            let detail =
                "the receiver does not speak TLS here, and the endpoint begins with https://";
            let remedy = "let the endpoint begin with http://, or correct the port";
            return Some(Finding::failed(Check::Tls, detail, remedy));
        }
        Spoken::Http2 if !is_grpc => (
            "the receiver speaks gRPC here, and spans are sent as http/protobuf",
            "use the port for HTTP, usually 4318, or set OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
        Spoken::Http1 if is_grpc => (
            "the receiver speaks HTTP/1.1 here, and spans are sent over gRPC",
            "use the port for gRPC, usually 4317, or set \
             OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
        Spoken::Tls => {
            let detail = "the receiver speaks TLS here, and the endpoint begins with http://";
            let remedy = "let the endpoint begin with https://";
            return Some(Finding::failed(Check::Tls, detail, remedy));
        }
        Spoken::Other => (
            "what listens there speaks neither HTTP nor gRPC",
            "correct the port of the endpoint",
        ),
        Spoken::Nothing => (
            "what listens there does not answer",
            "look into the receiver's log, or correct the port of the endpoint",
        ),
        Spoken::Http1 | Spoken::Http2 => return None,
    };
    Some(Finding::failed(
        Check::Protocol,
        format!("{detail}: {error}"),
        remedy,
    ))
}
