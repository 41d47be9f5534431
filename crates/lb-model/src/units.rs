//! Durations and sizes as HAProxy's configuration and Runtime API write them.

use std::time::Duration;

/// The unit a bare number has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// Milliseconds: most timeouts.
    Millis,
    /// Seconds: `stats refresh`, `set timeout cli`.
    Secs,
}

/// Why a duration was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Not a number with an optional unit; holds the offending character.
    #[error("unexpected character '{0}', expected a number with an optional unit (us, ms, s, m, h, d)")]
    Unexpected(char),
    /// Empty text.
    #[error("a duration is expected: a number with an optional unit (us, ms, s, m, h, d)")]
    Empty,
    /// Larger than the longest timer, about 24 days.
    #[error("timer overflow: the longest duration is 2147483647 ms (about 24 days)")]
    Overflow,
    /// Above zero yet less than the resolution of one millisecond.
    #[error("timer underflow: a duration that is not zero must last at least 1 ms")]
    Underflow,
}

/// The longest timer, in milliseconds (HAProxy's limit, a signed 32-bit count).
const MAX_TIMER_MS: u64 = 2_147_483_647;

/// Reads `30s`, `500`, `1m`… A bare number is in `default_unit`.
///
/// # Errors
/// [`TimeError`] when the text is not a duration, or is outside 1 ms to 24 days (zero is allowed).
pub fn parse_time(text: &str, default_unit: TimeUnit) -> Result<Duration, TimeError> {
    let digits_end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    if number.is_empty() {
        return Err(unit.chars().next().map_or(TimeError::Empty, TimeError::Unexpected));
    }
    let value: u64 = number.parse().map_err(|_| TimeError::Overflow)?;
    let default_us = match default_unit {
        TimeUnit::Millis => 1_000,
        TimeUnit::Secs => 1_000_000,
    };
    let unit_us: u64 = match unit {
        "" => default_us,
        "us" => 1,
        "ms" => 1_000,
        "s" => 1_000_000,
        "m" => 60_000_000,
        "h" => 3_600_000_000,
        "d" => 86_400_000_000,
        other => {
            let known = other.chars().take_while(|c| matches!(c, 'u' | 'm' | 's' | 'h' | 'd')).count();
            let bad = other.chars().nth(known.min(other.chars().count() - 1)).unwrap_or('?');
            return Err(TimeError::Unexpected(bad));
        }
    };
    let micros = value.checked_mul(unit_us).ok_or(TimeError::Overflow)?;
    if micros / 1_000 > MAX_TIMER_MS {
        return Err(TimeError::Overflow);
    }
    // Microseconds round up to the timer's resolution, as HAProxy does.
    let millis = micros.div_ceil(1_000);
    if micros > 0 && micros < 1_000 && unit_us == 1 {
        return Err(TimeError::Underflow);
    }
    Ok(Duration::from_millis(millis))
}

/// Why a size was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Not a number with an optional unit.
    #[error("unexpected character '{0}', expected an integer with an optional unit (k, m, g)")]
    Unexpected(char),
    /// Empty text.
    #[error("a size is expected: an integer with an optional unit (k, m, g)")]
    Empty,
    /// Does not fit in 64 bits.
    #[error("the size is too large")]
    Overflow,
}

/// Reads `16384`, `16k`, `1m`, `2g` as bytes (powers of 1024, any case).
///
/// # Errors
/// [`SizeError`] when the text is not a size.
pub fn parse_size(text: &str) -> Result<u64, SizeError> {
    let digits_end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    if number.is_empty() {
        return Err(unit.chars().next().map_or(SizeError::Empty, SizeError::Unexpected));
    }
    let value: u64 = number.parse().map_err(|_| SizeError::Overflow)?;
    let shift = match unit {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        other => return Err(SizeError::Unexpected(other.chars().next().unwrap_or('?'))),
    };
    value.checked_mul(1 << shift).ok_or(SizeError::Overflow)
}

/// `0d00h00m11s`, the form of `show info`'s `Uptime` and of `show proc`.
pub fn human_delay(elapsed: Duration) -> String {
    let s = elapsed.as_secs();
    format!("{}d {}h{:02}m{:02}s", s / 86_400, s / 3_600 % 24, s / 60 % 60, s % 60)
}

/// The largest two units, as in log lines: `1d2h`, `3m5s`, `4s`.
pub fn human_time(elapsed: Duration) -> String {
    let s = elapsed.as_secs();
    match s {
        86_400.. => format!("{}d{}h", s / 86_400, s / 3_600 % 24),
        3_600.. => format!("{}h{}m", s / 3_600, s / 60 % 60),
        60.. => format!("{}m{}s", s / 60, s % 60),
        _ => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let ms = |t| parse_time(t, TimeUnit::Millis);
        assert_eq!(ms("500"), Ok(Duration::from_millis(500)));
        assert_eq!(ms("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(ms("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(ms("0"), Ok(Duration::ZERO));
        assert_eq!(ms("1500us"), Ok(Duration::from_millis(2)));
        assert_eq!(ms("1us"), Err(TimeError::Underflow));
        assert_eq!(ms("100d"), Err(TimeError::Overflow));
        assert_eq!(ms("5x"), Err(TimeError::Unexpected('x')));
        assert_eq!(ms("5sx"), Err(TimeError::Unexpected('x')));
        assert_eq!(ms(""), Err(TimeError::Empty));
        assert_eq!(parse_time("5", TimeUnit::Secs), Ok(Duration::from_secs(5)));
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("16k"), Ok(16_384));
        assert_eq!(parse_size("2G"), Ok(2 << 30));
        assert_eq!(parse_size("1.5k"), Err(SizeError::Unexpected('.')));
        assert_eq!(parse_size("99999999999999999999"), Err(SizeError::Overflow));
    }
}
