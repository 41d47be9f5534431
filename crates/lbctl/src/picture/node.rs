//! A running node's picture, from what it tells.

use std::collections::HashMap;

use lb_client::{Error, Line, ServerName, ServerState};
use lb_model::AdminState;
use lb_stats::{ObjectKind, StatField, StatRow, StatTable};
use serde_json::Value;

use super::{ACLS, BACKENDS, FRONTENDS, MAPS, Object, Picture, SERVERS, Settings, TABLES};
use crate::context::Context;
use crate::fault::Fault;
use crate::patterns::{Kind, Patterns};

/// What is long, and looked at where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Extra {
    /// Maps with their entries
    Maps,
    /// Lists of ACL patterns with their entries
    Acls,
    /// Stick tables with their entries
    Tables,
}

/// Asks a node.
///
/// # Errors
/// Those of the exchanges.
pub fn of_node(one: &Context, extras: &[Extra]) -> Result<Picture, Fault> {
    let info = one.client.info()?.iter().map(|(key, value)| (key.to_owned(), number_or_text(value))).collect();
    let mut picture = Picture { node: one.node_name(), address: one.address(), info, ..Picture::default() };
    for kind in [SERVERS, FRONTENDS, BACKENDS] {
        picture.looked_at(kind);
    }
    let table = one.client.stat()?;
    let states: HashMap<ServerName, ServerState> =
        one.client.servers_state(None)?.into_iter().map(|s| (s.name.clone(), s)).collect();
    for row in table.rows() {
        let object = |settings| Object { settings, statistics: statistics(table.columns(), row) };
        match row.kind() {
            Some(ObjectKind::Frontend) => picture.add(FRONTENDS, row.proxy(), object(frontend(row))),
            Some(ObjectKind::Backend) => picture.add(BACKENDS, row.proxy(), object(backend(row))),
            Some(ObjectKind::Server) => {
                let name = ServerName::new(row.proxy(), row.name());
                let settings = server(row, &table, states.get(&name));
                picture.add(SERVERS, name.to_string(), object(settings));
            }
            _ => {}
        }
    }
    for extra in extras {
        match extra {
            Extra::Maps => patterns(one, Kind::Map, MAPS, &mut picture)?,
            Extra::Acls => patterns(one, Kind::Acl, ACLS, &mut picture)?,
            Extra::Tables => tables(one, &mut picture)?,
        }
    }
    Ok(picture)
}

fn number_or_text(value: &str) -> Value {
    match value.parse::<u64>() {
        Ok(number) if number.to_string() == value => number.into(),
        _ => value.into(),
    }
}

fn statistics(columns: &[String], row: StatRow<'_>) -> Settings {
    let told = columns.iter().filter_map(|column| Some((column.clone(), row.get_named(column)?)));
    told.filter(|(_, value)| !value.is_empty()).map(|(column, value)| (column, number_or_text(value))).collect()
}

