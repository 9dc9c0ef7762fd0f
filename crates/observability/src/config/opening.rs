//! Exporters around exporters: one that is opened late, and one that takes everything.
//!
//! Position: made by [`super::exporter`], called on the export thread.
//!
//! Invariant: failing to open is an error of that export alone; its spans are counted as lost.

use crate::export::{EncodedRequest, ExportError, Exported, Exporter};
use std::time::Instant;

/// Takes everything and keeps nothing.
pub(super) struct Discard;

impl Exporter for Discard {
    fn export(&mut self, _: &EncodedRequest<'_>, _: Instant) -> Result<Exported, ExportError> {
        Ok(Exported::default())
    }

    fn name(&self) -> &'static str {
        "none"
    }
}

type Open = Box<dyn FnMut() -> Result<Box<dyn Exporter>, ExportError> + Send>;

/// An exporter that is opened when there is something to export, and tried again when that fails:
/// a disk may be mounted late.
pub(super) struct Opening {
    name: &'static str,
    destination: String,
    open: Open,
    opened: Option<Box<dyn Exporter>>,
}

impl Opening {
    pub(super) fn boxed(
        name: &'static str,
        destination: String,
        open: impl FnMut() -> Result<Box<dyn Exporter>, ExportError> + Send + 'static,
    ) -> Box<dyn Exporter> {
        Box::new(Self {
            name,
            destination,
            open: Box::new(open),
            opened: None,
        })
    }
}

impl Exporter for Opening {
    fn export(
        &mut self,
        request: &EncodedRequest<'_>,
        deadline: Instant,
    ) -> Result<Exported, ExportError> {
        let exporter = match &mut self.opened {
            Some(exporter) => exporter,
            closed => closed.insert((self.open)()?),
        };
        exporter.export(request, deadline)
    }

    fn shutdown(&mut self, deadline: Instant) {
        if let Some(exporter) = &mut self.opened {
            exporter.shutdown(deadline);
        }
    }

    fn name(&self) -> &'static str {
        self.name
    }

    fn destination(&self) -> &str {
        &self.destination
    }
}
