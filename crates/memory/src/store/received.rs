//! The statements about what other nodes have told.
//!
//! Position: `sync` asks them before it stores the turns of an entry, in the same transaction.

use super::write::Writer;
use crate::error::MemoryError;
use crate::request::SyncEntry;

/// What is known of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// It is here for the first time, and has just been noted.
    New,
    /// It was here before, with the same content.
    Known,
    /// Another entry was here before under its id.
    Different,
}

impl Writer<'_> {
    /// Notes an entry unless there is one with its id.
    pub(crate) fn note_entry(
        &self,
        entry: &SyncEntry,
        content_hash: &[u8; 32],
    ) -> Result<Receipt, MemoryError> {
        let known = self.reader().select(
            "received",
            "SELECT content_hash = ?3 FROM received WHERE origin = ?1 AND entry_id = ?2",
            (&entry.origin, entry.entry_id, content_hash.as_slice()),
            |row| row.get(0),
        )?;
        match known.first() {
            Some(true) => return Ok(Receipt::Known),
            Some(false) => return Ok(Receipt::Different),
            None => {}
        }
        self.change(
            "INSERT",
            "received",
            "INSERT INTO received (origin, entry_id, content_hash) VALUES (?1, ?2, ?3)",
            [(&entry.origin, entry.entry_id, content_hash.as_slice())],
            |statement, row| statement.execute(row),
        )?;
        Ok(Receipt::New)
    }
}
