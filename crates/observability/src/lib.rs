//! Distributed tracing for AI-memory systems.

mod context;
mod diagnostics;
mod export;
mod propagation;
mod recorder;
mod sampling;
mod span;
pub mod testing;

pub use context::*;
pub use export::*;
pub use recorder::Stats;
pub use sampling::*;
pub use span::*;
