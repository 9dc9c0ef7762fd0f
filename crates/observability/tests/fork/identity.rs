//! Ids over threads and forks: none twice, and no bit that tells anything.

use crate::{
    alone,
    child::{PLENTY, in_a_child},
};
use continuum_observability::{ExporterConfig, Sampler, Telemetry, get_tracer};
use std::{
    cell::RefCell,
    fs::File,
    io::{Read as _, Write as _},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

const THREADS: usize = 4;
const FORKS: usize = 8;
/// Root spans in all, with two ids each; another number is asked for by the variable below.
const SPANS: usize = 1_100_000;
const SPANS_VARIABLE: &str = "CONTINUUM_TEST_IDS";
/// Enough are left to see a bit that is set 511 times in 1,000.
const JUDGED_ONE_IN: usize = 10;

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told how long it may take"
)]
fn spans() -> usize {
    std::env::var(SPANS_VARIABLE).map_or(SPANS, |spans| spans.parse().unwrap())
}

/// The ids of new root spans: two halves of a trace id and a span id each.
fn draw(spans: usize) -> Vec<[u64; 3]> {
    let tracer = get_tracer("identity");
    let draw = |_| {
        let context = tracer.start_span("root").span_context();
        let trace = u128::from_be_bytes(context.trace_id().to_bytes());
        let span = u64::from_be_bytes(context.span_id().to_bytes());
        let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap();
        [half(trace >> 64), half(trace), span]
    };
    (0..spans).map(draw).collect()
}

fn draw_on_threads(each: usize) -> Vec<[u64; 3]> {
    let start = |_| thread::Builder::new().spawn(move || draw(each)).unwrap();
    let threads: Vec<_> = (0..THREADS).map(start).collect();
    threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect()
}

/// Through a file, since there are more of them than a pipe holds.
fn in_a_child_of(draw: impl FnOnce() -> Vec<[u64; 3]>) -> Vec<[u64; 3]> {
    let file = tempfile::NamedTempFile::new().unwrap();
    in_a_child(|| {
        let bytes: Vec<u8> = draw()
            .iter()
            .flatten()
            .flat_map(|word| word.to_be_bytes())
            .collect();
        File::create(file.path())
            .unwrap()
            .write_all(&bytes)
            .unwrap();
    });
    let mut bytes = Vec::new();
    File::open(file.path())
        .unwrap()
        .read_to_end(&mut bytes)
        .unwrap();
    let word = |at: &[u8]| u64::from_be_bytes(at.try_into().unwrap());
    let ids = bytes.chunks_exact(24);
    ids.map(|ids| [word(&ids[..8]), word(&ids[8..16]), word(&ids[16..])])
        .collect()
}

/// Every test below misses a good generator once in 10^12 times; there are some 600 of them.
///
/// That each bit of `words` is set about half the time.
#[track_caller]
fn assert_unbiased(words: impl Iterator<Item = u64> + Clone, what: &str) {
    let mut count = 0_u64;
    let mut set = [0_u64; 64];
    for word in words {
        count += 1;
        for (bit, set) in set.iter_mut().enumerate() {
            *set += word >> bit & 1;
        }
    }
    for (bit, set) in set.into_iter().enumerate() {
        assert_half(set, count, &format!("{what}, bit {bit}"));
    }
    assert_half(set.iter().sum(), count * 64, &format!("{what}, all bits"));
}

/// That `set` of `count` bits are about half.
#[track_caller]
fn assert_half(set: u64, count: u64, what: &str) {
    let (set, count) = (set as f64, count as f64);
    let deviations = (set - count / 2.0) / (count.sqrt() / 2.0);
    assert!(
        deviations.abs() < 7.2,
        "{what}: {deviations} standard deviations"
    );
}

/// That each byte of `words` takes its 256 values about equally often: by the sum of squares, which is
/// neither too large nor, as in a counter, too small.
#[track_caller]
fn assert_even(words: impl Iterator<Item = u64>, what: &str) {
    let mut seen = [[0_u32; 256]; 8];
    let mut count = 0_u32;
    for word in words {
        count += 1;
        for (seen, byte) in seen.iter_mut().zip(word.to_be_bytes()) {
            seen[usize::from(byte)] += 1;
        }
    }
    let expected = f64::from(count) / 256.0;
    for (byte, seen) in seen.iter().enumerate() {
        let squares = seen
            .iter()
            .map(|seen| (f64::from(*seen) - expected).powi(2));
        let chi_square = squares.sum::<f64>() / expected;
        assert!(
            (120.0..450.0).contains(&chi_square),
            "{what}, byte {byte}: {chi_square} with 255 degrees of freedom"
        );
    }
}

#[test]
fn ids_over_threads_and_forks_are_distinct_and_random_in_every_bit() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter(ExporterConfig::None)
        .sampler(Sampler::AlwaysOff)
        .init()
        .unwrap();
    let spans = spans();
    let mut drawn = draw_on_threads(spans * 10 / 11 / THREADS);
    for _ in 0..FORKS {
        // Of what this thread would draw next, the child is to draw nothing.
        drawn.extend(draw(1));
        let half = spans / 11 / FORKS / 2;
        let of_child = || [draw(half), draw_on_threads(half / THREADS)].concat();
        drawn.extend(in_a_child_of(of_child));
    }
    telemetry.shutdown(PLENTY).unwrap();
    assert!(drawn.len() + 100 > spans, "{}", drawn.len());

    for (index, name) in [
        "high half of the trace id",
        "low half of the trace id",
        "span id",
    ]
    .into_iter()
    .enumerate()
    {
        let mut words: Vec<_> = drawn.iter().map(|ids| ids[index]).collect();
        let judged = words.iter().copied().step_by(JUDGED_ONE_IN);
        assert_unbiased(judged.clone(), name);
        assert_even(judged.clone(), name);
        // A bit says nothing about its neighbour, nor about the same bit of the next id.
        assert_unbiased(judged.map(|word| word ^ word.rotate_left(1)), name);
        let pairs = words.windows(2).step_by(JUDGED_ONE_IN);
        assert_unbiased(pairs.map(|pair| pair[0] ^ pair[1]), name);
        words.sort_unstable();
        assert!(
            words.windows(2).all(|pair| pair[0] != pair[1]),
            "{name} given out twice"
        );
        assert_ne!(words[0], 0);
    }
}

/// Draws ids in a child and then itself, when its thread ends.
struct AtTheEnd(SyncSender<Vec<[u64; 3]>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let of_child = in_a_child_of(|| draw(100));
        self.0.send([of_child, draw(100)].concat()).unwrap();
    }
}

thread_local! {
    static BEFORE: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
    static AFTER: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn a_thread_that_forks_while_it_ends_repeats_no_id() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter(ExporterConfig::None)
        .init()
        .unwrap();
    let (send, drawn) = sync_channel(3);
    let work = move || {
        // One of them is dropped before the recorder's own, the other one after.
        BEFORE.set(Some(AtTheEnd(send.clone())));
        send.send(draw(100)).unwrap();
        AFTER.set(Some(AtTheEnd(send)));
    };
    thread::Builder::new().spawn(work).unwrap().join().unwrap();
    telemetry.shutdown(PLENTY).unwrap();
    let drawn: Vec<_> = drawn.iter().flatten().collect();
    assert_eq!(drawn.len(), 500);
    for part in 0..3 {
        let mut words: Vec<_> = drawn.iter().map(|ids| ids[part]).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), drawn.len(), "an id was given out twice");
    }
}
