//! Rows of `show stat` in CSV, typed and JSON form.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::LazyLock;

use crate::stat_fields::StatField;
use crate::tags::{ObjectKind, Tags};
use crate::value::{Value, write_int};

/// An object that has statistics: a frontend, a backend, a server or a listener.
pub trait StatSource {
    /// Its kind.
    fn kind(&self) -> ObjectKind;

    /// The proxy's id and the server's or listener's id in it (0 for the proxy itself).
    fn ids(&self) -> (u32, u32);

    /// The value of a field. Asked only for the fields its kind may have; [`Value::Empty`] where
    /// this object has none (an unchecked server's check status, an HTTP counter in TCP mode).
    fn value(&self, field: StatField) -> Value<'_>;
}

/// The forms of `show stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StatFormat {
    /// Comma-separated, with a header. The default.
    #[default]
    Csv,
    /// A line for each value (`typed`), with its description (`typed desc`) if asked.
    Typed {
        /// Whether each line ends with the field's description.
        desc: bool,
    },
    /// One JSON array of rows.
    Json,
}

impl StatFormat {
    /// Reads the words after `show stat` that choose the form. The last of `typed` and `json`
    /// wins; `desc` shows in the typed form only. Other words are filters and are skipped.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Self {
        let with_desc = words.iter().any(|w| w.as_ref() == "desc");
        words.iter().fold(Self::Csv, |format, word| match word.as_ref() {
            "typed" => Self::Typed { desc: with_desc },
            "json" => Self::Json,
            _ => format,
        })
    }
}

/// Writes a whole answer piece by piece: [`begin`](Self::begin), a [`row`](Self::row) for each
/// object, [`end`](Self::end). The caller may take the output away between calls.
#[derive(Debug)]
pub struct StatWriter {
    format: StatFormat,
    rows: bool,
}

impl StatWriter {
    /// A writer of this form.
    pub const fn new(format: StatFormat) -> Self {
        Self { format, rows: false }
    }

    /// Writes what stands before the first row.
    pub fn begin(&self, out: &mut Vec<u8>) {
        match self.format {
            StatFormat::Csv => write_csv_header(out),
            StatFormat::Typed { .. } => {}
            StatFormat::Json => out.push(b'['),
        }
    }

    /// Writes one object.
    pub fn row(&mut self, source: &impl StatSource, out: &mut Vec<u8>) {
        match self.format {
            StatFormat::Csv => write_csv_row(source, out),
            StatFormat::Typed { desc } => write_typed_row(source, desc, out),
            StatFormat::Json => {
                if self.rows {
                    out.push(b',');
                }
                write_json_row(source, out);
            }
        }
        self.rows = true;
    }

    /// Writes what stands after the last row.
    pub fn end(&self, out: &mut Vec<u8>) {
        if self.format == StatFormat::Json {
            out.extend_from_slice(b"]\n");
        }
    }
}

/// Writes the header line of the CSV form: `# pxname,svname,…,`.
pub fn write_csv_header(out: &mut Vec<u8>) {
    out.extend_from_slice(b"# ");
    for &field in StatField::ALL {
        if field == StatField::FIRST_MODULE_FIELD {
            out.extend_from_slice(b"-,");
        }
        out.extend_from_slice(field.name().as_bytes());
        out.push(b',');
    }
    out.push(b'\n');
}

/// Writes one object as a CSV line, each column followed by a comma.
pub fn write_csv_row(source: &impl StatSource, out: &mut Vec<u8>) {
    out.reserve(ROW_SIZE);
    for column in csv_columns(source.kind()) {
        match column.before.as_slice() {
            b"," => out.push(b','),
            before => out.extend_from_slice(before),
        }
        if let Some(field) = column.field {
            source.value(field).write_csv(out);
        }
    }
    out.push(b'\n');
}

/// What a row seldom exceeds, in bytes.
const ROW_SIZE: usize = 1_024;

/// A step of a CSV row: what stands between the value before and this one. The last has no value.
struct CsvColumn {
    before: Vec<u8>,
    field: Option<StatField>,
}

/// The columns of a row of this kind: those that it never fills are commas before the next.
fn csv_columns(kind: ObjectKind) -> &'static [CsvColumn] {
    static COLUMNS: LazyLock<[Vec<CsvColumn>; ObjectKind::ALL.len()]> = LazyLock::new(|| {
        ObjectKind::ALL.map(|kind| {
            let mut columns = Vec::new();
            let mut before = Vec::new();
            for &field in StatField::ALL {
                if field == StatField::FIRST_MODULE_FIELD {
                    before.extend_from_slice(b"-,");
                }
                if field.kinds().contains(kind) {
                    columns.push(CsvColumn { before: std::mem::take(&mut before), field: Some(field) });
                }
                before.push(b',');
            }
            columns.push(CsvColumn { before, field: None });
            columns
        })
    });
    COLUMNS.get(kind as usize).map_or(&[], Vec::as_slice)
}

/// Writes one object as typed lines: `S.3.1.7.stot.1:MCPP:u64:0`.
pub fn write_typed_row(source: &impl StatSource, with_desc: bool, out: &mut Vec<u8>) {
    let kind = source.kind();
    let (proxy_id, id) = source.ids();
    for (field, value) in present(source) {
        out.extend_from_slice(&[kind.letter(), b'.']);
        write_int(proxy_id, out);
        out.push(b'.');
        write_int(id, out);
        out.push(b'.');
        out.extend_from_slice(field.typed_prefix().as_bytes());
        out.extend_from_slice(&field.tags(kind).letters());
        out.push(b':');
        out.extend_from_slice(field.value_type().word().as_bytes());
        out.push(b':');
        value.write_plain(false, out);
        if with_desc {
            write_description(field.description(), out);
        }
        out.push(b'\n');
    }
}

/// Writes one object as a JSON array of its values.
pub fn write_json_row(source: &impl StatSource, out: &mut Vec<u8>) {
    let kind = source.kind();
    let (proxy_id, id) = source.ids();
    let mut head = String::new();
    // Writing to a string cannot fail.
    let _ = write!(head, "{{\"objType\":\"{}\",\"proxyId\":{proxy_id},\"id\":{id},", kind.word());
    out.push(b'[');
    for (index, (field, value)) in present(source).enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(head.as_bytes());
        write_json_item(field.position(), field.name(), field.tags(kind), field.value_type().word(), out);
        value.write_json(false, out);
        out.extend_from_slice(b"}}");
    }
    out.push(b']');
}

/// The fields an object has, with their values.
fn present<S: StatSource>(source: &S) -> impl Iterator<Item = (StatField, Value<'_>)> {
    let kind = source.kind();
    let applicable = StatField::ALL.iter().copied().filter(move |f| f.kinds().contains(kind));
    applicable.map(|f| (f, source.value(f))).filter(|(_, value)| !value.is_empty())
}

/// The description after a typed or `key: value` line.
pub(crate) fn write_description(description: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b":\"");
    out.extend_from_slice(description.as_bytes());
    out.push(b'"');
}

/// A JSON item from `"field"` to `"value":`, without its opening brace.
pub(crate) fn write_json_item(pos: u8, name: &str, tags: Tags, value_type: &str, out: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "\"field\":{{\"pos\":{pos},\"name\":\"{name}\"}},\"processNum\":1,\
         \"tags\":{{\"origin\":\"{}\",\"nature\":\"{}\",\"scope\":\"{}\"}},\
         \"value\":{{\"type\":\"{value_type}\",\"value\":",
        tags.origin.word(),
        tags.nature.word(),
        tags.scope.word(),
    );
}
