//! Whether what is written to a stream is coloured.
//!
//! Source: no-color.org.

use std::{env, io::IsTerminal};

use continuum_observability::{Palette, color_is_wanted};

/// The palette for a stream.
#[expect(
    clippy::disallowed_methods,
    reason = "the program's own output; what telemetry prints is decided by telemetry"
)]
pub(super) fn palette(stream: &impl IsTerminal) -> Palette {
    let (no_color, term) = (env::var("NO_COLOR").ok(), env::var("TERM").ok());
    if color_is_wanted(stream.is_terminal(), no_color.as_deref(), term.as_deref()) {
        Palette::Ansi
    } else {
        Palette::Plain
    }
}
