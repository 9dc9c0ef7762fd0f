//! The envelope around span bytes: one OTLP `ExportTraceServiceRequest`.
//!
//! Position: filled by the export thread from chunks, read by exporters.
//!
//! Invariants:
//! - a request holds no more spans than it may, and ends with the span that takes it to [`MOST_BYTES`];
//! - spans of one instrumentation scope are together, in the order they ended per thread;
//! - between two requests at most [`KEPT_BYTES`] are kept for each of both copies, however many scopes
//!   there have been.
//!
//! Source: `opentelemetry/proto/trace/v1/trace.proto`, `ResourceSpans` and `ScopeSpans`.

use crate::{
    recorder::{HEADER_LEN, LARGE_CHUNK_BYTES, records},
    span::{InstrumentationScope, field_len, put_message, put_message_of},
};
use std::num::NonZeroU64;

/// Requests are sent when they have reached this size; the next chunk may take them beyond it.
const FULL_BYTES: usize = 512 << 10;
/// No more is taken, however much there is at once, as where a whole trace has waited; its last span may
/// take it beyond that.
const MOST_BYTES: usize = FULL_BYTES + LARGE_CHUNK_BYTES;
/// Memory that the next request can use again: room for a usual one, as buffers grow.
const KEPT_BYTES: usize = 3 * FULL_BYTES;

/// Collects spans by scope and frames them.
#[derive(Debug, Default)]
pub(crate) struct RequestBuilder {
    groups: Vec<Group>,
    /// For each number of a scope, where its group is, plus one.
    places: Vec<usize>,
    body: Vec<u8>,
    bytes: usize,
    spans: u64,
    max_spans: Option<NonZeroU64>,
    max_bytes: Option<usize>,
}

#[derive(Debug)]
struct Group {
    scope: u32,
    spans: Vec<u8>,
}

impl RequestBuilder {
    /// A builder of requests that a receiver takes, of at most `max_spans` spans each.
    pub(crate) fn bounded(max_spans: Option<NonZeroU64>) -> Self {
        Self {
            max_spans,
            max_bytes: Some(MOST_BYTES),
            ..Self::default()
        }
    }

    /// Adds records, each span with `end` behind it; returns those for which there is no room.
    pub(crate) fn add<'a>(&mut self, chunk: &'a [u8], end: &[u8]) -> &'a [u8] {
        let (mut last, mut taken) = (0, 0);
        for (header, span) in records(chunk) {
            if !self.has_room() {
                break;
            }
            taken += HEADER_LEN + span.len();
            if self
                .groups
                .get(last)
                .is_none_or(|group| group.scope != header.scope)
            {
                last = self.group(header.scope);
            }
            let out = &mut self.groups[last].spans;
            put_message_of(out, 2, span, end);
            self.spans += 1;
            self.bytes += span.len() + end.len();
        }
        &chunk[taken..]
    }

    fn has_room(&self) -> bool {
        self.max_spans.is_none_or(|max| self.spans < max.get())
            && self.max_bytes.is_none_or(|max| self.bytes < max)
    }

    /// Where the spans of a scope are gathered; numbers of scopes are small.
    fn group(&mut self, scope: u32) -> usize {
        let number = scope as usize;
        if self.places.len() <= number {
            self.places.resize(number + 1, 0);
        }
        if self.places[number] == 0 {
            let spans = Vec::new();
            self.groups.push(Group { scope, spans });
            self.places[number] = self.groups.len();
        }
        self.places[number] - 1
    }

    pub(crate) fn is_full(&self) -> bool {
        let is_long = self.max_spans.is_some_and(|max| self.spans >= max.get());
        is_long || self.bytes >= FULL_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans == 0
    }

    pub(crate) fn span_count(&self) -> u64 {
        self.spans
    }

    /// Frames what was added; `resource` is an encoded `Resource`.
    pub(crate) fn finish(&mut self, resource: &[u8]) -> &[u8] {
        let groups = self.groups.iter().filter(|group| !group.spans.is_empty());
        let scopes: Vec<_> = groups
            .map(|group| {
                let scope = InstrumentationScope::encoded(group.scope);
                let schema_url = InstrumentationScope::schema_url(group.scope).as_bytes();
                let mut len = field_len(scope.len()) + group.spans.len();
                if !schema_url.is_empty() {
                    len += field_len(schema_url.len());
                }
                (len, scope, &group.spans, schema_url)
            })
            .collect();
        let total = field_len(resource.len())
            + scopes
                .iter()
                .map(|(len, ..)| field_len(*len))
                .sum::<usize>();
        self.body.clear();
        put_head(&mut self.body, 1, total);
        put_message(&mut self.body, 1, resource);
        for (len, scope, spans, schema_url) in scopes {
            put_head(&mut self.body, 2, len);
            put_message(&mut self.body, 1, scope);
            self.body.extend_from_slice(spans);
            if !schema_url.is_empty() {
                put_message(&mut self.body, 3, schema_url);
            }
        }
        &self.body
    }

    /// Forgets what was added, keeping the memory of scopes that are in use.
    pub(crate) fn clear(&mut self) {
        let mut kept_bytes = 0;
        self.groups.retain_mut(|group| {
            if group.spans.is_empty() {
                return false;
            }
            group.spans.clear();
            kept_bytes += group.spans.capacity();
            kept_bytes <= KEPT_BYTES
        });
        self.places.clear();
        for index in 0..self.groups.len() {
            let scope = self.groups[index].scope as usize;
            self.places.resize(self.places.len().max(scope + 1), 0);
            self.places[scope] = index + 1;
        }
        self.body.clear();
        self.body.shrink_to(KEPT_BYTES);
        self.bytes = 0;
        self.spans = 0;
    }
}

