//! `stick-table`, `stick`, and the actions that use tables.

use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::line::{Done, Fault, Line, fault, time_complaint};
use crate::model::{Count, CountChange, Number, StickRule, TableRef, Track};
use crate::proxy::ProxyDraft;
use crate::rules::{Action, ActionCx, condition};
use lb_model::{TimeUnit, parse_size, parse_time};
use lb_sample::{Expr, Place};
use lb_table::{DataKind, KeyType, ServerKey, Stored, TableSpec};
use std::sync::Arc;

/// Length of keys of text or bytes when none is said.
const DEFAULT_LEN: usize = 32;
/// Most bytes of a key.
const MOST_LEN: usize = 65_535;

/// A table as its line declares it.
#[derive(Debug, Clone)]
pub(crate) struct TableDraft {
    pub spec: TableSpec,
    pub site: Site,
    /// The `peers` section named.
    pub peers: Option<(String, Site)>,
    /// The table that entries learned from peers are written to as well.
    pub write_to: Option<(String, Site)>,
}

/// A rule that needs a table.
#[derive(Debug, Clone)]
pub(crate) struct TableUse {
    /// The rule's keyword.
    pub rule: String,
    pub site: Site,
    pub table: Option<Arc<str>>,
    pub key: Expr,
    /// It binds keys to servers.
    pub sticks: bool,
}

/// `stick-table type … size … […]`.
pub(crate) fn stick_table(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if let Some(first) = &p.table {
        let message = format!(
            "stick-table name '{}' conflicts with table declared in {} at {}:{}.",
            p.proxy.name,
            p.title(),
            first.site.file,
            first.site.line
        );
        return Err(fault(0, message));
    }
    p.table = Some(declaration(cx, line, 1)?);
    Ok(())
}

/// Reads the words of a declaration from `at` on.
pub(crate) fn declaration(cx: &mut Cx<'_>, line: &Line, mut at: usize) -> Result<TableDraft, Fault> {
    let mut key = None;
    let mut size = 0;
    let mut draft =
        TableDraft { spec: TableSpec::new(KeyType::Ip, 0), site: line.site(0), peers: None, write_to: None };
    while line.has(at) {
        let word = line.word(at);
        let argument = || line.need(at + 1, format!("stick-table: missing argument after '{word}'."));
        let named = || argument().map(|name| Some((name.to_owned(), line.site(at + 1))));
        match word {
            "type" => {
                let (found, next) = key_type(line, at + 1)?;
                key = Some(found);
                at = next;
                continue;
            }
            "size" => {
                let text = argument()?;
                let read = parse_size(text).map_err(|e| fault(at + 1, format!("stick-table: 'size' {e}.")))?;
                size = usize::try_from(read).unwrap_or(usize::MAX);
            }
            "expire" => {
                let text = argument()?;
                let time = parse_time(text, TimeUnit::Millis)
                    .map_err(|e| fault(at + 1, time_complaint(e, text, "stick-table: expire")))?;
                draft.spec.expire_ms = (!time.is_zero()).then_some(time.as_millis() as u64);
            }
            "brates-factor" => {
                draft.spec.bytes_factor =
                    argument()?.parse().ok().filter(|n| (1..=1024).contains(n)).ok_or_else(|| {
                        fault(at + 1, "stick-table: 'brates-factor' expects a number from 1 to 1024.")
                    })?;
            }
            "srvkey" => {
                draft.spec.server_key = match line.word(at + 1) {
                    "name" => ServerKey::Name,
                    "addr" => ServerKey::Addr,
                    other => return Err(fault(at + 1, format!("stick-table: unknown server key type '{other}'."))),
                }
            }
            "peers" => draft.peers = named()?,
            "write-to" => draft.write_to = named()?,
            "store" => store(&mut draft.spec, cx, line, at + 1, argument()?)?,
            "nopurge" | "recv-only" => {
                draft.spec.nopurge |= word == "nopurge";
                at += 1;
                continue;
            }
            other => {
                let known = ["type", "size", "expire", "nopurge", "store", "srvkey", "peers", "write-to", "recv-only"];
                let near = crate::suggest::nearest(other, known).map(|near| format!("did you mean '{near}'?"));
                return Err(Fault { help: near, ..fault(at, format!("stick-table: unknown argument '{other}'.")) });
            }
        }
        at += 2;
    }
    draft.spec.key = key.ok_or_else(|| fault(0, "stick-table: missing type."))?;
    if size == 0 {
        return Err(fault(0, "stick-table: missing size."));
    }
    draft.spec.size = size;
    Ok(draft)
}

