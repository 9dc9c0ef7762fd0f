//! The scanner of SQL: no text makes it panic, and what it returns it leaves alone the second time, or
//! drops, because a `?` in brackets may be read in two ways.

#![no_main]

use continuum_observability::layers::database::{SqlDialect, scrub_sql};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [SqlDialect; 4] = [
    SqlDialect::Sqlite,
    SqlDialect::Postgres,
    SqlDialect::Mysql,
    SqlDialect::Generic,
];

fuzz_target!(|sql: &str| {
    for dialect in DIALECTS {
        if let Some(scrubbed) = scrub_sql(sql, dialect) {
            let again = scrub_sql(&scrubbed, dialect);
            assert!(again.is_none_or(|again| again == scrubbed));
        }
    }
});
