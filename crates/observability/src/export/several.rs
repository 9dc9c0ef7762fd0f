//! Several exporters as one: each request goes to all of them.
//!
//! Position: an [`Exporter`] over others, made where more than one was asked for.
//!
//! Invariants:
//! - an exporter that fails, panics or stalls does not keep the request from the others: each gets
//!   an equal share of the time that is left;
//! - a span counts as exported when all took it, and as lost when one did not.

use super::{EncodedRequest, ExportError, Exported, Exporter};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

/// Hands each request to every exporter, in the order in which they were given.
pub(crate) struct Several {
    exporters: Vec<Box<dyn Exporter>>,
    destination: String,
}

impl Several {
    pub(crate) fn new(exporters: Vec<Box<dyn Exporter>>) -> Self {
        let all: Vec<_> = exporters.iter().map(|one| one.destination()).collect();
        Self {
            destination: all.join(", "),
            exporters,
        }
    }
}

impl Exporter for Several {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let of = self.exporters.len();
        let (mut all, mut failures) = (Exported::default(), Vec::new());
        for (exporter, left) in self.exporters.iter_mut().zip((1..=of).rev()) {
            let until = share(deadline, left);
            let result = catch_unwind(AssertUnwindSafe(|| exporter.export(request, until)));
            match result {
                Ok(Ok(one)) => merge(&mut all, one, exporter.name()),
                Ok(Err(error)) => failures.push((exporter.name(), error)),
                Err(_panic) => failures.push((exporter.name(), panicked())),
            }
        }
        if failures.is_empty() {
            Ok(all)
        } else {
            Err(ExportError::Several { failures, of })
        }
    }

    fn shutdown(&mut self, deadline: Instant) {
        let of = self.exporters.len();
        for (exporter, left) in self.exporters.iter_mut().zip((1..=of).rev()) {
            let until = share(deadline, left);
            // As with one exporter: nothing is left to be lost.
            let _panicked = catch_unwind(AssertUnwindSafe(|| exporter.shutdown(until))).is_err();
        }
    }

    fn name(&self) -> &'static str {
        "several"
    }

    fn destination(&self) -> &str {
        &self.destination
    }
}

/// The end of the share of the first of `count` exporters.
fn share(deadline: Instant, count: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    now + left / u32::try_from(count).unwrap_or(u32::MAX)
}

/// How many spans at least one of them rejected is not known; the largest count is the least.
fn merge(all: &mut Exported, one: Exported, name: &str) {
    all.rejected = all.rejected.max(one.rejected);
    if let Some(message) = one.message {
        let message = format!("{name}: {message}");
        all.message = Some(match all.message.take() {
            Some(before) => format!("{before}; {message}"),
            None => message,
        });
    }
}

fn panicked() -> ExportError {
    ExportError::Other {
        reason: "it panicked".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::InMemoryExporter, super::sample, *};
    use std::time::Duration;

    /// Fails in one of the ways in which an exporter can.
    enum Failing {
        Error,
        Panic,
        Rejecting(u64),
    }

    impl Exporter for Failing {
        fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
            match self {
                Self::Error => Err(ExportError::Other {
                    reason: "no".into(),
                }),
                Self::Panic => panic!("as it does"),
                Self::Rejecting(rejected) => Ok(Exported {
                    rejected: *rejected,
                    message: Some("odd".into()),
                }),
            }
        }

        fn shutdown(&mut self, _: Instant) {
            panic!("again");
        }

        fn name(&self) -> &'static str {
            "failing"
        }
    }

    fn export(exporters: Vec<Box<dyn Exporter>>) -> Result<Exported, ExportError> {
        let bytes = sample::request([sample::span("a", 1, None), sample::span("b", 2, None)]);
        let request = EncodedRequest::new(&bytes, 2);
        let mut several = Several::new(exporters);
        let result = several.export(&request, Instant::now() + Duration::from_secs(9));
        several.shutdown(Instant::now());
        result
    }

    #[test]
    fn all_receive_the_request_whatever_becomes_of_the_others() {
        let kept = InMemoryExporter::new(10);
        let error = export(vec![
            Box::new(Failing::Error),
            Box::new(Failing::Panic),
            Box::new(kept.clone()),
        ]);
        assert_eq!(kept.spans().len(), 2);
        assert_eq!(
            error.unwrap_err().to_string(),
            "by 2 of 3 exporters; failing: no; failing: it panicked"
        );
    }

    #[test]
    fn what_one_rejects_is_rejected() {
        let exporters: Vec<Box<dyn Exporter>> = vec![
            Box::new(Failing::Rejecting(1)),
            Box::new(InMemoryExporter::new(10)),
            Box::new(Failing::Rejecting(2)),
        ];
        let expected = Exported {
            rejected: 2,
            message: Some("failing: odd; failing: odd".into()),
        };
        assert_eq!(export(exporters).unwrap(), expected);
    }

    #[test]
    fn the_time_is_shared() {
        let deadline = Instant::now() + Duration::from_hours(3);
        let first = share(deadline, 3);
        assert!(first + Duration::from_mins(110) < deadline);
        assert!(share(deadline, 1) <= deadline);
    }
}
