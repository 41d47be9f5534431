//! The CSV form of `show stat` read as it comes: memory holds one row of it, however many there are.

use std::collections::BTreeMap;

use crate::parse::{ParseError, table_error};
use crate::stat_fields::StatField;
use crate::table::StatRow;

/// The columns of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct StatColumns {
    /// As they stand in the header.
    pub(crate) names: Vec<String>,
    places: BTreeMap<String, usize>,
    /// For each field of [`StatField::ALL`], the column that has it.
    fields: Vec<Option<usize>>,
}

impl StatColumns {
    fn parse(names: &str) -> Self {
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        let places: BTreeMap<String, usize> =
            names.iter().enumerate().map(|(index, name)| (name.clone(), index)).collect();
        let fields = StatField::ALL.iter().map(|field| places.get(field.name()).copied()).collect();
        Self { names, places, fields }
    }

    pub(crate) fn of_field(&self, field: StatField) -> Option<usize> {
        *self.fields.get(field as usize)?
    }

    pub(crate) fn named(&self, column: &str) -> Option<usize> {
        self.places.get(column).copied()
    }
}

/// Reads an answer to `show stat` piece by piece.
#[derive(Debug, Default)]
pub struct StatReader {
    columns: Option<StatColumns>,
    /// What has come of a row that is not whole.
    begun: Vec<u8>,
    /// Whether that ends within quotes.
    open: bool,
    /// A row without its quotes.
    bare: String,
    ends: Vec<u16>,
}

/// The longest row. No engine's buffer holds more, and a cell's end is written as 16 bits.
const LONGEST: usize = u16::MAX as usize;

/// How much of a line a message tells, in characters.
const SHOWN: usize = 60;

impl StatReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece of the answer and passes each row that is whole to `each`, until that gives `false`.
    /// Gives whether `each` wants more.
    ///
    /// # Errors
    /// [`ParseError`] when it is no such answer, or a row is longer than 64 kB.
    pub fn feed(&mut self, piece: &[u8], each: &mut dyn FnMut(StatRow<'_>) -> bool) -> Result<bool, ParseError> {
        let mut rest = piece;
        loop {
            let length = match record(rest, self.open) {
                Ok(length) => length,
                Err(open) => {
                    self.begun.extend_from_slice(rest);
                    self.open = open;
                    let long = self.begun.len() > LONGEST;
                    return if long { Err(too_long(&String::from_utf8_lossy(&self.begun))) } else { Ok(true) };
                }
            };
            self.open = false;
            let (head, tail) = rest.split_at(length);
            rest = tail;
            let more = if self.begun.is_empty() {
                self.record(head, each)?
            } else {
                let mut begun = std::mem::take(&mut self.begun);
                begun.extend_from_slice(head);
                let more = self.record(&begun, each)?;
                // Its room is for the next one.
                begun.clear();
                self.begun = begun;
                more
            };
            if !more {
                return Ok(false);
            }
        }
    }

    /// Ends the answer: a last row without a line's end counts.
    ///
    /// # Errors
    /// As [`StatReader::feed`], and when there was no header.
    pub fn end(&mut self, each: &mut dyn FnMut(StatRow<'_>) -> bool) -> Result<(), ParseError> {
        let begun = std::mem::take(&mut self.begun);
        self.record(&begun, each)?;
        if self.columns.is_some() { Ok(()) } else { Err(ParseError::Empty) }
    }

    /// Whether the header has come: the answer is a table, and no message.
    pub fn is_table(&self) -> bool {
        self.columns.is_some()
    }

    /// The columns' names in wire order, also those unknown here.
    pub fn columns(self) -> Vec<String> {
        self.into_columns().names
    }

    pub(crate) fn into_columns(self) -> StatColumns {
        self.columns.unwrap_or_default()
    }

    /// One whole record: the header, or a row.
    fn record(&mut self, bytes: &[u8], each: &mut dyn FnMut(StatRow<'_>) -> bool) -> Result<bool, ParseError> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\n', '\r']);
        if text.is_empty() {
            return Ok(true);
        }
        let Some(columns) = &self.columns else {
            let Some(names) = text.trim_start().strip_prefix("# ") else {
                return Err(table_error(text.lines().next()));
            };
            self.columns = Some(StatColumns::parse(names));
            return Ok(true);
        };
        self.ends.clear();
        if !text.contains('"') {
            let end = u16::try_from(text.len()).map_err(|_| too_long(text))?;
            // The length fits, and so does every place in it.
            self.ends.extend((0..end).zip(text.bytes()).filter(|(_, byte)| *byte == b',').map(|(at, _)| at));
            self.ends.push(end);
            return Ok(each(StatRow { columns, text, ends: &self.ends }));
        }
        self.bare.clear();
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.map_err(|error| ParseError::Csv(error.to_string()))?;
            for cell in &record {
                self.bare.push_str(cell);
                self.ends.push(u16::try_from(self.bare.len()).map_err(|_| too_long(text))?);
                self.bare.push(',');
            }
        }
        Ok(each(StatRow { columns, text: &self.bare, ends: &self.ends }))
    }
}

