//! The tenants that metrics tell apart.
//!
//! Position: asked for each measurement, where tenants are labels.
//!
//! Invariant: there are never more than were asked for; the others are [`OTHER`].

use super::series::OTHER;
use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// The first tenants that were seen.
#[derive(Debug)]
pub(super) struct Tenants {
    most: usize,
    known: RwLock<HashSet<Box<str>>>,
}

impl Tenants {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            known: RwLock::default(),
        }
    }

    /// The label of a tenant, empty for none.
    pub(super) fn name<'a>(&self, tenant: &'a str) -> &'a str {
        if tenant.is_empty() || self.is_known(tenant) || self.learn(tenant) {
            tenant
        } else {
            OTHER
        }
    }

    fn is_known(&self, tenant: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.contains(tenant)
    }

    #[cold]
    fn learn(&self, tenant: &str) -> bool {
        // Mostly all places are taken, and nobody has to wait for that.
        let is_full = |known: &HashSet<_>| known.len() >= self.most;
        if is_full(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return false;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.contains(tenant) || (!is_full(&known) && known.insert(tenant.into()))
    }
}
