//! The statements about what another node is to be told.
//!
//! Position: `learn` adds a job in its own transaction; the worker claims, finishes, postpones and buries
//! jobs through [`Outbox`](crate::Outbox).
//!
//! Invariants:
//! - a job that is claimed comes back by itself when its lease ends, should the program die meanwhile;
//! - a dead job is never claimed; it stays until somebody revives it.

use std::time::Duration;

use continuum_observability::Carrier;
use rusqlite::Row;

use super::search::{Reader, TurnId, json_list, sql_count};
use super::write::Writer;
use crate::error::MemoryError;
use crate::outbox::{DeadLetter, Job};

/// Longer than a delivery takes with all its attempts.
const LEASE: Duration = Duration::from_mins(10);

/// The present time of the file, in milliseconds since 1970.
macro_rules! now_millis {
    () => {
        "CAST(unixepoch('subsec') * 1000 AS INTEGER)"
    };
}

/// The id of a job, never used twice in a file.
type JobId = i64;

impl Writer<'_> {
    /// Promises to tell another node about turns.
    pub(crate) fn insert_job(
        &self,
        turns: &[TurnId],
        carrier: &Carrier,
    ) -> Result<JobId, MemoryError> {
        let inserted = self.change(
            "INSERT",
            "outbox",
            concat!(
                "INSERT INTO outbox (turn_ids, carrier, due_at_millis) VALUES (?1, ?2, ",
                now_millis!(),
                ")"
            ),
            [(json_list(turns), serde_json::json!(carrier).to_string())],
            |statement, row| statement.insert(row),
        )?;
        Ok(inserted.first().copied().unwrap_or_default())
    }

    /// Takes jobs that are due, oldest first; each counts one attempt more.
    pub(crate) fn claim_jobs(&self, limit: usize) -> Result<Vec<Job>, MemoryError> {
        let claimed = self.change(
            "UPDATE",
            "outbox",
            concat!(
                "UPDATE outbox SET attempts = attempts + 1, due_at_millis = ?2 + ",
                now_millis!(),
                " WHERE id IN (SELECT id FROM outbox WHERE is_dead = 0 AND due_at_millis <= ",
                now_millis!(),
                " ORDER BY due_at_millis, id LIMIT ?1)
                 RETURNING id, attempts, carrier, turn_ids"
            ),
            [(sql_count(limit), sql_millis(LEASE))],
            |statement, row| statement.query_map(row, job)?.collect(),
        )?;
        let mut jobs: Vec<Job> = claimed
            .into_iter()
            .flat_map(|jobs: Vec<Job>| jobs)
            .collect();
        jobs.sort_by_key(|job| job.id);
        Ok(jobs)
    }

    /// Forgets a job that is done.
    pub(crate) fn delete_job(&self, job: JobId) -> Result<(), MemoryError> {
        self.change(
            "DELETE",
            "outbox",
            "DELETE FROM outbox WHERE id = ?1",
            [job],
            |statement, job| statement.execute([job]),
        )?;
        Ok(())
    }

    /// Puts a job off, with the reason.
    pub(crate) fn postpone_job(
        &self,
        job: JobId,
        delay: Duration,
        error: &str,
    ) -> Result<(), MemoryError> {
        self.change(
            "UPDATE",
            "outbox",
            concat!(
                "UPDATE outbox SET last_error = ?3, due_at_millis = ?2 + ",
                now_millis!(),
                " WHERE id = ?1"
            ),
            [(job, sql_millis(delay), error)],
            |statement, row| statement.execute(row),
        )?;
        Ok(())
    }

    /// Gives a job back as if it had not been claimed.
    pub(crate) fn release_job(&self, job: JobId) -> Result<(), MemoryError> {
        self.change(
            "UPDATE",
            "outbox",
            "UPDATE outbox SET attempts = attempts - 1, due_at_millis = 0 WHERE id = ?1",
            [job],
            |statement, job| statement.execute([job]),
        )?;
        Ok(())
    }

    /// Gives a job up, and keeps it with the reason.
    pub(crate) fn bury_job(&self, job: JobId, error: &str) -> Result<(), MemoryError> {
        self.change(
            "UPDATE",
            "outbox",
            "UPDATE outbox SET is_dead = 1, last_error = ?2 WHERE id = ?1",
            [(job, error)],
            |statement, row| statement.execute(row),
        )?;
        Ok(())
    }

    /// Makes every dead job due, as one that was tried once, and counts them.
    pub(crate) fn revive_jobs(&self) -> Result<usize, MemoryError> {
        let revived = self.change(
            "UPDATE",
            "outbox",
            "UPDATE outbox SET is_dead = 0, attempts = 1, due_at_millis = 0 WHERE is_dead = 1",
            [()],
            |statement, ()| statement.execute([]),
        )?;
        Ok(revived.into_iter().sum())
    }

    /// Makes every job that was put off or under way due at once.
    pub(crate) fn hasten_jobs(&self) -> Result<(), MemoryError> {
        self.change(
            "UPDATE",
            "outbox",
            "UPDATE outbox SET due_at_millis = 0 WHERE is_dead = 0 AND attempts > 0",
            [()],
            |statement, ()| statement.execute([]),
        )?;
        Ok(())
    }
}

impl Reader<'_> {
    /// How many jobs are waiting, and in how many milliseconds the next one is due.
    pub(crate) fn waiting_jobs(&self) -> Result<(i64, Option<i64>), MemoryError> {
        let waiting = self.select(
            "outbox",
            concat!(
                "SELECT count(*), max(0, min(due_at_millis) - ",
                now_millis!(),
                ") FROM outbox WHERE is_dead = 0"
            ),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(waiting.into_iter().next().unwrap_or_default())
    }

    /// The jobs that were given up, the latest first.
    pub(crate) fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, MemoryError> {
        self.select(
            "outbox",
            "SELECT id, attempts, coalesce(last_error, ''), carrier FROM outbox
             WHERE is_dead = 1 ORDER BY id DESC LIMIT ?1",
            [sql_count(limit)],
            |row| {
                Ok(DeadLetter {
                    entry_id: row.get(0)?,
                    attempts: row.get(1)?,
                    last_error: row.get(2)?,
                    carrier: json(row, 3)?,
                })
            },
        )
    }
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: row.get(0)?,
        attempts: row.get(1)?,
        carrier: json(row, 2)?,
        turn_ids: json(row, 3)?,
    })
}

/// A column of JSON; what a hand has damaged reads as empty, so that it cannot stop the others.
fn json<T: serde::de::DeserializeOwned + Default>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

fn sql_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 2)
}
