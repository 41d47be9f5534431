//! The CSV form of `show stat` read back, of any version: the answer's own text and where its cells end.
//!
//! Ten thousand rows of a hundred cells are a million cells: none of them is a text of its own, and a field is found
//! by its number. Rows with quotes are rare; theirs are written anew behind the answer.

use std::str::FromStr;

use crate::parse::ParseError;
use crate::reader::{StatColumns, StatReader};
use crate::stat_fields::StatField;
use crate::tags::ObjectKind;

/// The CSV form of `show stat`, of any version.
#[derive(Debug, Clone, Default)]
pub struct StatTable {
    columns: StatColumns,
    /// Rows whose cells are apart by one byte each.
    text: String,
    /// For each cell of each row, where it ends within its row.
    ends: Vec<u16>,
    rows: Vec<Place>,
}

/// Where a row is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Its bytes in the text.
    start: usize,
    end: usize,
    /// Its cells' ends in the list of ends.
    first: usize,
    last: usize,
}

impl StatTable {
    /// Reads an answer to `show stat`.
    ///
    /// # Errors
    /// [`ParseError`] when it is no such answer, or a row is longer than 64 kB, which no engine's buffer holds.
    pub fn parse(answer: &str) -> Result<Self, ParseError> {
        let (mut table, mut reader) = (Self::default(), StatReader::new());
        let mut each = |row: StatRow<'_>| {
            table.push(row);
            true
        };
        reader.feed(answer.as_bytes(), &mut each)?;
        reader.end(&mut each)?;
        Ok(table.headed(reader))
    }

    /// Adds a row at the end; its columns are those of the reader that [`StatTable::headed`] is given.
    pub fn push(&mut self, row: StatRow<'_>) {
        let (start, first) = (self.text.len(), self.ends.len());
        self.text.push_str(row.text);
        self.ends.extend_from_slice(row.ends);
        self.rows.push(Place { start, end: self.text.len(), first, last: self.ends.len() });
    }

    /// With the columns of the reader whose rows it has.
    #[must_use]
    pub fn headed(self, reader: StatReader) -> Self {
        Self { columns: reader.into_columns(), ..self }
    }

    /// The rows, in the order of the answer.
    pub fn rows(&self) -> impl Iterator<Item = StatRow<'_>> {
        self.rows.iter().map(|place| StatRow {
            columns: &self.columns,
            text: self.text.get(place.start..place.end).unwrap_or_default(),
            ends: self.ends.get(place.first..place.last).unwrap_or_default(),
        })
    }

    /// The columns' names in wire order, also those unknown here.
    pub fn columns(&self) -> &[String] {
        &self.columns.names
    }

    /// How much it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.ends.len() * size_of::<u16>() + self.rows.len() * size_of::<Place>()
    }

    /// Whether the answer has this column.
    pub fn has(&self, field: StatField) -> bool {
        self.columns.of_field(field).is_some()
    }
}

/// One row of an answer to `show stat`.
#[derive(Debug, Clone, Copy)]
pub struct StatRow<'t> {
    pub(crate) columns: &'t StatColumns,
    pub(crate) text: &'t str,
    pub(crate) ends: &'t [u16],
}

impl<'t> StatRow<'t> {
    /// The text of a column; `None` when it is missing or empty.
    pub fn get(&self, field: StatField) -> Option<&'t str> {
        self.cell(self.columns.of_field(field)?)
    }

    /// The text of a column by its wire name, also one this crate does not know.
    pub fn get_named(&self, column: &str) -> Option<&'t str> {
        self.cell(self.columns.named(column)?)
    }

    /// The columns' names in wire order, also those unknown here.
    pub fn columns(&self) -> &'t [String] {
        &self.columns.names
    }

    /// The text of a column by its place in [`StatRow::columns`].
    pub fn cell(&self, index: usize) -> Option<&'t str> {
        let end = usize::from(*self.ends.get(index)?);
        let begin = match index.checked_sub(1) {
            Some(before) => usize::from(*self.ends.get(before)?) + 1,
            None => 0,
        };
        self.text.get(begin..end).filter(|text| !text.is_empty())
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
