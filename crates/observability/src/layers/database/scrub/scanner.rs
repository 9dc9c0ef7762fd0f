//! The reading of a statement, token by token.
//!
//! Position: behind `scrub_sql`; writes to `output`.
//!
//! Invariants: every token is read as the dialect reads it, or the whole statement is given up; the
//! place only moves forward, and always over at least one byte.

use super::{SqlDialect, output::Output};

/// What a backslash means inside quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escape,
    Doubtful,
}

impl SqlDialect {
    /// What a backslash means in a string without a prefix.
    fn backslash(self) -> Backslash {
        match self {
            Self::Sqlite => Backslash::Plain,
            Self::Mysql => Backslash::Escape,
            // A setting decides: `standard_conforming_strings` in PostgreSQL.
            Self::Postgres | Self::Generic => Backslash::Doubtful,
        }
    }
}

/// The place up to which a statement was read; every method takes one token, or gives up.
#[derive(Debug)]
pub(super) struct Scanner<'a> {
    sql: &'a str,
    dialect: SqlDialect,
    at: usize,
    out: Output,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(sql: &'a str, dialect: SqlDialect) -> Self {
        Self {
            sql,
            dialect,
            at: 0,
            out: Output::for_input(sql.len()),
        }
    }

    /// Reads to the end.
    pub(super) fn scrubbed(mut self) -> Option<String> {
        while self.at < self.sql.len() {
            self.token()?;
        }
        Some(self.out.into_text())
    }

    /// The byte `ahead` of the place, or 0 at the end.
    fn peek(&self, ahead: usize) -> u8 {
        let bytes = self.sql.as_bytes();
        bytes.get(self.at + ahead).copied().unwrap_or_default()
    }

    /// Goes past the bytes that belong, and returns them.
    fn take_while(&mut self, belongs: impl Fn(u8) -> bool) -> &'a str {
        let start = self.at;
        let rest = self.sql.as_bytes().get(start..).unwrap_or_default();
        let end = rest.iter().position(|byte| !belongs(*byte));
        self.at += end.unwrap_or(rest.len());
        self.since(start)
    }

    /// What was read since `start`; both lie between characters.
    fn since(&self, start: usize) -> &'a str {
        self.sql.get(start..self.at).unwrap_or_default()
    }

    fn token(&mut self) -> Option<()> {
        match (self.peek(0), self.peek(1)) {
            (b' ' | b'\t' | b'\n' | b'\r' | 0x0c, _) => self.gap(1),
            (b'-', b'-') => self.line_comment(2),
            (b'#', _) => self.hash(),
            (b'/', b'*') => self.block_comment(),
            (b'\'', _) => self.string(b'\'', self.dialect.backslash()),
            (b'"', _) => self.double_quotes(),
            (b'`', _) => self.backticks(),
            (b'[', _) => self.bracket(),
            (b'$', _) => self.dollar(),
            (b'?', _) => self.placeholder(),
            (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => self.number(),
            (byte, _) if is_word(byte) => self.word(),
            (b'\\' | 0..=0x1f | 0x7f, _) => None,
            (byte, _) => self.symbol(byte),
        }
    }

    /// Two hyphens without a space are two operators in `MySQL`.
    fn line_comment(&mut self, opening: usize) -> Option<()> {
        let certain = matches!(self.dialect, SqlDialect::Sqlite | SqlDialect::Postgres)
            || opening == 1
            || matches!(self.peek(2), 0 | b' ' | b'\t' | b'\n' | b'\r');
        let rest = self.sql.get(self.at..)?;
        let len = rest.find('\n').unwrap_or(rest.len());
        let comment = rest.get(..len)?;
        // Only some databases end a comment at a lone carriage return.
        if !certain || comment.trim_end_matches('\r').contains('\r') {
            return None;
        }
        self.gap(len)
    }

    fn hash(&mut self) -> Option<()> {
        match self.dialect {
            SqlDialect::Mysql => self.line_comment(1),
            SqlDialect::Postgres => self.symbol(b'#'),
            SqlDialect::Sqlite | SqlDialect::Generic => None,
        }
    }

    /// `PostgreSQL` nests comments; `MySQL` runs what is in `/*! */` and reads hints in `/*+ */`.
    fn block_comment(&mut self) -> Option<()> {
        let strict = matches!(self.dialect, SqlDialect::Mysql | SqlDialect::Generic);
        if strict && matches!(self.peek(2), b'!' | b'+' | b'M') {
            return None;
        }
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') if depth == 0 || self.dialect == SqlDialect::Postgres => {
                    depth += 1;
                    self.at += 2;
                }
                (b'/', b'*') if self.dialect == SqlDialect::Generic => return None,
                (b'*', b'/') if depth == 1 => return self.gap(2),
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                }
                (0, _) => return None,
                _ => self.at += 1,
            }
        }
    }

    /// Goes past a quoted token, in which the quote itself is doubled.
    fn quoted(&mut self, quote: u8, backslash: Backslash) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek(0) {
                0 => return None,
                b'\\' if backslash == Backslash::Escape => self.at += 2,
                b'\\' if backslash == Backslash::Doubtful => {
                    let odd = self.take_while(|byte| byte == b'\\').len() % 2 == 1;
                    if odd && self.peek(0) == quote {
                        return None;
                    }
                }
                byte if byte == quote && self.peek(1) == quote => self.at += 2,
                byte if byte == quote => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    fn string(&mut self, quote: u8, backslash: Backslash) -> Option<()> {
        self.quoted(quote, backslash)?;
        self.literal()
    }

    /// What touches a literal was perhaps part of it, by rules unknown here.
    fn literal(&mut self) -> Option<()> {
        let next = self.peek(0);
        (!is_word(next) && next != b'\\').then(|| self.out.literal())
    }

    fn double_quotes(&mut self) -> Option<()> {
        if self.dialect != SqlDialect::Postgres {
            return self.string(b'"', self.dialect.backslash());
        }
        let start = self.at;
        self.quoted(b'"', Backslash::Plain)?;
        self.verbatim(start)
    }

    fn backticks(&mut self) -> Option<()> {
        let start = self.at;
        self.quoted(b'`', Backslash::Plain)?;
        let name = self.since(start);
        match self.dialect {
            SqlDialect::Sqlite | SqlDialect::Mysql => self.verbatim(start),
            SqlDialect::Generic if name.bytes().all(|b| is_harmless(b) || b == b'`') => {
                self.verbatim(start)
            }
            SqlDialect::Postgres | SqlDialect::Generic => None,
        }
    }

    /// A name in `SQLite`, an index or an array elsewhere.
    fn bracket(&mut self) -> Option<()> {
        let start = self.at;
        let len = self.sql.get(start..)?.find(']');
        match self.dialect {
            SqlDialect::Sqlite => {
                self.at += len? + 1;
                self.verbatim(start)
            }
            SqlDialect::Generic => {
                let inside = self.sql.get(start + 1..start + len?)?;
                let harmless = inside.bytes().all(|b| is_harmless(b) || b == b',');
                harmless.then(|| self.symbol(b'['))?
            }
            SqlDialect::Postgres | SqlDialect::Mysql => self.symbol(b'['),
        }
    }

    fn dollar(&mut self) -> Option<()> {
        let start = self.at;
        self.at += 1;
        if matches!(self.dialect, SqlDialect::Postgres | SqlDialect::Generic) {
            return self.dollar_quoted(start);
        }
        let name = self.take_while(is_word);
        let certain = match self.dialect {
            // `$tag$` quotes the body of a function in newer releases.
            SqlDialect::Mysql => !name.contains('$'),
            _ => !name.is_empty() && !matches!(self.peek(0), b'(' | b':'),
        };
        certain.then(|| self.verbatim(start))?
    }

    /// A numbered parameter, or a string between `$tag$` and `$tag$`.
    fn dollar_quoted(&mut self, start: usize) -> Option<()> {
        if !self.take_while(|byte| byte.is_ascii_digit()).is_empty() {
            return (!is_word(self.peek(0))).then(|| self.verbatim(start))?;
        }
        self.take_while(|byte| is_word(byte) && byte != b'$');
        if self.peek(0) != b'$' {
            return None;
        }
        self.at += 1;
        let tag = self.since(start);
        self.at += self.sql.get(self.at..)?.find(tag)? + tag.len();
        self.literal()
    }

    /// `?1` is a parameter in `SQLite`; elsewhere the digits may be a literal after an operator.
    fn placeholder(&mut self) -> Option<()> {
        let start = self.at;
        self.at += 1;
        let numbered = self.peek(0).is_ascii_digit();
        if self.dialect == SqlDialect::Sqlite && numbered {
            self.take_while(|byte| byte.is_ascii_digit());
            return (!is_word(self.peek(0))).then(|| self.verbatim(start))?;
        }
        self.take_while(|byte| byte.is_ascii_digit());
        self.literal()
    }

    /// Decimal, hexadecimal, binary, with a fraction, an exponent, underscores, a suffix.
    fn number(&mut self) -> Option<()> {
        let is_hex = self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X');
        loop {
            let last = self.take_while(|byte| is_word(byte) || byte == b'.');
            let has_sign = matches!(self.peek(0), b'+' | b'-') && self.peek(1).is_ascii_digit();
            if is_hex || !has_sign || !last.ends_with(['e', 'E']) {
                break;
            }
            self.at += 1;
        }
        let quoted = matches!(self.peek(0), b'\'' | b'"' | b'`');
        (!quoted).then(|| self.literal())?
    }

    fn word(&mut self) -> Option<()> {
        let start = self.at;
        let word = self.take_while(is_word);
        if self.peek(0) == b'\'' {
            return self.prefixed(word);
        }
        self.verbatim(start)
    }

    /// A string right after a word, which may say how to read it.
    fn prefixed(&mut self, word: &str) -> Option<()> {
        let is = |known: &[&str]| known.iter().any(|known| word.eq_ignore_ascii_case(known));
        let (is_prefix, backslash) = match self.dialect {
            SqlDialect::Postgres if is(&["e"]) => (true, Backslash::Escape),
            SqlDialect::Postgres => (is(&["b", "n", "x"]), Backslash::Doubtful),
            SqlDialect::Mysql => {
                let introducer = word.starts_with('_');
                (introducer || is(&["b", "n", "x"]), Backslash::Escape)
            }
            SqlDialect::Sqlite => (is(&["x"]), Backslash::Plain),
            SqlDialect::Generic if is(&["b", "e", "n", "x"]) => (true, Backslash::Doubtful),
            SqlDialect::Generic => return None,
        };
        if !is_prefix {
            self.out.token(word);
        }
        self.string(b'\'', backslash)
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "tokens that are never doubtful, among others that may be"
)]
impl Scanner<'_> {
    fn gap(&mut self, len: usize) -> Option<()> {
        self.at += len;
        self.out.gap();
        Some(())
    }

    fn symbol(&mut self, byte: u8) -> Option<()> {
        self.at += 1;
        self.out.symbol(char::from(byte));
        Some(())
    }

    fn verbatim(&mut self, start: usize) -> Option<()> {
        self.out.token(self.since(start));
        Some(())
    }
}

/// Letters, digits and what else belongs to a name or a number.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

/// What means the same inside and outside of quotes.
fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ' | b'.') || !byte.is_ascii()
}
