//! From the name of a host to an open connection.

use std::{
    io,
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use super::{Check, Finding, settings::Target};

/// As long as a person likes to wait.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// Where receivers of OTLP listen.
const USUAL_PORTS: [(u16, &str); 2] = [(4317, "gRPC"), (4318, "HTTP")];

/// Resolves and connects; returns the address that answered.
pub(super) fn connect(target: &Target, findings: &mut Vec<Finding>) -> Option<SocketAddr> {
    let Target { host, port, .. } = target;
    let addresses = match (host.as_str(), *port).to_socket_addrs() {
        Ok(addresses) => addresses.collect::<Vec<_>>(),
        Err(error) => {
            let remedy =
                "correct the host of the endpoint, or look into the network's name service";
            findings.push(Finding::failed(
                Check::Address,
                format!("{host}: {error}"),
                remedy,
            ));
            return None;
        }
    };
    let shown: Vec<_> = addresses
        .iter()
        .map(|address| address.ip().to_string())
        .collect();
    findings.push(Finding::fine(
        Check::Address,
        format!("{host} is {}", shown.join(", ")),
    ));
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_stream) => {
                let detail = format!("something listens at {address}");
                findings.push(Finding::fine(Check::Connection, detail));
                return Some(address);
            }
            Err(error) => last = error,
        }
    }
    let detail = format!("no connection to {host}:{port}: {last}");
    findings.push(Finding::failed(
        Check::Connection,
        detail,
        remedy(target, &last),
    ));
    None
}

fn remedy(target: &Target, error: &io::Error) -> String {
    let start = match error.kind() {
        io::ErrorKind::ConnectionRefused => "start the collector, or correct the port",
        _ => "look at firewalls and at the address of the collector",
    };
    let neighbour = USUAL_PORTS.iter().find(|(port, _)| {
        let address = (target.host.as_str(), *port).to_socket_addrs();
        let mut addresses = address.into_iter().flatten();
        *port != target.port
            && addresses.any(|address| TcpStream::connect_timeout(&address, PATIENCE).is_ok())
    });
    match neighbour {
        Some((port, protocol)) => {
            format!("{start}: something listens at {port}, the usual port for OTLP over {protocol}")
        }
        None => start.to_owned(),
    }
}
