//! The one place with unsafe code: a lock, a pointer to something leaked, system calls.
//!
//! Position: below the rest of `recorder`, which is safe code on top of it.

pub(crate) mod biased;
pub(crate) mod closing;
pub(crate) mod latest;
pub(crate) mod leaked;
pub(crate) mod platform;
mod sync;
