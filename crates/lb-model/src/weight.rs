//! Server weights as operators write them.

/// The largest weight a server may have.
pub const MAX_WEIGHT: u32 = 256;

/// A weight argument: absolute, or relative to the configured weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedWeight {
    /// `0 ..= 256`.
    Absolute(u32),
    /// Percentage of the configured weight, `0 ..= 100`-ish; the result is capped at 256.
    Percent(u32),
}

/// Why a weight argument was refused. `Display` is the wire's sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    /// Nothing given.
    #[error("Require <weight> or <weight%>.")]
    Missing,
    /// Something follows the number.
    #[error("Trailing garbage in weight string")]
    Garbage,
    /// Not a number.
    #[error("Empty weight string empty or preceded by garbage")]
    NotANumber,
    /// Negative or above 256.
    #[error("Absolute weight can only be between 0 and 256 inclusive.")]
    AbsoluteRange,
    /// Negative percentage.
    #[error("Relative weight must be positive.")]
    NegativeRelative,
}

impl ParsedWeight {
    /// Reads `N` or `N%`.
    ///
    /// # Errors
    /// [`WeightError`] says which rule the text breaks, in HAProxy's words.
    pub fn parse(text: &str) -> Result<Self, WeightError> {
        if text.is_empty() {
            return Err(WeightError::Missing);
        }
        let sign = usize::from(text.starts_with(['-', '+']));
        let digits_end = text.bytes().skip(sign).position(|b| !b.is_ascii_digit()).map_or(text.len(), |i| i + sign);
        let (number, rest) = text.split_at(digits_end);
        if number.len() == sign {
            return Err(WeightError::NotANumber);
        }
        let value: i64 = number.parse().unwrap_or(if number.starts_with('-') { i64::MIN } else { i64::MAX });
        match rest {
            "%" if value < 0 => Err(WeightError::NegativeRelative),
            "%" => Ok(Self::Percent(value.min(25_600) as u32)),
            // The range is judged before what follows the number.
            _ if !rest.starts_with('%') && !(0..=i64::from(MAX_WEIGHT)).contains(&value) => {
                Err(WeightError::AbsoluteRange)
            }
            "" => Ok(Self::Absolute(value as u32)),
            _ => Err(WeightError::Garbage),
        }
    }

    /// The absolute weight this makes of `configured`.
    pub fn resolve(self, configured: u32) -> u32 {
        match self {
            Self::Absolute(w) => w,
            Self::Percent(p) => (configured * p / 100).min(MAX_WEIGHT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(ParsedWeight::parse("50%").map(|w| w.resolve(50)), Ok(25));
        assert_eq!(ParsedWeight::parse("256"), Ok(ParsedWeight::Absolute(256)));
        assert_eq!(ParsedWeight::parse("257"), Err(WeightError::AbsoluteRange));
        assert_eq!(ParsedWeight::parse("-1"), Err(WeightError::AbsoluteRange));
        assert_eq!(ParsedWeight::parse(""), Err(WeightError::Missing));
        assert_eq!(ParsedWeight::parse("x"), Err(WeightError::NotANumber));
        assert_eq!(ParsedWeight::parse("%"), Err(WeightError::NotANumber));
        assert_eq!(ParsedWeight::parse("5x"), Err(WeightError::Garbage));
        assert_eq!(ParsedWeight::parse("5x%"), Err(WeightError::Garbage));
        assert_eq!(ParsedWeight::parse("50%x"), Err(WeightError::Garbage));
        assert_eq!(ParsedWeight::parse("300x"), Err(WeightError::AbsoluteRange));
        assert_eq!(ParsedWeight::parse("-5x"), Err(WeightError::AbsoluteRange));
        assert_eq!(ParsedWeight::parse("-5%"), Err(WeightError::NegativeRelative));
        assert_eq!(ParsedWeight::parse("+5"), Ok(ParsedWeight::Absolute(5)));
        assert_eq!(ParsedWeight::parse("1000%").map(|w| w.resolve(100)), Ok(256));
        assert_eq!(ParsedWeight::parse("99999%").map(|w| w.resolve(10)), Ok(256));
    }
}
