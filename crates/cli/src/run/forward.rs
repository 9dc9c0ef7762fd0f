//! What arrives, sent on as it came to another receiver: a collector, a backend.
//!
//! Position: beside what shows the traces; a thread of its own sends one request after the other.
//!
//! Invariants:
//! - offering never waits: what waits holds [`MAX_WAITING_BYTES`] at most, and what finds no room is lost;
//! - each span offered is sent, or counted as lost with the last reason;
//! - a message is sent in the bytes and the encoding that it came in, without compression.

use std::{
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread,
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Uri, header},
};
use ureq::Agent;

use crate::receiver::{Encoding, Received};

/// What may wait for a receiver that is slow or away.
const MAX_WAITING_BYTES: usize = 32 << 20;
const MAX_WAITING_REQUESTS: usize = 1024;

/// How long a receiver may take for each step of a request.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// Where messages are sent: a URL over HTTP or HTTPS, with the path for traces unless it has another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination(Uri);

impl FromStr for Destination {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url: Uri = text.parse().map_err(|_invalid| "not a URL")?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err("not a URL that begins with http:// or https://");
        }
        if url.path() != "/" || url.query().is_some() {
            return Ok(Self(url));
        }
        let base = text.trim_end_matches('/');
        let url = format!("{base}/v1/traces").parse();
        url.map(Self).map_err(|_invalid| "not a URL")
    }
}

/// A message that waits.
#[derive(Debug)]
struct Parcel {
    message: Bytes,
    encoding: Encoding,
    span_count: usize,
}

/// What became of the spans.
#[derive(Debug, Default)]
struct Account {
    waiting_bytes: AtomicUsize,
    waiting_spans: AtomicUsize,
    lost_spans: AtomicUsize,
    reason: Mutex<String>,
}

impl Account {
    fn lose(&self, span_count: usize, reason: String) {
        self.lost_spans.fetch_add(span_count, Ordering::Relaxed);
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    fn wait_for(&self, parcel: &Parcel) {
        let (bytes, spans) = (parcel.message.len(), parcel.span_count);
        self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.waiting_spans.fetch_add(spans, Ordering::Relaxed);
    }

    fn wait_no_more(&self, parcel: &Parcel) {
        let (bytes, spans) = (parcel.message.len(), parcel.span_count);
        self.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.waiting_spans.fetch_sub(spans, Ordering::Relaxed);
    }
}

/// Spans that did not reach the destination.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Loss {
    pub(crate) span_count: usize,
    /// Why the last of them was lost.
    pub(crate) reason: String,
}

/// Sends on what it is offered.
#[derive(Debug)]
pub(crate) struct Forward {
    queue: SyncSender<Parcel>,
    account: Arc<Account>,
    /// Closed when the thread has ended.
    done: mpsc::Receiver<()>,
}

impl Forward {
    /// Starts the thread that sends.
    ///
    /// # Errors
    ///
    /// When the operating system has no thread to give.
    pub(crate) fn start(destination: Destination) -> std::io::Result<Self> {
        let (queue, parcels) = mpsc::sync_channel(MAX_WAITING_REQUESTS);
        let (ended, done) = mpsc::sync_channel(0);
        let account = Arc::new(Account::default());
        let sending = Arc::clone(&account);
        let work = move || {
            let _ended = ended;
            let agent = agent();
            for parcel in parcels {
                if let Err(reason) = send(&agent, &destination, &parcel) {
                    sending.lose(parcel.span_count, reason);
                }
                sending.wait_no_more(&parcel);
            }
        };
        let thread = thread::Builder::new().name("continuum-forward".to_owned());
        thread.spawn(work)?;
        Ok(Self {
            queue,
            account,
            done,
        })
    }

    /// Has a request sent on, if there is room for it.
    pub(crate) fn offer(&self, request: &Received) {
        let parcel = Parcel {
            message: request.message.clone(),
            encoding: request.encoding,
            span_count: request.spans.len(),
        };
        self.account.wait_for(&parcel);
        let is_too_much = self.account.waiting_bytes.load(Ordering::Relaxed) > MAX_WAITING_BYTES;
        let refused = if is_too_much {
            Some(parcel)
        } else {
            self.queue
                .try_send(parcel)
                .err()
                .map(|refused| match refused {
                    mpsc::TrySendError::Full(parcel) | mpsc::TrySendError::Disconnected(parcel) => {
                        parcel
                    }
                })
        };
        if let Some(parcel) = refused {
            self.account.wait_no_more(&parcel);
            let reason = "the receiver is too slow".to_owned();
            self.account.lose(parcel.span_count, reason);
        }
    }

