//! How rows are printed: one list of columns per kind of row, every format derived from it.

mod pager;
mod palette;
mod rows;
mod shape;
mod table;
mod yaml;

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};

pub use pager::{page, program};
pub use palette::{Palette, Tone};
pub use rows::{Held, RowWriter, TakeRow};
pub use shape::Shape;

use crate::context::{Context, Output};
use crate::fault::Fault;

/// An output format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// For people with wide terminals
    Wide,
    /// For people: each row a block of its own, with every column a line
    Expanded,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// CSV with a header
    Csv,
    /// One YAML document
    Yaml,
    /// Names only, one a line
    Name,
    /// What the node answered, byte for byte (only 'show'; otherwise as table)
    Raw,
}

impl Format {
    /// Whether a program reads it: every column is printed, and nothing else.
    pub fn is_data(self) -> bool {
        !matches!(self, Self::Table | Self::Wide | Self::Expanded | Self::Raw)
    }
}

/// A value in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing: empty in tables and CSV, `null` in JSON.
    Empty,
    /// Text.
    Text(String),
    /// A count.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// Seconds; tables show them as `3m5s`.
    Seconds(u64),
    /// A word whose meaning has a colour as well.
    Toned(String, Tone),
    /// Another value than the last time; only tables say so.
    Changed(Box<Cell>),
}

impl Cell {
    /// Text, or nothing.
    pub fn text(text: Option<&str>) -> Self {
        text.filter(|t| !t.is_empty()).map_or(Self::Empty, |t| Self::Text(t.to_owned()))
    }

    /// A number, or nothing.
    pub fn number(number: Option<u64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }

    /// As CSV has it.
    fn plain(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(t) | Self::Toned(t, _) => t.clone(),
            Self::Number(n) | Self::Seconds(n) => n.to_string(),
            Self::Flag(f) => f.to_string(),
            Self::Changed(cell) => cell.plain(),
        }
    }

    /// As tables have it.
    fn shown(&self) -> String {
        let mut text = String::new();
        self.show(&mut text);
        text
    }

    /// As [`Cell::shown`], behind a text.
    fn show(&self, text: &mut String) {
        use std::fmt::Write as _;

        match self {
            Self::Empty => text.push('-'),
            Self::Text(t) | Self::Toned(t, _) => text.push_str(t),
            Self::Flag(yes) => text.push_str(if *yes { "yes" } else { "no" }),
            // Writing to a text does not fail.
            Self::Number(number) => drop(write!(text, "{number}")),
            Self::Seconds(s) => text.push_str(&lb_model::human_time(std::time::Duration::from_secs(*s))),
            Self::Changed(cell) => {
                cell.show(text);
                text.push('*');
            }
        }
    }

    fn is_numeric(&self) -> bool {
        match self {
            Self::Changed(cell) => cell.is_numeric(),
            other => matches!(other, Self::Number(_) | Self::Seconds(_)),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(t) | Self::Toned(t, _) => serializer.serialize_str(t),
            Self::Number(n) | Self::Seconds(n) => serializer.serialize_u64(*n),
            Self::Flag(f) => serializer.serialize_bool(*f),
            Self::Changed(cell) => cell.serialize(serializer),
        }
    }
}

/// Where a column is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Everywhere.
    Always,
    /// In `wide` and in data formats.
    Wide,
    /// In data formats only.
    Data,
}

impl Shown {
    /// Whether a format shows it.
    pub fn within(self, format: Format) -> bool {
        match format {
            Format::Table | Format::Raw => self == Self::Always,
            Format::Wide => self != Self::Data,
            _ => true,
        }
    }
}

/// A column whose value a function gives.
pub type Column<R> = ColumnBy<fn(&R) -> Cell>;

/// A column: its key in data formats, its heading in tables, and how to get it.
pub struct ColumnBy<F> {
    /// Key in JSON and CSV.
    pub key: &'static str,
    /// Heading in tables.
    pub heading: &'static str,
    /// Where it is shown.
    pub shown: Shown,
    /// The value.
    pub value: F,
}

/// A row ready to print: keys in order, and values.
#[derive(Debug, Clone)]
pub struct Sheet {
    keys: Vec<String>,
    headings: Vec<String>,
    /// Where each column is shown.
    shown: Vec<Shown>,
    rows: Vec<Vec<Cell>>,
    /// Whether rows are pairs of a key and its value: JSON makes one object of them.
    pairs: bool,
}