/// Reads `ip|ipv6|integer|string [len <n>]|binary [len <n>]`; gives the next word's number too.
fn key_type(line: &Line, at: usize) -> Result<(KeyType, usize), Fault> {
    let word = line.need(at, "stick-table: missing argument after 'type'.")?;
    let of_length = |make: fn(usize) -> KeyType| {
        if line.word(at + 1) != "len" {
            return Ok((make(DEFAULT_LEN), at + 1));
        }
        let text = line.need(at + 2, "stick-table: missing argument after 'len'.")?;
        let len = text.parse().ok().filter(|n| (1..=MOST_LEN).contains(n));
        let message = || format!("stick-table: 'len' expects a number from 1 to {MOST_LEN}, not '{text}'.");
        len.map(|len| (make(len), at + 3)).ok_or_else(|| fault(at + 2, message()))
    };
    match word {
        "ip" | "ipv4" => Ok((KeyType::Ip, at + 1)),
        "ipv6" => Ok((KeyType::Ipv6, at + 1)),
        "integer" => Ok((KeyType::Integer, at + 1)),
        "string" => of_length(KeyType::String),
        "binary" => of_length(KeyType::Binary),
        other => Err(fault(at, format!("stick-table: unknown type '{other}'."))
            .help("types are ip, ipv6, integer, string and binary")),
    }
}

fn store(spec: &mut TableSpec, cx: &mut Cx<'_>, line: &Line, at: usize, text: &str) -> Done {
    for stored in Stored::parse_list(text).map_err(|e| fault(at, format!("stick-table: {e}")))? {
        if spec.data.iter().any(|known| known.kind == stored.kind) {
            let name = stored.kind.name();
            cx.warn(&line.site(at), format!("stick-table: store option '{name}' already enabled, ignored."));
        }
        spec.store(stored);
    }
    let both = |array: DataKind, single: &[DataKind]| {
        let has = |kind: DataKind| spec.data.iter().any(|s| s.kind == kind);
        has(array) && single.iter().any(|kind| has(*kind))
    };
    for (array, single, names) in [
        (DataKind::Gpc, &[DataKind::Gpc0, DataKind::Gpc1][..], "gpc[0/1]"),
        (DataKind::GpcRate, &[DataKind::Gpc0Rate, DataKind::Gpc1Rate], "gpc[0/1]_rate"),
        (DataKind::Gpt, &[DataKind::Gpt0], "gpt0"),
    ] {
        if both(array, single) {
            let array = array.name();
            return Err(fault(
                at,
                format!(
                    "stick-table: simultaneous usage of '{array}' and '{names}' in a same table is not permitted as \
                     '{array}' overrides '{names}'."
                ),
            ));
        }
    }
    Ok(())
}

/// `stick on|match|store-request|store-response <key> [table <name>] [if …]`.
pub(crate) fn stick(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let (matches, stores, stores_response) = match line.word(1) {
        "on" => (true, true, false),
        "match" => (true, false, false),
        "store-request" => (false, true, false),
        "store-response" => (false, false, true),
        _ => return Err(fault(1, "'stick' expects 'on', 'match', 'store-request' or 'store-response'.")),
    };
    line.need(2, "'stick' expects a fetch method.")?;
    let place = if stores_response { Place::BackendResponse } else { Place::Balance };
    let key = expression(p, cx, line, 2, place).map_err(|fault| fault.within("'stick': "))?;
    let mut at = 3;
    let mut table = None;
    if line.word(at) == "table" {
        table = Some(Arc::from(line.need(at + 1, "'stick': missing table name.")?));
        at += 2;
    }
    if line.has(at) && !matches!(line.word(at), "if" | "unless") {
        return Err(fault(at, format!("'stick': unknown keyword '{}'.", line.word(at))));
    }
    let outer = "'stick': error detected while parsing sticking condition : ";
    let condition = condition(p, cx, line, at, place).map_err(|fault| fault.within(outer))?;
    let (site, sticks) = (line.site(2), true);
    p.table_uses.push(TableUse { rule: "stick".to_owned(), site, table: table.clone(), key: key.clone(), sticks });
    let table = TableRef { name: table, index: None };
    p.proxy.stick_rules.push(StickRule { key, table, matches, stores, stores_response, condition });
    Ok(())
}

