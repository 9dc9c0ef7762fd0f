//! Finished spans kept in memory, for tests and for programs that look at their own traces.
//!
//! Position: an [`Exporter`] whose clones share one bounded list.
//!
//! Invariant: never more than the given number of spans; later ones are rejected and counted.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use super::{EncodedRequest, ExportError, Exported, Exporter, SpanRecord, decode_request};

/// Collects finished spans; clones share what was collected.
///
/// # Examples
///
/// ```
/// use continuum_observability::InMemoryExporter;
///
/// let exporter = InMemoryExporter::new(1_000);
/// let handle = exporter.clone(); // one goes to the recorder, one stays here
/// assert!(handle.spans().is_empty());
/// ```
#[derive(Debug, Clone)]
pub struct InMemoryExporter {
    spans: Arc<Mutex<Vec<SpanRecord>>>,
    max_span_count: usize,
}

impl InMemoryExporter {
    /// Keeps up to `max_span_count` spans.
    pub fn new(max_span_count: usize) -> Self {
        Self {
            spans: Arc::default(),
            max_span_count,
        }
    }

    /// A copy of the spans collected so far, in the order they were exported.
    pub fn spans(&self) -> Vec<SpanRecord> {
        self.lock().clone()
    }

    /// Removes and returns the spans collected so far, which makes room for more.
    pub fn take(&self) -> Vec<SpanRecord> {
        std::mem::take(&mut *self.lock())
    }

    /// A panic elsewhere leaves a complete list behind, so poisoning means nothing here.
    fn lock(&self) -> MutexGuard<'_, Vec<SpanRecord>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exporter for InMemoryExporter {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        _deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let mut decoded = decode_request(request.bytes())?;
        let mut spans = self.lock();
        let kept = decoded
            .len()
            .min(self.max_span_count.saturating_sub(spans.len()));
        let rejected = (decoded.len() - kept) as u64;
        decoded.truncate(kept);
        spans.append(&mut decoded);
        let message = (rejected > 0).then(|| {
            format!(
                "full at {} spans; call take() or raise it",
                self.max_span_count
            )
        });
        Ok(Exported { rejected, message })
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

#[cfg(test)]
mod tests {
    use super::{super::sample, *};

    fn export(exporter: &mut InMemoryExporter, names: &[&str]) -> Exported {
        let bytes = sample::request(names.iter().map(|name| sample::span(name, 1, None)));
        let request = EncodedRequest::new(&bytes, names.len() as u64);
        exporter.export(&request, Instant::now()).unwrap()
    }

    fn names(spans: &[SpanRecord]) -> Vec<&str> {
        spans.iter().map(|span| span.name.as_str()).collect()
    }

    #[test]
    fn a_clone_sees_what_was_exported_in_order() {
        let handle = InMemoryExporter::new(10);
        let mut exporter = handle.clone();
        export(&mut exporter, &["a", "b"]);
        export(&mut exporter, &["c"]);
        assert_eq!(names(&handle.spans()), ["a", "b", "c"]);
    }

    #[test]
    fn spans_beyond_the_bound_are_rejected_until_there_is_room() {
        let mut exporter = InMemoryExporter::new(2);
        let answer = export(&mut exporter, &["a", "b", "c"]);
        assert_eq!(answer.rejected, 1);
        assert_eq!(names(&exporter.take()), ["a", "b"]);
        assert_eq!(export(&mut exporter, &["d"]), Exported::default());
        assert_eq!(names(&exporter.spans()), ["d"]);
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let request = EncodedRequest::new(&[0x0a, 9], 1);
        let error = InMemoryExporter::new(1)
            .export(&request, Instant::now())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot decode the request: a field ends after its message"
        );
    }
}
