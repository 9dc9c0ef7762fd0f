//! Spans between instances that share memories: synchronisation, messages, consensus.

use super::{
    messaging,
    report::{self, Level, Occasion, Whose},
    span::{LayerSpan, layer_span, lower_case_name},
};
use crate::{
    context::get_current_span,
    semconv::{attribute, event},
    span::{SpanKind, SpanRef},
};

layer_span! {
    /// A synchronisation; made by [`trace_sync_operation`].
    SyncOperation {
        /// The instance on the other side.
        peer_instance_id: &'a str => attribute::FEDERATION_PEER_INSTANCE_ID,
    }
}

layer_span! {
    /// A message to a peer; made by [`trace_peer_communication`].
    PeerCommunication {}
}

layer_span! {
    /// A step of a consensus; made by [`trace_consensus_operation`].
    ConsensusOperation {}
}

/// A `federation.sync.<type>` span, in lower case, around a synchronisation such as `push`.
///
/// ```
/// use continuum_observability::{layers::federation::*, testing::TestRecorder};
///
/// let recorder = TestRecorder::new();
/// recorder.run(|| {
///     trace_sync_operation("push").peer_instance_id("node-2").in_scope(|span| {
///         record_conflict_resolution("concurrent_edit", "last_writer_wins");
///         span.sync_stats(SyncStats {
///             entities_synced: 12,
///             conflicts_resolved: 1,
///             bytes_transferred: 4_096,
///         });
///     });
/// });
/// assert_eq!(
///     recorder.tree(),
///     "federation.sync.push [client] federation.operation=push \
///      federation.peer.instance_id=node-2 sync.entities_count=12 sync.conflicts_count=1 \
///      sync.bytes_transferred=4096\n  \
///      · conflict_resolved conflict_type=concurrent_edit resolution_strategy=last_writer_wins\n"
/// );
/// ```
pub fn trace_sync_operation(operation_type: &str) -> SyncOperation<'_> {
    let name = lower_case_name("federation.sync.", operation_type);
    SyncOperation(
        LayerSpan::new(name, SpanKind::Client)
            .with(attribute::FEDERATION_OPERATION, operation_type),
    )
}

/// A `federation.message.<type>` span, in lower case, around the sending of a message to a peer.
///
/// ```
/// # use continuum_observability::{layers::federation::*, testing::TestRecorder};
/// # let recorder = TestRecorder::new();
/// # recorder.run(|| {
/// trace_peer_communication("node-2", "heartbeat").in_scope(|_| { /* send it */ });
/// # });
/// # assert_eq!(recorder.tree(), "federation.message.heartbeat [producer] \
/// # messaging.system=continuum messaging.operation.name=publish messaging.operation.type=send \
/// # messaging.destination.name=node-2 messaging.message_type=heartbeat \
/// # federation.peer.instance_id=node-2\n");
/// ```
pub fn trace_peer_communication<'a>(
    peer_id: &'a str,
    message_type: &'a str,
) -> PeerCommunication<'a> {
    let name = lower_case_name("federation.message.", message_type);
    let span =
        LayerSpan::new(name, SpanKind::Producer).with(attribute::MESSAGING_SYSTEM, "continuum");
    PeerCommunication(
        messaging::send(span, peer_id)
            .with(attribute::MESSAGING_MESSAGE_TYPE, message_type)
            .with(attribute::FEDERATION_PEER_INSTANCE_ID, peer_id),
    )
}

/// A `federation.consensus.<operation>` span, in lower case, around a step such as `vote`.
pub fn trace_consensus_operation(
    operation: &str,
    participant_count: usize,
) -> ConsensusOperation<'_> {
    let name = lower_case_name("federation.consensus.", operation);
    ConsensusOperation(
        LayerSpan::new(name, SpanKind::Internal)
            .with(attribute::CONSENSUS_OPERATION, operation)
            .with(attribute::CONSENSUS_PARTICIPANT_COUNT, participant_count),
    )
}

/// What a synchronisation did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncStats {
    /// Entities that were sent or received.
    pub entities_synced: usize,
    /// Conflicts that were resolved.
    pub conflicts_resolved: usize,
    /// Bytes that were transferred.
    pub bytes_transferred: u64,
}

/// Records on the current span that two peers disagreed, and how it was settled, and counts it.
pub fn record_conflict_resolution(conflict_type: &str, resolution_strategy: &str) {
    let attributes = [
        ("conflict_type", conflict_type.into()),
        ("resolution_strategy", resolution_strategy.into()),
    ];
    let span = get_current_span();
    span.add_event(event::CONFLICT_RESOLVED, &attributes);
    report::count(Occasion::Conflict, Whose::Span(&span));
}

/// Records on the current span that a peer came or went, and counts it.
pub fn record_peer_connection(peer_id: &str, connected: bool) {
    let attributes = [("peer_id", peer_id.into()), ("connected", connected.into())];
    let span = get_current_span();
    span.add_event(event::PEER_CONNECTION_CHANGED, &attributes);
    let occasion = if connected {
        Occasion::PeerConnected
    } else {
        Occasion::PeerDisconnected
    };
    report::count(occasion, Whose::Span(&span));
}

/// Tells the [metrics](crate::SpanMetrics), where there are any, how many peers are connected.
///
/// The number of one tenant's is shown where tenants are told apart.
///
/// ```
/// use continuum_observability::layers::federation::update_peer_count;
///
/// update_peer_count(3, None);
/// ```
pub fn update_peer_count(count: usize, tenant_id: Option<&str>) {
    report::set(&[(Level::ActivePeers, count as f64)], tenant_id);
}

/// Records on the current span what a synchronisation did.
pub fn enrich_span_with_sync_stats(
    entities_synced: usize,
    conflicts_resolved: usize,
    bytes_transferred: u64,
) {
    get_current_span().sync_stats(SyncStats {
        entities_synced,
        conflicts_resolved,
        bytes_transferred,
    });
}

impl SpanRef {
    /// Records what a synchronisation did.
    pub fn sync_stats(&self, stats: SyncStats) {
        self.set_attribute(attribute::SYNC_ENTITIES_COUNT, stats.entities_synced);
        self.set_attribute(attribute::SYNC_CONFLICTS_COUNT, stats.conflicts_resolved);
        self.set_attribute(attribute::SYNC_BYTES_TRANSFERRED, stats.bytes_transferred);
    }
}
