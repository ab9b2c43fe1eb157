//! Serial numbers. One that is generated here is random, positive and exactly 20 octets long.

use std::fmt;

use super::hex;

/// Octets of a serial number: the most that RFC 5280 §4.1.2.2 allows.
const OCTETS: usize = 20;

/// The system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system's random source gave nothing; without it no certificate can be issued")]
pub struct NoRandomness;

/// Serial number of a certificate, without the DER sign octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial([u8; OCTETS]);

impl Serial {
    /// A new serial number with 158 random bits.
    ///
    /// The top bit is 0 because DER integers are signed; the next is 1 so that the length never varies.
    ///
    /// # Errors
    /// If the system's random source fails.
    pub fn random() -> Result<Self, NoRandomness> {
        let mut octets = [0; OCTETS];
        aws_lc_rs::rand::fill(&mut octets).map_err(|_| NoRandomness)?;
        octets[0] = octets[0] & 0x3f | 0x40;
        Ok(Self(octets))
    }

    /// The content of a DER integer. `None` if it is negative, or longer than a serial number may be.
    #[must_use]
    pub fn from_bytes(der: &[u8]) -> Option<Self> {
        if der.first().is_none_or(|first| first & 0x80 != 0) {
            return None;
        }
        let magnitude = der.strip_prefix(&[0]).unwrap_or(der);
        let mut octets = [0; OCTETS];
        let start = OCTETS.checked_sub(magnitude.len())?;
        octets.get_mut(start..)?.copy_from_slice(magnitude);
        Some(Self(octets))
    }

    /// All 20 octets, most significant first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; OCTETS] {
        &self.0
    }

    /// Bits up to the highest one: shows whether it was counted instead of drawn.
    pub(super) fn bits(&self) -> usize {
        let significant = significant(&self.0);
        let unused = significant.first().map_or(0, |first| first.leading_zeros() as usize);
        significant.len() * 8 - unused
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let significant = significant(&self.0);
        if significant.is_empty() {
            return f.write_str("00");
        }
        hex::write(f, significant)
    }
}

fn significant(octets: &[u8]) -> &[u8] {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    octets.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const DRAWN: usize = 10_000;

    #[test]
    fn ten_thousand_serials_are_distinct_positive_and_20_octets() {
        let serials: HashSet<Serial> = (0..DRAWN).map(|_| Serial::random().unwrap()).collect();
        assert_eq!(serials.len(), DRAWN);
        assert!(serials.iter().all(|serial| serial.0[0] & 0xc0 == 0x40));
        assert!(serials.iter().all(|serial| serial.to_string().len() == 2 * OCTETS));
    }

    /// A fair bit is off by more than six standard deviations once in 500 million draws; there are 158.
    #[test]
    fn every_free_bit_is_balanced() {
        let serials: Vec<Serial> = (0..DRAWN).map(|_| Serial::random().unwrap()).collect();
        for bit in 2..OCTETS * 8 {
            let ones = serials.iter().filter(|serial| serial.0[bit / 8] >> (7 - bit % 8) & 1 == 1).count();
            assert!(ones.abs_diff(DRAWN / 2) < 300, "bit {bit} is set in {ones} of {DRAWN}");
        }
    }

    #[test]
    fn the_der_sign_octet_is_not_part_of_the_serial() {
        assert_eq!(Serial::from_bytes(&[0, 0x80, 1]).unwrap().to_string(), "8001");
        assert_eq!(Serial::from_bytes(&[1]).unwrap().to_string(), "01");
        assert_eq!(Serial::from_bytes(&[0]).unwrap().to_string(), "00");
        let drawn = Serial::random().unwrap();
        assert_eq!(Serial::from_bytes(drawn.as_bytes()), Some(drawn));
    }

    #[test]
    fn negative_empty_and_overlong_integers_are_no_serials() {
        for bad in [&[][..], &[0x80], &[0xff, 1], &[1; 21], &[0; 22]] {
            assert_eq!(Serial::from_bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn bits_are_counted_from_the_highest_one() {
        assert_eq!(Serial::from_bytes(&[0]).unwrap().bits(), 0);
        assert_eq!(Serial::from_bytes(&[1]).unwrap().bits(), 1);
        assert_eq!(Serial::from_bytes(&[0x7f, 0xff]).unwrap().bits(), 15);
        assert_eq!(Serial::random().unwrap().bits(), 159);
    }
}
