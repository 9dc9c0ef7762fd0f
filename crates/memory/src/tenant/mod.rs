//! Whose memory it is: tenant names, the scope that the store demands, and API keys.
//!
//! Position: first in the flow. A server turns a key into a [`TenantId`] with [`ApiKeys`], and
//! `Memory::tenant` turns that into a handle which holds the scope.

mod id;
mod key;
mod scope;

pub use id::TenantId;
pub use key::ApiKeys;
pub(crate) use scope::TenantScope;
