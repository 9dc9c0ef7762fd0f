//! A YAML document as a tree in which each node knows its place.
//!
//! Position: the parser's events → **node** → `map`. Scalars get their type here, after the
//! substitution and by the core schema of YAML 1.2.
//!
//! Invariants: one document; depth, number of nodes and length of texts are bounded, also where aliases repeat what is
//! behind an anchor; no key occurs twice in a map.

use super::substitute::substituted;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, StrInput, Tag};
use std::{borrow::Cow, collections::HashMap};

const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 10_000;
/// So many bytes of a text count as much as a further node.
const BYTES_OF_A_NODE: usize = 64;
const TOO_MUCH: &str = "expected at most 10000 values, of which a long text counts as several";

/// A place in the file, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl From<&Marker> for Place {
    fn from(marker: &Marker) -> Self {
        Self {
            line: marker.line(),
            column: marker.col() + 1,
        }
    }
}

/// Why a text is no tree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) reason: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) name: String,
}

impl Content {
    /// What it is, for a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

/// Looks up a variable of the environment.
pub(super) type Variables<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// The tree of a text that is one document.
pub(super) fn load(text: &str, variables: &Variables<'_>) -> Result<Node, Fault> {
    let mut loader = Loader {
        parser: Parser::new_from_str(text),
        variables,
        anchors: HashMap::new(),
        count: 0,
    };
    let root = loader.document()?;
    match loader.next()? {
        (Event::StreamEnd, _) => Ok(root),
        (_, place) => Err(fault(
            place,
            "expected one document, and here begins another",
        )),
    }
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    variables: &'a Variables<'a>,
    anchors: HashMap<usize, Node>,
    count: usize,
}

impl<'a> Loader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, Place), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, Place::from(&span.start))),
            Some(Err(error)) => Err(fault(Place::from(error.marker()), error.info())),
            None => Err(fault(Place { line: 1, column: 1 }, "expected a document")),
        }
    }

    fn document(&mut self) -> Result<Node, Fault> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::StreamEnd, place) => return Err(fault(place, "expected a document")),
                (event, place) => {
                    let root = self.node(event, place, 0)?;
                    return match self.next()? {
                        (Event::DocumentEnd, _) => Ok(root),
                        (_, place) => Err(fault(place, "expected the end of the document")),
                    };
                }
            }
        }
    }

    fn node(&mut self, event: Event<'a>, place: Place, depth: usize) -> Result<Node, Fault> {
        if depth > MAX_DEPTH {
            return Err(fault(place, "expected at most 32 levels"));
        }
        self.counted(1, place)?;
        let (anchor, content) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                (anchor, self.scalar(&text, style, tag.as_ref(), place)?)
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(depth)?),
            Event::Alias(anchor) => return self.alias(anchor, place),
            _ => return Err(fault(place, "expected a value")),
        };
        if let Content::Text(text) = &content {
            self.counted(text.len() / BYTES_OF_A_NODE, place)?;
        }
        let node = Node { place, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// What is behind an anchor once more, at the place where it is used.
    fn alias(&mut self, anchor: usize, place: Place) -> Result<Node, Fault> {
        let Some(size) = self.anchors.get(&anchor).map(size) else {
            return Err(fault(
                place,
                "expected an alias of something that is complete",
            ));
        };
        self.counted(size, place)?;
        let content = self.anchors[&anchor].content.clone();
        Ok(Node { place, content })
    }

    fn list(&mut self, depth: usize) -> Result<Content, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                (event, place) => items.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Fault> {
        let mut entries: Vec<(Key, Node)> = Vec::new();
        loop {
            let (event, place) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(Content::Map(entries)),
                Event::Scalar(name, ..) => name.into_owned(),
                _ => return Err(fault(place, "expected a key that is a text")),
            };
            self.counted(name.len() / BYTES_OF_A_NODE, place)?;
            if entries.iter().any(|(key, _)| key.name == name) {
                return Err(fault(place, format!("the key {name:?} is there twice")));
            }
            let (event, value_place) = self.next()?;
            let value = self.node(event, value_place, depth + 1)?;
            entries.push((Key { place, name }, value));
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Cow<'_, Tag>>,
        place: Place,
    ) -> Result<Content, Fault> {
        let text = substituted(text, self.variables).map_err(|reason| fault(place, reason))?;
        if style == ScalarStyle::Plain && tag.is_none() {
            Ok(typed(text))
        } else {
            Ok(Content::Text(text))
        }
    }

    fn counted(&mut self, more: usize, place: Place) -> Result<(), Fault> {
        self.count += more;
        if self.count > MAX_NODES {
            return Err(fault(place, TOO_MUCH));
        }
        Ok(())
    }
}

fn fault(place: Place, reason: impl Into<String>) -> Fault {
    let reason = reason.into();
    Fault { place, reason }
}

/// What a node counts for, with all that is below it.
fn size(node: &Node) -> usize {
    let of_entry = |(key, value): &(Key, Node)| key.name.len() / BYTES_OF_A_NODE + size(value);
    1 + match &node.content {
        Content::List(items) => items.iter().map(size).sum(),
        Content::Map(entries) => entries.iter().map(of_entry).sum(),
        Content::Text(text) => text.len() / BYTES_OF_A_NODE,
        _ => 0,
    }
}

