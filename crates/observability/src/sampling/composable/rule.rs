//! Rules: which sampler is asked about which spans.
//!
//! Position: in the list of a rule-based composable sampler, asked from its first to its last.
//!
//! Source: OpenTelemetry specification, Trace SDK, "`ComposableRuleBased`" (development).

use super::Composable;
use crate::{
    sampling::SamplingParameters,
    semconv::attribute::HTTP_ROUTE,
    span::{SpanKind, Value},
};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// A composable sampler, and the spans that it is asked about: those for which all conditions hold.
///
/// Conditions see what is known when a span starts: name, kind, and the attributes given to the
/// builder.
#[derive(Debug, Clone)]
pub struct SamplingRule {
    conditions: Vec<Condition>,
    pub(super) sampler: Composable,
}

#[derive(Clone)]
enum Condition {
    Name(Box<str>),
    Names { beginning: Box<str> },
    Kind(SpanKind),
    Attribute(Box<str>, Value<'static>),
    Root(bool),
    Custom(Arc<Predicate>),
}

type Predicate = dyn Fn(&SamplingParameters<'_>) -> bool + Send + Sync;

impl SamplingRule {
    /// A rule for every span, until it gets conditions.
    pub fn new(sampler: impl Into<Composable>) -> Self {
        Self {
            conditions: Vec::new(),
            sampler: sampler.into(),
        }
    }

    /// Only spans by this name; a `*` at its end stands for anything.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        self.only(match name.strip_suffix('*') {
            Some(beginning) => Condition::Names {
                beginning: beginning.into(),
            },
            None => Condition::Name(name.into()),
        })
    }

    /// Only spans of this kind.
    #[must_use]
    pub fn kind(self, kind: SpanKind) -> Self {
        self.only(Condition::Kind(kind))
    }

    /// Only spans that start with this attribute, with this value of the same type.
    #[must_use]
    pub fn attribute(self, key: &str, value: impl Into<Value<'static>>) -> Self {
        self.only(Condition::Attribute(key.into(), value.into()))
    }

    /// Only requests of this route: `http.route`.
    #[must_use]
    pub fn route(self, route: &str) -> Self {
        self.attribute(HTTP_ROUTE, route.to_owned())
    }

    /// Only spans without a parent, or only those with one.
    #[must_use]
    pub fn root(self, is_root: bool) -> Self {
        self.only(Condition::Root(is_root))
    }

    /// Only spans for which `condition` holds; one that panics does not hold.
    #[must_use]
    pub fn when(
        self,
        condition: impl Fn(&SamplingParameters<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.only(Condition::Custom(Arc::new(condition)))
    }

    fn only(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    pub(super) fn matches(&self, parameters: &SamplingParameters<'_>) -> bool {
        self.conditions
            .iter()
            .all(|condition| condition.holds(parameters))
    }
}

impl Condition {
    fn holds(&self, parameters: &SamplingParameters<'_>) -> bool {
        match self {
            Self::Name(name) => parameters.name == &**name,
            Self::Names { beginning } => parameters.name.starts_with(&**beginning),
            Self::Kind(kind) => parameters.kind == *kind,
            Self::Attribute(key, value) => {
                // Of a key that occurs twice the last value counts.
                let mut given = parameters.attributes.iter().rev();
                given
                    .find(|(known, _)| *known == &**key)
                    .is_some_and(|(_, known)| known == value)
            }
            Self::Root(is_root) => parameters.parent.is_none() == *is_root,
            Self::Custom(holds) => {
                catch_unwind(AssertUnwindSafe(|| holds(parameters))).unwrap_or_default()
            }
        }
    }
}

impl fmt::Display for SamplingRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut conditions = self.conditions.iter().map(ToString::to_string);
        let first = conditions.next().unwrap_or_else(|| "*".to_owned());
        let conditions = conditions.fold(first, |all, next| all + " && " + &next);
        write!(f, "{conditions}:{}", self.sampler.description())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "name={name}"),
            Self::Names { beginning } => write!(f, "name={beginning}*"),
            Self::Kind(kind) => write!(f, "kind={kind:?}"),
            Self::Attribute(key, value) => write!(f, "{key}={value:?}"),
            Self::Root(is_root) => write!(f, "root={is_root}"),
            Self::Custom(_) => f.write_str("condition"),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
