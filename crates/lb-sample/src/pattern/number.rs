//! Ranges of numbers.

use crate::SampleError;

/// An operator of an ACL's inline patterns. It holds for all numbers behind it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Operator {
    #[default]
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Operator {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "le" => Self::Le,
            "lt" => Self::Lt,
            _ => return None,
        })
    }

    /// The range that a number or a range behind the operator means. Towards larger numbers the lower end of a range
    /// counts, else the upper one.
    pub(crate) fn range(self, word: &str) -> Result<String, SampleError> {
        let (low, high) = range(word)?;
        Ok(match self {
            Self::Eq => word.to_owned(),
            Self::Ge => format!("{low}:"),
            Self::Gt => format!("{}:", low.saturating_add(1)),
            Self::Le => format!(":{high}"),
            Self::Lt => format!(":{}", high.saturating_sub(1)),
        })
    }
}

/// Reads a number, or a range `low:high` with either end left out.
pub(super) fn range(word: &str) -> Result<(i64, i64), SampleError> {
    let number = |text: &str, open: i64| if text.is_empty() { Ok(open) } else { text.parse::<i64>() };
    let parsed = match word.split_once(':') {
        Some((low, high)) => number(low, i64::MIN).and_then(|l| Ok((l, number(high, i64::MAX)?))),
        None => word.parse().map(|n: i64| (n, n)),
    };
    match parsed {
        Ok((low, high)) if low > high => Err(SampleError::new(format!("'{word}' is not a valid number range"))),
        Ok(pair) => Ok(pair),
        Err(_) => Err(SampleError::new(format!("'{word}' is not a number"))),
    }
}
