//! `allocs PEER SCENARIO`: heap allocations per span (S8), counted by a global allocator.
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::peers::{Mode, Peer};
use crate::with_peer;

/// The allocator of the programs that count.
pub struct Counting;

static ALL: AtomicU64 = AtomicU64::new(0);
static ALL_BYTES: AtomicU64 = AtomicU64::new(0);
thread_local! {
    static MINE: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn count(bytes: usize) {
    ALL.fetch_add(1, Relaxed);
    ALL_BYTES.fetch_add(bytes as u64, Relaxed);
    let _ = MINE.try_with(|c| c.set((c.get().0 + 1, c.get().1 + bytes as u64)));
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        count(l.size());
        unsafe { System.alloc(l) }
    }
    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        unsafe { System.dealloc(p, l) }
    }
    unsafe fn realloc(&self, p: *mut u8, l: Layout, n: usize) -> *mut u8 {
        count(n);
        unsafe { System.realloc(p, l, n) }
    }
}

fn run<P: Peer>(peer: &str, scenario: &str) {
    let mode = match scenario {
        "S3" => Mode::Unsampled,
        "S4" => Mode::Disabled,
        _ => Mode::Drop,
    };
    let p = P::init(mode);
    // Bursts that fit every peer's default queue, as in `hot`.
    let (calls, spans) = if scenario == "S2" { (20, 101) } else { (1000, 2) };
    let (mut caller, mut total) = ((0, 0), (0, 0));
    for burst in 1..=10 {
        let (mine, all) = (MINE.get(), (ALL.load(Relaxed), ALL_BYTES.load(Relaxed)));
        for i in 0..calls {
            if scenario == "S2" { p.trace100(i) } else { p.trace(i) }
        }
        let after = MINE.get();
        if matches!(scenario, "S1" | "S2") {
            p.settle(burst * calls * spans);
        }
        if burst > 5 {
            caller = (caller.0 + after.0 - mine.0, caller.1 + after.1 - mine.1);
            total = (total.0 + ALL.load(Relaxed) - all.0, total.1 + ALL_BYTES.load(Relaxed) - all.1);
        }
    }
    let n = (5 * calls * spans) as f64;
    let row = |m: &str, v: u64| println!("{peer}\t{scenario}\t{m}\t{:.2}", v as f64 / n);
    row("allocs", caller.0);
    row("bytes", caller.1);
    row("allocs_all", total.0);
    row("bytes_all", total.1);
}

/// The program.
pub fn main() {
    let a: Vec<String> = std::env::args().collect();
    with_peer!(a[1].as_str(), P => run::<P>(&a[1], &a[2]));
}
