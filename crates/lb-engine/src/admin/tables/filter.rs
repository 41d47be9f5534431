//! Conditions on entries: `data.<type> <operator> <value>`.

use lb_admin::Request;
use lb_table::{DataKind, Entry, TableSpec};

/// Most conditions of a command.
const MOST: usize = 4;

/// A condition on an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    kind: DataKind,
    index: usize,
    operator: Operator,
    value: i64,
}

#[derive(Debug, Clone, Copy)]
enum Operator {
    Eq,
    Ne,
    Le,
    Ge,
    Lt,
    Gt,
}

impl Filter {
    /// Reads the conditions that follow a table's name.
    pub(super) fn parse_all(spec: &TableSpec, request: &Request) -> Result<Vec<Self>, String> {
        let words = request.args().get(1..).unwrap_or_default();
        let mut found = Vec::new();
        for (number, condition) in words.chunks(3).enumerate() {
            let word = |at: usize| condition.get(at).map_or("", String::as_str);
            if number == MOST {
                let before = 1 + MOST * 3;
                let last = request.args().get(before - 1).map_or("", String::as_str);
                let at = request.words.len() - request.args().len() + before + 1;
                return Err(format!("Detected extra data in filter, {at}th word of input, after '{last}'"));
            }
            let one = Self::parse(spec, word(0), word(1), word(2));
            found.push(one.map_err(|e| format!("Filter entry #{}: {e}", number + 1))?);
        }
        Ok(found)
    }

    fn parse(spec: &TableSpec, data: &str, operator: &str, value: &str) -> Result<Self, &'static str> {
        let (kind, index) = data_type(spec, data.strip_prefix("data.").unwrap_or_default())?;
        let operator = match operator {
            "eq" => Operator::Eq,
            "ne" => Operator::Ne,
            "le" => Operator::Le,
            "ge" => Operator::Ge,
            "lt" => Operator::Lt,
            "gt" => Operator::Gt,
            _ => return Err("Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\""),
        };
        let value = value.parse().map_err(|_| "Require a valid integer value to compare against")?;
        Ok(Self { kind, index, operator, value })
    }

    /// Whether an entry meets the condition.
    pub(super) fn passes(&self, entry: &Entry, now_ms: u64) -> bool {
        let found = entry.value(self.kind, self.index, now_ms).unwrap_or(0);
        let found = i64::try_from(found).unwrap_or(i64::MAX);
        match self.operator {
            Operator::Eq => found == self.value,
            Operator::Ne => found != self.value,
            Operator::Le => found <= self.value,
            Operator::Ge => found >= self.value,
            Operator::Lt => found < self.value,
            Operator::Gt => found > self.value,
        }
    }
}

/// Reads `gpc0` or `gpc[2]` for a table that must keep it.
pub(super) fn data_type(spec: &TableSpec, text: &str) -> Result<(DataKind, usize), &'static str> {
    const UNKNOWN: &str = "Unknown data type";
    let (name, index) = match text.split_once('[') {
        Some((name, index)) => {
            let digits = index.strip_suffix(']').ok_or(UNKNOWN)?;
            (name, digits.parse().map_err(|_| UNKNOWN)?)
        }
        None => (text, 0),
    };
    let kind = DataKind::find(name).ok_or(UNKNOWN)?;
    let stored = spec.data.iter().find(|stored| stored.kind == kind).ok_or("Data type not stored in this table")?;
    if index >= stored.elements {
        return Err("index out of range in this data array");
    }
    Ok((kind, index))
}

/// A whole number; one below zero wraps, as a number of 64 bits does.
pub(super) fn integer(word: &str) -> Option<u64> {
    word.parse::<i64>().ok().map(|n| n as u64).or_else(|| word.parse().ok())
}
