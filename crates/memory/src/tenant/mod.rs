//! Whose memory it is: tenant names, the scope that the store demands, and API keys.
//!
//! Position: first in the flow. A server turns a key into a [`TenantId`] with [`ApiKeys`], and
//! `Memory::tenant` turns that into a handle which holds the scope. The key of another node is a
//! [`PeerKey`], and `Memory::receive` asks it for the scope.

mod id;
mod key;
mod peer;
mod scope;

pub use id::TenantId;
pub use key::ApiKeys;
pub(crate) use key::random_hex;
pub use peer::PeerKey;
pub(crate) use scope::TenantScope;
