//! The five bytes before a gRPC message.
//!
//! Position: between an encoded request or answer and the data frames of HTTP/2.
//!
//! Source: gRPC over HTTP2, "Length-Prefixed-Message".

use super::super::super::network::Compression;
use bytes::Bytes;

const HEAD_BYTES: usize = 5;

/// `request` as one message: whether it is compressed, its length, its bytes.
pub(super) fn framed(request: &[u8], compression: Compression) -> Bytes {
    let mut message = Vec::with_capacity(HEAD_BYTES + request.len());
    message.resize(HEAD_BYTES, 0);
    match compression {
        #[cfg(feature = "gzip")]
        Compression::Gzip => {
            message = super::super::super::network::gzip(request, message);
            message[0] = 1;
        }
        _ => message.extend_from_slice(request),
    }
    // A request is at most a few MiB long; a longer one would be cut off by no receiver's choice.
    let len = u32::try_from(message.len() - HEAD_BYTES).unwrap_or(u32::MAX);
    message[1..HEAD_BYTES].copy_from_slice(&len.to_be_bytes());
    message.into()
}

/// The bytes of the first message, as far as they are there; none of a compressed one, which was
/// not asked for.
pub(crate) fn content(body: &[u8]) -> &[u8] {
    let Some(([0, len @ ..], rest)) = body.split_first_chunk::<HEAD_BYTES>() else {
        return &[];
    };
    let len = u32::from_be_bytes(*len) as usize;
    rest.get(..len).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_back_and_a_compressed_or_broken_one_says_nothing() {
        let message = framed(b"bytes", Compression::None);
        assert_eq!(message[..], *b"\0\0\0\0\x05bytes");
        assert_eq!(content(&message), b"bytes");
        assert_eq!(content(b"\0\0\0\0\x09byt"), b"byt");
        for other in [&b""[..], b"\0\0\0", b"\x01\0\0\0\x05bytes"] {
            assert_eq!(content(other), b"");
        }
    }
}