    /// Waits until everything is sent, for `patience` at most, and says what was lost.
    pub(crate) fn finish(self, patience: Duration) -> Option<Loss> {
        drop(self.queue);
        if self.done.recv_timeout(patience) == Err(RecvTimeoutError::Timeout) {
            let waiting = self.account.waiting_spans.load(Ordering::Relaxed);
            let reason = "the receiver did not answer in time".to_owned();
            self.account.lose(waiting, reason);
        }
        let span_count = self.account.lost_spans.load(Ordering::Relaxed);
        let reason = self.account.reason.lock();
        let reason = reason.unwrap_or_else(PoisonError::into_inner).clone();
        (span_count > 0).then_some(Loss { span_count, reason })
    }
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .timeout_connect(Some(STEP_TIMEOUT))
        .timeout_send_request(Some(STEP_TIMEOUT))
        .timeout_send_body(Some(STEP_TIMEOUT))
        .timeout_recv_response(Some(STEP_TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false);
    config.build().into()
}

fn send(agent: &Agent, destination: &Destination, parcel: &Parcel) -> Result<(), String> {
    let request = agent
        .post(&destination.0)
        .header(header::CONTENT_TYPE, parcel.encoding.media_type());
    let answer = request
        .send(&*parcel.message)
        .map_err(|error| error.to_string())?;
    let status = answer.status();
    if status.is_success() {
        Ok(())
    } else if status.is_redirection() {
        // A request that is sent again may become one without a message.
        Err(format!(
            "the receiver answered {status}, which is not followed"
        ))
    } else {
        Err(format!("the receiver answered {status}"))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use axum::{
        Router,
        response::Redirect,
        routing::{get, post},
    };
    use continuum_observability::SpanRecord;
    use tokio::sync::oneshot;

    use super::*;
    use crate::receiver::Receiver;

    const PATIENCE: Duration = Duration::from_mins(1);

    /// A request of two spans, which is JSON.
    fn request() -> Received {
        let span = |id: &str| {
            format!(
                r#"{{"name":"recall","traceId":"{}","spanId":"{id}"}}"#,
                "01".repeat(16)
            )
        };
        let spans = [span("0101010101010101"), span("0202020202020202")].join(",");
        let message = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
        Received {
            spans: vec![SpanRecord::default(); 2],
            message: message.into(),
            encoding: Encoding::Json,
        }
    }

    fn destination(port: u16) -> Destination {
        format!("http://127.0.0.1:{port}").parse().unwrap()
    }

    #[test]
    fn a_url_without_a_path_is_that_of_a_collector() {
        let of = |text: &str| text.parse::<Destination>().map(|to| to.0.to_string());
        let collector = Ok("http://collector:4318/v1/traces".to_owned());
        assert_eq!(of("http://collector:4318"), collector);
        assert_eq!(of("http://collector:4318/"), collector);
        let own = "https://backend/otlp/v1/traces?key=1";
        assert_eq!(of(own), Ok(own.to_owned()));
        for wrong in ["collector:4318", "ftp://collector", "http://", ""] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_receiver_gets_the_bytes_as_they_came() {
        let (receiver, mut arrivals) = Receiver::bind().await.unwrap();
        let forward = Forward::start(destination(receiver.port().unwrap())).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let receiving = tokio::spawn(receiver.run(async { stopped.await.unwrap_or_default() }));
        let json = request();
        let protobuf = Received {
            message: Bytes::from_static(b"\x0a\x00"),
            encoding: Encoding::Protobuf,
            spans: Vec::new(),
        };
        for sent in [json, protobuf] {
            forward.offer(&sent);
            let arrived = arrivals.recv().await.unwrap();
            assert_eq!(
                (arrived.message, arrived.encoding),
                (sent.message, sent.encoding)
            );
        }
        let lost = tokio::task::spawn_blocking(move || forward.finish(PATIENCE)).await;
        assert_eq!(lost.unwrap(), None);
        drop(stop);
        receiving.await.unwrap().unwrap();
    }

    #[test]
    fn what_nobody_takes_is_counted_with_the_reason() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = listener.local_addr().unwrap().port();
        drop(listener);
        let forward = Forward::start(destination(nobody)).unwrap();
        forward.offer(&request());
        forward.offer(&request());
        let lost = forward.finish(PATIENCE).unwrap();
        assert_eq!(lost.span_count, 4);
        assert!(!lost.reason.is_empty());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_redirection_is_a_loss_and_is_not_followed() {
        let elsewhere = || async { Redirect::to("/elsewhere") };
        let routes = Router::new()
            .route("/v1/traces", post(elsewhere))
            .route("/elsewhere", get(|| async { "here is nothing to send to" }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let forward = Forward::start(destination(listener.local_addr().unwrap().port())).unwrap();
        let serving = tokio::spawn(async { axum::serve(listener, routes).await });
        forward.offer(&request());
        let finish = move || forward.finish(PATIENCE);
        let lost = tokio::task::spawn_blocking(finish).await.unwrap().unwrap();
        let reason = "the receiver answered 303 See Other, which is not followed";
        assert_eq!((lost.span_count, lost.reason.as_str()), (2, reason));
        serving.abort();
    }

    #[test]
    fn a_receiver_that_does_not_answer_costs_spans_and_no_waiting() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let forward = Forward::start(destination(silent.local_addr().unwrap().port())).unwrap();
        let large = Received {
            message: vec![b' '; MAX_WAITING_BYTES / 4].into(),
            ..request()
        };
        for _ in 0..10 {
            forward.offer(&large);
        }
        let refused = forward.account.lost_spans.load(Ordering::Relaxed);
        assert_eq!(refused, 12, "four of ten fit");
        let lost = forward.finish(Duration::ZERO).unwrap();
        assert_eq!(lost.span_count, 20, "and those were not sent either");
    }
}
