//! The way back: answers of an admin socket read into tables keyed by column name, so that columns
//! of other versions neither shift nor break anything.

use std::str::FromStr;

/// Why an answer could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing came.
    #[error("the answer is empty")]
    Empty,
    /// Something else came, most likely an error message.
    #[error("the answer is no table: {0}")]
    NotATable(String),
    /// A line has too few cells to tell what it is about.
    #[error("the line '{0}' is too short")]
    ShortLine(String),
    /// A row that is longer than an engine's buffer.
    #[error("the line '{0}…' is too long")]
    LongLine(String),
    /// A cell's text does not fit its column.
    #[error("column '{column}' holds '{text}', which is no value for it")]
    BadValue {
        /// The column.
        column: String,
        /// What it holds.
        text: String,
    },
    /// The CSV itself is broken.
    #[error("the answer is no valid CSV: {0}")]
    Csv(String),
}

/// The error for an answer whose first line is not the expected one.
pub(crate) fn table_error(first_line: Option<&str>) -> ParseError {
    first_line.map_or(ParseError::Empty, |line| ParseError::NotATable(line.trim().to_owned()))
}

/// The header of a table whose cells are separated by blanks: `# name name …`.
pub(crate) struct Header<'a>(Vec<&'a str>);

impl<'a> Header<'a> {
    pub(crate) fn parse(line: Option<&'a str>) -> Result<Self, ParseError> {
        match line.and_then(|l| l.strip_prefix("# ")) {
            // A count such as `[2]` after a name is not part of it.
            Some(names) => Ok(Self(names.split_ascii_whitespace().map(|n| n.split('[').next().unwrap_or(n)).collect())),
            None => Err(table_error(line)),
        }
    }

    pub(crate) fn position(&self, column: &str) -> Option<usize> {
        self.0.iter().position(|name| *name == column)
    }

    pub(crate) fn into_names(self) -> Vec<&'a str> {
        self.0
    }

    pub(crate) fn cell<'l>(&self, cells: &[&'l str], column: &str) -> Option<&'l str> {
        cells.get(self.position(column)?).copied()
    }
}

/// An answer to `show info`, of any version.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info(Vec<(String, String)>);

impl Info {
    /// Reads the text form of `show info`.
    pub fn parse(answer: &str) -> Result<Self, ParseError> {
        let lines: Vec<&str> = answer.lines().filter(|line| !line.trim().is_empty()).collect();
        let pairs: Vec<_> = lines.iter().filter_map(|line| line.split_once(": ").or(line.split_once(':'))).collect();
        if pairs.is_empty() {
            return Err(table_error(lines.first().copied()));
        }
        Ok(Self(pairs.into_iter().map(|(key, value)| (key.to_owned(), unquote(value))).collect()))
    }

    /// The value of a line by its wire name.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
    }

    /// A value as a number.
    pub fn number<N: FromStr>(&self, key: &str) -> Option<N> {
        self.get(key)?.parse().ok()
    }

    /// All lines, in the order of the answer.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

/// Undoes CSV quoting, which texts with commas have in `show info`.
fn unquote(value: &str) -> String {
    match value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => value.trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_lines() {
        let info = Info::parse("Name: HAProxy\nUptime: 0d 0h00m01s\ndescription: \"a, \"\"b\"\"\"\nnode:\n\n").unwrap();
        assert_eq!(info.get("Uptime"), Some("0d 0h00m01s"));
        assert_eq!(info.get("description"), Some("a, \"b\""));
        assert_eq!(info.get("node"), Some(""));
        assert_eq!(info.number::<u32>("Name"), None);
        assert_eq!(info.iter().count(), 4);
        assert!(Info::parse("Permission denied\n").is_err());
    }
}
