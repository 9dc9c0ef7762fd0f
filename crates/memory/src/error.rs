//! What can go wrong: the caller's input, or the store.
//!
//! Position: returned by every public call. A server maps [`InputError`] to a 4xx answer and every
//! other [`MemoryError`] to a 5xx one.
//!
//! Invariants: no message carries text of a user; each error has a remedy.

use std::path::PathBuf;

/// A request that cannot be accepted; nothing was stored.
///
/// Sending the same request again fails again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// A text that must say something is missing, empty or only white space.
    #[error("{field} is empty")]
    Empty {
        /// The field of the request.
        field: &'static str,
    },
    /// A learn has no text at all.
    #[error("neither user_message nor ai_response has a text")]
    NoText,
    /// A text contains a NUL character.
    #[error("{field} has a NUL character at byte {offset}")]
    NulByte {
        /// The field of the request.
        field: &'static str,
        /// Where the character is.
        offset: usize,
    },
    /// A text is longer than its limit.
    #[error("{field} has {actual_bytes} bytes, the limit is {limit_bytes}")]
    TooLong {
        /// The field of the request.
        field: &'static str,
        /// The length that was sent.
        actual_bytes: usize,
        /// The length that is allowed.
        limit_bytes: usize,
    },
    /// A number is outside its range.
    #[error("{field} is {actual}, it must be between {min} and {max}")]
    OutOfRange {
        /// The field of the request.
        field: &'static str,
        /// The number that was sent.
        actual: usize,
        /// The smallest number allowed.
        min: usize,
        /// The largest number allowed.
        max: usize,
    },
    /// A query has no letter and no digit, so that there is nothing to look up.
    #[error("{field} has no letter and no digit")]
    NoWord {
        /// The field of the request.
        field: &'static str,
    },
    /// A query has an operator of a full-text search, which a question in plain words has not.
    #[error("{field} has search syntax at byte {offset}: {construct}")]
    SearchSyntax {
        /// The field of the request.
        field: &'static str,
        /// What was found, by its general form.
        construct: &'static str,
        /// Where it is.
        offset: usize,
    },
    /// A time is not an RFC 3339 date and time.
    #[error("{field} is not an RFC 3339 time")]
    NotATime {
        /// The field of the request.
        field: &'static str,
    },
    /// A tenant's name is not 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    #[error("{field} is not 1 to 64 characters of a-z, 0-9, _ and -")]
    NotATenant {
        /// The field of the request.
        field: &'static str,
    },
}

impl InputError {
    /// Says what the caller should do, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Empty { .. } => "send at least one character that is not white space",
            Self::NoText => "send user_message, ai_response or both",
            Self::NulByte { .. } => "remove the NUL characters from the text",
            Self::TooLong { .. } => "shorten the text, or split it into several requests",
            Self::OutOfRange { .. } => "choose a number within the range",
            Self::NoWord { .. } => "ask with at least one word",
            Self::SearchSyntax { .. } => {
                "ask in plain words: no AND, OR or NOT in capitals, no NEAR(, word*, ^word or text:word"
            }
            Self::NotATime { .. } => "write the time like 2026-03-01T09:30:00Z, or leave it out",
            Self::NotATenant { .. } => "choose another tenant name",
        }
    }
}

/// Why a call on the memory service did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// The request cannot be accepted; nothing was stored. Correct the request.
    #[error(transparent)]
    Input(#[from] InputError),
    /// `SQLite` refused an operation, and nothing of it was stored.
    ///
    /// A retry helps when [`MemoryError::is_transient`] says so. Otherwise look at the disk
    /// (space, permissions) and at the tenant's file.
    #[error("storage refused to {operation}: {source}")]
    Storage {
        /// What was being done.
        operation: &'static str,
        /// The answer of `SQLite`.
        #[source]
        source: rusqlite::Error,
    },
    /// A tenant's file was written by a newer version; it was left as it is.
    ///
    /// Run the version that wrote it, or a newer one.
    #[error("the file has schema version {found}, this program knows up to {known}")]
    NewerSchema {
        /// The version found in the file.
        found: i64,
        /// The newest version that this program can read.
        known: i64,
    },
    /// Another process has the data directory open; nothing was changed.
    ///
    /// Stop the other process or choose another directory.
    #[error("another process uses the data directory {}", path.display())]
    DirectoryInUse {
        /// The data directory.
        path: PathBuf,
    },
    /// The data directory cannot be created, opened or locked.
    #[error("the data directory cannot be used: {}", path.display())]
    Directory {
        /// The directory or the file in it.
        path: PathBuf,
        /// The answer of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The key of another node does not open this tenant's memory; nothing was stored.
    ///
    /// Sending the same again fails again, until the node has another key.
    #[error("the key of the peer does not open this memory")]
    NotThePeers,
    /// The operating system gave no random bytes for a new key; no key was created.
    #[error("no random bytes for a new key")]
    Random {
        /// The answer of the operating system.
        #[source]
        source: getrandom::Error,
    },
}

impl MemoryError {
    pub(crate) fn storage(operation: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Storage { operation, source }
    }

    /// Says what the caller or the operator should do, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Input(input) => input.remedy(),
            Self::Storage { .. } if self.is_transient() => "try again in a moment",
            Self::Storage { .. } => "check the space and the permissions of the data directory",
            Self::NewerSchema { .. } => "run the version of this program that wrote the file",
            Self::DirectoryInUse { .. } => "stop the other process, or choose another directory",
            Self::Directory { .. } => "check that the directory exists and can be written",
            Self::NotThePeers => {
                "create a key for this peer and tenant, and give it to the other node"
            }
            Self::Random { .. } => "check the random device of the operating system",
        }
    }

    /// Whether the same call may succeed a moment later: the file was locked by somebody else.
    pub fn is_transient(&self) -> bool {
        let Self::Storage {
            source: rusqlite::Error::SqliteFailure(failure, _),
            ..
        } = self
        else {
            return false;
        };
        matches!(
            failure.code,
            rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked
        )
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::MemoryError;

    fn failure(code: i32) -> MemoryError {
        let source = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
        MemoryError::Storage {
            operation: "write",
            source,
        }
    }

    #[test]
    fn a_locked_file_is_worth_another_try_and_a_full_disk_is_not() {
        let (busy, full) = (failure(ffi::SQLITE_BUSY), failure(ffi::SQLITE_FULL));
        assert!(busy.is_transient() && !full.is_transient());
        assert_ne!(busy.remedy(), full.remedy());
    }
}
