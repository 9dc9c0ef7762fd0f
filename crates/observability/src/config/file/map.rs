//! The keys of a map, each asked for by its name and type, and what is wrong with them.
//!
//! Position: `node` → **map** → the parts of the schema.
//!
//! Invariants: an absent key and one without a value are the same where the schema has a default; a key
//! that nobody asked for is an error; a message is one line and shows no value.

use super::{
    super::Problem,
    node::{Content, Key, Node, Place},
};
use crate::export::push_escaped;
use std::cell::{Cell, RefCell};

/// What was wrong with the file, by place.
#[derive(Debug)]
pub(super) struct Report {
    file: String,
    errors: RefCell<Vec<(Place, String)>>,
    unsupported: RefCell<Vec<(Place, String)>>,
    unreadable: RefCell<Option<String>>,
    processors: Cell<Option<Place>>,
}

impl Report {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            errors: RefCell::default(),
            unsupported: RefCell::default(),
            unreadable: RefCell::default(),
            processors: Cell::default(),
        }
    }

    pub(super) fn error(&self, place: Place, reason: impl Into<String>) {
        self.errors.borrow_mut().push((place, reason.into()));
    }

    fn not_here(&self, place: Place, reason: String) {
        self.unsupported.borrow_mut().push((place, reason));
    }

    pub(super) fn whole_file(&self, reason: String) {
        *self.unreadable.borrow_mut() = Some(reason);
    }

    pub(super) fn processors_at(&self, place: Place) {
        self.processors.set(Some(place));
    }

    /// Where the exporters are named.
    pub(super) fn processors(&self) -> Option<String> {
        Some(located(&self.file, self.processors.get()?))
    }

    /// Errors, and what this recorder has not, in the order of the file.
    pub(super) fn into_problems(self) -> (Vec<Problem>, Vec<Problem>) {
        let file = self.file;
        let problems = |found: RefCell<Vec<(Place, String)>>| {
            let mut found = found.into_inner();
            found.sort();
            let problem = |(place, reason)| Problem::new(&located(&file, place), reason);
            found.into_iter().map(problem).collect::<Vec<_>>()
        };
        let mut errors = problems(self.errors);
        let unreadable = self.unreadable.into_inner();
        errors.extend(unreadable.map(|reason| Problem::new(&file, reason)));
        (errors, problems(self.unsupported))
    }
}

fn located(file: &str, place: Place) -> String {
    format!("{file}:{}:{}", place.line, place.column)
}

/// The settings below a key.
#[derive(Debug)]
pub(super) struct Map<'a> {
    pub(super) report: &'a Report,
    pub(super) place: Place,
    path: String,
    entries: &'a [(Key, Node)],
    known: RefCell<Vec<&'static str>>,
}

/// A map with one key, which says what its settings are for.
#[derive(Debug)]
pub(super) struct Only<'a> {
    pub(super) name: &'a str,
    pub(super) settings: Map<'a>,
}

impl<'a> Map<'a> {
    /// The map that a node is; one without a value is an empty map.
    pub(super) fn of(node: &'a Node, path: String, report: &'a Report) -> Option<Self> {
        let entries = match &node.content {
            Content::Map(entries) => entries.as_slice(),
            Content::Null => &[],
            other => {
                let reason = format!("{path}: expected a map, not {}", other.kind());
                report.error(node.place, reason);
                return None;
            }
        };
        Some(Self {
            report,
            place: node.place,
            path,
            entries,
            known: RefCell::default(),
        })
    }

