//! What the SDK says about itself: single lines on standard error, limited in number.
//!
//! Position: used by configuration, recorder and export; by the traced program's threads only once,
//! when baggage is set outside of every scope.
//!
//! Invariant: at most [`MAX_LINES`] lines in the life of a process, then one that says so.

use std::{
    fmt,
    io::Write as _,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

const MAX_LINES: u64 = 100;
static LINES: AtomicU64 = AtomicU64::new(0);

/// Writes one warning.
pub(crate) fn warn(message: fmt::Arguments<'_>) {
    let line = LINES.fetch_add(1, Ordering::Relaxed);
    let mut stderr = std::io::stderr();
    // Nowhere is left to report that standard error is closed.
    let _written = match line {
        0..MAX_LINES => writeln!(stderr, "continuum-observability: {message}"),
        MAX_LINES => writeln!(
            stderr,
            "continuum-observability: further messages are left out"
        ),
        _ => Ok(()),
    };
}

/// Says once that baggage was set where it cannot stay.
pub(crate) fn warn_once_about_baggage() {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        warn(format_args!(
            "set_baggage outside of a span or scope changes nothing: call it inside one, or open \
             one with thread_scope()"
        ));
    }
}
