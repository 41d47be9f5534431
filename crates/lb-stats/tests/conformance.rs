//! Answers of a running HAProxy 3.5, replayed: their values go in, the same bytes must come out.
//!
//! Each source below is filled from an answer by a scanner that knows nothing of the tables, so a
//! wrong position, tag, type, name, order or set of kinds shows as a difference.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use lb_stats::{
    Info, InfoField, InfoFormat, InfoSource, ObjectKind, StatField, StatFormat, StatSource, StatTable, StatWriter,
    Value, ValueType, write_info, write_schema,
};

/// One object, with the texts of its values.
struct Replay {
    kind: ObjectKind,
    ids: (u32, u32),
    values: BTreeMap<String, String>,
}

impl StatSource for Replay {
    fn kind(&self) -> ObjectKind {
        self.kind
    }

    fn ids(&self) -> (u32, u32) {
        self.ids
    }

    fn value(&self, field: StatField) -> Value<'_> {
        let Some(text) = self.values.get(field.name()) else { return Value::Empty };
        match field.value_type() {
            ValueType::U32 => Value::U32(text.parse().unwrap()),
            ValueType::S32 => Value::S32(text.parse().unwrap()),
            ValueType::U64 => Value::U64(text.parse().unwrap()),
            ValueType::Str => Value::from(text.as_str()),
        }
    }
}

fn render(objects: &[Replay], format: StatFormat) -> String {
    let mut writer = StatWriter::new(format);
    let mut out = Vec::new();
    writer.begin(&mut out);
    objects.iter().for_each(|object| writer.row(object, &mut out));
    writer.end(&mut out);
    String::from_utf8(out).unwrap()
}

fn kind_of(letter_or_word: &str) -> ObjectKind {
    *ObjectKind::ALL.iter().find(|k| k.word().starts_with(letter_or_word)).unwrap()
}

/// Adds a value to the last object, or begins the next one.
fn add(objects: &mut Vec<Replay>, kind: ObjectKind, ids: (u32, u32), name: &str, value: &str) {
    if objects.last().is_none_or(|o| (o.kind, o.ids) != (kind, ids)) {
        objects.push(Replay { kind, ids, values: BTreeMap::new() });
    }
    objects.last_mut().unwrap().values.insert(name.to_owned(), value.to_owned());
}

fn from_typed(answer: &str) -> Vec<Replay> {
    let mut objects = Vec::new();
    for line in answer.lines() {
        let mut parts = line.splitn(4, ':');
        let path: Vec<&str> = parts.next().unwrap().split('.').collect();
        let value = parts.nth(2).unwrap();
        let ids = (path[1].parse().unwrap(), path[2].parse().unwrap());
        add(&mut objects, kind_of(path[0]), ids, path[4], value);
    }
    objects
}

fn between<'a>(text: &'a str, before: &str, after: char) -> &'a str {
    let start = text.find(before).unwrap() + before.len();
    text[start..].split(after).next().unwrap()
}

fn from_json(answer: &str) -> Vec<Replay> {
    let mut objects = Vec::new();
    for item in answer.split("{\"objType\":").skip(1) {
        let kind = kind_of(between(item, "\"", '"'));
        let ids = (between(item, "\"proxyId\":", ',').parse().unwrap(), between(item, "\"id\":", ',').parse().unwrap());
        let value = between(item, "\",\"value\":", '}').trim_matches('"');
        add(&mut objects, kind, ids, between(item, "\"name\":\"", '"'), value);
    }
    objects
}

fn from_csv(answer: &str) -> Vec<Replay> {
    let table = StatTable::parse(answer).unwrap();
    let object = |row: lb_stats::StatRow<'_>| Replay {
        kind: row.kind().unwrap(),
        ids: (row.number(StatField::Iid).unwrap(), row.number(StatField::Sid).unwrap()),
        values: StatField::ALL.iter().filter_map(|f| Some((f.name().to_owned(), row.get(*f)?.to_owned()))).collect(),
    };
    table.rows().map(object).collect()
}

