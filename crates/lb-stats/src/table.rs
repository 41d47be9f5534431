//! The CSV form of `show stat` read back, of any version: the answer's own text and where its cells end.
//!
//! Ten thousand rows of a hundred cells are a million cells: none of them is a text of its own, and a field is found
//! by its number. Rows with quotes are rare; theirs are written anew behind the answer.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::parse::{ParseError, table_error};
use crate::stat_fields::StatField;
use crate::tags::ObjectKind;

/// The CSV form of `show stat`, of any version.
#[derive(Debug, Clone)]
pub struct StatTable {
    columns: BTreeMap<String, usize>,
    /// For each field of [`StatField::ALL`], the column that has it.
    fields: Vec<Option<usize>>,
    /// Rows whose cells are apart by one byte each.
    text: String,
    /// For each cell of each row, where it ends within its row.
    ends: Vec<u16>,
    rows: Vec<Place>,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its first byte in the text.
    start: usize,
    /// Its first cell's end in the list of ends.
    first: usize,
    /// How many cells it has.
    cells: usize,
}

impl StatTable {
    /// Reads an answer to `show stat`.
    ///
    /// # Errors
    /// [`ParseError`] when it is no such answer, or a row is longer than 64 kB, which no engine's buffer holds.
    pub fn parse(answer: &str) -> Result<Self, ParseError> {
        let text = answer.trim_start();
        let Some(text) = text.strip_prefix("# ") else {
            return Err(table_error(text.lines().next()));
        };
        let (header, _) = text.split_once('\n').unwrap_or((text, ""));
        let names = header.trim_end_matches('\r').split(',');
        let columns: BTreeMap<String, usize> =
            names.enumerate().map(|(index, name)| (name.to_owned(), index)).collect();
        let fields = StatField::ALL.iter().map(|field| columns.get(field.name()).copied()).collect();
        let mut table = Self { columns, fields, text: text.to_owned(), ends: Vec::new(), rows: Vec::new() };
        let mut at = (header.len() + 1).min(text.len());
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let (length, quoted) = record(rest);
            let row = rest.get(..length).unwrap_or(rest);
            let bare = row.trim_end_matches(['\n', '\r']);
            match quoted {
                _ if bare.is_empty() => {}
                false => table.add(at, bare)?,
                true => table.add_quoted(bare)?,
            }
            at += length;
        }
        Ok(table)
    }

    /// Adds a row that stands in the text.
    fn add(&mut self, start: usize, row: &str) -> Result<(), ParseError> {
        let end = u16::try_from(row.len()).map_err(|_| ParseError::LongLine(row.chars().take(SHOWN).collect()))?;
        let first = self.ends.len();
        // The length fits, and so does every place in it.
        self.ends.extend((0..end).zip(row.bytes()).filter(|(_, byte)| *byte == b',').map(|(at, _)| at));
        self.ends.push(end);
        self.rows.push(Place { start, first, cells: self.ends.len() - first });
        Ok(())
    }

    /// Adds a row with quoted cells: without its quotes, at the end of the text.
    fn add_quoted(&mut self, row: &str) -> Result<(), ParseError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(row.as_bytes());
        let (start, first) = (self.text.len(), self.ends.len());
        for record in reader.records() {
            let record = record.map_err(|error| ParseError::Csv(error.to_string()))?;
            for cell in &record {
                self.text.push_str(cell);
                let end = u16::try_from(self.text.len() - start);
                self.ends.push(end.map_err(|_| ParseError::LongLine(row.chars().take(SHOWN).collect()))?);
                self.text.push(',');
            }
        }
        self.rows.push(Place { start, first, cells: self.ends.len() - first });
        Ok(())
    }

    /// The rows, in the order of the answer.
    pub fn rows(&self) -> impl Iterator<Item = StatRow<'_>> {
        self.rows.iter().map(|place| StatRow { table: self, place })
    }

    /// Whether the answer has this column.
    pub fn has(&self, field: StatField) -> bool {
        self.columns.contains_key(field.name())
    }
}

/// How much of a line a message tells, in characters.
const SHOWN: usize = 60;

/// How long the first record is with its line's end, and whether quotes are in it: within them a line goes on.
fn record(text: &str) -> (usize, bool) {
    let (mut quoted, mut open) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => (quoted, open) = (true, !open),
            b'\n' if !open => return (at + 1, quoted),
            _ => {}
        }
    }
    (text.len(), quoted)
}

/// One row of a [`StatTable`].
#[derive(Debug, Clone, Copy)]
pub struct StatRow<'t> {
    table: &'t StatTable,
    place: &'t Place,
}

impl<'t> StatRow<'t> {
    /// The text of a column; `None` when it is missing or empty.
    pub fn get(&self, field: StatField) -> Option<&'t str> {
        self.cell((*self.table.fields.get(field as usize)?)?)
    }

    /// The text of a column by its wire name, also one this crate does not know.
    pub fn get_named(&self, column: &str) -> Option<&'t str> {
        self.cell(*self.table.columns.get(column)?)
    }

    fn cell(&self, index: usize) -> Option<&'t str> {
        let Place { start, first, cells } = *self.place;
        if index >= cells {
            return None;
        }
        let ends = &self.table.ends;
        let begin = match index.checked_sub(1) {
            Some(before) => usize::from(*ends.get(first + before)?) + 1,
            None => 0,
        };
        let end = usize::from(*ends.get(first + index)?);
        self.table.text.get(start + begin..start + end).filter(|text| !text.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_by_column_name() {
        let answer = "# pxname,svname,scur,status,type,last_chk,novel,\n\
                      app,web01,12,UP,2,\"HTTP \"\"x\"\", y\",7,\n\
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
    fn rows_of_other_shapes() {
        let answer = "# pxname,svname,status\r\na,b,UP\r\n\nshort\na,\"two\nlines\",UP\nlast,one,DOWN";
        let table = StatTable::parse(answer).unwrap();
        let told: Vec<_> = table.rows().map(|r| (r.proxy(), r.name(), r.get(StatField::Status))).collect();
        let expected = [
            ("a", "b", Some("UP")),
            ("short", "", None),
            ("a", "two\nlines", Some("UP")),
            ("last", "one", Some("DOWN")),
        ];
        assert_eq!(told, expected);
        let long = format!("# pxname,svname\n{},b\n", "x".repeat(70_000));
        assert!(matches!(StatTable::parse(&long), Err(ParseError::LongLine(_))));
        let quoted = format!("# pxname,svname\n\"{}\",b\n", "x".repeat(70_000));
        assert!(matches!(StatTable::parse(&quoted), Err(ParseError::LongLine(_))));
    }

    #[test]
    fn header_only_and_messages() {
        assert_eq!(StatTable::parse("# pxname,svname,\n\n").unwrap().rows().count(), 0);
        assert_eq!(StatTable::parse("# pxname,svname").unwrap().rows().count(), 0);
        assert_eq!(StatTable::parse("\n").unwrap_err(), ParseError::Empty);
        assert_eq!(StatTable::parse("No such proxy.\n\n").unwrap_err(), ParseError::NotATable("No such proxy.".into()));
    }

    #[test]
    fn fields_have_the_places_of_the_list() {
        for (at, field) in StatField::ALL.iter().enumerate() {
            assert_eq!(*field as usize, at, "{}", field.name());
        }
    }
}
