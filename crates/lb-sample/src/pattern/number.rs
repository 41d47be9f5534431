//! Ranges of numbers.

use crate::SampleError;

/// Ranges, any of which may match, and the operator for the next one.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    ranges: Vec<(i64, i64)>,
    operator: Operator,
}

#[derive(Debug, Clone, Copy, Default)]
enum Operator {
    #[default]
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Ranges {
    /// Reads an operator, a number, or a range `low:high` with either end left out.
    pub(super) fn push(&mut self, word: &str) -> Result<(), SampleError> {
        self.operator = match word {
            "eq" => Operator::Eq,
            "ge" => Operator::Ge,
            "gt" => Operator::Gt,
            "le" => Operator::Le,
            "lt" => Operator::Lt,
            _ => {
                let (low, high) = range(word)?;
                self.ranges.push(match self.operator {
                    Operator::Eq => (low, high),
                    // Towards larger numbers the lower end of a range counts, else the upper one.
                    Operator::Ge => (low, i64::MAX),
                    Operator::Gt => (low.saturating_add(1), i64::MAX),
                    Operator::Le => (i64::MIN, high),
                    Operator::Lt => (i64::MIN, high.saturating_sub(1)),
                });
                self.operator
            }
        };
        Ok(())
    }

    pub(super) fn contains(&self, n: i64) -> bool {
        self.ranges.iter().any(|(low, high)| (*low..=*high).contains(&n))
    }
}

fn range(word: &str) -> Result<(i64, i64), SampleError> {
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