fn settings<const N: usize>(pairs: [(&str, Option<Value>); N]) -> Settings {
    pairs.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn text(row: StatRow<'_>, field: StatField) -> Option<Value> {
    row.get(field).map(Value::from)
}

fn frontend(row: StatRow<'_>) -> Settings {
    settings([
        ("status", text(row, StatField::Status)),
        ("mode", text(row, StatField::Mode)),
        ("maxconn", row.number::<u64>(StatField::Slim).map(Value::from)),
    ])
}

fn backend(row: StatRow<'_>) -> Settings {
    settings([
        ("status", text(row, StatField::Status)),
        ("mode", text(row, StatField::Mode)),
        ("algorithm", text(row, StatField::Algo)),
    ])
}

/// A server's settings. What the level hides is left out; what is not there is null.
fn server(row: StatRow<'_>, table: &StatTable, state: Option<&ServerState>) -> Settings {
    let or_null = |value: Option<Value>| Some(value.unwrap_or(Value::Null));
    let seen = table.rows().any(|r| r.get(StatField::Addr).is_some());
    settings([
        ("status", text(row, StatField::Status)),
        ("backup", Some((row.get(StatField::Bck) == Some("1")).into())),
        ("maxconn", or_null(row.number::<u64>(StatField::Slim).filter(|n| *n > 0).map(Value::from))),
        ("tracks", or_null(row.get(StatField::Tracked).filter(|t| !t.is_empty()).map(Value::from))),
        ("cookie", if seen { or_null(row.get(StatField::Cookie).map(Value::from)) } else { None }),
        ("state", state.map(|s| administrative(s).into())),
        ("weight", state.map(|s| s.weight.into())),
        ("address", state.map(|s| s.address.clone().map_or(Value::Null, Value::from))),
        ("port", state.map(|s| s.port.into())),
        ("host_name", state.map(|s| s.host_name.clone().map_or(Value::Null, Value::from))),
        ("checks", state.map(|s| probing(s.has_check, s.checked, s).into())),
        ("agent", state.map(|s| probing(s.has_agent, s.agent_enabled, s).into())),
    ])
}

/// What was asked of it, its own or by its configuration; what it inherits is another's.
fn administrative(state: &ServerState) -> &'static str {
    match state.admin {
        admin if admin.intersects(AdminState::FORCED_MAINT) => "maint",
        admin if admin.intersects(AdminState::FORCED_DRAIN) => "drain",
        _ => "ready",
    }
}

/// In maintenance a check rests, whether or not it is enabled.
fn probing(configured: bool, enabled: bool, state: &ServerState) -> &'static str {
    match (configured, enabled) {
        (false, _) => "none",
        (true, false) if !state.admin.in_maint() => "off",
        (true, _) => "on",
    }
}

fn patterns(one: &Context, kind: Kind, into: &str, picture: &mut Picture) -> Result<(), Fault> {
    picture.looked_at(into);
    let answer = one.client.ask_ok(&Line::words(["show", kind.word()]).map_err(Error::from)?)?;
    for (id, file) in crate::patterns::parse_list(&answer.text()) {
        // A list without a file is written in the configuration itself, and its number is no name.
        if file.is_empty() {
            continue;
        }
        let entries = Patterns::of(&one.client, kind, &id, &file).entries()?;
        picture.add(into, file, Object { settings: super::configured::entries(entries), ..Object::default() });
    }
    Ok(())
}

fn tables(one: &Context, picture: &mut Picture) -> Result<(), Fault> {
    picture.looked_at(TABLES);
    let answer = one.client.ask_ok(&Line::raw("show table").map_err(Error::from)?)?;
    for line in answer.text().lines() {
        let Some(rest) = line.strip_prefix("# table: ") else { continue };
        let mut parts = rest.split(", ");
        let Some(name) = parts.next() else { continue };
        let mut object = Object::default();
        for (key, value) in parts.filter_map(|part| part.split_once(':')) {
            // How many entries it has is no setting.
            let into = if key == "used" { &mut object.statistics } else { &mut object.settings };
            into.insert(key.to_owned(), number_or_text(value.trim()));
        }
        let line = Line::words(["show", "table", name]).map_err(Error::from)?;
        let answer = one.client.ask_ok(&line)?;
        object.statistics.insert("entries".to_owned(), table_entries(&answer.text()));
        picture.add(TABLES, name, object);
    }
    Ok(())
}

/// `0x…: key=… use=… exp=… NAME=VALUE …` as objects.
fn table_entries(text: &str) -> Value {
    let lines = text.lines().filter(|line| line.starts_with("0x")).filter_map(|line| line.split_once(": "));
    let entry = |rest: &str| {
        rest.split(' ')
            .filter_map(|word| word.split_once('='))
            .map(|(k, v)| (k.to_owned(), number_or_text(v)))
            .collect()
    };
    Value::Array(lines.map(|(_, rest)| Value::Object(entry(rest))).collect())
}
