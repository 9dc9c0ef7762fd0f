//! Environment variables as carriers: the context of a process that starts another one.
//!
//! Position: a `Command` is written to before it is started; the child reads its [`Variables`].
//!
//! Invariants:
//! - names are written in upper case, with `_` for whatever a variable may not have;
//! - a value that no process could be started with is left out;
//! - a child gets no header of the context that this process itself was started with.
//!
//! Source: OpenTelemetry specification, "Environment Variables as Context Propagation Carriers".

use super::{Extractor, Injector};
use crate::propagation::jaeger::UBERCTX_PREFIX;
use std::process::Command;

/// The child sees the headers as variables: `TRACEPARENT`, `TRACESTATE`, `BAGGAGE`.
impl Injector for Command {
    fn set(&mut self, key: &str, value: String) {
        if !value.contains('\0') {
            self.env(normalized(key), value);
        }
    }

    fn remove(&mut self, key: &str) {
        self.env_remove(normalized(key));
    }
}

/// The variables of a process.
pub(crate) struct Variables {
    variables: Vec<(String, String)>,
    /// The name of each, or of the header that it stands for where a format reads the name.
    keys: Vec<String>,
}

impl Variables {
    pub(crate) fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<_> = variables.into_iter().collect();
        let prefix = normalized(UBERCTX_PREFIX);
        let key = |(name, _): &(String, String)| match name.strip_prefix(&prefix) {
            Some(member) => format!("{UBERCTX_PREFIX}{}", member.to_ascii_lowercase()),
            None => name.clone(),
        };
        Self {
            keys: variables.iter().map(key).collect(),
            variables,
        }
    }
}

impl Extractor for Variables {
    fn get(&self, key: &str) -> Option<&str> {
        let name = normalized(key);
        let found = self.variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> Vec<&str> {
        self.keys.iter().map(String::as_str).collect()
    }
}

/// The name of the variable for a header.
fn normalized(key: &str) -> String {
    let mut name = String::with_capacity(key.len() + 1);
    if key.starts_with(|first: char| first.is_ascii_digit()) {
        name.push('_');
    }
    name.extend(key.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' => letter.to_ascii_uppercase(),
        _ => '_',
    }));
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_child_gets_the_headers_as_variables() {
        let mut command = Command::new("child");
        command.set("traceparent", "00-x".to_owned());
        command.set("x-b3-traceid", "1".to_owned());
        command.set("0.é", "2".to_owned());
        command.set("broken", "a\0b".to_owned());
        let set: BTreeMap<_, _> = command.get_envs().collect();
        let names: Vec<_> = set.keys().map(|name| name.to_string_lossy()).collect();
        assert_eq!(names, ["TRACEPARENT", "X_B3_TRACEID", "_0__"]);
        drop((names, set));
        command.remove("traceparent");
        command.remove("tracestate");
        let gone = command.get_envs().filter(|(_, value)| value.is_none());
        let gone: Vec<_> = gone.map(|(name, _)| name.to_string_lossy()).collect();
        assert_eq!(gone, ["TRACEPARENT", "TRACESTATE"]);
    }

    #[test]
    fn variables_are_read_under_their_names_only() {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let variables = [
            ("TRACEPARENT", "00-x"),
            ("tracestate", "a=1"),
            ("B3", ""),
            ("UBERCTX_TENANT_ID", "acme"),
        ];
        let variables = Variables::new(variables.map(owned));
        assert_eq!(variables.get("traceparent"), Some("00-x"));
        assert_eq!(variables.get("tracestate"), None);
        assert_eq!(variables.get("b3"), Some(""));
        assert_eq!(
            variables.keys(),
            ["TRACEPARENT", "tracestate", "B3", "uberctx-tenant_id"]
        );
        assert_eq!(variables.get("uberctx-tenant_id"), Some("acme"));
    }
}
