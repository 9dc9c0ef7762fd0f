//! From the bytes of a request back to [`SpanRecord`]s: the slow path, on purpose.
//!
//! Position: between an [`EncodedRequest`](super::EncodedRequest) and exporters that need fields.
//! Fields come in any order, unknown ones are skipped, and a message that occurs twice is merged,
//! as protobuf asks.
//!
//! Invariants: no panic on any bytes; values nest at most [`MAX_VALUE_DEPTH`] levels.
//!
//! Source: `opentelemetry/proto/collector/trace/v1/trace_service.proto` and what it imports.

use std::{error::Error, fmt, sync::Arc};

use super::{
    AnyValue, EventRecord, LinkRecord, ResourceRecord, ScopeRecord, SpanRecord,
    wire::{Field, Fields, low_half, text},
};

/// Deeper values are refused; far above what the recorder writes, far below what a stack holds.
const MAX_VALUE_DEPTH: usize = 64;

/// Why bytes are not an OTLP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// A field ends after the message.
    Truncated,
    /// A field number or wire type that does not exist.
    InvalidTag,
    /// An integer of more than 64 bits.
    InvalidVarint,
    /// A trace id that is not 16, or a span id that is not 8 bytes long, or a span without one of the two.
    InvalidId,
    /// Arrays or maps nested beyond any use.
    TooDeep,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "a field ends after its message",
            Self::InvalidTag => "invalid field number or wire type",
            Self::InvalidVarint => "an integer has more than 64 bits",
            Self::InvalidId => "a trace or span id is missing or has the wrong length",
            Self::TooDeep => "an attribute value is nested too deeply",
        })
    }
}

impl Error for DecodeError {}

/// Decodes an OTLP `ExportTraceServiceRequest` into its spans, in the order they were sent.
///
/// Text that is not UTF-8 is repaired with replacement characters.
///
/// # Errors
///
/// [`DecodeError`] when the bytes are not such a message.
///
/// # Examples
///
/// ```
/// assert_eq!(continuum_observability::decode_request(&[]), Ok(vec![]));
/// ```
pub fn decode_request(bytes: &[u8]) -> Result<Vec<SpanRecord>, DecodeError> {
    let mut spans = Vec::new();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        if let (1, Field::Bytes(resource_spans)) = field {
            decode_resource_spans(resource_spans, &mut spans)?;
        }
    }
    Ok(spans)
}

/// Two passes, as the resource may follow the spans that it belongs to.
fn decode_resource_spans(bytes: &[u8], spans: &mut Vec<SpanRecord>) -> Result<(), DecodeError> {
    let mut resource = ResourceRecord::default();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(message)) => merge_resource(&mut resource, message)?,
            (3, Field::Bytes(url)) => resource.schema_url = text(url),
            _ => {}
        }
    }
    let resource = Arc::new(resource);
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        if let (2, Field::Bytes(scope_spans)) = field {
            decode_scope_spans(scope_spans, &resource, spans)?;
        }
    }
    Ok(())
}

fn decode_scope_spans(
    bytes: &[u8],
    resource: &Arc<ResourceRecord>,
    spans: &mut Vec<SpanRecord>,
) -> Result<(), DecodeError> {
    let mut scope = ScopeRecord::default();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(message)) => merge_scope(&mut scope, message)?,
            (3, Field::Bytes(url)) => scope.schema_url = text(url),
            _ => {}
        }
    }
    let scope = Arc::new(scope);
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        if let (2, Field::Bytes(span)) = field {
            let mut span = decode_span(span)?;
            // At the first one: a span of two bytes would take hundreds.
            if span.trace_id == [0; 16] || span.span_id == [0; 8] {
                return Err(DecodeError::InvalidId);
            }
            span.resource = Arc::clone(resource);
            span.scope = Arc::clone(&scope);
            spans.push(span);
        }
    }
    Ok(())
}

fn merge_resource(resource: &mut ResourceRecord, bytes: &[u8]) -> Result<(), DecodeError> {
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(entry)) => resource.attributes.push(decode_entry(entry, 0)?),
            (2, Field::Varint(count)) => resource.dropped_attributes_count = low_half(count),
            _ => {}
        }
    }
    Ok(())
}

/// Decodes the OTLP `Resource` that `bytes` are.
#[cfg(any(feature = "metrics", feature = "_otlp_sdk"))]
pub(crate) fn decode_resource(bytes: &[u8]) -> Result<ResourceRecord, DecodeError> {
    let mut resource = ResourceRecord::default();
    merge_resource(&mut resource, bytes)?;
    Ok(resource)
}

/// Decodes the OTLP `InstrumentationScope` that `bytes` are.
pub(crate) fn decode_scope(bytes: &[u8]) -> Result<Arc<ScopeRecord>, DecodeError> {
    let mut scope = ScopeRecord::default();
    merge_scope(&mut scope, bytes)?;
    Ok(Arc::new(scope))
}

fn merge_scope(scope: &mut ScopeRecord, bytes: &[u8]) -> Result<(), DecodeError> {
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(name)) => scope.name = text(name),
            (2, Field::Bytes(version)) => scope.version = text(version),
            (3, Field::Bytes(entry)) => scope.attributes.push(decode_entry(entry, 0)?),
            (4, Field::Varint(count)) => scope.dropped_attributes_count = low_half(count),
            _ => {}
        }
    }
    Ok(())
}