impl Sheet {
    /// From rows and the columns that the format shows. The first column is the row's name.
    pub fn of<R>(format: Format, columns: &[Column<R>], rows: &[R]) -> Self {
        let chosen: Vec<&Column<R>> = columns.iter().filter(|c| c.shown.within(format)).collect();
        let rows = rows.iter().map(|r| chosen.iter().map(|c| (c.value)(r)).collect()).collect();
        Self { rows, ..Self::headed(&chosen) }
    }

    /// With these columns and without rows.
    pub fn headed<F>(columns: &[&ColumnBy<F>]) -> Self {
        Self {
            keys: columns.iter().map(|c| c.key.to_owned()).collect(),
            headings: columns.iter().map(|c| c.heading.to_owned()).collect(),
            shown: columns.iter().map(|c| c.shown).collect(),
            rows: Vec::new(),
            pairs: false,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// From columns named at run time.
    pub fn dynamic(keys: Vec<String>, rows: Vec<Vec<Cell>>) -> Self {
        let headings = keys.iter().map(|k| k.to_uppercase()).collect();
        Self { headings, shown: vec![Shown::Always; keys.len()], keys, rows, pairs: false }
    }

    /// From pairs: in JSON one object, elsewhere a row for each pair.
    pub fn pairs(pairs: Vec<(String, Cell)>) -> Self {
        let keys = vec!["key".to_owned(), "value".to_owned()];
        let rows = pairs.into_iter().map(|(k, v)| vec![Cell::Text(k), v]).collect();
        Self { pairs: true, ..Self::dynamic(keys, rows) }
    }

    /// With only some columns in tables; data formats have all of them.
    #[must_use]
    pub fn usually(mut self, columns: &[&str]) -> Self {
        self.shown =
            self.keys.iter().map(|k| if columns.contains(&k.as_str()) { Shown::Always } else { Shown::Data }).collect();
        self
    }

    /// Without the columns that the format does not show.
    #[must_use]
    pub fn for_format(self, format: Format) -> Self {
        shape::visible(self, format)
    }

    /// One sheet of several nodes': a column for the node first, then every column that one of them has.
    pub fn merge(sheets: Vec<(String, Self)>) -> Self {
        let mut keys = vec!["node".to_owned()];
        let mut headings = vec!["NODE".to_owned()];
        let mut shown = vec![Shown::Always];
        let pairs = sheets.iter().all(|(_, sheet)| sheet.pairs);
        for (_, sheet) in &sheets {
            for (at, key) in sheet.keys.iter().enumerate().filter(|(_, key)| *key != "node") {
                if !keys.contains(key) {
                    keys.push(key.clone());
                    shown.push(sheet.shown.get(at).copied().unwrap_or(Shown::Always));
                    headings.push(sheet.headings.get(at).cloned().unwrap_or_else(|| key.to_uppercase()));
                }
            }
        }
        let mut rows = Vec::new();
        for (node, sheet) in &sheets {
            let places: Vec<Option<usize>> =
                keys.iter().skip(1).map(|key| sheet.keys.iter().position(|k| k == key)).collect();
            for row in &sheet.rows {
                let mut cells = vec![Cell::Text(node.clone())];
                cells.extend(places.iter().map(|at| at.and_then(|at| row.get(at)).cloned().unwrap_or(Cell::Empty)));
                rows.push(cells);
            }
        }
        Self { keys, headings, shown, rows, pairs }
    }

    /// The columns, by their names in data formats.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The rows' names.
    pub fn names(&self) -> Vec<String> {
        self.rows.iter().filter_map(|row| row.first()).map(Cell::plain).collect()
    }

    /// The values of a column, each once.
    pub fn values(&self, key: &str) -> Vec<String> {
        let Some(at) = self.keys.iter().position(|k| k == key) else { return Vec::new() };
        let all: std::collections::BTreeSet<String> =
            self.rows.iter().filter_map(|row| row.get(at)).map(Cell::plain).filter(|v| !v.is_empty()).collect();
        all.into_iter().collect()
    }

    /// Prints to standard output.
    ///
    /// # Errors
    /// When it cannot be written; a closed pipe ends quietly.
    pub fn print(&self, ctx: &Context) -> Result<(), Fault> {
        self.print_to(&ctx.output())
    }

    /// As [`Sheet::print`], where there is no node.
    ///
    /// # Errors
    /// When it cannot be written; a closed pipe ends quietly.
    pub fn print_to(&self, how: &Output) -> Result<(), Fault> {
        if how.terminal {
            let mut text = Vec::new();
            self.write(how, &mut text)?;
            return page(&text);
        }
        let mut out = Held::new(io::stdout().lock());
        self.write(how, &mut out)?;
        Ok(out.release()?)
    }

    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, how: &Output, out: &mut dyn Write) -> Result<(), Fault> {
        match how.format {
            Format::Table | Format::Wide | Format::Raw if how.terminal && table::fits(&self.headings, &self.rows) => {
                writeln!(out, "{}", table::boxed(&self.headings, &self.rows, how.palette))?;
            }
            Format::Table | Format::Wide | Format::Raw => {
                table::plain(&self.headings, &self.rows, how.palette, out)?;
            }
            // Pairs are lines already.
            Format::Expanded if self.pairs => table::plain(&self.headings, &self.rows, how.palette, out)?,
            Format::Expanded => out.write_all(table::expanded(&self.headings, &self.rows, how.palette).as_bytes())?,
            // A name that several nodes have is one name.
            Format::Name if self.keys.first().is_some_and(|key| key == "node") && self.keys.len() > 1 => {
                let mut told = std::collections::HashSet::new();
                for name in self.rows.iter().filter_map(|row| row.get(1)).map(Cell::plain) {
                    if told.insert(name.clone()) {
                        writeln!(out, "{name}")?;
                    }
                }
            }
            Format::Json | Format::Jsonl | Format::Yaml if self.pairs => self.write_pairs(how.format, out)?,
            format => {
                let mut writer = RowWriter::new(format, out);
                for row in &self.rows {
                    writer.row(&self.keys, row)?;
                }
                writer.end(&self.keys)?;
            }
        }
        Ok(())
    }

    /// Objects for pairs: of one node the object alone.
    fn write_pairs(&self, format: Format, out: &mut dyn Write) -> Result<(), Fault> {
        let objects = self.objects();
        match (format, objects.as_slice()) {
            (Format::Json, [one]) => {
                serde_json::to_writer_pretty(&mut *out, one)?;
                writeln!(out)?;
            }
            (Format::Yaml, [one]) => yaml::object(&one.keys, &one.row, out)?,
            (format, several) => {
                let mut writer = RowWriter::new(format, out);
                for one in several {
                    writer.row(&one.keys, &one.row)?;
                }
                writer.end(&[])?;
            }
        }
        Ok(())
    }
}

impl Sheet {
    /// Of pairs, one object for each node.
    fn objects(&self) -> Vec<Pairs> {
        let mut objects: Vec<(Option<&Cell>, Pairs)> = Vec::new();
        for row in &self.rows {
            let (node, key, value) = match row.as_slice() {
                [key, value] => (None, key, value),
                [node, key, value] => (Some(node), key, value),
                _ => continue,
            };
            if objects.last().is_none_or(|(of, _)| *of != node) {
                let mut pairs = Pairs::default();
                if let Some(node) = node {
                    pairs.push("node", node);
                }
                objects.push((node, pairs));
            }
            if let Some((_, pairs)) = objects.last_mut() {
                pairs.push(&key.plain(), value);
            }
        }
        objects.into_iter().map(|(_, pairs)| pairs).collect()
    }
}

/// An object with its own keys.
#[derive(Default)]
struct Pairs {
    keys: Vec<String>,
    row: Vec<Cell>,
}

impl Pairs {
    fn push(&mut self, key: &str, value: &Cell) {
        self.keys.push(key.to_owned());
        self.row.push(value.clone());
    }
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Object { keys: &self.keys, row: &self.row }.serialize(serializer)
    }
}

struct Object<'a> {
    keys: &'a [String],
    row: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.row.len()))?;
        for (key, cell) in self.keys.iter().zip(self.row) {
            map.serialize_entry(key, cell)?;
        }
        map.end()
    }
}
