//! `show table`, `set table`, `clear table`.

mod dump;
mod filter;

pub(super) use dump::TableDump;

use super::dump::Dump;
use crate::control::Control;
use crate::tables::StickTable;
use filter::Filter;
use lb_admin::{Reply, Request};
use lb_model::Level;
use lb_table::{DataKind, Entry, Key, KeyType, Removal, Shape};
use std::sync::Arc;

const NO_SUCH_TABLE: &str = "No such table";
const KEY_EXPECTED: &str = "Key value expected";
const BAD_KEY: &str = "Invalid key";
const IN_USE: &str = "Entry currently in use, cannot remove";
const SET_USAGE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]*";
const CLEAR_USAGE: &str =
    "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key>";
const SHOW_USAGE: &str = "Optional argument only supports \"data.<store_data_type>\" <operator> <value> and key <key>";

/// What a command does, as its complaint about keys that cannot be typed says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Show,
    Set,
    Clear,
}

/// `show table [<name> [data.… | key <key> | ptr <pointer>]]`.
pub(super) fn show(control: &Control, request: &Request) -> Result<Dump, Reply> {
    let shared = control.shared;
    if request.arg(0).is_empty() {
        return Ok(Dump::Tables(TableDump::headings(shared)));
    }
    let table = find(control, request)?;
    if request.level < Level::Operator {
        return Ok(Dump::Tables(TableDump::forbidden(shared, table)));
    }
    let now_ms = shared.clock.now_ms();
    match request.arg(1) {
        "" => Ok(Dump::Tables(TableDump::filtered(shared, table, Vec::new()))),
        "key" => {
            let key = typed_key(table, request.arg(2), Verb::Show)?;
            let entry = table.table.peek(&key, now_ms).ok_or(Reply::Empty)?;
            Ok(Dump::Tables(TableDump::one(shared, table, &entry, entry.uses().saturating_sub(1))))
        }
        "ptr" => {
            let entry = by_pointer(table, request.arg(2), now_ms)?;
            Ok(Dump::Tables(TableDump::one(shared, table, &entry, entry.uses())))
        }
        word if word.starts_with("data.") => {
            let filters = Filter::parse_all(&table.config.spec, request).map_err(Reply::err)?;
            Ok(Dump::Tables(TableDump::filtered(shared, table, filters)))
        }
        _ => Err(Reply::err(SHOW_USAGE)),
    }
}

/// `set table <name> key <key>|ptr <pointer> [data.<type> <value>]*`.
pub(super) fn set(control: &Control, request: &Request) -> Result<Reply, Reply> {
    if request.arg(0).is_empty() {
        return Err(Reply::err(SET_USAGE));
    }
    let table = find(control, request)?;
    let now_ms = control.shared.clock.now_ms();
    match request.arg(1) {
        "" => Ok(Reply::Empty),
        "key" => {
            let key = typed_key(table, request.arg(2), Verb::Set)?;
            let changes = changes(table, request)?;
            let entry = table.table.hold(key, now_ms).ok_or_else(|| Reply::err("Unable to allocate a new entry"))?;
            apply(&entry, &changes, now_ms);
            Ok(Reply::Empty)
        }
        "ptr" => {
            let entry = by_pointer(table, request.arg(2), now_ms)?;
            let changes = changes(table, request)?;
            entry.touch(now_ms);
            apply(&entry, &changes, now_ms);
            Ok(Reply::Empty)
        }
        word if word.starts_with("data.") => {
            Err(Reply::err("content-based lookup is only supported with the \"show\" and \"clear\" actions"))
        }
        _ => Err(Reply::err(SET_USAGE)),
    }
}

