//! The name of a tenant, which is also the name of its file.
//!
//! Invariants: 1 to 64 characters of `a-z`, `0-9`, `_` and `-`, so that no name can leave the data
//! directory and no two names can mean the same file.

use std::fmt;

use crate::error::InputError;

const MAX_BYTES: usize = 64;

/// The validated name of a tenant.
///
/// # Examples
///
/// ```
/// use continuum_memory::TenantId;
///
/// assert_eq!(TenantId::new("acme-2")?.as_str(), "acme-2");
/// assert!(TenantId::new("../acme").is_err());
/// # Ok::<(), continuum_memory::InputError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(String);

impl TenantId {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`InputError::NotATenant`] when the name is not 1 to 64 of `a-z`, `0-9`, `_` and `-`.
    pub fn new(name: impl Into<String>) -> Result<Self, InputError> {
        let name = name.into();
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
        if (1..=MAX_BYTES).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err(InputError::NotATenant { field: "tenant" })
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