fn too_long(row: &str) -> ParseError {
    ParseError::LongLine(row.chars().take(SHOWN).collect())
}

/// How long the first record is with its line's end; or, if it does not end, whether quotes are open: within them a line
/// goes on.
fn record(bytes: &[u8], mut open: bool) -> Result<usize, bool> {
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => open = !open,
            b'\n' if !open => return Ok(at + 1),
            _ => {}
        }
    }
    Err(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of an answer that comes in pieces of this size.
    fn read(answer: &str, size: usize) -> Result<Vec<String>, ParseError> {
        let mut reader = StatReader::new();
        let mut rows = Vec::new();
        let mut each = |row: StatRow<'_>| {
            rows.push(format!("{}|{}|{:?}", row.proxy(), row.name(), row.get(StatField::Status)));
            true
        };
        for piece in answer.as_bytes().chunks(size) {
            reader.feed(piece, &mut each)?;
        }
        reader.end(&mut each)?;
        Ok(rows)
    }

    #[test]
    fn pieces_of_any_size_are_the_same() {
        let answer = "\n# pxname,svname,status,last_chk\r\na,b,UP,x\n\n\"q\"\"r\",\"two\nlines\",UP,\"a,b\"\né,ü,DOWN,\n\
                      short\nlast,one,\"no check\",";
        let whole = read(answer, answer.len()).unwrap();
        let expected = [
            "a|b|Some(\"UP\")",
            "q\"r|two\nlines|Some(\"UP\")",
            "é|ü|Some(\"DOWN\")",
            "short||None",
            "last|one|Some(\"no check\")",
        ];
        assert_eq!(whole, expected);
        for size in 1..answer.len() {
            assert_eq!(read(answer, size).unwrap(), whole, "in pieces of {size}");
        }
    }

    #[test]
    fn messages_are_no_tables() {
        for size in [1, 7, 100] {
            let told = read("No such proxy.\n\n", size).unwrap_err();
            assert_eq!(told, ParseError::NotATable("No such proxy.".into()));
        }
        assert_eq!(read("\n\n", 1).unwrap_err(), ParseError::Empty);
        assert_eq!(read("", 1).unwrap_err(), ParseError::Empty);
    }

    #[test]
    fn a_row_without_end_is_refused_early() {
        let mut reader = StatReader::new();
        reader.feed(b"# pxname,svname\n\"", &mut |_| true).unwrap();
        let fed = (0..100).find_map(|_| reader.feed(&[b'x'; 1024], &mut |_| true).err());
        assert!(matches!(fed, Some(ParseError::LongLine(_))), "{fed:?}");
    }

    #[test]
    fn who_has_enough_gets_no_more() {
        let mut reader = StatReader::new();
        let mut seen = 0;
        let more = reader.feed(b"# pxname,svname\na,b\nc,d\n", &mut |_| {
            seen += 1;
            false
        });
        assert_eq!((more, seen), (Ok(false), 1));
    }
}
