//! Decisions at the tail against a plain model: spans in any order, over rounds and chunks.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens next: a span of one of the traces ends, the root of it if there was none yet.
#[expect(
    clippy::struct_excessive_bools,
    reason = "a step is drawn at random, fact by fact"
)]
#[derive(Debug, Clone)]
struct Step {
    trace: u64,
    is_root: bool,
    failed: bool,
    slow: bool,
    /// 0: after this step a new round begins, 1: a new chunk.
    gap: u8,
    settled: bool,
}

prop_compose! {
    fn step()(
        trace in 0..6u64,
        is_root in prop::bool::weighted(0.3),
        failed in prop::bool::weighted(0.1),
        slow in prop::bool::weighted(0.2),
        gap in 0..6u8,
        settled: bool,
    ) -> Step {
        Step { trace, is_root, failed, slow, gap, settled }
    }
}

/// One trace of the model.
#[derive(Debug, Default)]
struct Expected {
    names: Vec<String>,
    /// The rounds in which spans failed.
    failures: Vec<usize>,
    slow: bool,
    /// The round that sees everything that ended before the root.
    decided_in: Option<usize>,
}

impl Expected {
    fn verdict(&self, trace: u64) -> Verdict {
        let in_time = |round: &usize| self.decided_in.is_none_or(|last| *round <= last);
        if self.slow || self.failures.iter().any(in_time) {
            Verdict::Keep
        } else if trace % 2 == 1 {
            Verdict::KeepByRatio
        } else {
            Verdict::Drop
        }
    }
}

/// Plays the steps to a tail and to the model.
fn play(steps: &[Step], bed: &mut Bed) -> BTreeMap<u64, Expected> {
    let mut model: BTreeMap<u64, Expected> = BTreeMap::new();
    let mut rounds: Vec<Vec<Vec<Ended>>> = vec![vec![vec![], vec![]]];
    for (number, step) in steps.iter().enumerate() {
        let (round, settled) = (rounds.len() - 1, step.settled);
        let expected = model.entry(step.trace).or_default();
        let is_root = step.is_root && expected.decided_in.is_none();
        let ended = if is_root { root } else { span }(step.trace);
        let mut ended = ended.named(format!("{number}")).failed(step.failed);
        if is_root {
            expected.decided_in = Some(if settled { round } else { round + 1 });
            expected.slow = step.slow;
            ended = ended.taking(if step.slow { SLOW * 2 } else { SLOW });
        }
        expected.names.push(ended.name.clone());
        if step.failed {
            expected.failures.push(round);
        }
        // The first chunk is for roots that are not settled.
        let chunks = rounds.last_mut().unwrap();
        if is_root && !settled {
            chunks.first_mut().unwrap().push(ended);
        } else {
            chunks.last_mut().unwrap().push(ended);
        }
        match step.gap {
            0 => rounds.push(vec![vec![], vec![]]),
            1 => chunks.push(vec![]),
            _ => {}
        }
    }
    for mut chunks in rounds {
        // The first chunk becomes the last, and is the one that is not settled.
        chunks.rotate_left(1);
        bed.round(&chunks, 1);
    }
    bed.finish();
    model
}

proptest! {
    #[test]
    fn whatever_the_order_each_trace_has_the_fate_that_its_spans_in_time_give_it(
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let mut bed = Bed::new(&policy());
        let model = play(&steps, &mut bed);
        let (mut names, mut thrown_away) = (BTreeMap::new(), 0);
        for (trace, expected) in &model {
            match expected.verdict(*trace) {
                Verdict::Drop => thrown_away += expected.names.len() as u64,
                verdict => {
                    let state = if verdict == Verdict::KeepByRatio { TH } else { "" };
                    names.extend(expected.names.iter().map(|name| (name.clone(), state.to_owned())));
                }
            }
        }
        let kept = bed.kept().into_iter().map(|span| (span.name, span.trace_state));
        prop_assert_eq!(kept.collect::<BTreeMap<_, _>>(), names);
        let rootless = model.values().filter(|expected| expected.decided_in.is_none()).count();
        prop_assert_eq!(bed.counts(), (thrown_away, rootless as u64));
    }

    #[test]
    fn whatever_is_given_up_is_accounted_for(
        steps in prop::collection::vec(step(), 0..200),
        max_waiting_bytes in 0..2_000usize,
    ) {
        let mut bed = Bed::new(&policy().max_waiting_bytes(max_waiting_bytes));
        play(&steps, &mut bed);
    }
}