    fn entry(&self, key: &'static str) -> Option<&'a (Key, Node)> {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
        self.entries.iter().find(|(known, _)| known.name == key)
    }

    /// What a key holds, unless that is nothing.
    pub(super) fn value(&self, key: &'static str) -> Option<&'a Node> {
        let (_, node) = self.entry(key)?;
        (node.content != Content::Null).then_some(node)
    }

    fn path_of(&self, key: &str) -> String {
        let mut path = self.path.clone();
        if !path.is_empty() {
            path.push('.');
        }
        // It may be anything, as long as nobody has said what it should be.
        push_escaped(&mut path, key);
        path
    }

    /// The settings of a key that is there, with or without a value.
    pub(super) fn map(&self, key: &'static str) -> Option<Self> {
        let (_, node) = self.entry(key)?;
        Self::of(node, self.path_of(key), self.report)
    }

    /// Each of a list of maps, which is not empty where it is given.
    pub(super) fn maps(&self, key: &'static str) -> Vec<Self> {
        let maps = self
            .list(key)
            .iter()
            .enumerate()
            .filter_map(|(index, node)| {
                Self::of(node, format!("{}[{index}]", self.path_of(key)), self.report)
            });
        maps.collect()
    }

    /// The members of a list, which is not empty where it is given.
    pub(super) fn list(&self, key: &'static str) -> &'a [Node] {
        match self.value(key).map(|node| &node.content) {
            Some(Content::List(items)) if !items.is_empty() => items,
            Some(_) => {
                self.wrong(key, "a list that is not empty");
                &[]
            }
            None => &[],
        }
    }

    pub(super) fn text(&self, key: &'static str) -> Option<String> {
        match &self.value(key)?.content {
            Content::Text(text) => Some(text.clone()),
            other => {
                self.wrong(key, &format!("a text, not {}", other.kind()));
                None
            }
        }
    }

    pub(super) fn required_text(&self, key: &'static str) -> Option<String> {
        if self.value(key).is_none() {
            self.missing(key);
        }
        self.text(key)
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<bool> {
        match &self.value(key)?.content {
            Content::Bool(flag) => Some(*flag),
            other => {
                self.wrong(key, &format!("true or false, not {}", other.kind()));
                None
            }
        }
    }

    /// A whole number, at least so large.
    pub(super) fn count(&self, key: &'static str, least: u64) -> Option<u64> {
        let count = match self.value(key)?.content {
            Content::Int(number) => u64::try_from(number).ok().filter(|count| *count >= least),
            _ => None,
        };
        if count.is_none() {
            self.wrong(key, &format!("a whole number, at least {least}"));
        }
        count
    }

    pub(super) fn ratio(&self, key: &'static str) -> Option<f64> {
        let number = match self.value(key)?.content {
            Content::Int(0) => Some(0.0),
            Content::Int(1) => Some(1.0),
            Content::Float(number) => Some(number).filter(|ratio| (0.0..=1.0).contains(ratio)),
            _ => None,
        };
        if number.is_none() {
            self.wrong(key, "a number from 0 to 1");
        }
        number
    }

    /// Its one key.
    pub(super) fn only(&self) -> Option<Only<'a>> {
        if let [(key, node)] = self.entries {
            return Some(Only {
                name: &key.name,
                settings: Self::of(node, self.path_of(&key.name), self.report)?,
            });
        }
        self.error("expected exactly one key");
        None
    }

    /// The map as a whole cannot be used.
    pub(super) fn error(&self, reason: &str) {
        self.report
            .error(self.place, format!("{}: {reason}", self.path));
    }

    /// The map as a whole says what this recorder has not.
    pub(super) fn not_supported(&self, reason: &str) {
        self.report
            .not_here(self.place, format!("{}: {reason}", self.path));
    }

    /// The value of a key cannot be used.
    pub(super) fn wrong(&self, key: &'static str, expected: &str) {
        let place = self.value(key).map_or(self.place, |node| node.place);
        let reason = format!("{}: expected {expected}", self.path_of(key));
        self.report.error(place, reason);
    }

    pub(super) fn missing(&self, key: &'static str) {
        let reason = format!("{}: is missing", self.path_of(key));
        self.report.error(self.place, reason);
    }

    /// The value of a key means what this recorder has not.
    pub(super) fn not_here(&self, key: &'static str, reason: impl AsRef<str>) {
        let place = self.value(key).map_or(self.place, |node| node.place);
        let reason = format!("{}: {}", self.path_of(key), reason.as_ref());
        self.report.not_here(place, reason);
    }

    /// A key of the schema that has no meaning here, where somebody uses it.
    pub(super) fn unsupported(&self, key: &'static str, reason: &str) {
        if self.value(key).is_some() {
            self.not_here(key, reason);
        }
    }

    /// Every key has been asked for: others are errors.
    pub(super) fn finish(self) {
        let known = self.known.borrow().join(", ");
        for key in self.unknown() {
            let reason = format!("{}: expected one of {known}", self.path_of(&key.name));
            self.report.error(key.place, reason);
        }
    }

    /// The same for a map to which others may add keys.
    pub(super) fn finish_open(self) {
        for key in self.unknown() {
            let reason = format!(
                "{}: nothing of it has a meaning here",
                self.path_of(&key.name)
            );
            self.report.not_here(key.place, reason);
        }
    }

    fn unknown(&self) -> Vec<&'a Key> {
        let known = self.known.borrow();
        let keys = self.entries.iter().map(|(key, _)| key);
        keys.filter(|key| !known.contains(&key.name.as_str()))
            .collect()
    }
}
