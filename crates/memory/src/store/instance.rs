//! The name of a data directory among those of other nodes.
//!
//! Position: read once by [`Store`](super::Store), under the lock of the directory.
//!
//! Invariant: drawn once and then kept; a copy of the directory has the same name, and what it
//! tells others under ids that are taken shows there as a conflict.

use std::fs;
use std::io;
use std::path::Path;

use crate::error::MemoryError;
use crate::tenant::random_hex;

const RANDOM_BYTES: usize = 8;

/// The name in the file `instance`, which is made where it is missing.
pub(super) fn instance_id(directory: &Path) -> Result<String, MemoryError> {
    let path = directory.join("instance");
    let failed = |source| MemoryError::Directory {
        path: path.clone(),
        source,
    };
    match fs::read_to_string(&path) {
        Ok(known) => return Ok(known.trim_end().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let drawn = random_hex::<RANDOM_BYTES>()?;
    // Renamed when complete, so that a crash leaves no half of a name.
    let draft = directory.join("instance.new");
    fs::write(&draft, &drawn).map_err(failed)?;
    fs::rename(&draft, &path).map_err(failed)?;
    Ok(drawn)
}
