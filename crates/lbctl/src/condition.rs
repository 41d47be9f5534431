//! Conditions on a server's statistics: `scur<5`, `5xx>1%`.
//!
//! A gauge is compared as it is, a counter by what it grew since the watching began. A percentage is the growth as a
//! share of the responses in the same time.

use std::fmt;
use std::str::FromStr;

use lb_stats::{Nature, ObjectKind, StatField, StatRow};

/// Other names of columns.
const ALIASES: &[(&str, StatField)] = &[
    ("1xx", StatField::Hrsp1xx),
    ("2xx", StatField::Hrsp2xx),
    ("3xx", StatField::Hrsp3xx),
    ("4xx", StatField::Hrsp4xx),
    ("5xx", StatField::Hrsp5xx),
    ("sessions", StatField::Scur),
    ("queue", StatField::Qcur),
];

/// What counts as a response.
const RESPONSES: &[StatField] = &[
    StatField::Hrsp1xx,
    StatField::Hrsp2xx,
    StatField::Hrsp3xx,
    StatField::Hrsp4xx,
    StatField::Hrsp5xx,
    StatField::HrspOther,
];

/// How two numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    AtMost,
    AtLeast,
    NotEqual,
    Less,
    Greater,
    Equal,
}

/// Longer ones first: `<=` begins with `<`.
const COMPARES: &[(&str, Compare)] = &[
    ("<=", Compare::AtMost),
    (">=", Compare::AtLeast),
    ("!=", Compare::NotEqual),
    ("<", Compare::Less),
    (">", Compare::Greater),
    ("=", Compare::Equal),
];

/// A condition on one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    field: StatField,
    compare: Compare,
    value: f64,
    percent: bool,
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// No comparison.
    #[error("'{0}' is no condition; write one such as 'scur<5' or '5xx>1%'")]
    Form(String),
    /// An unknown column.
    #[error(
        "there is no column '{0}'; 'lbctl raw show stat' names them, and 4xx, 5xx, sessions and queue are known too"
    )]
    Column(String),
    /// No number.
    #[error("'{0}' is no number")]
    Number(String),
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let form = || ConditionError::Form(text.to_owned());
        let at = text.find(['<', '>', '=', '!']).ok_or_else(form)?;
        let (name, rest) = text.split_at(at);
        let (word, compare) = COMPARES.iter().find(|(word, _)| rest.starts_with(word)).ok_or_else(form)?;
        let name = name.trim().to_ascii_lowercase();
        let field = ALIASES
            .iter()
            .find(|(alias, _)| *alias == name)
            .map(|(_, field)| *field)
            .or_else(|| StatField::from_name(&name))
            .ok_or(ConditionError::Column(name))?;
        let number = rest.strip_prefix(word).unwrap_or("").trim();
        let (digits, percent) = number.strip_suffix('%').map_or((number, false), |digits| (digits, true));
        let value = digits.parse().map_err(|_| ConditionError::Number(number.to_owned()))?;
        Ok(Self { text: text.to_owned(), field, compare: *compare, value, percent })
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a row held when the watching began.
#[derive(Debug, Clone, Copy, Default)]
pub struct Base {
    value: f64,
    responses: f64,
}

impl Condition {
    /// The row as the beginning.
    pub fn base(&self, row: &StatRow<'_>) -> Base {
        Base { value: number(row, self.field), responses: responses(row) }
    }

    /// Whether it holds, and the number that was compared.
    pub fn holds(&self, row: &StatRow<'_>, base: &Base) -> (bool, f64) {
        let value = number(row, self.field);
        let value = if self.percent {
            let all = (responses(row) - base.responses).max(0.0);
            if all == 0.0 { 0.0 } else { (value - base.value).max(0.0) * 100.0 / all }
        } else if self.field.tags(ObjectKind::Server).nature == Nature::Counter {
            (value - base.value).max(0.0)
        } else {
            value
        };
        let holds = match self.compare {
            Compare::AtMost => value <= self.value,
            Compare::AtLeast => value >= self.value,
            Compare::NotEqual => value != self.value,
            Compare::Less => value < self.value,
            Compare::Greater => value > self.value,
            Compare::Equal => value == self.value,
        };
        (holds, value)
    }
}

fn number(row: &StatRow<'_>, field: StatField) -> f64 {
    row.number(field).unwrap_or(0.0)
}

fn responses(row: &StatRow<'_>) -> f64 {
    RESPONSES.iter().map(|field| number(row, *field)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_stats::StatTable;

    #[test]
    fn what_holds() {
        let table = |scur: u32, ok: u32, bad: u32| {
            let text = format!("# pxname,svname,scur,type,hrsp_2xx,hrsp_5xx,\napp,web1,{scur},2,{ok},{bad},\n\n");
            StatTable::parse(&text).unwrap()
        };
        let check = |text: &str, expected: (bool, f64)| {
            let condition: Condition = text.parse().unwrap();
            let (before, after) = (table(7, 100, 50), table(3, 198, 52));
            let (before, after) = (before.rows().next().unwrap(), after.rows().next().unwrap());
            assert_eq!(condition.holds(&after, &condition.base(&before)), expected, "{text}");
        };
        check("scur<5", (true, 3.0));
        check("sessions >= 3", (true, 3.0));
        check("5xx>1%", (true, 2.0));
        check("5xx>2%", (false, 2.0));
        check("hrsp_5xx=2", (true, 2.0));
        check("4xx!=0", (false, 0.0));
    }

    #[test]
    fn what_is_none() {
        let told = |text: &str| text.parse::<Condition>().unwrap_err().to_string();
        assert!(told("drained").contains("is no condition"));
        assert!(told("nope<5").contains("no column 'nope'"));
        assert_eq!(told("scur<five"), "'five' is no number");
        assert!(told("scur!5").contains("is no condition"));
    }
}
