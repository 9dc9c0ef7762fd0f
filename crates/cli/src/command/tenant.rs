//! The name of a tenant on the command line.

use continuum_memory::TenantId;

/// Checks a name, so that a wrong one is an error of usage.
pub(super) fn tenant(name: &str) -> Result<TenantId, String> {
    TenantId::new(name).map_err(|error| error.to_string())
}
