//! Evidence ids as people wrote them, and the turns they mean.
//!
//! Position: used by `layout` for the questions of a file.
//!
//! Invariant: `D8:6; D9:17`, `D:11:26` and `D08:06` mean the turns that a reader would take them for;
//! what names no turn is counted.

use std::collections::BTreeSet;

/// Splits one entry, which may name several turns.
pub(super) fn split(entry: &str) -> impl Iterator<Item = &str> {
    entry
        .split([';', ',', ' ', '\t', '\n'])
        .filter(|part| !part.is_empty())
}

/// Writes an id as `D<session>:<turn>`; `None` where it does not have two numbers.
pub(super) fn normalize(id: &str) -> Option<String> {
    let mut numbers = id
        .split(|character: char| !character.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(str::parse::<u32>);
    let (session, turn) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    numbers
        .next()
        .is_none()
        .then(|| format!("D{session}:{turn}"))
}

/// The turns that the entries of a question name, each once, and how many parts name none.
pub(super) fn resolve(entries: &[String], turns: &BTreeSet<&str>) -> (Vec<String>, usize) {
    let mut known = Vec::new();
    let mut unknown = 0;
    for part in entries.iter().flat_map(|entry| split(entry)) {
        match normalize(part).filter(|id| turns.contains(id.as_str())) {
            Some(id) if known.contains(&id) => {}
            Some(id) => known.push(id),
            None => unknown += 1,
        }
    }
    (known, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_normalized_as_a_reader_would() {
        assert_eq!(normalize("D8:6").as_deref(), Some("D8:6"));
        assert_eq!(normalize("D08:06").as_deref(), Some("D8:6"));
        assert_eq!(normalize("D:11:26").as_deref(), Some("D11:26"));
        assert_eq!(normalize("(D3:13)").as_deref(), Some("D3:13"));
        for nonsense in ["D", "", "D4", "D1:2:3", "D99999999999:1"] {
            assert_eq!(normalize(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn entries_with_several_ids_are_split_and_unknown_ones_counted() {
        let turns = BTreeSet::from(["D8:6", "D9:17"]);
        let entries = [
            "D8:6; D9:17".to_owned(),
            "D8:06,D7:1".to_owned(),
            "D".to_owned(),
        ];
        let (known, unknown) = resolve(&entries, &turns);
        assert_eq!(known, ["D8:6", "D9:17"]);
        assert_eq!(unknown, 2);
    }
}
