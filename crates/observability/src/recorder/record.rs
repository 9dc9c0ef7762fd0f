//! The fixed header before each finished span, so that nobody parses protobuf to group or decide.
//!
//! Position: written by `SpanBody`, at the start of a span and at its end; read by the export thread.
//!
//! Layout (little endian): length of the OTLP bytes u32, scope u32, trace id 16 bytes, span id of
//! the local root 8 bytes, duration in nanoseconds u64, flags u8 (1 = local root, 2 = failed,
//! 4 = undecided, 8 = forced, 16 = has a `tracestate`).

/// Bytes of a header.
pub(crate) const HEADER_LEN: usize = 41;

/// What the export side needs to know about a span without decoding it.
#[expect(clippy::struct_excessive_bools, reason = "the bits of one byte")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) len: u32,
    pub(crate) scope: u32,
    pub(crate) trace_id: [u8; 16],
    pub(crate) local_root: [u8; 8],
    pub(crate) duration_nanos: u64,
    pub(crate) is_local_root: bool,
    pub(crate) failed: bool,
    /// Whether the trace is kept is decided when its local root has ended.
    pub(crate) undecided: bool,
    /// The trace is kept because somebody wants to see this span.
    pub(crate) forced: bool,
    pub(crate) has_trace_state: bool,
}

impl RecordHeader {
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0u8; HEADER_LEN];
        bytes[0..4].copy_from_slice(&self.len.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.scope.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.trace_id);
        bytes[24..32].copy_from_slice(&self.local_root);
        bytes[32..40].copy_from_slice(&self.duration_nanos.to_le_bytes());
        bytes[40] = u8::from(self.is_local_root)
            | u8::from(self.failed) << 1
            | u8::from(self.undecided) << 2
            | u8::from(self.forced) << 3
            | u8::from(self.has_trace_state) << 4;
        bytes
    }

    /// Writes what is known only when the span has ended into a header written at its start.
    #[inline]
    pub(crate) fn complete(
        header: &mut [u8; HEADER_LEN],
        len: usize,
        duration_nanos: u64,
        failed: bool,
    ) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        header[0..4].copy_from_slice(&len.to_le_bytes());
        header[32..40].copy_from_slice(&duration_nanos.to_le_bytes());
        header[40] |= u8::from(failed) << 1;
    }

    pub(crate) fn read(bytes: &[u8; HEADER_LEN]) -> Self {
        Self {
            len: u32::from_le_bytes(part(bytes, 0)),
            scope: u32::from_le_bytes(part(bytes, 4)),
            trace_id: part(bytes, 8),
            local_root: part(bytes, 24),
            duration_nanos: u64::from_le_bytes(part(bytes, 32)),
            is_local_root: bytes[40] & 1 != 0,
            failed: bytes[40] & 2 != 0,
            undecided: bytes[40] & 4 != 0,
            forced: bytes[40] & 8 != 0,
            has_trace_state: bytes[40] & 16 != 0,
        }
    }
}

fn part<const N: usize>(bytes: &[u8; HEADER_LEN], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// The records of a chunk: header and OTLP `Span` bytes of each.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = (RecordHeader, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let header = RecordHeader::read(head);
        let (span, rest) = rest.split_at_checked(header.len as usize)?;
        bytes = rest;
        Some((header, span))
    })
}

/// Appends a record whose span consists of these parts.
pub(crate) fn put_record(header: RecordHeader, parts: &[&[u8]], out: &mut Vec<u8>) {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let header = RecordHeader {
        len: u32::try_from(len).unwrap_or(u32::MAX),
        ..header
    };
    out.extend_from_slice(&header.to_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
}

/// The length of the first `count` records.
pub(crate) fn prefix_len(bytes: &[u8], count: u64) -> usize {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let lengths = records(bytes).map(|(_, span)| HEADER_LEN + span.len());
    lengths.take(count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_with_their_headers() {
        let header = |len| RecordHeader {
            len,
            scope: 7,
            trace_id: [1; 16],
            local_root: [2; 8],
            duration_nanos: u64::MAX,
            is_local_root: true,
            failed: false,
            undecided: true,
            forced: false,
            has_trace_state: true,
        };
        let mut chunk = Vec::new();
        for text in ["abc", "", "xy"] {
            chunk.extend(header(u32::try_from(text.len()).unwrap()).to_bytes());
            chunk.extend_from_slice(text.as_bytes());
        }
        let read: Vec<_> = records(&chunk).collect();
        assert_eq!(
            read.iter().map(|(_, b)| *b).collect::<Vec<_>>(),
            [&b"abc"[..], b"", b"xy"]
        );
        assert_eq!(read[2].0, header(2));
        assert_eq!(records(&chunk[..chunk.len() - 1]).count(), 2);
        let two = prefix_len(&chunk, 2);
        assert_eq!(records(&chunk[..two]).count(), 2);
        assert_eq!(records(&chunk[two..]).next().unwrap().1, b"xy");
        assert_eq!(prefix_len(&chunk, u64::MAX), chunk.len());
    }
}