/// `clear table <name> [data.… | key <key> | ptr <pointer>]`.
pub(super) fn clear(control: &Control, request: &Request) -> Result<Reply, Reply> {
    if request.arg(0).is_empty() {
        return Err(Reply::err(CLEAR_USAGE));
    }
    let table = find(control, request)?;
    let now_ms = control.shared.clock.now_ms();
    match request.arg(1) {
        "" => clear_all(table, &[], now_ms),
        "key" => {
            let key = typed_key(table, request.arg(2), Verb::Clear)?;
            return removed(table.table.remove(&key));
        }
        "ptr" => {
            let key = by_pointer(table, request.arg(2), now_ms)?.key().clone();
            return removed(table.table.remove(&key));
        }
        word if word.starts_with("data.") => {
            let filters = Filter::parse_all(&table.config.spec, request).map_err(Reply::err)?;
            clear_all(table, &filters, now_ms);
        }
        _ => return Err(Reply::err(CLEAR_USAGE)),
    }
    Ok(Reply::Empty)
}

fn find(control: &Control, request: &Request) -> Result<&'static StickTable, Reply> {
    control.shared.tables.find(request.arg(0)).ok_or_else(|| Reply::err(NO_SUCH_TABLE))
}

fn typed_key(table: &StickTable, word: &str, verb: Verb) -> Result<Key, Reply> {
    if word.is_empty() {
        return Err(Reply::err(KEY_EXPECTED));
    }
    let wanted = table.config.spec.key;
    if matches!(wanted, KeyType::Binary(_)) {
        let doing = match verb {
            Verb::Show => "Showing keys from",
            Verb::Set => "Inserting keys into",
            Verb::Clear => "Removing keys from",
        };
        let message = format!("{doing} tables of type other than ip, ipv6, string and integer is not supported");
        return Err(Reply::err(message));
    }
    wanted.typed(word).ok_or_else(|| Reply::err(BAD_KEY))
}

/// The entry whose line begins with this pointer.
fn by_pointer(table: &StickTable, word: &str, now_ms: u64) -> Result<Arc<Entry>, Reply> {
    let digits = word.strip_prefix("0x").filter(|digits| !digits.is_empty());
    let wanted = digits.and_then(|digits| usize::from_str_radix(digits, 16).ok());
    let wanted = wanted.ok_or_else(|| Reply::err("Pointer expected (0xffff notation)"))?;
    let mut entries = (0..table.table.parts()).flat_map(|part| table.table.part(part, now_ms));
    let found = entries.find(|entry| dump::pointer(entry) == wanted);
    found.ok_or_else(|| Reply::err("No entry can be found matching ptr."))
}

/// A number to set: which, its index, and its value.
type Change = (DataKind, usize, u64);

fn changes(table: &StickTable, request: &Request) -> Result<Vec<Change>, Reply> {
    let words = request.args().get(3..).unwrap_or_default();
    let mut changes = Vec::new();
    for pair in words.chunks(2) {
        let word = pair.first().map_or("", String::as_str);
        let Some(data) = word.strip_prefix("data.") else {
            return Err(Reply::err("\"data.<type>\" followed by a value expected"));
        };
        let (kind, index) = filter::data_type(&table.config.spec, data).map_err(Reply::err)?;
        let value = pair.get(1).and_then(|word| filter::integer(word));
        let value = value.ok_or_else(|| Reply::err("Require a valid integer value to store"))?;
        changes.push((kind, index, value));
    }
    Ok(changes)
}

fn apply(entry: &Entry, changes: &[Change], now_ms: u64) {
    for &(kind, index, value) in changes {
        match kind.shape() {
            // Names cannot be typed as numbers: what is kept is forgotten.
            Shape::Name => entry.set_name(None),
            _ => drop(entry.set(kind, index, value, now_ms)),
        }
    }
}

fn removed(removal: Removal) -> Result<Reply, Reply> {
    match removal {
        Removal::Removed | Removal::Absent => Ok(Reply::Empty),
        Removal::InUse => Err(Reply::err(IN_USE)),
    }
}

/// Removes the entries that pass; those in use stay.
fn clear_all(table: &StickTable, filters: &[Filter], now_ms: u64) {
    for part in 0..table.table.parts() {
        for entry in table.table.part(part, now_ms) {
            if filters.iter().all(|filter| filter.passes(&entry, now_ms)) {
                table.table.remove(entry.key());
            }
        }
    }
}
