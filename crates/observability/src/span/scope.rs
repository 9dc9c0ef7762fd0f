//! The instrumentation scopes of the process, each known by a number.
//!
//! Position: named by tracers, encoded once per request by the export side.
//!
//! Invariant: at most [`MAX_SCOPES`] are kept, since names may come from data; later ones share the
//! last number.

use super::encode::put_message;
use std::{
    collections::HashMap,
    sync::{LazyLock, PoisonError, RwLock},
};

const MAX_SCOPES: u32 = 4096;

type Scopes = (HashMap<(String, String), u32>, Vec<Vec<u8>>);

static SCOPES: LazyLock<RwLock<Scopes>> = LazyLock::new(RwLock::default);

/// The scopes by number.
#[derive(Debug)]
pub(crate) struct InstrumentationScope;

impl InstrumentationScope {
    /// The number of a scope.
    pub(crate) fn intern(name: &str, version: &str) -> u32 {
        let key = (name.to_owned(), version.to_owned());
        let known = SCOPES.read().unwrap_or_else(PoisonError::into_inner).0.get(&key).copied();
        known.unwrap_or_else(|| Self::add(key))
    }

    fn add(key: (String, String)) -> u32 {
        let mut scopes = SCOPES.write().unwrap_or_else(PoisonError::into_inner);
        let (numbers, encoded) = &mut *scopes;
        if encoded.len() >= MAX_SCOPES as usize {
            return MAX_SCOPES - 1;
        }
        *numbers.entry(key).or_insert_with_key(|(name, version)| {
            let mut bytes = Vec::new();
            put_message(&mut bytes, 1, name.as_bytes());
            if !version.is_empty() {
                put_message(&mut bytes, 2, version.as_bytes());
            }
            encoded.push(bytes);
            u32::try_from(encoded.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The OTLP `InstrumentationScope` message of a number.
    pub(crate) fn encoded(number: u32) -> Vec<u8> {
        let scopes = SCOPES.read().unwrap_or_else(PoisonError::into_inner);
        scopes.1.get(number as usize).cloned().unwrap_or_default()
    }
}