/// The type of a plain scalar in the core schema.
fn typed(text: String) -> Content {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Null,
        "true" | "True" | "TRUE" => return Content::Bool(true),
        "false" | "False" | "FALSE" => return Content::Bool(false),
        _ => {}
    }
    if let Some(number) = whole(&text) {
        return Content::Int(number);
    }
    match float(&text) {
        Some(number) => Content::Float(number),
        None => Content::Text(text),
    }
}

fn whole(text: &str) -> Option<i64> {
    let of_radix = |digits: &str, radix| {
        let unsigned = !digits.starts_with(['+', '-']);
        unsigned.then(|| i64::from_str_radix(digits, radix).ok())?
    };
    match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) => of_radix(digits, 16),
        (_, Some(digits)) => of_radix(digits, 8),
        _ => text.parse().ok(),
    }
}

/// Numbers as YAML writes them, which are fewer than those that Rust reads.
fn float(text: &str) -> Option<f64> {
    let sign_free = text.trim_start_matches(['+', '-']);
    match sign_free {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    let starts_right = sign_free.starts_with(|first: char| first.is_ascii_digit() || first == '.');
    starts_right.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loaded(text: &str) -> Result<Node, Fault> {
        load(text, &|name| (name == "PORT").then(|| "4318".to_owned()))
    }

    fn content(text: &str) -> Content {
        let Content::Map(mut entries) = loaded(text).unwrap().content else {
            panic!("no map")
        };
        entries.remove(0).1.content
    }

    #[test]
    fn a_plain_scalar_has_the_type_of_its_text_and_a_quoted_one_is_a_text() {
        let rows = [
            ("k:", Content::Null),
            ("k: ~", Content::Null),
            ("k: True", Content::Bool(true)),
            ("k: yes", Content::Text("yes".to_owned())),
            ("k: -7", Content::Int(-7)),
            ("k: 0x1F", Content::Int(31)),
            ("k: 0o17", Content::Int(15)),
            ("k: 1.5e3", Content::Float(1500.0)),
            ("k: -.inf", Content::Float(f64::NEG_INFINITY)),
            ("k: inf", Content::Text("inf".to_owned())),
            ("k: nan", Content::Text("nan".to_owned())),
            ("k: '7'", Content::Text("7".to_owned())),
            ("k: \"true\"", Content::Text("true".to_owned())),
            ("k: !!str 7", Content::Text("7".to_owned())),
            ("k: ${PORT}", Content::Int(4318)),
            ("k: '${PORT}'", Content::Text("4318".to_owned())),
            ("k: ${MISSING}", Content::Null),
        ];
        for (text, expected) in rows {
            assert_eq!(content(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_are_not_substituted_and_know_their_place() {
        let root = loaded("a: 1\n'${PORT}':\n  - b: [x]\n").unwrap();
        let Content::Map(entries) = root.content else {
            panic!("no map")
        };
        let places: Vec<_> = entries
            .iter()
            .map(|(key, node)| (key.name.as_str(), key.place, node.place.line))
            .collect();
        let place = |line, column| Place { line, column };
        assert_eq!(places, [("a", place(1, 1), 1), ("${PORT}", place(2, 1), 3)]);
    }

    #[test]
    fn an_alias_is_what_its_anchor_was() {
        let Content::List(items) = content("k: [&a 1, *a]") else {
            panic!("no list")
        };
        let values: Vec<_> = items.into_iter().map(|item| item.content).collect();
        assert_eq!(values, [Content::Int(1), Content::Int(1)]);
        assert!(loaded("k: &a [*a]").is_err());
    }

    #[test]
    fn what_is_no_tree_of_texts_says_where() {
        let rows = [
            ("", 1, "expected a document"),
            ("a: 1\na: 2\n", 2, "the key \"a\" is there twice"),
            (
                "a: 1\n---\nb: 2\n",
                2,
                "expected one document, and here begins another",
            ),
            ("? [a]\n: 1\n", 1, "expected a key that is a text"),
            (
                "a: ${1}\n",
                1,
                "expected a reference such as ${NAME} or ${NAME:-default}",
            ),
        ];
        for (text, line, reason) in rows {
            let fault = loaded(text).unwrap_err();
            assert_eq!(
                (fault.place.line, fault.reason.as_str()),
                (line, reason),
                "{text}"
            );
        }
        let unclosed = loaded("a: [1, 2\n").unwrap_err();
        assert!(unclosed.place.line >= 1, "{unclosed:?}");
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let deep = "[".repeat(40) + &"]".repeat(40);
        assert_eq!(
            loaded(&deep).unwrap_err().reason,
            "expected at most 32 levels"
        );
        let mut laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, before) in ["b", "c", "d", "e"].iter().zip(["a", "b", "c", "d"]) {
            let copies = vec![format!("*{before}"); 10].join(", ");
            laughs = format!("{laughs}{name}: &{name} [{copies}]\n");
        }
        assert_eq!(loaded(&laughs).unwrap_err().reason, TOO_MUCH);
    }

    #[test]
    fn long_texts_are_bounded_also_where_aliases_repeat_them() {
        let long = "x".repeat(60_000);
        let aliases = vec!["*a"; 5_000].join(", ");
        let text = format!("a: &a {long}\nb: [{aliases}]\n");
        assert_eq!(loaded(&text).unwrap_err().reason, TOO_MUCH);
        let text = format!("a: &a {{{long}: 1}}\nb: [{aliases}]\n");
        assert_eq!(loaded(&text).unwrap_err().reason, TOO_MUCH);
    }
}
