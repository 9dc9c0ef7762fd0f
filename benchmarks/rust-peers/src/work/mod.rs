//! The work beyond [`Peer`]'s own: each peer does what it can, the defaults say that it cannot.
use std::future::Future;

use axum::Router;

use crate::peers::Peer;

#[cfg(feature = "continuum")]
mod continuum;
mod fastrace;
mod otel;
mod tracing;

/// The value of every second attribute of [`Work::wide`]; the others are integers.
pub const TEXT: &str = "/users/{id}";

pub const KEYS: [&str; 32] = [
    "attribute_00",
    "attribute_01",
    "attribute_02",
    "attribute_03",
    "attribute_04",
    "attribute_05",
    "attribute_06",
    "attribute_07",
    "attribute_08",
    "attribute_09",
    "attribute_10",
    "attribute_11",
    "attribute_12",
    "attribute_13",
    "attribute_14",
    "attribute_15",
    "attribute_16",
    "attribute_17",
    "attribute_18",
    "attribute_19",
    "attribute_20",
    "attribute_21",
    "attribute_22",
    "attribute_23",
    "attribute_24",
    "attribute_25",
    "attribute_26",
    "attribute_27",
    "attribute_28",
    "attribute_29",
    "attribute_30",
    "attribute_31",
];

pub const QUERY: &str = "what did we decide about the schema?";
pub const SQL: &str = "SELECT name, weight FROM entities WHERE tenant = ? AND weight > ?";
pub const CACHE_KEY: &str = "search:5d41402abc4b2a76b9719d911017c592";

/// What is done a hundred times below one root.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Helper {
    /// A function with the peer's attribute macro.
    Function,
    /// A recall from the memory, a query, a cache operation: our helper; by hand the same attributes.
    Recall,
    Query,
    Cache,
}

pub trait Work: Peer {
    /// A span that another thread ends.
    type Open: Send + 'static;

    /// One root span with the first of [`KEYS`] and with events of two attributes.
    fn wide(&self, _i: u64, _attributes: usize, _events: usize) -> bool {
        false
    }
    /// [`Peer::trace`] with two texts that do not outlive the call.
    fn strings(&self, _i: u64, _texts: &[String; 2]) -> bool {
        false
    }
    /// One root and 100 calls: 101 spans.
    fn helper100(&self, _helper: Helper, _i: u64) -> bool {
        false
    }
    /// A root span with 4 attributes, as the child of S1.
    fn open(&self, _i: u64) -> Option<Self::Open> {
        None
    }
    /// A root span around three pauses, in between a child with two attributes: 2 spans.
    fn task(&'static self, _i: u64) -> Option<impl Future<Output = ()> + Send + 'static> {
        None::<std::future::Ready<()>>
    }
    /// Spans that the peer itself says that it lost, if it says so.
    fn counted_losses(&self) -> Option<u64> {
        None
    }
    /// The routes with a server span for each request, whose parent is in the headers.
    fn traced(&self, _routes: Router) -> Option<Router> {
        None
    }
}

#[cfg(feature = "logfire")]
impl Work for crate::peers::logfire::Logfire {
    type Open = ();
}
