//! SQL text without its literals, comments and layout.
//!
//! Position: between the statement that a program runs and the attribute `db.query.text`.
//!
//! Invariants:
//! - a byte of a literal never comes out: where the dialect leaves open what is a literal, or the text
//!   is cut short, nothing comes out at all;
//! - what comes out is itself free of literals: scrubbing it again changes nothing;
//! - one pass over at most [`MAX_INPUT_BYTES`], at most [`MAX_OUTPUT_BYTES`] of whole tokens come out.
//!
//! Source: the lexical rules of `SQLite` ("SQL As Understood By `SQLite`"), `PostgreSQL` 17 (section 4.1)
//! and `MySQL` 8.4 (chapter 11), the two latter with their default settings.

mod memory;
mod output;
mod scanner;
#[cfg(test)]
mod tests;

pub(super) use memory::with_scrubbed;

use scanner::Scanner;

/// A longer statement is not looked at.
const MAX_INPUT_BYTES: usize = 64 << 10;
/// Of a statement that is longer without its literals, only the first tokens are kept.
const MAX_OUTPUT_BYTES: usize = 4 << 10;

/// The family of rules by which a statement is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SqlDialect {
    /// `SQLite`.
    Sqlite,
    /// `PostgreSQL`.
    Postgres,
    /// `MySQL` and `MariaDB`.
    Mysql,
    /// Any other: a statement that the databases would read differently is dropped.
    #[default]
    Generic,
}

impl SqlDialect {
    /// The dialect of a database, named as the semantic conventions name it.
    pub fn of_system(system: &str) -> Self {
        match system {
            "sqlite" => Self::Sqlite,
            "postgresql" => Self::Postgres,
            "mysql" | "mariadb" => Self::Mysql,
            _ => Self::Generic,
        }
    }
}

/// Replaces every literal of a statement by `?`, and drops comments and layout.
///
/// Names stay, also those in quotes; a list of literals after `IN` becomes one `?`. `None` when it is
/// not certain what is a literal: a string or comment without an end, quotes that databases read
/// differently, a NUL, a statement beyond 64 KiB. In `SQLite`, where a name in double quotes that does
/// not exist is a string, and in `MySQL`, double quotes count as a literal.
///
/// ```
/// use continuum_observability::layers::database::{SqlDialect, scrub_sql};
///
/// let sql = "SELECT name FROM users -- who?\n WHERE email = 'ann@example.org' AND age IN (31, 32)";
/// assert_eq!(
///     scrub_sql(sql, SqlDialect::Sqlite).as_deref(),
///     Some("SELECT name FROM users WHERE email = ? AND age IN (?)")
/// );
/// assert_eq!(scrub_sql("SELECT 'cut sho", SqlDialect::Sqlite), None);
/// ```
pub fn scrub_sql(sql: &str, dialect: SqlDialect) -> Option<String> {
    let odd = |c: char| c == '\0' || (!c.is_ascii() && (c.is_whitespace() || c.is_control()));
    let is_odd = || {
        if sql.is_ascii() {
            sql.as_bytes().contains(&0)
        } else {
            sql.contains(odd)
        }
    };
    if sql.len() > MAX_INPUT_BYTES || is_odd() {
        return None;
    }
    Scanner::new(sql, dialect).scrubbed()
}
