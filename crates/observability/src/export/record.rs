//! A finished span as plain fields, for exporters and tests that need more than bytes.
//!
//! Position: made by [`decode_request`](super::decode_request), read by the console, the file
//! exporter and tests. Enumerations are the numbers of the protocol, so that values of a later
//! release survive.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, `common.proto`, `resource.proto`.

use std::sync::Arc;

const HAS_IS_REMOTE_MASK: u32 = 0x100;
const IS_REMOTE_MASK: u32 = 0x200;
const STATUS_ERROR: i32 = 2;

/// One finished span with what it belongs to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanRecord {
    /// The entity that produced the span; shared by the spans of a request.
    pub resource: Arc<ResourceRecord>,
    /// The instrumentation scope; shared by its spans.
    pub scope: Arc<ScopeRecord>,
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// The parent, local or remote; `None` for the root of the trace.
    pub parent_span_id: Option<[u8; 8]>,
    /// W3C `tracestate`, empty where there is none.
    pub trace_state: String,
    /// Trace flags in the low 8 bits, above them whether the parent is known to be remote.
    pub flags: u32,
    /// The name.
    pub name: String,
    /// 1 internal, 2 server, 3 client, 4 producer, 5 consumer; 0 where it was not given.
    pub kind: i32,
    /// Start in nanoseconds since the Unix epoch.
    pub start_unix_nanos: u64,
    /// End in nanoseconds since the Unix epoch.
    pub end_unix_nanos: u64,
    /// Attributes in the order they were set.
    pub attributes: Vec<(String, AnyValue)>,
    /// Attributes discarded because of limits.
    pub dropped_attributes_count: u32,
    /// Events in the order they were added.
    pub events: Vec<EventRecord>,
    /// Events discarded because of limits.
    pub dropped_events_count: u32,
    /// Links in the order they were added.
    pub links: Vec<LinkRecord>,
    /// Links discarded because of limits.
    pub dropped_links_count: u32,
    /// 0 unset, 1 ok, 2 error.
    pub status_code: i32,
    /// Describes an error, empty otherwise.
    pub status_message: String,
}

impl SpanRecord {
    /// Whether the span is the first of its trace in this process: no parent, or a remote one.
    pub fn is_local_root(&self) -> bool {
        let remote = HAS_IS_REMOTE_MASK | IS_REMOTE_MASK;
        self.parent_span_id.is_none() || self.flags & remote == remote
    }

    /// Whether the status is *error*.
    pub fn is_error(&self) -> bool {
        self.status_code == STATUS_ERROR
    }

    /// The value of an attribute; the last one where a key occurs twice.
    pub fn attribute(&self, key: &str) -> Option<&AnyValue> {
        find(&self.attributes, key)
    }

    /// Nanoseconds between start and end; zero where the end lies before the start.
    pub fn duration_nanos(&self) -> u64 {
        self.end_unix_nanos.saturating_sub(self.start_unix_nanos)
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventRecord {
    /// When, in nanoseconds since the Unix epoch.
    pub time_unix_nanos: u64,
    /// The name, such as `exception`.
    pub name: String,
    /// Attributes in the order they were given.
    pub attributes: Vec<(String, AnyValue)>,
    /// Attributes discarded because of limits.
    pub dropped_attributes_count: u32,
}

impl EventRecord {
    /// The value of an attribute; the last one where a key occurs twice.
    pub fn attribute(&self, key: &str) -> Option<&AnyValue> {
        find(&self.attributes, key)
    }
}

/// A reference to another span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LinkRecord {
    /// The trace of the other span.
    pub trace_id: [u8; 16],
    /// The other span.
    pub span_id: [u8; 8],
    /// W3C `tracestate` of the other span.
    pub trace_state: String,
    /// Flags, as in [`SpanRecord::flags`].
    pub flags: u32,
    /// Attributes in the order they were given.
    pub attributes: Vec<(String, AnyValue)>,
    /// Attributes discarded because of limits.
    pub dropped_attributes_count: u32,
}

/// The entity that produced spans: a service, its host, its process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResourceRecord {
    /// Attributes such as `service.name`.
    pub attributes: Vec<(String, AnyValue)>,
    /// Attributes discarded because of limits.
    pub dropped_attributes_count: u32,
    /// The schema of the attributes, empty where none is declared.
    pub schema_url: String,
}

/// The library that made spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScopeRecord {
    /// The name given to `get_tracer`.
    pub name: String,
    /// The version, empty where none was given.
    pub version: String,
    /// Attributes of the scope.
    pub attributes: Vec<(String, AnyValue)>,
    /// Attributes discarded because of limits.
    pub dropped_attributes_count: u32,
    /// The schema of the attributes, empty where none is declared.
    pub schema_url: String,
}

/// The value of an attribute.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum AnyValue {
    /// No value.
    #[default]
    Empty,
    /// Text.
    String(String),
    /// `true` or `false`.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating-point number.
    Double(f64),
    /// A list.
    Array(Vec<Self>),
    /// A map, in the order of the sender.
    Map(Vec<(String, Self)>),
    /// Uninterpreted bytes.
    Bytes(Vec<u8>),
}

fn find<'a>(attributes: &'a [(String, AnyValue)], key: &str) -> Option<&'a AnyValue> {
    attributes
        .iter()
        .rev()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value)
}
