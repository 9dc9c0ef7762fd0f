//! How trees are drawn on a stream.
//!
//! Invariants: on a terminal a line is as long as the terminal is wide, and says nothing twice; anywhere else
//! everything is shown.

use std::io::IsTerminal;

use continuum_observability::TreeStyle;

use super::palette::palette;

/// Narrower, a tree has no room beside its names.
#[cfg(unix)]
const MIN_COLUMNS: u16 = 80;

/// The style for a stream; `wide` shows everything on a terminal, too.
pub(super) fn tree_style(stream: &impl IsTerminal, wide: bool) -> TreeStyle {
    let style = TreeStyle::terminal(palette(stream));
    if wide || !stream.is_terminal() {
        return TreeStyle {
            width: None,
            brief: false,
            ..style
        };
    }
    TreeStyle {
        width: columns().or(style.width),
        ..style
    }
}

/// How wide the terminal is, where it tells.
#[cfg(unix)]
fn columns() -> Option<usize> {
    let terminal = std::fs::File::open("/dev/tty").ok()?;
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    (size.ws_col > 0).then(|| size.ws_col.max(MIN_COLUMNS).into())
}

#[cfg(not(unix))]
fn columns() -> Option<usize> {
    None
}
