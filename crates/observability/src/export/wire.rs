//! The protobuf wire format, read from borrowed bytes.
//!
//! Position: under [`decode`](super::decode) and the answers of OTLP/HTTP receivers. A generated
//! decoder would bring prost and `opentelemetry_sdk` into every user's build for two messages.
//!
//! Invariants: no panic and no loop without progress, whatever the bytes.
//!
//! Source: protobuf documentation, "Encoding".

use super::DecodeError;

/// What a field holds; its meaning is the reader's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
    /// A group, which no message read here uses; its content is skipped.
    Group,
}

/// The fields of one message, in the order they were written.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    /// Whether a field that goes on beyond the end is what is there of it.
    is_cut: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            is_cut: false,
        }
    }

    /// The fields of a message whose end may be missing.
    #[cfg(feature = "_otlp")]
    pub(super) fn of_cut(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            is_cut: true,
        }
    }

    /// How many bytes have not been read.
    pub(super) fn rest_len(&self) -> usize {
        self.rest.len()
    }

    /// The next field with its number; `None` at the end of the message.
    pub(super) fn next_field(&mut self) -> Result<Option<(u32, Field<'a>)>, DecodeError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let field = match wire_type {
            3 => self.skip_group()?,
            4 => return Err(DecodeError::InvalidTag),
            _ => self.value(wire_type)?,
        };
        Ok(Some((number, field)))
    }

    fn tag(&mut self) -> Result<(u32, u8), DecodeError> {
        let tag = u32::try_from(self.varint()?).map_err(|_tag| DecodeError::InvalidTag)?;
        let [low, ..] = tag.to_le_bytes();
        match tag >> 3 {
            0 => Err(DecodeError::InvalidTag),
            number => Ok((number, low & 7)),
        }
    }

    fn value(&mut self, wire_type: u8) -> Result<Field<'a>, DecodeError> {
        Ok(match wire_type {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.array()?)),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_len| DecodeError::Truncated)?;
                let len = if self.is_cut {
                    len.min(self.rest.len())
                } else {
                    len
                };
                let (bytes, rest) = self
                    .rest
                    .split_at_checked(len)
                    .ok_or(DecodeError::Truncated)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.array()?)),
            _ => return Err(DecodeError::InvalidTag),
        })
    }

    fn skip_group(&mut self) -> Result<Field<'a>, DecodeError> {
        let mut open_groups = 1_usize;
        while open_groups > 0 {
            match self.tag()?.1 {
                3 => open_groups += 1,
                4 => open_groups -= 1,
                wire_type => {
                    self.value(wire_type)?;
                }
            }
        }
        Ok(Field::Group)
    }

    fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(DecodeError::Truncated)?;
            self.rest = rest;
            if shift == 63 && byte > 1 {
                return Err(DecodeError::InvalidVarint);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::InvalidVarint)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }
}

/// The low half, as protobuf truncates a varint of a 32-bit field.
pub(super) fn low_half(value: u64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Text, with what is not UTF-8 replaced: showing most of it beats losing the batch.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(u32, Field<'_>)>, DecodeError> {
        let mut fields = Fields::new(bytes);
        std::iter::from_fn(|| fields.next_field().transpose()).collect()
    }

    #[test]
    fn reads_every_wire_type_and_skips_groups() {
        let bytes = [
            0x08, 0x96, 0x01, // 1: varint 150
            0x11, 1, 0, 0, 0, 0, 0, 0, 0, // 2: fixed64 1
            0x1a, 2, b'h', b'i', // 3: bytes
            0x23, 0x2b, 0x08, 0x05, 0x2c, 0x24, // 4: a group that holds a group
            0x2d, 7, 0, 0, 0, // 5: fixed32 7
        ];
        let expected = vec![
            (1, Field::Varint(150)),
            (2, Field::Fixed64(1)),
            (3, Field::Bytes(b"hi")),
            (4, Field::Group),
            (5, Field::Fixed32(7)),
        ];
        assert_eq!(read(&bytes), Ok(expected));
    }

    #[test]
    fn refuses_what_no_encoder_writes() {
        let cases: [(&[u8], DecodeError); 7] = [
            (&[0x00], DecodeError::InvalidTag),
            (&[0x0f], DecodeError::InvalidTag),
            (&[0x0c], DecodeError::InvalidTag),
            (&[0x0a, 5, 1], DecodeError::Truncated),
            (&[0x09, 1, 2], DecodeError::Truncated),
            (&[0x0b, 0x08, 1], DecodeError::Truncated),
            (
                &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
                DecodeError::InvalidVarint,
            ),
        ];
        for (bytes, error) in cases {
            assert_eq!(read(bytes), Err(error), "{bytes:?}");
        }
    }
}
