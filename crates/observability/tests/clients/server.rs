//! A program that serves on a free port until the test is over.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// How long a server may take to begin.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Server {
    program: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that is told its port by the last of its arguments.
    pub(crate) fn start(program: &str, arguments: &[&str]) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut command = Command::new(program);
        command.args(arguments).arg(address.port().to_string());
        let program = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self {
            program: program.unwrap(),
            address,
        };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(start.elapsed() < PATIENCE, "{command:?} does not answer");
            sleep(Duration::from_millis(10));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _killed = self.program.kill();
        let _gone = self.program.wait();
    }
}