/// Reads an expression at word `at` for rules of this place.
fn expression(p: &mut ProxyDraft, cx: &Cx<'_>, line: &Line, at: usize, place: Place) -> Result<Expr, Fault> {
    let expr = cx
        .with_sources(|sources| Expr::parse(line.word(at), sources))
        .and_then(|expr| expr.check(place).map(|()| expr))
        .map_err(|error| Fault::of_sample(error, at))?;
    let site = line.site(at);
    p.references.extend(expr.references().iter().map(|r| (r.clone(), site.clone())));
    Ok(expr)
}

/// `track-sc<n> <key> [table <name>]`.
pub(crate) fn track(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next - 1;
    let word = x.line.word(at);
    let digits: String = word.chars().filter(char::is_ascii_digit).collect();
    let counter = digits.parse().map_err(|_| fault(at, "missing the number of the counter to track with."))?;
    let most = x.cx.stick_counters.saturating_sub(1);
    if counter > most {
        let message = format!("{counter} track-sc number exceeding {most} (tune.stick-counters-1) value.");
        return Err(fault(at, message));
    }
    let key_at = x.next;
    x.take("missing fetch method.")?;
    let key = expression(x.p, x.cx, x.line, key_at, x.place)?;
    let mut table = None;
    if x.line.word(x.next) == "table" {
        x.next += 1;
        table = Some(Arc::from(x.take("missing table name.")?));
    }
    let (site, rule) = (x.line.site(at), format!("track-sc{counter}"));
    x.p.table_uses.push(TableUse { rule, site, table: table.clone(), key: key.clone(), sticks: false });
    Ok(Action::Track(Track { counter, key, table: TableRef { name: table, index: None } }))
}

/// `sc-inc-gpc(<i>,<n>)`, `sc-inc-gpc0(<n>)`, `sc-inc-gpc1(<n>)`, `sc-add-gpc(<i>,<n>) <number>`,
/// `sc-set-gpt(<i>,<n>) <number>`, `sc-set-gpt0(<n>) <number>`.
pub(crate) fn count(x: &mut ActionCx<'_, '_, '_>) -> Result<Action, Fault> {
    let at = x.next - 1;
    let word = x.line.word(at);
    let (name, arguments) = word.split_once('(').unwrap_or((word, ")"));
    let arguments = arguments.trim_end_matches(')');
    let (index, counter) = match (name, arguments.split_once(',')) {
        ("sc-inc-gpc0" | "sc-set-gpt0", None) => ("0", arguments),
        ("sc-inc-gpc1", None) => ("1", arguments),
        ("sc-inc-gpc0" | "sc-inc-gpc1" | "sc-set-gpt0", Some(_)) => {
            return Err(fault(at, format!("'{name}' expects one number: {name}(<Track ID>).")));
        }
        (_, Some((index, counter))) => (index, counter),
        (_, None) => {
            return Err(fault(at, format!("Missing ID '{word}'. Expects {name}(<ID>,<Track ID>).")));
        }
    };
    let index = index.trim().parse().ok().filter(|n| *n < 100_usize);
    let index = index.ok_or_else(|| fault(at, format!("invalid index in '{word}': it goes from 0 to 99.")))?;
    let most = x.cx.stick_counters.saturating_sub(1);
    // Without a number, the first counter is meant.
    let counter = if counter.is_empty() { Some(0) } else { counter.trim().parse().ok() };
    let Some(counter) = counter.filter(|n| *n <= most) else {
        return Err(fault(at, format!("invalid stick table track ID. The max allowed ID is {most}.")));
    };
    let change = match name {
        "sc-set-gpt" | "sc-set-gpt0" => CountChange::Tag(index, number(x)?),
        "sc-add-gpc" => CountChange::Add(index, number(x)?),
        _ => CountChange::Add(index, Number::Fixed(1)),
    };
    Ok(Action::Count(Count { counter, change }))
}

/// A number or an expression.
fn number(x: &mut ActionCx<'_, '_, '_>) -> Result<Number, Fault> {
    let at = x.next;
    let word = x.take("expects a number or an expression.")?;
    if let Ok(n) = word.parse() {
        return Ok(Number::Fixed(n));
    }
    expression(x.p, x.cx, x.line, at, x.place).map(Number::Of)
}
