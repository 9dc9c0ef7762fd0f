//! `#[trace_function]` on every shape of function, and `span!`, as the spans that come out.
//!
//! Each test has a recorder of its own. The three attributes that name the function are left out of
//! the pictures by [`tree`]; one test in `arguments` is about them.
#![deny(
    warnings,
    reason = "what the attribute writes must not warn in anybody's code"
)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arguments;
mod boxed;
mod failures;
mod functions;
mod futures;
mod limits;
mod methods;
mod panics;
mod span;
mod streams;

use continuum_observability::testing::TestRecorder;

/// The spans without the attributes that name the function.
fn tree(recorder: &TestRecorder) -> String {
    let keep = |word: &&str| !word.starts_with("function.") && !word.starts_with("code.");
    let line = |line: &str| line.split(' ').filter(keep).collect::<Vec<_>>().join(" ");
    recorder
        .tree()
        .lines()
        .map(|text| line(text) + "\n")
        .collect()
}

/// Gives the executor a turn.
async fn pause() {
    tokio::task::yield_now().await;
}
