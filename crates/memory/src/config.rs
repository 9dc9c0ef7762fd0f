//! The settings of the memory service, with their defaults.
//!
//! Position: given once to `Memory::open`; nothing here reads the environment.

/// Settings of [`Memory`](crate::Memory).
#[derive(Debug, Clone, Default)]
pub struct MemoryConfig {
    /// How turns are ranked.
    pub recall: RecallConfig,
    /// How much one request may bring and how much may be held open.
    pub limits: Limits,
    /// Whether what is learned is also promised to another node, in the [`Outbox`](crate::Outbox).
    ///
    /// Somebody has to deliver it: without a worker the outbox only grows.
    pub outbox: bool,
}

/// How the signals are weighed into one order of turns.
///
/// The score of a turn is the sum over signals of `weight / (rank_offset + rank)`, divided by the
/// best sum possible. The defaults were chosen on the conversations of the demo.
///
/// Source: Cormack, Clarke and Büttcher, "Reciprocal rank fusion", SIGIR 2009.
#[derive(Debug, Clone, PartialEq)]
pub struct RecallConfig {
    /// Weight of a turn whose own text matches.
    pub fts_weight: f64,
    /// Weight of a turn that matches together with the two turns before it.
    pub window_weight: f64,
    /// Weight of a turn that mentions concepts linked to those of the query.
    pub graph_weight: f64,
    /// Flattens the difference between neighbouring ranks; larger is flatter.
    pub rank_offset: f64,
    /// How many turns each signal may propose.
    pub candidates: usize,
    /// How many links away from the query's concepts the graph is followed.
    pub graph_depth: usize,
    /// How many concepts may be added at each step away from the query.
    pub graph_fanout: usize,
}

impl Default for RecallConfig {
    fn default() -> Self {
        Self {
            fts_weight: 1.0,
            window_weight: 2.0,
            graph_weight: 0.3,
            rank_offset: 5.0,
            candidates: 60,
            graph_depth: 2,
            graph_fanout: 12,
        }
    }
}

/// Upper bounds, so that no request and no number of tenants can exhaust the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest text of a turn.
    pub text_bytes: usize,
    /// Longest metadata of a turn, as JSON.
    pub metadata_bytes: usize,
    /// Longest query.
    pub query_bytes: usize,
    /// Longest session id or speaker.
    pub name_bytes: usize,
    /// Most turns and most concepts that one recall may ask for.
    pub results: usize,
    /// Tenants whose files stay open while nobody uses them; the longest unused is closed first.
    pub open_tenants: usize,
    /// Read connections for each open tenant; further readers wait.
    pub readers_per_tenant: usize,
    /// Memory for answers that may be asked for again.
    pub cache_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            text_bytes: 256 * 1024,
            metadata_bytes: 64 * 1024,
            query_bytes: 16 * 1024,
            name_bytes: 256,
            results: 100,
            open_tenants: 64,
            readers_per_tenant: 4,
            cache_bytes: 64 * 1024 * 1024,
        }
    }
}
