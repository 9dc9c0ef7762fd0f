//! Where the console exporter prints, and how trees look there.
//!
//! Position: part of [`super::exporter`], the choice of exporters.
//!
//! Invariant: on a terminal a line is as long as the terminal is wide when the exporter is made; anywhere
//! else nothing is cut.

use super::env::{self, Environment};
use crate::export::{ConsoleExporter, Palette, TreeStyle, color_is_wanted};
use std::io::{IsTerminal as _, stderr, stdout};

/// Narrower, a tree has no room beside its names.
const MIN_COLUMNS: usize = 80;

/// Where the console exporter prints.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stream {
    Stderr,
    Stdout,
}

impl Stream {
    pub(super) fn of(env: &Environment<'_>) -> Self {
        let choices = [("stderr", Self::Stderr), ("stdout", Self::Stdout)];
        let stream = env.choice(env::CONSOLE_STREAM, &choices);
        stream.unwrap_or(Self::Stderr)
    }

    pub(super) fn palette(self, env: &Environment<'_>) -> Palette {
        let (no_color, term) = (env.text(env::NO_COLOR), env.text(env::TERM));
        if color_is_wanted(self.is_terminal(), no_color.as_deref(), term.as_deref()) {
            Palette::Ansi
        } else {
            Palette::Plain
        }
    }

    pub(super) fn exporter(self, palette: Palette) -> ConsoleExporter {
        let style = style(self.is_terminal(), self.columns(), palette);
        match self {
            Self::Stderr => ConsoleExporter::stderr(style),
            Self::Stdout => ConsoleExporter::stdout(style),
        }
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Stderr => stderr().is_terminal(),
            Self::Stdout => stdout().is_terminal(),
        }
    }

    /// How wide its terminal is, where that tells.
    #[cfg(unix)]
    fn columns(self) -> Option<usize> {
        use crate::recorder::terminal_columns;
        match self {
            Self::Stderr => terminal_columns(&stderr()),
            Self::Stdout => terminal_columns(&stdout()),
        }
    }

    #[cfg(not(unix))]
    fn columns(self) -> Option<usize> {
        None
    }
}

fn style(is_terminal: bool, columns: Option<usize>, palette: Palette) -> TreeStyle {
    let style = TreeStyle::terminal(palette);
    let columns = columns.map(|columns| columns.max(MIN_COLUMNS));
    TreeStyle {
        width: columns.or(style.width).filter(|_| is_terminal),
        ..style
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_as_long_as_a_terminal_is_wide_and_nowhere_else_cut() {
        let width = |is_terminal, columns| style(is_terminal, columns, Palette::Plain).width;
        assert_eq!(width(true, Some(200)), Some(200));
        assert_eq!(width(true, Some(20)), Some(MIN_COLUMNS));
        assert_eq!(width(true, None), Some(120));
        assert_eq!(width(false, None), None);
    }
}
