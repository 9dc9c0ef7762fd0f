//! The switch between current and former names.
//!
//! Position: decided by `config`, kept by each recorder and copied into each span; asked whenever a
//! ready-made span sets one of its attributes.
//!
//! Invariants: with the default nothing is looked up; what a user sets by name never comes here.
//!
//! Source: OpenTelemetry semantic conventions, "Database migration guide", "HTTP migration guide".

use super::{attribute as now, former};

/// Which names the ready-made spans of [`layers`](crate::layers) give to their attributes.
///
/// ```
/// use continuum_observability::{
///     layers::cache::trace_pipeline, semconv::Conventions, testing::TestRecorder,
/// };
///
/// let recorder = TestRecorder::with_conventions(Conventions::Dup);
/// recorder.run(|| trace_pipeline(3).in_scope(|_| ()));
/// assert_eq!(
///     recorder.tree(),
///     "cache.pipeline [client] cache.pipeline.command_count=3 \
///      db.redis.pipeline.command_count=3\n"
/// );
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conventions {
    /// The current names of the semantic conventions.
    #[default]
    Stable,
    /// The names of earlier releases, for dashboards and alerts that ask for them; nothing of
    /// `gen_ai` on memory spans, which had none.
    Legacy,
    /// Both, for the time of a migration.
    Dup,
}

impl Conventions {
    pub(crate) fn has_stable(self) -> bool {
        self != Self::Legacy
    }

    pub(crate) fn has_former(self) -> bool {
        self != Self::Stable
    }
}

/// Attributes that change their names together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Http,
    Database,
    Messaging,
    Cache,
    GenAi,
}

/// The conventions of each group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Naming([Conventions; 5]);

impl Naming {
    /// The same conventions for every group.
    pub(crate) fn all(conventions: Conventions) -> Self {
        Self([conventions; 5])
    }

    pub(crate) fn with(mut self, group: Group, conventions: Conventions) -> Self {
        self.0[group as usize] = conventions;
        self
    }

    pub(crate) fn of(self, group: Group) -> Conventions {
        self.0[group as usize]
    }

    /// Whether every name is the current one.
    #[inline]
    pub(crate) fn is_usual(self) -> bool {
        self == Self::default()
    }

    /// The names under which the attribute with the current name `key` is to be set.
    #[inline]
    pub(crate) fn names(self, key: &str) -> impl Iterator<Item = &str> {
        let names = if self.is_usual() {
            [Some(key), None]
        } else {
            self.look_up(key)
        };
        names.into_iter().flatten()
    }

    fn look_up(self, key: &str) -> [Option<&str>; 2] {
        if GEN_AI_BESIDE_THE_GUIDES.contains(&key) {
            let written = self.of(Group::GenAi).has_stable();
            return [written.then_some(key), None];
        }
        let Some((group, _, former)) = RENAMED.iter().find(|(_, current, _)| *current == key)
        else {
            return [Some(key), None];
        };
        let conventions = self.of(*group);
        [
            conventions.has_stable().then_some(key),
            conventions.has_former().then_some(*former),
        ]
    }
}

/// Attributes of memory spans that stand beside the guide's own, which are no former names of theirs.
pub(super) const GEN_AI_BESIDE_THE_GUIDES: &[&str] = &[
    now::GEN_AI_OPERATION_NAME,
    now::GEN_AI_MEMORY_STORE_ID,
    now::GEN_AI_MEMORY_RECORD_COUNT,
    now::GEN_AI_MEMORY_QUERY_TEXT,
];

/// Group, current name, former name of attributes that kept their meaning.
pub(super) const RENAMED: &[(Group, &str, &str)] = &[
    (Group::Http, now::HTTP_REQUEST_METHOD, former::HTTP_METHOD),
    (
        Group::Http,
        now::HTTP_RESPONSE_STATUS_CODE,
        former::HTTP_STATUS_CODE,
    ),
    (Group::Http, now::URL_FULL, former::HTTP_URL),
    (Group::Http, now::URL_SCHEME, former::HTTP_SCHEME),
    (
        Group::Http,
        now::NETWORK_PROTOCOL_VERSION,
        former::HTTP_FLAVOR,
    ),
    (
        Group::Http,
        now::USER_AGENT_ORIGINAL,
        former::HTTP_USER_AGENT,
    ),
    (Group::Http, now::CLIENT_ADDRESS, former::HTTP_CLIENT_IP),
    (Group::Database, now::DB_SYSTEM_NAME, former::DB_SYSTEM),
    (
        Group::Database,
        now::DB_OPERATION_NAME,
        former::DB_OPERATION,
    ),
    (Group::Database, now::DB_QUERY_TEXT, former::DB_STATEMENT),
    (
        Group::Database,
        now::DB_COLLECTION_NAME,
        former::DB_SQL_TABLE,
    ),
    (Group::Database, now::DB_NAMESPACE, former::DB_NAME),
    (
        Group::Database,
        now::DB_RESPONSE_RETURNED_ROWS,
        former::DB_ROW_COUNT,
    ),
    (
        Group::Messaging,
        now::MESSAGING_DESTINATION_NAME,
        former::MESSAGING_DESTINATION,
    ),
    (Group::Cache, now::CACHE_OPERATION, former::DB_OPERATION),
    (Group::Cache, now::CACHE_KEY, former::DB_REDIS_KEY),
    (
        Group::Cache,
        now::CACHE_KEY_PATTERN,
        former::DB_REDIS_KEY_PATTERN,
    ),
    (
        Group::Cache,
        now::CACHE_PIPELINE_COMMAND_COUNT,
        former::DB_REDIS_PIPELINE_COMMAND_COUNT,
    ),
];
