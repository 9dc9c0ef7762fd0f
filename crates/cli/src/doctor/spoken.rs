//! What a receiver speaks, by the first bytes of its answer.
//!
//! Source: RFC 9113, section 3.4 and 6.5; RFC 8446, section 5.1.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use super::network::PATIENCE;

/// A protocol as it shows itself without encryption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    /// What gRPC is carried by.
    Http2,
    Tls,
    Other,
    /// No answer at all.
    Nothing,
}

/// The preface of a client of HTTP/2, with empty settings. A server of HTTP/1 takes it for a request
/// in a version that it does not know, and a server of TLS for a broken record.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const TLS_ALERT: u8 = 21;
const SETTINGS_FRAME: u8 = 4;

/// Asks what is spoken at an address.
pub(super) fn ask(address: SocketAddr) -> Spoken {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) {
        let timely = stream.set_read_timeout(Some(PATIENCE)).is_ok();
        if timely && stream.write_all(PREFACE).is_ok() {
            let mut buffer = [0; 512];
            // A server of HTTP/1 answers in one piece.
            let read = stream.read(&mut buffer).unwrap_or_default();
            answer.extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    }
    recognise(&answer)
}

fn recognise(answer: &[u8]) -> Spoken {
    let says_https = |answer: &[u8]| String::from_utf8_lossy(answer).contains("HTTPS");
    match answer {
        [] => Spoken::Nothing,
        [TLS_ALERT, 3, ..] => Spoken::Tls,
        // Some servers of TLS answer what is not encrypted in words.
        [b'H', b'T', b'T', b'P', b'/', b'1', ..] if says_https(answer) => Spoken::Tls,
        [b'H', b'T', b'T', b'P', b'/', b'1', ..] => Spoken::Http1,
        [_, _, _, SETTINGS_FRAME, ..] => Spoken::Http2,
        _ => Spoken::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_known_by_their_first_bytes() {
        let cases: [(&[u8], Spoken); 6] = [
            (b"", Spoken::Nothing),
            (b"HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n", Spoken::Http1),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                Spoken::Tls,
            ),
            (b"\x15\x03\x03\0\x02\x02\x46", Spoken::Tls),
            (b"\0\0\x06\x04\0\0\0\0\0", Spoken::Http2),
            (b"220 mail.example ESMTP\r\n", Spoken::Other),
        ];
        for (answer, expected) in cases {
            assert_eq!(recognise(answer), expected, "{}", answer.escape_ascii());
        }
    }
}
