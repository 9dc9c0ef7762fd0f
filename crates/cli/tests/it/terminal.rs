//! What a person sees and types: programs on a terminal.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::{pty, termios};

const PROGRAM: &str = env!("CARGO_BIN_EXE_continuum");

/// Counts interrupts in a file of the folder `$0`.
const COUNTS: &str = r#"
trap 'echo interrupt >> "$0/seen"' INT
trap 'exit 7' TERM
echo > "$0/ready"
turns=0
while test $turns -lt 3000; do sleep 0.02; turns=$((turns + 1)); done
"#;

/// A terminal of 100 columns: the side that a person is at, and the side for a program.
pub(crate) fn open() -> (File, File) {
    let person = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
    pty::grantpt(&person).unwrap();
    pty::unlockpt(&person).unwrap();
    let size = termios::Winsize {
        ws_row: 24,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    termios::tcsetwinsize(&person, size).unwrap();
    let name = pty::ptsname(&person, Vec::new()).unwrap();
    let mut both_ways = File::options();
    both_ways.read(true).write(true);
    let program = both_ways.open(name.to_str().unwrap()).unwrap();
    (person.into(), program)
}

/// Starts the counting program in the foreground of a terminal; `before` is what starts it there.
fn counting(dir: &Path, terminal: File, before: &[&str]) -> Child {
    let mut command = Command::new("setsid");
    command.args(["--ctty", PROGRAM, "run", "--no-lint", "--"]);
    command.args(before).args(["sh", "-c", COUNTS]);
    command.arg(dir).stdin(terminal);
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut started = started.unwrap();
    wait_for(&dir.join("ready"), &mut started);
    started
}

/// Waits until something is in the file, which the running program writes.
fn wait_for(file: &Path, running: &mut Child) {
    while !fs::read(file).is_ok_and(|text| !text.is_empty()) {
        assert_eq!(running.try_wait().unwrap(), None, "it has ended");
        thread::sleep(Duration::from_millis(5));
    }
}

fn kill(signal: &str, child: &Child) {
    let sent = Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success(), "{signal}");
}

#[test]
fn an_interrupt_reaches_the_program_once_whether_a_key_sends_it_or_a_process() {
    // A program in a session of its own is not in the foreground with us.
    let apart: &[&str] = &["setsid"];
    for (by_key, before) in [(true, &[][..]), (false, &[][..]), (true, apart)] {
        let dir = tempfile::tempdir().unwrap();
        let (mut person, terminal) = open();
        let mut running = counting(dir.path(), terminal, before);
        if by_key {
            person.write_all(b"\x03").unwrap();
        } else {
            kill("-INT", &running);
        }
        let seen = dir.path().join("seen");
        wait_for(&seen, &mut running);
        // A second one would be on its way already.
        thread::sleep(Duration::from_millis(50));
        kill("-TERM", &running);
        assert_eq!(running.wait().unwrap().code(), Some(7));
        assert_eq!(
            fs::read_to_string(&seen).unwrap(),
            "interrupt\n",
            "{by_key} {before:?}"
        );
    }
}
