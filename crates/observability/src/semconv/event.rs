//! The names of events, and of their attributes where those occur nowhere else.
//!
//! Source: the tracing guide; OpenTelemetry semantic conventions for `exception`.

use super::names;

names! {
    /// An error or a panic.
    EXCEPTION = "exception";
    /// A future was dropped before it was done.
    CANCELLED = "cancelled";
    /// The cache had the entry.
    CACHE_HIT = "cache.hit";
    /// The cache did not have the entry.
    CACHE_MISS = "cache.miss";
    /// A query took longer than the threshold.
    SLOW_QUERY = "slow_query";
    /// A conflict between two peers was resolved.
    CONFLICT_RESOLVED = "conflict_resolved";
    /// A peer came or went.
    PEER_CONNECTION_CHANGED = "peer_connection_changed";
}