fn put_head(out: &mut Vec<u8>, tag: u8, len: usize) {
    let head = field_len(len) - len;
    let start = out.len();
    out.resize(start + head, 0);
    crate::span::Writer::new(&mut out[start..]).message(tag, len);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{export::decode_request, recorder::RecordHeader};

    const CHUNK_BYTES: usize = 64 << 10;

    fn chunk(scope: u32) -> Vec<u8> {
        let ids = [&[1 << 3 | 2, 16][..], &[1; 16], &[2 << 3 | 2, 8], &[2; 8]].concat();
        let span = [&ids[..], &[5 << 3 | 2, 100], &[b'x'; 100]].concat();
        let header = RecordHeader {
            len: u32::try_from(span.len()).unwrap(),
            scope,
            trace_id: [1; 16],
            local_root: [2; 8],
            duration_nanos: 0,
            is_local_root: false,
            ..RecordHeader::default()
        };
        let mut bytes = Vec::new();
        while bytes.len() + 200 < CHUNK_BYTES {
            bytes.extend(header.to_bytes());
            bytes.extend_from_slice(&span);
        }
        bytes
    }

    #[test]
    fn a_full_request_has_between_256_kib_and_1_mib() {
        let mut request = RequestBuilder::default();
        while !request.is_full() {
            assert!(request.add(&chunk(0), &[]).is_empty());
        }
        let len = request.finish(&[]).len();
        assert!((256 << 10..1 << 20).contains(&len), "{len} bytes");
    }

    #[test]
    fn a_request_takes_no_more_spans_than_it_may_and_loses_none() {
        let chunk = chunk(0);
        let whole = records(&chunk).count() as u64;
        let mut request = RequestBuilder::bounded(NonZeroU64::new(100));
        let (mut rest, mut sizes) = (chunk.as_slice(), Vec::new());
        while !rest.is_empty() {
            rest = request.add(rest, &[]);
            assert_eq!(request.is_full(), !rest.is_empty());
            sizes.push(request.span_count());
            request.clear();
        }
        let (last, full) = sizes.split_last().unwrap();
        assert!(full.iter().all(|size| *size == 100));
        assert_eq!((full.len() as u64 * 100) + last, whole);
    }

    #[test]
    fn a_trace_that_waited_goes_out_in_requests_that_a_receiver_takes() {
        let trace = chunk(0).repeat(80);
        let whole = records(&trace).count() as u64;
        let mut request = RequestBuilder::bounded(None);
        let (mut rest, mut sent) = (trace.as_slice(), 0);
        while !rest.is_empty() {
            rest = request.add(rest, &[]);
            assert!(request.is_full() || rest.is_empty());
            let len = request.finish(&[]).len();
            assert!(len < 1 << 20, "{len} bytes");
            sent += request.span_count();
            request.clear();
        }
        assert_eq!(sent, whole);
    }

    #[test]
    fn memory_of_scopes_that_are_not_in_use_is_given_back() {
        let mut request = RequestBuilder::default();
        let kept = |request: &RequestBuilder| {
            let groups = request.groups.iter().map(|group| group.spans.capacity());
            (groups.sum::<usize>(), request.body.capacity())
        };
        let fill = |request: &mut RequestBuilder, scopes: &[u32]| {
            for scope in scopes.iter().cycle() {
                assert!(request.add(&chunk(*scope), &[]).is_empty());
                if request.is_full() {
                    break;
                }
            }
            assert!(request.finish(&[]).len() > FULL_BYTES);
            request.clear();
        };
        for scope in 0..40 {
            fill(&mut request, &[scope]);
        }
        let (groups, body) = kept(&request);
        assert!(
            groups <= KEPT_BYTES && body <= KEPT_BYTES,
            "{groups}, {body}"
        );
        assert!(groups >= FULL_BYTES, "the memory in use stays: {groups}");
        // One scope takes nearly all of a request, and the others stay in use.
        for busy in 0..40 {
            let mut scopes = vec![busy; 9];
            scopes.extend(0..40);
            fill(&mut request, &scopes);
        }
        assert!(kept(&request).0 <= KEPT_BYTES, "{:?}", kept(&request));
        // A span that is larger than any request.
        assert!(
            request
                .add(&[chunk(0).as_slice(); 80].concat(), &[])
                .is_empty()
        );
        assert!(request.finish(&[]).len() > KEPT_BYTES);
        request.clear();
        assert_eq!(kept(&request).0, 0);
        assert!(kept(&request).1 <= KEPT_BYTES);
    }

    #[test]
    fn spans_are_grouped_by_scope_and_none_is_left_behind() {
        let scopes =
            ["request-a", "request-b"].map(|name| InstrumentationScope::intern(name, "", ""));
        let mut request = RequestBuilder::default();
        for scope in [0, 1, 0, 1] {
            assert!(request.add(&chunk(scopes[scope]), &[]).is_empty());
        }
        let count = usize::try_from(request.span_count()).unwrap();
        let spans = decode_request(request.finish(&[])).unwrap();
        assert_eq!(spans.len(), count);
        let names: Vec<_> = spans.iter().map(|span| span.scope.name.as_str()).collect();
        let (first, second) = names.split_at(count / 2);
        assert!(first.iter().all(|name| *name == "request-a"));
        assert!(second.iter().all(|name| *name == "request-b"));
        request.clear();
        assert!(request.is_empty());
    }
}
