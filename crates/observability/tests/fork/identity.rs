//! Ids over threads and forks: none twice, and no bit that tells anything.

use crate::{
    alone,
    child::{PLENTY, in_a_child},
};
use continuum_observability::{ExporterConfig, Sampler, Telemetry, get_tracer};
use std::{fs::File, io::Read as _, io::Write as _, thread};

const THREADS: usize = 4;
const FORKS: usize = 8;
const EACH_THREAD: usize = 250_000;
const EACH_FORK: usize = 12_500;
/// Enough to see a bit that is set 51 times in 100.
const JUDGED: usize = 100_000;

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

fn draw_on_threads() -> Vec<[u64; 3]> {
    let start = |_| thread::Builder::new().spawn(|| draw(EACH_THREAD)).unwrap();
    let threads: Vec<_> = (0..THREADS).map(start).collect();
    threads
        .into_iter()
        .flat_map(|thread| thread.join().unwrap())
        .collect()
}

/// Through a file, since there are more of them than a pipe holds.
fn draw_in_a_child() -> Vec<[u64; 3]> {
    let file = tempfile::NamedTempFile::new().unwrap();
    in_a_child(|| {
        let bytes: Vec<u8> = draw(EACH_FORK)
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

/// That each bit of `words` is set about half the time: by less than 6 standard deviations more or
/// less often, which a good generator misses once in 500 million times.
#[track_caller]
fn assert_unbiased(words: impl Iterator<Item = u64> + Clone, what: &str) {
    let count = words.clone().count() as f64;
    let mut set = [0_u32; 64];
    for word in words {
        for (bit, set) in set.iter_mut().enumerate() {
            *set += u32::from(word >> bit & 1 == 1);
        }
    }
    for (bit, set) in set.into_iter().enumerate() {
        let deviations = (f64::from(set) - count / 2.0) / (count.sqrt() / 2.0);
        assert!(
            deviations.abs() < 6.0,
            "{what}, bit {bit}: {deviations} standard deviations"
        );
    }
}

#[test]
fn a_million_ids_over_threads_and_forks_are_distinct_and_random_in_every_bit() {
    let _alone = alone();
    let telemetry = Telemetry::builder()
        .exporter(ExporterConfig::None)
        .sampler(Sampler::AlwaysOff)
        .init()
        .unwrap();
    let mut drawn = draw_on_threads();
    for _ in 0..FORKS {
        drawn.extend(draw_in_a_child());
    }
    telemetry.shutdown(PLENTY).unwrap();
    assert_eq!(drawn.len(), THREADS * EACH_THREAD + FORKS * EACH_FORK);

    for (index, name) in [
        "high half of the trace id",
        "low half of the trace id",
        "span id",
    ]
    .into_iter()
    .enumerate()
    {
        let words = drawn
            .iter()
            .step_by(drawn.len() / JUDGED)
            .map(|ids| ids[index]);
        assert_unbiased(words.clone(), name);
        // A bit says nothing about its neighbour, nor about the same bit of the next id.
        assert_unbiased(words.clone().map(|word| word ^ word.rotate_left(1)), name);
        let pairs = drawn.windows(2).take(JUDGED);
        assert_unbiased(pairs.map(|pair| pair[0][index] ^ pair[1][index]), name);
        let mut sorted: Vec<_> = drawn.iter().map(|ids| ids[index]).collect();
        sorted.sort_unstable();
        assert!(
            sorted.windows(2).all(|pair| pair[0] != pair[1]),
            "{name} given out twice"
        );
        assert_ne!(sorted[0], 0);
    }
}
