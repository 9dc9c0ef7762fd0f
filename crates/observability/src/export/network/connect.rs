//! What a connection that did not come about means for the person who reads it.
//!
//! Position: under the HTTP and the gRPC exporter, which put the endpoint behind it.

use std::io;

/// A host that has no address.
pub(in super::super) const UNKNOWN_HOST: &str =
    "the name of the host is not known; correct the endpoint";

/// The failure with its remedy, where the cause is one that has the same remedy everywhere.
pub(in super::super) fn without_connection(error: &io::Error) -> Option<String> {
    // The system's resolver has no kind of its own in std, only this text.
    if error.to_string().starts_with("failed to lookup address") {
        return Some(UNKNOWN_HOST.to_owned());
    }
    let remedy = match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nothing listens there, start the collector or correct the endpoint"
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => {
            "the other side hung up without an answer, look into the collector's log or correct \
             the endpoint"
        }
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to it from here, check the network or correct the endpoint"
        }
        _ => return None,
    };
    Some(format!("{error}; {remedy}"))
}
