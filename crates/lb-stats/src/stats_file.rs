//! The stats-file: what `dump stats-file` answers and a start reads back. Counters stand beside the identifiers of their
//! objects (GUIDs), so that a process can go on counting where a former one ended.
//!
//! There are two blocks, for the objects that clients meet and for those behind; each has a header that names its columns,
//! which are the fields that may outlive a process. The form was observed on a running HAProxy.

use std::fmt::Display;

use crate::stat::StatSource;
use crate::stat_fields::StatField;
use crate::tags::{Nature, ObjectKind, Persistence, ValueType};
use crate::value::Value;

/// A part of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// Frontends and listeners.
    Front,
    /// Servers and backends.
    Back,
}

impl Block {
    /// Both, in the file's order.
    pub const ALL: [Self; 2] = [Self::Front, Self::Back];

    /// What its header begins with.
    const fn title(self) -> &'static str {
        match self {
            Self::Front => "#fe guid,",
            Self::Back => "#be guid,",
        }
    }

    const fn kinds(self) -> [ObjectKind; 2] {
        match self {
            Self::Front => [ObjectKind::Frontend, ObjectKind::Listener],
            Self::Back => [ObjectKind::Backend, ObjectKind::Server],
        }
    }

    /// Its columns: fields that may outlive the process in which they were counted.
    pub fn columns(self) -> impl Iterator<Item = StatField> {
        let lasts = move |kind: &ObjectKind, field: StatField| {
            field.kinds().contains(*kind) && field.tags(*kind).persistence == Persistence::Persistent
        };
        let fields = StatField::ALL.iter().copied();
        fields.filter(move |field| self.kinds().iter().any(|kind| lasts(kind, *field)))
    }
}

/// Whether a field counts up for as long as the object is known: only then is a former value part of the present one.
fn counts(field: StatField, kind: ObjectKind) -> bool {
    field.value_type() == ValueType::U64 && field.tags(kind).nature == Nature::Counter
}

/// Writes the header of a block.
pub fn write_kept_head(block: Block, out: &mut Vec<u8>) {
    out.extend_from_slice(block.title().as_bytes());
    for field in block.columns() {
        out.extend_from_slice(field.name().as_bytes());
        out.push(b',');
    }
    out.push(b'\n');
}

/// Writes an object's line. What it does not have is zero.
pub fn write_kept_row(block: Block, guid: &str, source: &impl StatSource, out: &mut Vec<u8>) {
    out.extend_from_slice(guid.as_bytes());
    out.push(b',');
    for field in block.columns() {
        let value = if field.kinds().contains(source.kind()) { source.value(field) } else { Value::Empty };
        match value {
            Value::Empty => out.push(b'0'),
            value => value.write_plain(false, out),
        }
        out.push(b',');
    }
    out.push(b'\n');
}

/// An object's counters, as a file tells them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRow<'a> {
    /// Where it stands.
    pub block: Block,
    /// Whose counters they are.
    pub guid: &'a str,
    /// Those that are not zero.
    pub values: Vec<(StatField, u64)>,
}

/// Reads a file: what can be read of it, and for each line that cannot, its number and what is wrong.
///
/// Blocks and columns that are not known are passed over in silence, as other versions have others.
pub fn read_stats_file(text: &str) -> (Vec<KeptRow<'_>>, Vec<(usize, String)>) {
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut at = At::Nowhere;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        if line.starts_with('#') {
            at = At::below(line);
            continue;
        }
        match &at {
            At::Unknown => {}
            At::Nowhere => {
                faults.push((number, "it stands below no header".to_owned()));
                // What follows up to a header is no better.
                at = At::Unknown;
            }
            At::Block(block, columns) => match row(*block, columns, line) {
                Ok(row) => rows.push(row),
                Err(why) => faults.push((number, why)),
            },
        }
    }
    (rows, faults)
}

/// Where a reader is.
enum At {
    /// Before the first header.
    Nowhere,
    /// Below a header that is not known.
    Unknown,
    /// In this block, whose header has these columns; `None`: a column that is not known or does not count up.
    Block(Block, Vec<Option<StatField>>),
}

impl At {
    fn below(header: &str) -> Self {
        let known = Block::ALL.into_iter().find_map(|block| Some((block, header.strip_prefix(block.title())?)));
        let Some((block, names)) = known else { return Self::Unknown };
        let [first, second] = block.kinds();
        let column = |name: &str| StatField::from_name(name).filter(|f| counts(*f, first) || counts(*f, second));
        Self::Block(block, names.trim_end_matches(',').split(',').map(column).collect())
    }
}

