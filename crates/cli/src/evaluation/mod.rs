//! Figures: how well questions are answered, and how long things take.
//!
//! Position: used by the demo on what the service answered and on the spans it left.

mod latency;
mod ranking;

pub use latency::Latency;
pub use ranking::{Quality, QualitySum, recall_at, reciprocal_rank};
