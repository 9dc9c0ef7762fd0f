//! Distributed tracing for AI-memory systems.
