//! What the recorder asks of the processor and the operating system: fences, ticks, fork.
//!
//! Position: below [`super::biased`] and the clock of the recorder.
//!
//! Invariants: every function works on every target; where the fast way is missing, the slow one
//! with the same meaning is taken.
#![allow(
    unsafe_code,
    reason = "system calls and the time stamp counter; each block has its proof"
)]

use super::sync::fence;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering, compiler_fence};

/// Whether the expensive side of the fence pair does the work of both.
static ASYMMETRIC: AtomicBool = AtomicBool::new(false);
/// How many times this process is a fork of the one that started.
static FORK_EPOCH: AtomicU32 = AtomicU32::new(0);

/// The cheap half of a pair with [`heavy_fence`]: orders the caller's announcement before its check.
#[inline]
pub(super) fn light_fence() {
    if cfg!(not(continuum_loom)) && ASYMMETRIC.load(Ordering::Relaxed) {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The expensive half: returns after every running thread of the process has passed a full fence.
///
/// `false` when the system refuses what it granted at registration, as a sandbox that is entered
/// later may: announcements of other threads may then be invisible, and nothing may be taken from
/// them.
pub(super) fn heavy_fence() -> bool {
    fence(Ordering::SeqCst);
    #[cfg(test)]
    {
        FENCES.set(FENCES.get() + 1);
        if REFUSED.get() {
            return false;
        }
    }
    !ASYMMETRIC.load(Ordering::Relaxed) || membarrier(MEMBARRIER_PRIVATE_EXPEDITED)
}

#[cfg(test)]
thread_local! {
    /// Whether the calling thread is refused the fence, as in a sandbox that was entered later.
    pub(crate) static REFUSED: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    /// How many fences the calling thread has asked for.
    pub(crate) static FENCES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

#[cfg(target_os = "linux")]
const MEMBARRIER_PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
#[cfg(all(target_os = "linux", not(continuum_loom)))]
const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
#[cfg(not(target_os = "linux"))]
const MEMBARRIER_PRIVATE_EXPEDITED: i32 = 0;

#[cfg(all(target_os = "linux", not(continuum_loom)))]
fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: membarrier(2) takes two integers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(all(target_os = "linux", not(continuum_loom))))]
fn membarrier(_command: i32) -> bool {
    false
}

/// Registers for fences and forks; to be called before the first span of the process.
///
/// Nobody waits for another thread, which a fork may have cut short. Several that register at once do it several
/// times: a fork then counts as several, and what one of them was granted holds for all.
pub(crate) fn prepare() {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Acquire) {
        return;
    }
    #[cfg(all(target_os = "linux", not(continuum_loom)))]
    if membarrier(MEMBARRIER_REGISTER_PRIVATE_EXPEDITED) {
        // Never back: others may rely on it already.
        ASYMMETRIC.store(true, Ordering::SeqCst);
    }
    #[cfg(unix)]
    // SAFETY: the handler only adds to an atomic, which is allowed in a child of fork(2).
    unsafe {
        libc::pthread_atfork(None, None, Some(in_forked_child));
    }
    DONE.store(true, Ordering::Release);
}

#[cfg(unix)]
extern "C" fn in_forked_child() {
    FORK_EPOCH.fetch_add(1, Ordering::Relaxed);
}

/// Counts the forks between the process that started and this one.
#[inline]
pub(crate) fn fork_epoch() -> u32 {
    FORK_EPOCH.load(Ordering::Relaxed)
}

/// Reads the time stamp counter.
#[cfg(all(
    target_arch = "x86_64",
    target_os = "linux",
    not(continuum_clock_fallback)
))]
#[inline]
pub(crate) fn time_stamp_counter() -> u64 {
    // SAFETY: RDTSC is part of every x86_64 processor and reads a register.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// The name of this machine.
#[cfg(unix)]
pub(crate) fn host_name() -> Option<String> {
    let mut bytes = [0u8; 256];
    // SAFETY: the pointer and the length describe `bytes`, which is writable.
    let refused = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len()) };
    // A name that was cut may lack the zero at its end.
    let end = bytes.iter().position(|byte| *byte == 0)?;
    (refused == 0).then(|| String::from_utf8_lossy(&bytes[..end]).into_owned())
}

/// How many columns the terminal has that a stream leads to; `None` where it leads to none, or does not tell.
#[cfg(all(unix, feature = "console"))]
pub(crate) fn terminal_columns(stream: &impl std::os::fd::AsRawFd) -> Option<usize> {
    let mut size = libc::winsize {
        ws_row: 0,
        ws_col: 0,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the request writes a `winsize` to the address, which is that of one.
    let refused = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (refused == 0 && size.ws_col > 0).then(|| size.ws_col.into())
}

/// A word from the operating system's random source, mixed with what differs between processes.
pub(crate) fn random_seed() -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    // std seeds this hasher from the operating system, once per thread.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u32(fork_epoch());
    #[cfg(target_os = "linux")]
    hasher.write_u64(operating_system_random());
    hasher.finish()
}

#[cfg(target_os = "linux")]
fn operating_system_random() -> u64 {
    let mut bytes = [0u8; 8];
    // SAFETY: the pointer and the length describe `bytes`, which is writable.
    let _got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    u64::from_le_bytes(bytes)
}

#[cfg(all(test, target_os = "linux", feature = "console"))]
mod tests {
    use super::*;
    use std::{fs::File, os::fd::AsRawFd as _};

    #[test]
    fn a_terminal_says_how_wide_it_is_and_a_file_nothing() {
        let terminal = File::options()
            .read(true)
            .write(true)
            .open("/dev/ptmx")
            .unwrap();
        assert_eq!(terminal_columns(&terminal), None);
        let size = libc::winsize {
            ws_row: 50,
            ws_col: 200,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        // SAFETY: the request reads a `winsize` at the address, which is that of one.
        let refused =
            unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
        assert_eq!(refused, 0);
        assert_eq!(terminal_columns(&terminal), Some(200));
        assert_eq!(terminal_columns(&File::open("/dev/null").unwrap()), None);
    }
}
