//! Where instructions go, by the source file that they were written in.
//!
//! Position: `count` has Callgrind write its file; **profile** reads it; `table` shows it for the goals that
//! are missed.
//!
//! Invariants:
//! - code that was inlined counts for the file that it is written in, not for that of its caller;
//! - what is inlined from Rust's standard library counts for the code just before it, which asked for it.
//!
//! Source: Valgrind manual, "Callgrind Format Specification".

use std::collections::{BTreeMap, HashMap};

/// Instructions by place, in no particular order.
pub(super) fn by_place(callgrind: &str) -> BTreeMap<String, u64> {
    let mut reader = Reader::default();
    for line in callgrind.lines() {
        reader.line(line);
    }
    reader.places
}

#[derive(Default)]
struct Reader<'a> {
    files: HashMap<&'a str, &'a str>,
    objects: HashMap<&'a str, &'a str>,
    file: &'a str,
    object: &'a str,
    /// The place of the last code that is not the standard library's.
    asked: Option<String>,
    /// Whether the next cost is that of a call, which its own lines tell as well.
    is_call: bool,
    places: BTreeMap<String, u64>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) {
        let Some((key, value)) = line.split_once('=') else {
            return self.cost(line);
        };
        match key {
            "fl" => {
                self.file = named(&mut self.files, value);
                self.asked = None;
            }
            "fi" | "fe" => self.file = named(&mut self.files, value),
            "ob" => self.object = named(&mut self.objects, value),
            "cfl" | "cfi" => {
                named(&mut self.files, value);
            }
            "cob" => {
                named(&mut self.objects, value);
            }
            "calls" => self.is_call = true,
            _ => {}
        }
    }

    /// `position cost`, where the position is a number, `*`, or a difference such as `+3`.
    fn cost(&mut self, line: &str) {
        let Some((position, cost)) = line.split_once(' ') else {
            return;
        };
        let is_position = position.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c));
        let (true, Ok(cost)) = (is_position, cost.trim().parse::<u64>()) else {
            return;
        };
        if std::mem::take(&mut self.is_call) {
            return;
        }
        if let Some(place) = place(self.file, self.object) {
            self.asked = Some(place);
        }
        let place = self.asked.as_deref().unwrap_or("std");
        if let Some(known) = self.places.get_mut(place) {
            *known += cost;
        } else {
            self.places.insert(place.to_owned(), cost);
        }
    }
}

/// The name that `(12) name` gives to a number, or that `(12)` was given before.
fn named<'a>(names: &mut HashMap<&'a str, &'a str>, value: &'a str) -> &'a str {
    match value.split_once(' ') {
        Some((number, name)) => {
            names.insert(number, name);
            name
        }
        None => names.get(value).copied().unwrap_or(value),
    }
}

/// What a file is called: ours by its path, that of a library by the library; `None` for the standard one.
fn place(file: &str, object: &str) -> Option<String> {
    const OURS: &str = "crates/observability/src/";
    let object = object.rsplit('/').next().unwrap_or(object);
    if let Some((library, _)) = object.split_once(".so") {
        return Some(library.to_owned());
    }
    if let Some((_, path)) = file.split_once(OURS) {
        return Some(path.to_owned());
    }
    if let Some((_, path)) = file.split_once("/registry/src/") {
        let package = path.split('/').nth(1).unwrap_or(path);
        let name = package.rsplit_once('-').map_or(package, |(name, _)| name);
        return Some(name.to_owned());
    }
    if file.contains("/rustc/") || file.contains("library/") {
        return None;
    }
    Some("the program".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
version: 1
positions: line
events: Ir
summary: 999

ob=(1) /target/release/hot
fl=(1) /home/me/crates/observability/src/span/start.rs
fn=(1) continuum_observability::span::start
16 20
+2 5
fi=(2) /rustc/0f/library/core/src/cell.rs
100 7
fi=(3) /home/me/crates/observability/src/context/stack.rs
* 3
fe=(1)
cfi=(4) src/peers/continuum.rs
cfn=(2) called
calls=1 30
-4 400
17 2

fl=(4)
fn=(2)
30 6

ob=(2) /lib/x86_64-linux-gnu/libc.so.6
fl=(5) ./string/memmove.S
fn=(3) 0x00000000000a5f80
0 11

ob=(1)
fl=(6) /home/me/.cargo/registry/src/index/tokio-util-0.7.1/src/lib.rs
fn=(4) poll
1 13

fl=(7) /rustc/0f/library/alloc/src/vec.rs
fn=(5) grow
1 17
totals: 484
";

    #[test]
    fn each_cost_is_where_its_code_was_written_and_calls_are_not_counted_again() {
        let expected = [
            ("context/stack.rs", 3),
            ("libc", 11),
            ("span/start.rs", 34),
            ("std", 17),
            ("the program", 6),
            ("tokio-util", 13),
        ];
        let expected = expected.map(|(place, cost)| (place.to_owned(), cost));
        assert_eq!(by_place(FILE), BTreeMap::from(expected));
    }

    #[test]
    fn what_is_no_profile_has_no_places() {
        assert_eq!(by_place("no = profile\n+ x\n7\n"), BTreeMap::new());
    }
}
