//! What a rule names is brought into the form that the semantic conventions ask for.
//!
//! Position: between the fields of a library and the attributes of a span; [`super::rule`] has the list.
//!
//! Invariants: a statement is recorded without its literals or not at all, also one that comes late or with
//! an event; of a query the secrets are left out; a method is one of a few.

use super::{
    call_site::CallSite,
    fields::{Fields, Gathered},
    text::Place,
};
use crate::{
    Value,
    layers::{
        database::{SqlDialect, operation_of, scrub_sql},
        http::{OTHER_METHOD, UNKNOWN_IN_NAME, known_method},
    },
    semconv::attribute,
    span::url::{Url, capped, redact_query},
};

impl Fields {
    /// Takes a field that a rule gives the name `key`.
    pub(super) fn push_conventional(&mut self, key: &'static str, value: Gathered) {
        match (key, value) {
            (attribute::DB_QUERY_TEXT, Gathered::Text(text)) => {
                if !self.texts.get(text).trim().is_empty() {
                    self.set(key, Gathered::Text(text));
                }
            }
            (attribute::HTTP_REQUEST_METHOD, Gathered::Text(text)) => self.push_method(text),
            (attribute::URL_PATH | attribute::URL_FULL, Gathered::Text(text)) => {
                self.push_target(text);
            }
            (attribute::URL_QUERY, Gathered::Text(text)) => {
                let query = redact_query(self.texts.get(text)).into_owned();
                let query = Gathered::Text(self.texts.push(&query));
                self.push(key, query);
            }
            (attribute::NETWORK_PROTOCOL_VERSION, Gathered::Text(text)) => {
                let version = Gathered::Text(self.protocol_version(text));
                self.push(key, version);
            }
            (key, value) => {
                let value = self.as_number(key, value);
                self.push(status_key(key, value), value);
            }
        }
    }

    /// A number that came as text.
    fn as_number(&self, key: &str, value: Gathered) -> Gathered {
        const NUMBERS: [&str; 5] = [
            attribute::HTTP_RESPONSE_STATUS_CODE,
            attribute::RPC_GRPC_STATUS_CODE,
            attribute::SERVER_PORT,
            attribute::DB_RESPONSE_RETURNED_ROWS,
            attribute::DB_RESPONSE_AFFECTED_ROWS,
        ];
        match value {
            Gathered::Text(text) if NUMBERS.contains(&key) => {
                let number = self.texts.get(text).parse().map(Gathered::I64);
                number.unwrap_or(Gathered::Text(text))
            }
            other => other,
        }
    }

    /// Anybody can make a method up: what is not known is one value.
    fn push_method(&mut self, text: Place) {
        let sent = self.texts.get(text);
        let known = known_method(sent);
        let method = Gathered::Static(known.unwrap_or(OTHER_METHOD));
        let end = text.start + capped(sent).len();
        self.push(attribute::HTTP_REQUEST_METHOD, method);
        if known.is_none() {
            let original = Gathered::Text(Place { end, ..text });
            self.push(attribute::HTTP_REQUEST_METHOD_ORIGINAL, original);
        }
    }

    /// The target of a request: mostly a path and a query, but a client and a proxy have a URL there.
    fn push_target(&mut self, text: Place) {
        let target = self.texts.get(text).to_owned();
        if let Some(url) = Url::parse(&target) {
            let full = self.texts.push(&url.full);
            return self.push(attribute::URL_FULL, Gathered::Text(full));
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(redact_query(query))),
            None => (&*target, None),
        };
        let path = self.texts.push(capped(path));
        self.push(attribute::URL_PATH, Gathered::Text(path));
        if let Some(query) = query {
            let query = self.texts.push(&query);
            self.push(attribute::URL_QUERY, Gathered::Text(query));
        }
    }

    /// `1.1` of `HTTP/1.1`, `2` of `HTTP/2.0`.
    fn protocol_version(&self, text: Place) -> Place {
        let shown = self.texts.get(text);
        let version = shown.strip_prefix("HTTP/").unwrap_or(shown);
        let start = text.start + (shown.len() - version.len());
        let version = version
            .strip_suffix(".0")
            .filter(|major| *major != "1")
            .unwrap_or(version);
        Place {
            start,
            end: start + version.len(),
        }
    }

    /// Does what takes all fields of what a rule is for: scrubs the statement, makes the name.
    #[cold]
    pub(super) fn complete(&mut self, site: &CallSite) {
        self.complete_late(site);
        if self.special.name.is_none()
            && let Some(pattern) = site.rename
        {
            let name = self.named_by(pattern);
            self.special.name = Some(name).filter(|name| name.start < name.end);
        }
    }

    /// The same for what is said of a span that has its name.
    #[cold]
    pub(super) fn complete_late(&mut self, site: &CallSite) {
        self.complete_statement(site);
        self.for_span(|fields| fields.complete_statement(site));
    }

    fn complete_statement(&mut self, site: &CallSite) {
        let Some(Value::Str(sql)) = self.find(attribute::DB_QUERY_TEXT) else {
            return;
        };
        let sql = sql.trim().to_owned();
        let dialect = self.dialect(site);
        self.remove(attribute::DB_QUERY_TEXT);
        let operation = self.texts.push(operation_of(&sql));
        self.set(attribute::DB_OPERATION_NAME, Gathered::Text(operation));
        if let Some(text) = scrub_sql(&sql, dialect) {
            let text = self.texts.push(&text);
            self.push(attribute::DB_QUERY_TEXT, Gathered::Text(text));
        }
    }

    /// That of the database which the fields name, or else the rule.
    fn dialect(&self, site: &CallSite) -> SqlDialect {
        let constants = || site.constants.iter();
        let of_rule = || constants().find(|(key, _)| *key == attribute::DB_SYSTEM_NAME);
        let system = self.find(attribute::DB_SYSTEM_NAME);
        match system.or_else(|| of_rule().map(|(_, system)| system.clone())) {
            Some(Value::Str(system)) => SqlDialect::of_system(&system),
            _ => SqlDialect::Generic,
        }
    }

    /// A name with attributes in it; the operation of a statement is in lower case there.
    fn named_by(&mut self, pattern: &str) -> Place {
        let mut name = String::new();
        for (number, part) in pattern.split(['{', '}']).enumerate() {
            let is_text = number % 2 == 0;
            match self.find(part) {
                _ if is_text => name.push_str(part),
                Some(Value::Str(text)) if part == attribute::DB_OPERATION_NAME => {
                    name.push_str(&text.to_lowercase());
                }
                Some(Value::Str(text)) if text == OTHER_METHOD => name.push_str(UNKNOWN_IN_NAME),
                Some(Value::Str(text)) => name.push_str(&text),
                Some(Value::I64(value)) => name.push_str(&value.to_string()),
                _ => {}
            }
        }
        self.texts.push(name.trim())
    }
}

/// What a library calls the status of an answer may be that of gRPC, which is below those of HTTP.
fn status_key(key: &'static str, value: Gathered) -> &'static str {
    match value {
        Gathered::I64(100..=999) => key,
        Gathered::I64(_) if key == attribute::HTTP_RESPONSE_STATUS_CODE => {
            attribute::RPC_GRPC_STATUS_CODE
        }
        _ => key,
    }
}