/// Decodes the OTLP `Span` that `bytes` are.
pub(crate) fn decode_span(bytes: &[u8]) -> Result<SpanRecord, DecodeError> {
    let mut span = SpanRecord::default();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(id)) => span.trace_id = decode_id(id)?,
            (2, Field::Bytes(id)) => span.span_id = decode_id(id)?,
            (3, Field::Bytes(state)) => span.trace_state = text(state),
            (4, Field::Bytes(id)) => span.parent_span_id = decode_parent(id)?,
            (5, Field::Bytes(name)) => span.name = text(name),
            (6, Field::Varint(kind)) => span.kind = low_half(kind).cast_signed(),
            (7, Field::Fixed64(nanos)) => span.start_unix_nanos = nanos,
            (8, Field::Fixed64(nanos)) => span.end_unix_nanos = nanos,
            (9, Field::Bytes(entry)) => span.attributes.push(decode_entry(entry, 0)?),
            (10, Field::Varint(count)) => span.dropped_attributes_count = low_half(count),
            (11, Field::Bytes(event)) => span.events.push(decode_event(event)?),
            (12, Field::Varint(count)) => span.dropped_events_count = low_half(count),
            (13, Field::Bytes(link)) => span.links.push(decode_link(link)?),
            (14, Field::Varint(count)) => span.dropped_links_count = low_half(count),
            (15, Field::Bytes(status)) => merge_status(&mut span, status)?,
            (16, Field::Fixed32(flags)) => span.flags = flags,
            _ => {}
        }
    }
    Ok(span)
}

fn merge_status(span: &mut SpanRecord, bytes: &[u8]) -> Result<(), DecodeError> {
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (2, Field::Bytes(message)) => span.status_message = text(message),
            (3, Field::Varint(code)) => span.status_code = low_half(code).cast_signed(),
            _ => {}
        }
    }
    Ok(())
}

fn decode_event(bytes: &[u8]) -> Result<EventRecord, DecodeError> {
    let mut event = EventRecord::default();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Fixed64(nanos)) => event.time_unix_nanos = nanos,
            (2, Field::Bytes(name)) => event.name = text(name),
            (3, Field::Bytes(entry)) => event.attributes.push(decode_entry(entry, 0)?),
            (4, Field::Varint(count)) => event.dropped_attributes_count = low_half(count),
            _ => {}
        }
    }
    Ok(event)
}

fn decode_link(bytes: &[u8]) -> Result<LinkRecord, DecodeError> {
    let mut link = LinkRecord::default();
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(id)) => link.trace_id = decode_id(id)?,
            (2, Field::Bytes(id)) => link.span_id = decode_id(id)?,
            (3, Field::Bytes(state)) => link.trace_state = text(state),
            (4, Field::Bytes(entry)) => link.attributes.push(decode_entry(entry, 0)?),
            (5, Field::Varint(count)) => link.dropped_attributes_count = low_half(count),
            (6, Field::Fixed32(flags)) => link.flags = flags,
            _ => {}
        }
    }
    Ok(link)
}

fn decode_id<const N: usize>(bytes: &[u8]) -> Result<[u8; N], DecodeError> {
    bytes.try_into().map_err(|_length| DecodeError::InvalidId)
}

fn decode_parent(bytes: &[u8]) -> Result<Option<[u8; 8]>, DecodeError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Ok(Some(decode_id(bytes)?).filter(|id| *id != [0; 8]))
}

fn decode_entry(bytes: &[u8], depth: usize) -> Result<(String, AnyValue), DecodeError> {
    let mut entry = (String::new(), AnyValue::Empty);
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(key)) => entry.0 = text(key),
            (2, Field::Bytes(value)) => merge_value(&mut entry.1, value, depth)?,
            _ => {}
        }
    }
    Ok(entry)
}

fn merge_value(value: &mut AnyValue, bytes: &[u8], depth: usize) -> Result<(), DecodeError> {
    if depth > MAX_VALUE_DEPTH {
        return Err(DecodeError::TooDeep);
    }
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        match field {
            (1, Field::Bytes(string)) => *value = AnyValue::String(text(string)),
            (2, Field::Varint(flag)) => *value = AnyValue::Bool(flag != 0),
            (3, Field::Varint(int)) => *value = AnyValue::Int(int.cast_signed()),
            (4, Field::Fixed64(bits)) => *value = AnyValue::Double(f64::from_bits(bits)),
            (5, Field::Bytes(array)) => merge_array(value, array, depth)?,
            (6, Field::Bytes(map)) => merge_map(value, map, depth)?,
            (7, Field::Bytes(bytes)) => *value = AnyValue::Bytes(bytes.to_vec()),
            _ => {}
        }
    }
    Ok(())
}

fn merge_array(value: &mut AnyValue, bytes: &[u8], depth: usize) -> Result<(), DecodeError> {
    let mut items = match std::mem::take(value) {
        AnyValue::Array(items) => items,
        _ => Vec::new(),
    };
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        if let (1, Field::Bytes(item)) = field {
            let mut decoded = AnyValue::Empty;
            merge_value(&mut decoded, item, depth + 1)?;
            items.push(decoded);
        }
    }
    *value = AnyValue::Array(items);
    Ok(())
}

fn merge_map(value: &mut AnyValue, bytes: &[u8], depth: usize) -> Result<(), DecodeError> {
    let mut entries = match std::mem::take(value) {
        AnyValue::Map(entries) => entries,
        _ => Vec::new(),
    };
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next_field()? {
        if let (1, Field::Bytes(entry)) = field {
            entries.push(decode_entry(entry, depth + 1)?);
        }
    }
    *value = AnyValue::Map(entries);
    Ok(())
}

#[cfg(test)]
mod tests;
