//! Names of attributes, current and former, and the switch between them.
//!
//! Position: beside `span`; read by the ready-made spans of [`layers`](crate::layers), and by users
//! who set attributes by name.
//!
//! [`attribute`] has the current names, [`former`] those of earlier releases of the semantic
//! conventions, `naming` decides which of them a ready-made span gets. What a user sets by name is
//! never renamed. `docs/semantic-conventions.md` is the table of all names, checked by a test.
//!
//! ```
//! use continuum_observability::{get_tracer, semconv::attribute, testing::TestRecorder};
//!
//! let recorder = TestRecorder::new();
//! recorder.run(|| {
//!     get_tracer("assistant").in_scope("upload", |span| {
//!         span.set_attribute(attribute::HTTP_REQUEST_METHOD, "POST");
//!     });
//! });
//! assert_eq!(recorder.tree(), "upload http.request.method=POST\n");
//! ```

pub mod attribute;
pub mod event;
pub mod former;
mod naming;

#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

pub use naming::Conventions;
pub(crate) use naming::{Group, Naming};

/// Defines constants with names, and for the tests the list of them.
macro_rules! names {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+

        /// Every name of this module, for the test that compares them with the documentation.
        #[cfg(test)]
        pub(super) const ALL: &[&str] = &[$($name),+];
    };
}
use names;
