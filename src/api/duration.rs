//! Go's duration strings (`1h30m`, `1.5h`), which Kubernetes APIs use, as values.

use jiff::SignedDuration;

/// What a duration field may look like. Six digits at most per part, and [`MAX_LENGTH`], keep each inside CEL's 64-bit
/// nanoseconds.
pub const PATTERN: &str = r"^([0-9]{1,6}(\.[0-9]{1,9})?(ns|us|µs|ms|s|m|h))+$";
/// Longest accepted spelling, in characters.
pub const MAX_LENGTH: u32 = 20;

const UNITS: [(&str, i128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a non-negative Go duration (`time.ParseDuration`). `None` where the text is not one.
#[must_use]
pub fn parse(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (nanos, tail) = part(rest)?;
        total = total.checked_add(nanos)?;
        rest = tail;
    }
    if text.is_empty() {
        return None;
    }
    let (secs, nanos) = (total / 1_000_000_000, total % 1_000_000_000);
    Some(SignedDuration::new(i64::try_from(secs).ok()?, i32::try_from(nanos).ok()?))
}

/// One `<number><unit>` in nanoseconds, and what follows it.
fn part(text: &str) -> Option<(i128, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(digits);
    let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
    let (unit, tail) = rest.split_at(letters);
    let scale = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    Some((scaled(number, scale)?, tail))
}

fn scaled(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || whole.len() > 9 || fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let tenths = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let fraction = fraction.parse::<i128>().ok()?;
    Some(whole.parse::<i128>().ok()? * scale + fraction * scale / tenths)
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
    fn go_durations_are_read_as_go_reads_them() {
        let secs = |text| parse(text).map(|d| d.as_secs_f64());
        assert_eq!(secs("24h"), Some(86_400.0));
        assert_eq!(secs("1h30m"), Some(5_400.0));
        assert_eq!(secs("1.5h"), Some(5_400.0));
        assert_eq!(secs("1500ms"), Some(1.5));
        assert_eq!(secs("2m0.5s"), Some(120.5));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in ["", "1d", "h", "1", "-1h", "1h-", "1..5h", ".5h", "1 h", "99999999999h", "1.h"] {
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
