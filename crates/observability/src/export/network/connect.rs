//! What a connection that did not come about means for the person who reads it.
//!
//! Position: under the HTTP and the gRPC exporter, which put the endpoint behind it.

use std::io;

/// A host that has no address.
pub(in super::super) const UNKNOWN_HOST: &str =
    "the name of the host is not known; correct the endpoint";
/// A host whose address nobody could say.
const UNANSWERED: &str = "the name of the host was not looked up, since no name server answers; \
                          check the network and the name servers of this machine";

/// The system's resolver has no kind of its own in std, only this text.
const FAILED_LOOKUP: &str = "failed to lookup address";
/// What the resolvers of glibc and musl add to it for `EAI_AGAIN`.
const TRY_AGAIN: [&str; 2] = ["Temporary failure in name resolution", "Try again"];

/// A lookup that failed, with its remedy: `unknown`, or a name server that does not answer.
pub(in super::super) fn without_address(error: &io::Error, unknown: &'static str) -> &'static str {
    let said = error.to_string();
    if TRY_AGAIN.iter().any(|again| said.ends_with(again)) {
        UNANSWERED
    } else {
        unknown
    }
}

/// The failure with its remedy, where the cause is one that has the same remedy everywhere.
pub(in super::super) fn without_connection(error: &io::Error) -> Option<String> {
    if error.to_string().starts_with(FAILED_LOOKUP) {
        return Some(without_address(error, UNKNOWN_HOST).to_owned());
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
