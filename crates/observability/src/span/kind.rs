//! The small types that describe a span: kind, status, limits.
//!
//! Source: OpenTelemetry specification, Trace API, "`SpanKind`" and "Set Status"; Trace SDK, "Span limits".

use std::borrow::Cow;

/// The role of a span in a request between services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// Work inside a service.
    #[default]
    Internal = 1,
    /// Handling a request that came in.
    Server = 2,
    /// A request that goes out.
    Client = 3,
    /// Putting a message into a queue.
    Producer = 4,
    /// Taking a message out of a queue.
    Consumer = 5,
}

/// The outcome of a span. [`Status::Ok`] is final: what comes after it is ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Status<'a> {
    /// Nothing said; setting it changes nothing.
    #[default]
    Unset,
    /// Explicitly fine.
    Ok,
    /// Failed.
    Error {
        /// What went wrong, for a person to read; may be empty.
        description: Cow<'a, str>,
    },
}

impl<'a> Status<'a> {
    /// An error with its description.
    pub fn error(description: impl Into<Cow<'a, str>>) -> Self {
        Self::Error {
            description: description.into(),
        }
    }
}

/// How much a span may hold; what goes beyond is counted and left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanLimits {
    /// Attributes of a span.
    pub attributes: u32,
    /// Events of a span.
    pub events: u32,
    /// Links of a span.
    pub links: u32,
    /// Attributes of one event.
    pub attributes_per_event: u32,
    /// Attributes of one link.
    pub attributes_per_link: u32,
    /// Characters of a text value, bytes of a byte value; also inside arrays and maps.
    pub value_length: usize,
}

impl SpanLimits {
    const DEFAULT: Self = Self {
        attributes: 128,
        events: 128,
        links: 128,
        attributes_per_event: 128,
        attributes_per_link: 128,
        value_length: usize::MAX,
    };
}

impl Default for SpanLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Default for &'static SpanLimits {
    fn default() -> Self {
        const { &SpanLimits::DEFAULT }
    }
}
