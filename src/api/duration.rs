//! Durations as Kubernetes APIs write them (GEP-2257): whole numbers with the units h, m, s and ms, as in `1h30m`.

use jiff::SignedDuration;

/// The pattern of a duration field (GEP-2257): what any language can read, and each sum inside CEL's 64 bits.
pub const PATTERN: &str = r"^([0-9]{1,5}(h|m|s|ms)){1,4}$";
/// Longest accepted spelling, in characters.
pub const MAX_LENGTH: u32 = 28;
/// As many parts as the pattern allows.
const PARTS: usize = 4;

const UNITS: [(&str, u64); 4] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];

/// Reads a duration. `None` where the text is not one.
#[must_use]
pub fn parse(text: &str) -> Option<SignedDuration> {
    let (mut rest, mut millis) = (text, 0);
    for _ in 0..PARTS {
        let (part, tail) = part(rest)?;
        millis += part;
        rest = tail;
        if rest.is_empty() {
            return Some(SignedDuration::from_millis(i64::try_from(millis).ok()?));
        }
    }
    None
}

/// One `<number><unit>` in milliseconds, and what follows it.
fn part(text: &str) -> Option<(u64, &str)> {
    let (number, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (unit, tail) = rest.split_at(rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len()));
    let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let count: u64 = number.parse().ok().filter(|_| number.len() <= 5)?;
    Some((count * scale, tail))
}

/// Writes a duration of whole seconds as people write it: `24h`, `1h30m`, `10s`.
#[must_use]
pub fn format(duration: SignedDuration) -> String {
    let secs = duration.as_secs();
    let parts = [(secs / 3600, 'h'), (secs % 3600 / 60, 'm'), (secs % 60, 's')];
    let texts: Vec<String> =
        parts.iter().filter(|(n, _)| *n != 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    if texts.is_empty() { "0s".into() } else { texts.concat() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_counts() {
        let secs = |text| parse(text).map(|d| d.as_secs_f64());
        assert_eq!(secs("24h"), Some(86_400.0));
        assert_eq!(secs("1h30m"), Some(5_400.0));
        assert_eq!(secs("1500ms"), Some(1.5));
        assert_eq!(secs("1h1m1s1ms"), Some(3_661.001));
        assert_eq!(secs("99999h"), Some(359_996_400.0));
    }

    #[test]
    fn what_the_pattern_refuses_is_refused() {
        for text in ["", "1d", "h", "1", "-1h", "1h-", "1.5h", "1us", "1 h", "100000h", "1h1h1h1h1h", "1é"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_written_duration_reads_back() {
        for secs in [0, 1, 59, 60, 61, 3600, 5400, 86_400, 31_536_000] {
            let duration = SignedDuration::from_secs(secs);
            assert_eq!(parse(&format(duration)), Some(duration), "{secs}");
        }
        assert_eq!(format(SignedDuration::from_secs(86_400)), "24h");
    }
}
