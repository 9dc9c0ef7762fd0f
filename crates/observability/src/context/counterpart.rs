//! What a scope is on the side of the `opentelemetry` API.
//!
//! Position: a field of each scope of [`super::stack`]; without the feature it is nothing.

use super::Context;
#[cfg(feature = "opentelemetry_0_33")]
use crate::interop::opentelemetry_0_33::{Mirror, is_mirroring, mirror};

/// The API's counterpart of a scope.
#[derive(Debug, Default)]
pub(super) enum Counterpart {
    /// None: the bridge is not installed, or the scope has closed.
    #[default]
    None,
    /// An API context that shows the scope to API code; detached when dropped.
    #[cfg(feature = "opentelemetry_0_33")]
    Mirror {
        /// Held for its drop.
        _attached: Mirror,
    },
    /// An API context that other code attached, and detaches.
    #[cfg(feature = "opentelemetry_0_33")]
    Foreign,
}

impl Counterpart {
    /// Whether the bridge is installed.
    #[inline]
    pub(super) fn is_wanted() -> bool {
        #[cfg(feature = "opentelemetry_0_33")]
        return is_mirroring();
        #[cfg(not(feature = "opentelemetry_0_33"))]
        false
    }

    /// Shows a scope that opens with `context`, where the bridge is installed.
    #[inline]
    #[cfg_attr(
        not(feature = "opentelemetry_0_33"),
        expect(unused_variables, reason = "no bridge")
    )]
    pub(super) fn of(context: &Context) -> Self {
        #[cfg(feature = "opentelemetry_0_33")]
        if let Some(mirror) = mirror(context) {
            return Self::Mirror { _attached: mirror };
        }
        Self::None
    }
}
