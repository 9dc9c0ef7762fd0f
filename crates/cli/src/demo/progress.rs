//! Progress bars on standard error, where somebody watches.
//!
//! Invariant: nothing is drawn when standard error is not a terminal, and nothing stays behind.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `length` steps.
pub(super) fn bar(what: &'static str, length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64).with_message(what);
    match ProgressStyle::with_template("{msg:>10} {bar:40} {pos}/{len}  {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
