//! How much memory this process takes, and whether it grows.
//!
//! Source: `proc_pid_status(5)`.

use std::fmt;

use anyhow::{Context as _, Result};

/// Later, this much more than before is no growth: what an allocator keeps varies by some per cent.
const TOLERATED_PERCENT: u64 = 5;
/// And this much in any case: less than what a leak of one byte per span would add in a minute.
const TOLERATED_BYTES: u64 = 2 << 20;

/// The resident bytes of this process.
pub(crate) fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let mut lines = status.lines();
    let kibibytes = lines
        .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
        .context("no VmRSS")?;
    Ok(kibibytes.parse::<u64>()? * 1024)
}

/// The most that was taken in either half of the time.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Halves {
    earlier: u64,
    later: u64,
}

/// `None` without a sample in each half.
pub(crate) fn halves(samples: &[u64]) -> Option<Halves> {
    let (earlier, later) = samples.split_at_checked(samples.len() / 2)?;
    Some(Halves {
        earlier: *earlier.iter().max()?,
        later: *later.iter().max()?,
    })
}

impl Halves {
    /// The most that was taken at any time.
    pub(crate) fn most(&self) -> u64 {
        self.earlier.max(self.later)
    }

    pub(crate) fn is_flat(&self) -> bool {
        let tolerated = self.earlier * TOLERATED_PERCENT / 100 + TOLERATED_BYTES;
        self.later <= self.earlier + tolerated
    }
}

impl fmt::Display for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "resident: at most {:.1} MiB in the earlier half, {:.1} MiB in the later",
            mebibytes(self.earlier),
            mebibytes(self.later)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn memory_that_grows_by_more_than_is_tolerated_is_not_flat() {
        let flat = |samples: &[u64]| halves(samples).unwrap().is_flat();
        assert!(flat(&[40 * MIB, 38 * MIB, 44 * MIB, 40 * MIB]));
        assert!(!flat(&[40 * MIB, 38 * MIB, 45 * MIB, 40 * MIB]));
        assert!(flat(&[90 * MIB, 10 * MIB]));
    }

    #[test]
    fn one_sample_is_no_comparison() {
        assert_eq!(halves(&[MIB]), None);
        assert_eq!(halves(&[]), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_takes_more_when_it_fills_memory() {
        let before = resident_bytes().unwrap();
        let filled = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(resident_bytes().unwrap() >= before + (32 << 20));
        drop(filled);
    }
}
