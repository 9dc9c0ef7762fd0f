//! The permission to touch one tenant's data.
//!
//! Position: made by `Memory::tenant` and by `PeerKey::scope` alone; every method of the store asks for one. A query that
//! forgets whose data it reads does not compile.

use super::TenantId;

/// Proof that the caller acts for this tenant.
#[derive(Debug, Clone)]
pub(crate) struct TenantScope(TenantId);

impl TenantScope {
    pub(crate) fn new(tenant: TenantId) -> Self {
        Self(tenant)
    }

    pub(crate) fn tenant(&self) -> &TenantId {
        &self.0
    }
}
