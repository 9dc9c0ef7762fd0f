//! [`Rule`]: what is checked, why it matters, and where the guide says so.
//!
//! Position: named by each finding and by `continuum lint --without`.

use std::{fmt, str::FromStr};

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $section:literal, $remedy:literal;)*) => {
        /// A best practice of the tracing guide.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $variant,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name by which it is switched off.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The section of the guide that asks for it, by its headings: `Best practices: Span naming`.
            pub fn section(self) -> &'static str {
                match self {
                    $(Self::$variant => $section,)*
                }
            }

            /// What to do about a finding.
            pub fn remedy(self) -> &'static str {
                match self {
                    $(Self::$variant => $remedy,)*
                }
            }
        }
    };
}

rules! {
    /// A name that fits any span: `operation`, `process`, `query`.
    GenericName, "generic-name", "Best practices: Span naming",
        "say what the span does, from the general to the particular, such as memory.recall";
    /// A name with an id, a timestamp or a number in it.
    DynamicName, "dynamic-name", "Best practices: Span naming",
        "move the changing part into an attribute, so that spans of a kind share one name";
    /// A key that is not dotted and in lower case with underscores.
    KeyFormat, "key-format", "Span attributes: Attribute guidelines",
        "write namespace.part_of_name in lower case";
    /// A key that could mean anything: `size`, `value`.
    VagueKey, "vague-key", "Span attributes: Attribute guidelines",
        "name the thing, such as http.request.body.size";
    /// A value that looks like a password, a key, a token, the number of a card or an e-mail address.
    SecretValue, "secret-value", "Span attributes: Attribute guidelines",
        "leave the value out, or record its length";
    /// Values that hardly ever repeat.
    HighCardinality, "high-cardinality", "Span attributes: Attribute guidelines",
        "record what groups spans; keep unique values for keys that end in id";
    /// A long span without a child.
    TooCoarse, "too-coarse", "Best practices: Span granularity",
        "give each meaningful step inside a span of its own";
    /// Many spans that last next to nothing.
    TooFine, "too-fine", "Best practices: Span granularity",
        "count the steps in an attribute of their parent";
    /// A parent in the same process that was never exported: it never ended, or was dropped.
    ///
    /// It is its children that tell. A span without any that never ended leaves nothing behind, and a
    /// file cannot show it; [`assert_no_findings`](crate::testing::assert_no_findings) counts it.
    NeverEnded, "never-ended", "Best practices: Span lifecycle",
        "use a closure or a guard, and shut telemetry down before the process ends";
    /// A parent that nobody exported.
    ///
    /// A parent in another process is missed only where the root of the trace is among the spans:
    /// otherwise the trace began with somebody who exports elsewhere, and nobody can say what is missing.
    MissingParent, "missing-parent", "Context propagation",
        "export every service of the trace to the same place, or look for lost spans in its statistics";
    /// A request whose server started a trace of its own.
    UnjoinedServer, "unjoined-server", "Context propagation: HTTP requests, incoming",
        "inject the context into the request and extract it in the server";
    /// A span of the memory, the database or the cache that does not say whose data it touches.
    ///
    /// The look-up of a credential cannot know it yet. Its parent says so: a span whose name begins with
    /// `auth.`, such as `auth.verify_key`. Such a span exempts its children alone, not theirs.
    MissingTenant, "missing-tenant", "Span attributes: Custom attributes",
        "pass the tenant to the helper, or set tenant.id; who asks is looked up in a span auth.*";
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error of reading a [`Rule`] from its name; says which names there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownRule {
    name: String,
}

impl fmt::Display for UnknownRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
        write!(f, "no rule {:?}; there are {}", self.name, names.join(", "))
    }
}

impl std::error::Error for UnknownRule {}

impl FromStr for Rule {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, UnknownRule> {
        let found = Self::ALL.iter().find(|rule| rule.name() == name);
        found.copied().ok_or_else(|| UnknownRule {
            name: name.to_owned(),
        })
    }
}
