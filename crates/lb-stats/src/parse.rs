//! The way back: answers of an admin socket read into tables keyed by column name, so that columns
//! of other versions neither shift nor break anything.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::stat_fields::StatField;
use crate::tags::ObjectKind;

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

    pub(crate) fn cell<'l>(&self, cells: &[&'l str], column: &str) -> Option<&'l str> {
        cells.get(self.position(column)?).copied()
    }
}

/// The CSV form of `show stat`, of any version.
#[derive(Debug, Clone)]
pub struct StatTable {
    columns: BTreeMap<String, usize>,
    records: Vec<csv::StringRecord>,
}

impl StatTable {
    /// Reads an answer to `show stat`.
    pub fn parse(answer: &str) -> Result<Self, ParseError> {
        let text = answer.trim_start();
        let Some(text) = text.strip_prefix("# ") else {
            return Err(table_error(text.lines().next()));
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(true).from_reader(text.as_bytes());
        let header = reader.headers().map_err(|error| ParseError::Csv(error.to_string()))?;
        let columns = header.iter().enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
        let records = reader.records().collect::<Result<_, _>>().map_err(|error| ParseError::Csv(error.to_string()))?;
        Ok(Self { columns, records })
    }

    /// The rows, in the order of the answer.
    pub fn rows(&self) -> impl Iterator<Item = StatRow<'_>> {
        self.records.iter().map(|record| StatRow { columns: &self.columns, record })
    }

    /// Whether the answer has this column.
    pub fn has(&self, field: StatField) -> bool {
        self.columns.contains_key(field.name())
    }
}

/// One row of a [`StatTable`].
#[derive(Debug, Clone, Copy)]
pub struct StatRow<'t> {
    columns: &'t BTreeMap<String, usize>,
    record: &'t csv::StringRecord,
}

impl<'t> StatRow<'t> {
    /// The text of a column; `None` when it is missing or empty.
    pub fn get(&self, field: StatField) -> Option<&'t str> {
        self.get_named(field.name())
    }

    /// The text of a column by its wire name, also one this crate does not know.
    pub fn get_named(&self, column: &str) -> Option<&'t str> {
        let text = self.record.get(*self.columns.get(column)?)?;
        (!text.is_empty()).then_some(text)
    }

    /// A column as a number; `None` when it is missing, empty or no number.
    pub fn number<N: FromStr>(&self, field: StatField) -> Option<N> {
        self.get(field)?.parse().ok()
    }

    /// The proxy's name.
    pub fn proxy(&self) -> &'t str {
        self.get(StatField::Pxname).unwrap_or_default()
    }

    /// The server's name, or `FRONTEND` or `BACKEND`.
    pub fn name(&self) -> &'t str {
        self.get(StatField::Svname).unwrap_or_default()
    }

    /// The kind of object.
    pub fn kind(&self) -> Option<ObjectKind> {
        ObjectKind::from_number(self.number(StatField::Type)?)
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
    fn columns_go_by_name() {
        let answer = "# svname,pxname,novel,status,scur,type,last_chk,\n\
                      web01,app,7,UP 1/3,12,2,\"HTTP \"\"x\"\", y\",\n\
                      BACKEND,app,,UP,,1,,\n\n";
        let table = StatTable::parse(answer).unwrap();
        assert!(!table.has(StatField::Qcur));
        let rows: Vec<_> = table.rows().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].proxy(), rows[0].name(), rows[0].kind()), ("app", "web01", Some(ObjectKind::Server)));
        assert_eq!(rows[0].number::<u32>(StatField::Scur), Some(12));
        assert_eq!(rows[0].get(StatField::LastChk), Some("HTTP \"x\", y"));
        assert_eq!(rows[0].get_named("novel"), Some("7"));
        assert_eq!(rows[1].get(StatField::Scur), None);
        assert_eq!(rows[1].get(StatField::Qcur), None);
    }

    #[test]
    fn header_only_and_messages() {
        assert_eq!(StatTable::parse("# pxname,svname,\n\n").unwrap().rows().count(), 0);
        assert_eq!(StatTable::parse("\n").unwrap_err(), ParseError::Empty);
        assert_eq!(StatTable::parse("No such proxy.\n\n").unwrap_err(), ParseError::NotATable("No such proxy.".into()));
    }

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
