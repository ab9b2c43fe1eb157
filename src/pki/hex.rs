//! Octets are shown in one way only: lower-case hex without separators.

use std::fmt;

/// Writes octets as lower-case hex.
///
/// # Errors
/// Those of the writer.
pub fn write(f: &mut impl fmt::Write, octets: &[u8]) -> fmt::Result {
    octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
}

/// Reads hex of either case. `None` where a character is no digit, or one is left over.
#[must_use]
pub fn read(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks_exact(2);
    let is_even = pairs.remainder().is_empty();
    let octets = pairs.map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect();
    if is_even { octets } else { None }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let octets: Vec<u8> = (0..=255).collect();
        let mut text = String::new();
        write(&mut text, &octets).unwrap();
        assert_eq!(
            (&text[..6], read(&text), read(&text.to_uppercase())),
            ("000102", Some(octets.clone()), Some(octets))
        );
    }

    #[test]
    fn anything_else_is_no_hex() {
        for text in ["0", "0g", "+a", " 0", "é0", "0x00", "00 00"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