#[test]
fn show_stat() {
    let answer = include_str!("data/show_stat.csv");
    let objects = from_csv(answer);
    assert_eq!(objects.len(), 10);
    assert_eq!(render(&objects, StatFormat::Csv), answer);
}

#[test]
fn show_stat_typed() {
    let answer = include_str!("data/show_stat_typed.txt");
    assert_eq!(render(&from_typed(answer), StatFormat::Typed { desc: false }), answer);
}

#[test]
fn show_stat_typed_desc() {
    let answer = include_str!("data/show_stat_typed.txt");
    let with_desc = render(&from_typed(answer), StatFormat::Typed { desc: true });
    assert_eq!(with_desc.lines().count(), answer.lines().count());
    for (line, plain) in with_desc.lines().zip(answer.lines()) {
        let name = plain.split('.').nth(4).unwrap();
        let description = StatField::from_name(name).unwrap().description();
        assert_eq!(line, format!("{plain}:\"{description}\""));
    }
}

#[test]
fn show_stat_json() {
    let answer = include_str!("data/show_stat.json");
    let objects = from_json(answer);
    assert_eq!(objects.len(), 3);
    assert_eq!(render(&objects, StatFormat::Json), answer);
}

#[test]
fn show_schema_json() {
    let mut out = Vec::new();
    write_schema(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), include_str!("data/schema.json"));
}

#[test]
fn words_choose_the_form() {
    let format = |words: &str| StatFormat::from_words(&words.split(' ').collect::<Vec<_>>());
    assert_eq!(format("-1 4 -1 up"), StatFormat::Csv);
    assert_eq!(format("desc"), StatFormat::Csv);
    assert_eq!(format("desc typed"), StatFormat::Typed { desc: true });
    assert_eq!(format("typed json"), StatFormat::Json);
}

struct InfoReplay(Info);

impl InfoSource for InfoReplay {
    fn value(&self, field: InfoField) -> Value<'_> {
        let Some(text) = self.0.get(field.name()) else { return Value::Empty };
        match field.value_type() {
            ValueType::Str => Value::from(text),
            _ if text.contains('.') => Value::Flt(text.parse().unwrap()),
            _ => Value::U64(text.parse().unwrap()),
        }
    }
}

fn info(answer: &str, words: &str) -> String {
    let mut out = Vec::new();
    let format = InfoFormat::from_words(&words.split(' ').collect::<Vec<_>>());
    write_info(&InfoReplay(Info::parse(answer).unwrap()), format, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn show_info() {
    let answer = include_str!("data/show_info.txt");
    assert_eq!(info(answer, ""), answer);
    let float = include_str!("data/show_info_float.txt");
    assert_eq!(info(float, "float"), float);
}

#[test]
fn show_info_other_forms() {
    let answer = "Name: HAProxy\nUptime_sec: 0.5\ndescription: \"a, b\"\nTainted: 0\n";
    assert_eq!(info(answer, ""), "Name: HAProxy\nUptime_sec: 0\ndescription: \"a, b\"\nTainted: 0\n");
    assert_eq!(
        info(answer, "typed"),
        "0.Name.1:POSV:str:HAProxy\n8.Uptime_sec.1:MDPV:u32:0\n51.description.1:COSV:str:a, b\n71.Tainted.1:SGPV:str:0\n"
    );
    assert!(info(answer, "typed float").contains("8.Uptime_sec.1:MDPV:flt:0.5\n"));
    assert!(info(answer, "desc").starts_with("Name: HAProxy:\"Name of the product"));
    assert!(info(answer, "typed desc").starts_with("0.Name.1:POSV:str:HAProxy:\"Name of the product"));
    let json = info(answer, "json");
    assert!(json.starts_with(
        "[{\"field\":{\"pos\":0,\"name\":\"Name\"},\"processNum\":1,\"tags\":{\"origin\":\"Product\",\
         \"nature\":\"Output\",\"scope\":\"Service\"},\"value\":{\"type\":\"str\",\"value\":\"HAProxy\"}},{\"field\""
    ));
    assert!(json.ends_with("\"value\":{\"type\":\"str\",\"value\":\"0\"}}]\n"));
}