fn row<'a>(block: Block, columns: &[Option<StatField>], line: &'a str) -> Result<KeptRow<'a>, String> {
    let mut cells = line.split(',');
    let guid = cells.next().unwrap_or_default();
    let mut values = Vec::new();
    for (at, cell) in cells.enumerate() {
        match columns.get(at) {
            // The comma that ends each column ends the line, too.
            None if cell.is_empty() => {}
            None => return Err(wrong("more values than columns from", cell)),
            Some(None) => {}
            Some(Some(_)) if cell.is_empty() => {}
            Some(Some(field)) => match cell.parse() {
                Ok(0) => {}
                Ok(value) => values.push((*field, value)),
                Err(_) => return Err(wrong("no number:", cell)),
            },
        }
    }
    Ok(KeptRow { block, guid, values })
}

/// What is wrong with a value, which may be anything, of any length.
fn wrong(what: &str, cell: impl Display) -> String {
    let shown: String = cell.to_string().chars().take(32).collect();
    format!("{what} '{}'", shown.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source whose every field is its position.
    struct Positions(ObjectKind);

    impl StatSource for Positions {
        fn kind(&self) -> ObjectKind {
            self.0
        }
        fn ids(&self) -> (u32, u32) {
            (1, 0)
        }
        fn value(&self, field: StatField) -> Value<'_> {
            match field {
                StatField::Lastsess => Value::S32(-1),
                field => Value::U64(field.position().into()),
            }
        }
    }

    #[test]
    fn headers_are_those_of_a_running_haproxy() {
        let mut out = Vec::new();
        write_kept_head(Block::Front, &mut out);
        write_kept_head(Block::Back, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "#fe guid,stot,bin,bout,dreq,dresp,ereq,rate,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,\
             req_rate,req_tot,comp_in,comp_out,comp_byp,comp_rsp,conn_rate,conn_tot,intercepted,dcon,dses,wrew,\
             cache_lookups,cache_hits,eint,h1sess,h2sess,h3sess,req_other,h1req,h2req,h3req,reqbin,reqbout,resbin,\
             resbout,cache_hint_hits,\n\
             #be guid,stot,bin,bout,dreq,dresp,econ,eresp,wretr,wredis,chkfail,chkdown,lastchg,lbtot,rate,hrsp_1xx,\
             hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,req_tot,cli_abrt,srv_abrt,comp_in,comp_out,\
             comp_byp,comp_rsp,lastsess,wrew,connect,reuse,cache_lookups,cache_hits,eint,reqbin,reqbout,resbin,\
             resbout,cache_hint_hits,\n"
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (block, kind) in [(Block::Front, ObjectKind::Listener), (Block::Back, ObjectKind::Server)] {
            let mut out = Vec::new();
            write_kept_head(block, &mut out);
            write_kept_row(block, "a:1", &Positions(kind), &mut out);
            let text = String::from_utf8(out).unwrap();
            let (rows, faults) = read_stats_file(&text);
            assert_eq!((faults, rows.len()), (Vec::new(), 1), "{text}");
            assert_eq!((rows[0].block, rows[0].guid), (block, "a:1"));
            let counted = block.columns().filter(|f| f.kinds().contains(kind) && counts(*f, kind));
            let expected: Vec<_> = counted.map(|f| (f, u64::from(f.position()))).collect();
            assert!(expected.len() > 10);
            assert_eq!(rows[0].values, expected);
        }
    }

    #[test]
    fn columns_go_by_their_names_and_unknown_ones_are_passed_over() {
        let text = "#zz guid,x,\nanything at all\n\n#fe guid,bin,rate,new_one,stot,\r\nf,5,x,y,7,\r\ng,,,,,\n";
        let (rows, faults) = read_stats_file(text);
        assert_eq!(faults, []);
        assert_eq!(rows[0].values, [(StatField::Bin, 5), (StatField::Stot, 7)]);
        assert_eq!((rows[1].guid, &rows[1].values), ("g", &Vec::new()));
    }

    #[test]
    fn lines_that_cannot_be_read_are_told_and_the_others_used() {
        let text = "foreign\n#be guid,stot,bin,\na,1,2,3\nb,x,2,\nc,-1,2,\nd,1\ne,1,2,";
        let (rows, faults) = read_stats_file(text);
        assert_eq!(rows.iter().map(|row| row.guid).collect::<Vec<_>>(), ["d", "e"]);
        assert_eq!(faults.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3, 4, 5]);
        assert_eq!(faults[1].1, "more values than columns from '3'");
        assert_eq!(faults[2].1, "no number: 'x'");
    }
}
