//! Pattern "Retry with Tracing": the attempts are events of the one span that needs them.
//!
//! `cargo run --example retry` calls a server that hangs up twice before it answers, and prints:
//!
//! ```text
//! fetch_greeting          retry.attempts_used=3
//!    · attempt_1          attempt=1
//!    · attempt_1_failed   error="early eof" retry_after=0.02
//!    · attempt_2          attempt=2
//!    · attempt_2_failed   error="early eof" retry_after=0.04
//!    · attempt_3          attempt=3
//! ```
//!
//! What to look at: [`retry_with_tracing`] knows nothing of the span around it but that it is the
//! current one. An attempt that is repeated is no error of the span; the last one is.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Result;
use continuum_observability::{get_current_span, get_tracer, init_telemetry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const GREETING: &[u8; 5] = b"hello";
const FIRST_DELAY: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<()> {
    let _telemetry = init_telemetry()?;
    let server = serve_after_hanging_up(2).await?;
    fetch_greeting(server, 3).await?;
    Ok(())
}

async fn fetch_greeting(server: SocketAddr, max_attempts: u32) -> io::Result<[u8; 5]> {
    let fetch = async || {
        let mut answer = [0; 5];
        let mut connection = TcpStream::connect(server).await?;
        connection.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let retried = async |_| retry_with_tracing(max_attempts, fetch).await;
    get_tracer("client")
        .in_span("fetch_greeting", retried)
        .await
}

/// Does `work` again until it succeeds, at most `max_attempts` times, waiting twice as long each time.
async fn retry_with_tracing<T, E: Error>(
    max_attempts: u32,
    work: impl AsyncFn() -> Result<T, E>,
) -> Result<T, E> {
    let span = get_current_span();
    let (mut attempt, mut delay) = (0_u32, FIRST_DELAY);
    loop {
        attempt += 1;
        span.add_event(
            &format!("attempt_{attempt}"),
            &[("attempt", attempt.into())],
        );
        match work().await {
            Err(error) if attempt < max_attempts => {
                let details = [
                    ("error", error.to_string().into()),
                    ("retry_after", delay.as_secs_f64().into()),
                ];
                span.add_event(&format!("attempt_{attempt}_failed"), &details);
            }
            result => {
                span.set_attribute("retry.attempts_used", attempt);
                return result.inspect_err(|error| span.record_error(error));
            }
        }
        tokio::time::sleep(delay).await;
        delay *= 2;
    }
}

/// A server that closes its first connections without a word.
async fn serve_after_hanging_up(times: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        for _ in 0..times {
            drop(listener.accept().await?);
        }
        listener.accept().await?.0.write_all(GREETING).await
    });
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use continuum_observability::testing::{TestRecorder, assert_no_findings};

    async fn tree(max_attempts: u32) -> String {
        let recorder = TestRecorder::new();
        let server = serve_after_hanging_up(2).await.unwrap();
        let fetched = recorder
            .run_async(fetch_greeting(server, max_attempts))
            .await;
        assert_eq!(
            fetched.is_ok_and(|greeting| greeting == *GREETING),
            max_attempts > 2
        );
        assert_no_findings(&recorder);
        recorder.tree()
    }

    #[tokio::test]
    async fn the_third_attempt_succeeds_and_the_span_has_no_error() {
        assert_eq!(
            tree(3).await,
            "fetch_greeting retry.attempts_used=3\n  \
             · attempt_1 attempt=1\n  \
             · attempt_1_failed error=early eof retry_after=0.02\n  \
             · attempt_2 attempt=2\n  \
             · attempt_2_failed error=early eof retry_after=0.04\n  \
             · attempt_3 attempt=3\n"
        );
    }

    #[tokio::test]
    async fn the_last_failure_is_recorded_once_and_passed_on() {
        assert_eq!(
            tree(2).await,
            "fetch_greeting ERROR(early eof) retry.attempts_used=2\n  \
             · attempt_1 attempt=1\n  \
             · attempt_1_failed error=early eof retry_after=0.02\n  \
             · attempt_2 attempt=2\n  \
             · exception exception.type=std::io::error::Error exception.message=early eof\n"
        );
    }
}
