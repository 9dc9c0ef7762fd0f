//! What a thread remembers of statements that it has scrubbed, since most come again and again.
//!
//! Position: between the span of a query and `scrub_sql`.
//!
//! Invariants:
//! - a statement is known only if every byte of it is the same, and the dialect;
//! - bounded: [`PLACES`] statements of at most [`MAX_BYTES`], each giving way to the next one in its place.

use super::{SqlDialect, scrub_sql};
use std::cell::RefCell;

/// Statements that a thread remembers.
const PLACES: usize = 32;
/// A longer statement is scrubbed each time.
const MAX_BYTES: usize = 1 << 10;

/// A statement, and what may be recorded of it: nothing where the text is empty.
#[derive(Debug)]
struct Known {
    sql: String,
    dialect: SqlDialect,
    text: String,
}

thread_local! {
    static KNOWN: RefCell<[Option<Known>; PLACES]> = const { RefCell::new([const { None }; PLACES]) };
}

/// Calls `show` with the scrubbed statement, unless that is nothing.
pub(in crate::layers::database) fn with_scrubbed(
    sql: &str,
    dialect: SqlDialect,
    show: impl FnOnce(&str),
) {
    let mut show = Some(show);
    let mut shown = |text: &str| {
        if let Some(show) = show.take()
            && !text.is_empty()
        {
            show(text);
        }
    };
    let remembered = sql.len() <= MAX_BYTES
        && KNOWN.try_with(|known| match known.try_borrow_mut() {
            Ok(mut known) => {
                shown(look_up(&mut known[place(sql.as_bytes())], sql, dialect));
                true
            }
            Err(_) => false,
        }) == Ok(true);
    if !remembered {
        shown(&scrub_sql(sql, dialect).unwrap_or_default());
    }
}

/// The text of a statement, which is in its place from now on.
#[inline]
fn look_up<'k>(place: &'k mut Option<Known>, sql: &str, dialect: SqlDialect) -> &'k str {
    let is_same = |known: &mut Known| known.dialect == dialect && known.sql == sql;
    if !place.as_mut().is_some_and(is_same) {
        *place = None;
    }
    &place.get_or_insert_with(|| scrubbed(sql, dialect)).text
}

#[cold]
fn scrubbed(sql: &str, dialect: SqlDialect) -> Known {
    Known {
        sql: sql.to_owned(),
        dialect,
        text: scrub_sql(sql, dialect).unwrap_or_default(),
    }
}

/// The place of a statement: statements often begin alike, and differ in length or at their end.
#[inline]
fn place(sql: &[u8]) -> usize {
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = sql.len() as u64;
    let (words, rest) = sql.as_chunks();
    for word in words {
        hash = (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(MIX);
    }
    for byte in rest {
        hash = (hash.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(MIX);
    }
    let [.., last] = hash.to_le_bytes();
    usize::from(last) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn remembered(sql: &str, dialect: SqlDialect) -> Option<String> {
        let mut text = None;
        with_scrubbed(sql, dialect, |shown| text = Some(shown.to_owned()));
        text
    }

    #[test]
    fn the_dialect_is_part_of_what_is_known() {
        let sql = "SELECT \"a\" || 'b\\'";
        for _ in 0..2 {
            assert_eq!(remembered(sql, SqlDialect::Postgres), None);
            assert_eq!(
                remembered(sql, SqlDialect::Sqlite).as_deref(),
                Some("SELECT ? || ?")
            );
        }
    }

    #[test]
    fn a_statement_inside_of_another_is_scrubbed_all_the_same() {
        let mut inner = None;
        with_scrubbed("SELECT 1", SqlDialect::Generic, |_| {
            inner = remembered("SELECT 2", SqlDialect::Generic);
        });
        assert_eq!(inner.as_deref(), Some("SELECT ?"));
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_scrubbing_gives(
            statements in prop::collection::vec("(SELECT [a-c] FROM t WHERE x = ('[a-c]{0,2}'|[0-9]|\\?)){0,40}", 1..60),
        ) {
            for sql in statements.iter().chain(&statements) {
                let scrubbed = scrub_sql(sql, SqlDialect::Generic).filter(|text| !text.is_empty());
                prop_assert_eq!(remembered(sql, SqlDialect::Generic), scrubbed);
            }
        }
    }
}
