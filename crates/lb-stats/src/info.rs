//! `show info` in text, typed and JSON form.

use crate::info_fields::InfoField;
use crate::stat::{write_description, write_json_item};
use crate::value::Value;

/// The process, as `show info` shows it.
pub trait InfoSource {
    /// The value of a field; [`Value::Empty`] leaves its line out. Times and rates known more
    /// precisely than to the unit are given as [`Value::Flt`] and cut where `float` was not asked.
    fn value(&self, field: InfoField) -> Value<'_>;
}

/// The shapes of `show info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum InfoShape {
    /// `key: value` lines. The default.
    #[default]
    Text,
    /// Typed lines.
    Typed,
    /// One JSON array.
    Json,
}

/// What the words after `show info` ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct InfoFormat {
    /// The shape.
    pub shape: InfoShape,
    /// Whether lines end with the field's description.
    pub desc: bool,
    /// Whether fractions are kept.
    pub float: bool,
}

impl InfoFormat {
    /// Reads the words after `show info`; unknown ones are skipped.
    pub fn from_words<S: AsRef<str>>(words: &[S]) -> Self {
        words.iter().fold(Self::default(), |format, word| match word.as_ref() {
            "typed" => Self { shape: InfoShape::Typed, ..format },
            "json" => Self { shape: InfoShape::Json, ..format },
            "desc" => Self { desc: true, ..format },
            "float" => Self { float: true, ..format },
            _ => format,
        })
    }
}

/// Writes the answer to `show info`.
pub fn write_info(source: &impl InfoSource, format: InfoFormat, out: &mut Vec<u8>) {
    let fields = InfoField::ALL.iter().map(|&f| (f, source.value(f))).filter(|(_, value)| !value.is_empty());
    match format.shape {
        InfoShape::Text => fields.for_each(|(field, value)| write_text_line(field, &value, format, out)),
        InfoShape::Typed => fields.for_each(|(field, value)| write_typed_line(field, &value, format, out)),
        InfoShape::Json => {
            for (index, (field, value)) in fields.enumerate() {
                out.push(if index == 0 { b'[' } else { b',' });
                out.push(b'{');
                let value_type = type_word(field, &value, format.float);
                write_json_item(field.position(), field.name(), field.tags(), value_type, out);
                value.write_json(format.float, out);
                out.extend_from_slice(b"}}");
            }
            out.extend_from_slice(b"]\n");
        }
    }
}

fn write_text_line(field: InfoField, value: &Value<'_>, format: InfoFormat, out: &mut Vec<u8>) {
    out.extend_from_slice(field.name().as_bytes());
    out.extend_from_slice(b": ");
    match value {
        Value::Flt(_) => value.write_plain(format.float, out),
        // Observed: texts are quoted here as in CSV.
        _ => value.write_csv(out),
    }
    if format.desc {
        write_description(field.description(), out);
    }
    out.push(b'\n');
}

fn write_typed_line(field: InfoField, value: &Value<'_>, format: InfoFormat, out: &mut Vec<u8>) {
    out.extend_from_slice(field.typed_prefix().as_bytes());
    out.extend_from_slice(&field.tags().letters());
    out.push(b':');
    out.extend_from_slice(type_word(field, value, format.float).as_bytes());
    out.push(b':');
    value.write_plain(format.float, out);
    if format.desc {
        write_description(field.description(), out);
    }
    out.push(b'\n');
}

/// With `float`, fractions have a type of their own.
fn type_word(field: InfoField, value: &Value<'_>, float: bool) -> &'static str {
    match value {
        Value::Flt(_) if float => "flt",
        _ => field.value_type().word(),
    }
}
