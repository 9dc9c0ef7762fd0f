//! The flight recorder beside a backend that is away: its memory stays as it is, and it takes nothing
//! from the spans that are to be exported.

use crate::{
    PLENTY, alone, assert_accounts_balance,
    backend::{Backend, Fault, Protocol},
    ordeal::{FLOOD, builder, over_http, prompt},
    record,
};
use continuum_observability::{FlushError, Sampler, Status, get_tracer, with_context};
use std::thread;

const BYTES: usize = 128 << 10;

#[test]
fn while_the_backend_is_silent_the_ring_turns_and_what_is_sampled_keeps_its_place() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::Silent);
    let (builder, _lines) = builder(over_http(&backend));
    let sampler = Sampler::parent_based(Sampler::AlwaysOff);
    let telemetry = prompt(builder)
        .sampler(sampler)
        .flight_recorder(BYTES)
        .init()
        .unwrap();
    let exported = |work: fn()| {
        let forced = continuum_observability::Context::current().with_forced_sampling();
        with_context(&forced, work);
    };
    exported(|| record(1));
    backend.wait_for_request();

    let flood = || {
        for _ in 0..4 {
            record(FLOOD);
            assert!(telemetry.stats().flight_recorder_bytes <= BYTES);
        }
    };
    thread::scope(|scope| {
        for _ in 0..3 {
            thread::Builder::new().spawn_scoped(scope, flood).unwrap();
        }
    });
    exported(|| {
        get_tracer("faults").in_scope("broken", |span| span.set_status(Status::error("no")));
    });
    let stats = telemetry.stats();
    assert_eq!((stats.sampled_out, stats.dropped()), (12 * FLOOD, 0));
    assert_accounts_balance(stats);

    backend.set(Fault::None);
    assert_eq!(telemetry.force_flush(PLENTY), Ok(()));
    let stats = telemetry.stats();
    assert_eq!(stats.dropped(), 0, "{stats:?}");
    assert_eq!(stats.exported, 2 + stats.recovered);
    assert_eq!(backend.spans(), stats.exported);
    assert!(stats.recovered > 500, "{stats:?}");
    assert_accounts_balance(stats);
}

#[test]
fn what_is_written_out_while_the_backend_is_down_is_lost_and_counted() {
    let _alone = alone();
    let backend = Backend::start(Protocol::Http, Fault::HangUp);
    let (builder, _lines) = builder(over_http(&backend));
    let builder = builder.sampler(Sampler::AlwaysOff).flight_recorder(BYTES);
    let telemetry = builder.init().unwrap();
    record(FLOOD);
    assert_eq!(telemetry.snapshot(PLENTY), Err(FlushError::SpansLost));
    let stats = telemetry.stats();
    assert_eq!(stats.dropped(), stats.recovered, "{stats:?}");
    assert!(stats.recovered > 500 && stats.pending == 0, "{stats:?}");
    assert_accounts_balance(stats);

    backend.set(Fault::None);
    record(10);
    assert_eq!(telemetry.snapshot(PLENTY), Ok(10));
    assert_eq!(backend.spans(), 10);
}
