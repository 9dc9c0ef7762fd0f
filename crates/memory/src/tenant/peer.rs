//! The keys of other nodes: whose memories another node may write to.
//!
//! Position: beside [`ApiKeys`], in the same file; `Memory::receive` asks a [`PeerKey`] for the scope.
//!
//! Invariant: a peer's key opens no route of a tenant, and a tenant's key is not a peer's.

use std::collections::BTreeSet;

use super::key::{ApiKeys, hash, new_key, verify_key};
use super::{TenantId, TenantScope};
use crate::error::MemoryError;

const PREFIX: &str = "cp_";

/// What the key of another node opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerKey {
    name: String,
    /// `None` means every tenant.
    tenants: Option<BTreeSet<TenantId>>,
}

impl PeerKey {
    /// The name that the node was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The scope of the tenant of that name, if the key opens it.
    pub(crate) fn scope(&self, tenant: &str) -> Result<TenantScope, MemoryError> {
        let tenant = TenantId::new(tenant)?;
        match &self.tenants {
            Some(tenants) if !tenants.contains(&tenant) => Err(MemoryError::NotThePeers),
            _ => Ok(TenantScope::new(tenant)),
        }
    }
}

const PEER_OF_KEY: &str = "SELECT peer, tenants FROM peer_keys WHERE hash = ?1";

impl ApiKeys {
    /// Creates a key for another node and returns it: the only time that it can be seen.
    ///
    /// - `name`: of the node, like the name of a tenant;
    /// - `tenants`: whose memories it may write to; none means all, those to come included.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Random`] or [`MemoryError::Storage`]; no key was created.
    pub fn create_peer_key(&self, name: &str, tenants: &[TenantId]) -> Result<String, MemoryError> {
        let key = new_key(PREFIX)?;
        let names: Vec<_> = tenants.iter().map(TenantId::as_str).collect();
        let tenants = (!names.is_empty()).then(|| serde_json::json!(names).to_string());
        self.connection()
            .execute(
                "INSERT INTO peer_keys (hash, peer, tenants) VALUES (?1, ?2, ?3)",
                (hash(&key).as_slice(), name, tenants),
            )
            .map_err(MemoryError::storage("store a key"))?;
        Ok(key)
    }

    /// Finds the node that a key belongs to; `None` for an unknown key.
    ///
    /// # Errors
    ///
    /// [`MemoryError::Storage`] when the keys cannot be read.
    pub fn peer_of(&self, key: &str) -> Result<Option<PeerKey>, MemoryError> {
        verify_key(|_| {
            self.look_up("peer_keys", PEER_OF_KEY, key, |row| {
                let tenants: Option<String> = row.get(1)?;
                Ok(PeerKey {
                    name: row.get(0)?,
                    tenants: tenants.as_deref().map(read_tenants),
                })
            })
        })
    }
}

/// A stored list of tenants; a list that a hand has damaged opens nothing.
fn read_tenants(json: &str) -> BTreeSet<TenantId> {
    let names: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    names
        .into_iter()
        .filter_map(|name| TenantId::new(name).ok())
        .collect()
}
