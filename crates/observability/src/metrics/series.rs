//! The series of each operation: one for each set of labels that was seen.
//!
//! Position: between a measurement and the sinks, which make the numbers once and are then reached
//! by one look-up.
//!
//! Invariants:
//! - an operation has at most [`MAX_SERIES`] series, however often they are opened anew; what is beyond shares one,
//!   whose labels are [`OTHER`];
//! - while a sink counts, no lock is held here;
//! - what is opened while everything is forgotten is not kept, so that no later sink is missing in it.

use super::{Counter, Operation, Tally, catalogue::Label};
use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Sets of labels of one operation.
pub(super) const MAX_SERIES: usize = 1_000;
/// The value of a label for which there is no place.
pub(super) const OTHER: &str = "other";
/// Ends each value in a key.
pub(super) const SEPARATOR: char = '\u{1f}';
/// The longest value of a label.
const MAX_VALUE_BYTES: usize = 128;

type Tallies = Arc<[Box<dyn Tally>]>;

/// The numbers of each set of labels; `None` where they have to be opened anew.
type Table = HashMap<Box<str>, Option<Tallies>>;

pub(super) struct Series {
    tables: [RwLock<Table>; Operation::ALL.len()],
    /// How many times everything was forgotten.
    generation: AtomicUsize,
}

impl Series {
    pub(super) fn new() -> Self {
        Self {
            tables: std::array::from_fn(|_| RwLock::default()),
            generation: AtomicUsize::new(0),
        }
    }

    /// Forgets the numbers of all series, which stay with the sinks, but not which series there are.
    #[cfg(feature = "opentelemetry_0_33")]
    pub(super) fn clear(&self) {
        // Before the tables: whoever finds one emptied knows that it was.
        self.generation.fetch_add(1, Ordering::AcqRel);
        for table in &self.tables {
            let mut known = table.write().unwrap_or_else(PoisonError::into_inner);
            known.values_mut().for_each(|tallies| *tallies = None);
        }
    }

    /// The series with the labels of `key`, opened if it is new.
    pub(super) fn find(
        &self,
        operation: Operation,
        key: &str,
        open: impl FnOnce(&Values) -> Vec<Box<dyn Tally>>,
    ) -> Tallies {
        let table = &self.tables[operation as usize];
        let known = table.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.get(key);
        if let Some(Some(found)) = found {
            return Arc::clone(found);
        }
        let is_full = found.is_none() && known.len() >= MAX_SERIES;
        drop(known);
        if !is_full {
            return self.open(table, key, || open(&Values::of_key(operation, key)));
        }
        let other = Values::other(operation, key);
        let key = other.key();
        self.open(table, &key, || open(&other))
    }

    #[cold]
    fn open(
        &self,
        table: &RwLock<Table>,
        key: &str,
        open: impl FnOnce() -> Vec<Box<dyn Tally>>,
    ) -> Tallies {
        let known = table.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(found)) = known.get(key) {
            return Arc::clone(found);
        }
        drop(known);
        // Sinks may be code of the user's, which is not called under the lock. One that is opened twice
        // is one and the same.
        let generation = self.generation.load(Ordering::Acquire);
        let opened: Tallies = open().into();
        let mut known = table.write().unwrap_or_else(PoisonError::into_inner);
        if self.generation.load(Ordering::Acquire) != generation {
            return opened;
        }
        let place = known.entry(key.into()).or_default();
        Arc::clone(place.get_or_insert(opened))
    }
}

/// Appends the value of a label to a key.
pub(super) fn push_value(key: &mut String, value: &str) {
    let end = value.find(SEPARATOR).unwrap_or(value.len());
    let end = value.floor_char_boundary(end.min(MAX_VALUE_BYTES));
    key.push_str(&value[..end]);
}

/// The labels of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values(Vec<(Label, String)>);

impl Values {
    fn of_key(operation: Operation, key: &str) -> Self {
        let values = key.split(SEPARATOR).map(ToOwned::to_owned);
        Self(operation.labels().iter().copied().zip(values).collect())
    }

    /// The series for all for which there is no place; what fails is still told from what does not.
    fn other(operation: Operation, key: &str) -> Self {
        let mut values = Self::of_key(operation, key);
        for (label, value) in &mut values.0 {
            if *label != Label::Success && !value.is_empty() {
                OTHER.clone_into(value);
            }
        }
        values
    }

    fn key(&self) -> String {
        let mut key = String::new();
        for (_, value) in &self.0 {
            key.push_str(value);
            key.push(SEPARATOR);
        }
        key
    }

    /// Whether a counter can ever count anything of this series: not one of errors, where there is none.
    pub(crate) fn concern(&self, counter: &Counter) -> bool {
        let is_typed = counter.labels.contains(&Label::ErrorType);
        let has_type =
            |(label, value): &(_, String)| *label == Label::ErrorType && !value.is_empty();
        !is_typed || self.0.iter().any(has_type)
    }

    /// The labels among `wanted`, and the tenant where that is wanted, in that order.
    pub(crate) fn pick<'a>(
        &'a self,
        wanted: &'a [Label],
        has_tenants: bool,
    ) -> impl Iterator<Item = (Label, &'a str)> {
        let tenant = has_tenants.then_some(&Label::Tenant);
        wanted.iter().chain(tenant).filter_map(|wanted| {
            let (label, value) = self.0.iter().find(|(label, _)| label == wanted)?;
            Some((*label, value.as_str()))
        })
    }
}

#[cfg(all(test, feature = "opentelemetry_0_33"))]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_is_opened_while_all_are_forgotten_is_opened_again() {
        let series = Series::new();
        let find = |opened: &dyn Fn()| {
            let open = |_: &Values| {
                opened();
                Vec::new()
            };
            series.find(Operation::Recall, "", open)
        };
        find(&|| series.clear());
        let times = std::cell::Cell::new(0);
        for _ in 0..2 {
            find(&|| times.set(times.get() + 1));
        }
        assert_eq!(times.get(), 1);
    }

    #[test]
    fn there_are_no_more_series_than_may_be_however_often_they_are_forgotten() {
        let series = Series::new();
        let opened = std::cell::RefCell::new(std::collections::BTreeSet::new());
        for tenant in 0..3 * MAX_SERIES {
            if tenant % MAX_SERIES == 0 {
                series.clear();
            }
            let key = format!("recall{SEPARATOR}true{SEPARATOR}{tenant}{SEPARATOR}");
            series.find(Operation::Recall, &key, |values| {
                opened.borrow_mut().insert(values.key());
                Vec::new()
            });
        }
        assert_eq!(opened.borrow().len(), MAX_SERIES + 1);
    }
}
