//! Rows written one after the other, for the formats that need no row but the one at hand.
//!
//! What goes wrong before much was written leaves nothing of it behind: whoever reads has a whole answer or an error.

use std::io::{self, Write};

use super::{Cell, Format, Object, yaml};
use crate::fault::Fault;

/// What takes rows as they come, with the columns' names.
pub type TakeRow<'a> = dyn FnMut(&[String], &[Cell]) -> Result<(), Fault> + 'a;

/// A list of rows in a data format.
pub struct RowWriter<W: Write> {
    format: Format,
    out: Out<W>,
    rows: usize,
}

enum Out<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Plain(W),
}

impl<W: Write> RowWriter<W> {
    /// A list without rows.
    pub fn new(format: Format, out: W) -> Self {
        let out = match format {
            Format::Csv => Out::Csv(Box::new(csv::Writer::from_writer(out))),
            _ => Out::Plain(out),
        };
        Self { format, out, rows: 0 }
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn row(&mut self, keys: &[String], row: &[Cell]) -> Result<(), Fault> {
        let first = self.rows == 0;
        self.rows += 1;
        let object = Object { keys, row };
        match &mut self.out {
            Out::Csv(writer) => {
                if first {
                    writer.write_record(keys)?;
                }
                writer.write_record(row.iter().map(Cell::plain))?;
            }
            Out::Plain(out) => match self.format {
                Format::Json => {
                    out.write_all(if first { b"[\n  {" } else { b",\n  {" })?;
                    for (at, (key, cell)) in keys.iter().zip(row).enumerate() {
                        out.write_all(if at == 0 { b"\n    " } else { b",\n    " })?;
                        serde_json::to_writer(&mut *out, key)?;
                        out.write_all(b": ")?;
                        serde_json::to_writer(&mut *out, cell)?;
                    }
                    out.write_all(if row.is_empty() { b"}" } else { b"\n  }" })?;
                }
                Format::Jsonl => {
                    serde_json::to_writer(&mut *out, &object)?;
                    out.write_all(b"\n")?;
                }
                Format::Yaml => yaml::item(keys, row, out)?,
                _ => {
                    if let Some(name) = row.first() {
                        writeln!(out, "{}", name.plain())?;
                    }
                }
            },
        }
        Ok(())
    }

    /// Ends the list.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(self, keys: &[String]) -> Result<W, Fault> {
        let none = self.rows == 0;
        match self.out {
            Out::Csv(mut writer) => {
                if none {
                    writer.write_record(keys)?;
                }
                writer.into_inner().map_err(|error| error.into_error().into())
            }
            Out::Plain(mut out) => {
                match self.format {
                    Format::Json | Format::Yaml if none => out.write_all(b"[]\n")?,
                    Format::Json => out.write_all(b"\n]\n")?,
                    _ => {}
                }
                Ok(out)
            }
        }
    }
}

/// Holds back what is written until it is much, or until [`Held::release`]: what is dropped before was never there.
pub struct Held<W: Write> {
    out: W,
    held: Vec<u8>,
}

/// How much is held back, in bytes.
const MUCH: usize = 64 << 10;

impl<W: Write> Held<W> {
    /// Before a writer.
    pub fn new(out: W) -> Self {
        Self { out, held: Vec::with_capacity(MUCH) }
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn release(mut self) -> io::Result<()> {
        self.out.write_all(&self.held)?;
        self.out.flush()
    }
}

impl<W: Write> Write for Held<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.held.len() + bytes.len() > MUCH {
            self.out.write_all(&self.held)?;
            self.held.clear();
        }
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Nothing: what is held back stays so.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn written(format: Format, rows: &[Vec<Cell>]) -> String {
        let keys = ["a", "b", "c"].map(str::to_owned);
        let mut writer = RowWriter::new(format, Vec::new());
        for row in rows {
            writer.row(&keys, row).unwrap();
        }
        String::from_utf8(writer.end(&keys).unwrap()).unwrap()
    }

    #[test]
    fn lists() {
        let rows = vec![
            vec![Cell::Text("a/\"b\",c".into()), Cell::Empty, Cell::Number(7)],
            vec![Cell::Text("a/c".into()), Cell::Text("UP".into()), Cell::Flag(true)],
        ];
        let json = written(Format::Json, &rows);
        let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json, format!("{}\n", serde_json::to_string_pretty(&parsed).unwrap()), "as the library has it");
        expect![[r#"
            {"a":"a/\"b\",c","b":null,"c":7}
            {"a":"a/c","b":"UP","c":true}
        "#]]
        .assert_eq(&written(Format::Jsonl, &rows));
        expect![[r#"
            a,b,c
            "a/""b"",c",,7
            a/c,UP,true
        "#]]
        .assert_eq(&written(Format::Csv, &rows));
        expect![[r#"
            - a: "a/\"b\",c"
              b: null
              c: 7
            - a: a/c
              b: UP
              c: true
        "#]]
        .assert_eq(&written(Format::Yaml, &rows));
        assert_eq!(written(Format::Name, &rows), "a/\"b\",c\na/c\n");
    }

    #[test]
    fn lists_of_nothing() {
        assert_eq!(written(Format::Json, &[]), "[]\n");
        assert_eq!(written(Format::Yaml, &[]), "[]\n");
        assert_eq!(written(Format::Jsonl, &[]), "");
        assert_eq!(written(Format::Csv, &[]), "a,b,c\n");
        assert_eq!(written(Format::Name, &[]), "");
    }

    #[test]
    fn what_is_held_back_is_not_written() {
        let mut out = Vec::new();
        let mut held = Held::new(&mut out);
        held.write_all(b"begun").unwrap();
        held.flush().unwrap();
        drop(held);
        assert!(out.is_empty());
        let mut held = Held::new(&mut out);
        held.write_all(&vec![b'x'; 3 * MUCH]).unwrap();
        held.write_all(b"end").unwrap();
        held.release().unwrap();
        assert_eq!(out.len(), 3 * MUCH + 3);
    }
}
