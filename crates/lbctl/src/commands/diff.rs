//! `lbctl diff`: what differs from the configuration, from a snapshot, or between two of them.

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

use super::snapshot::Snapshot;
use crate::configuration::Configuration;
use crate::context::{Context, Output};
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::output::{Cell, Column, Format, Sheet, Shown};
use crate::picture::{ACLS, Difference, Extra, MAPS, Picture, SERVERS, TABLES, THERE, configured, of_node};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Without a file, the nodes are compared with their configuration: that of the process behind the \
                  socket, as its files are today, or --config. What only one of the two knows is not compared, nor \
                  are counters.\nExit status: 0 when nothing differs, 1 when something does.\n\nExamples:\n  lbctl \
                  diff\n  lbctl diff --config /etc/haproxy/haproxy.cfg --with maps\n  lbctl diff before.json\n  lbctl \
                  diff before.json after.json -o json"
)]
pub struct Args {
    /// A snapshot
    #[arg(value_name = "BEFORE", value_hint = clap::ValueHint::FilePath)]
    before: Option<PathBuf>,
    /// Another one; what is now without
    #[arg(value_name = "AFTER", value_hint = clap::ValueHint::FilePath)]
    after: Option<PathBuf>,
    /// The configuration to compare with (repeatable)
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, conflicts_with = "before")]
    config: Vec<PathBuf>,
    /// Compare these with their files as well (repeatable)
    #[arg(long = "with", value_enum, value_name = "WHAT")]
    extras: Vec<Extra>,
}

struct Row {
    node: String,
    difference: Difference,
    cure: Option<String>,
}

/// Compares two snapshots, which needs no node; nothing when there are not two.
pub fn of_files(args: &Args, output: impl FnOnce() -> Result<Output, Fault>) -> Option<Result<(), Fault>> {
    let (before, after) = (args.before.as_ref()?, args.after.as_ref()?);
    Some((|| {
        let (before, after) = (Snapshot::read(before)?, Snapshot::read(after)?);
        let mut rows = Vec::new();
        for (before, after) in pairs(&before.nodes, &after.nodes)? {
            rows.extend(before.compare(after).into_iter().map(|d| Row {
                node: after.node.clone(),
                difference: d,
                cure: None,
            }));
        }
        print(&rows, after.nodes.len() > 1, &output()?)
    })())
}

/// Nodes by their names; one is compared with one whatever they are called.
fn pairs<'a>(before: &'a [Picture], after: &'a [Picture]) -> Result<Vec<(&'a Picture, &'a Picture)>, Fault> {
    if let ([before], [after]) = (before, after) {
        return Ok(vec![(before, after)]);
    }
    let names = |of: &[Picture]| of.iter().map(|p| p.node.clone()).collect::<Vec<_>>();
    let differ = || {
        let what =
            format!("these are other nodes: {} before, {} after", names(before).join(" "), names(after).join(" "));
        Fault::usage(what).hint("take both snapshots of the same context")
    };
    if before.len() != after.len() {
        return Err(differ());
    }
    let other = |one: &'a Picture| after.iter().find(|a| a.node == one.node).map(|a| (one, a)).ok_or_else(differ);
    before.iter().map(other).collect()
}

/// Runs it on nodes.
///
/// # Errors
/// [`Exit::Refused`] when something differs, told already; when a configuration or a node cannot be read.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let former = args.before.as_deref().map(Snapshot::read).transpose()?;
    let mut extras = args.extras.clone();
    if let Some(former) = &former {
        let has = |kind: &str| former.nodes.iter().any(|node| node.kinds.contains_key(kind));
        let kinds = [(MAPS, Extra::Maps), (ACLS, Extra::Acls), (TABLES, Extra::Tables)];
        extras.extend(kinds.into_iter().filter(|(kind, _)| has(kind)).map(|(_, extra)| extra));
    }
    let mut exits = Vec::new();
    let mut rows = Vec::new();
    let mut now = Vec::new();
    let done = fan::each(ctx, |one| {
        let seen = of_node(one, &extras)?;
        let told = if former.is_none() { from_configuration(one, args, &seen, &extras)? } else { Vec::new() };
        Ok::<_, Fault>((seen, told))
    });
    for (one, outcome) in done {
        match outcome {
            Ok((seen, told)) => {
                rows.extend(told);
                now.push(seen);
                exits.push(None);
            }
            Err(fault) if one.node.is_none() => return Err(fault),
            Err(fault) => {
                one.tell(&fault);
                exits.push(Some(fault.exit));
            }
        }
    }
    if let Some(former) = &former {
        // Of a node that did not answer nothing can be said.
        let before: Vec<Picture> = match exits.iter().all(Option::is_none) {
            true => former.nodes.clone(),
            false => former.nodes.iter().filter(|b| now.iter().any(|n| n.node == b.node)).cloned().collect(),
        };
        for (before, after) in pairs(&before, &now)? {
            rows.extend(before.compare(after).into_iter().map(|d| Row {
                node: after.node.clone(),
                difference: d,
                cure: None,
            }));
        }
    }
    fan::verdict(&exits)?;
    print(&rows, ctx.nodes.len() > 1, &ctx.output())
}

fn from_configuration(one: &Context, args: &Args, seen: &Picture, extras: &[Extra]) -> Result<Vec<Row>, Fault> {
    let configuration = match args.config.as_slice() {
        [] => Configuration::of_node(&one.client)?,
        files => Configuration::of_files(files)?,
    };
    let place = |fault: &lb_config::Diagnostic| {
        fault.file.as_ref().map_or_else(String::new, |file| format!("{file}:{}: ", fault.line)) + &fault.message
    };
    if let Some(fault) = configuration.fault_of_servers() {
        return Err(Fault::new(Exit::Refused, format!("the configuration cannot be compared: {}", place(fault)))
            .hint("lbctl reads it as lbd does; 'lbctl snapshot' and 'lbctl diff BEFORE' compare without it"));
    }
    if let Some(fault) = configuration.faults.first() {
        let more = configuration.faults.len() - 1;
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        one.warn(
            &format!("{}{}{more}", one.prefix(), place(fault)),
            "such lines were looked past; servers' were all read",
        );
    }
    let wanted = configured(&configuration.model, seen, extras)
        .map_err(|e| Fault::new(Exit::Refused, format!("a file of the configuration cannot be read: {e}")))?;
    let row = |difference| Row { node: seen.node.clone(), cure: cure(one, &wanted, &difference), difference };
    Ok(wanted.compare(seen).into_iter().map(row).collect())
}

/// The command that makes what runs as it is configured.
fn cure(one: &Context, configured: &Picture, difference: &Difference) -> Option<String> {
    let Difference { kind, object, setting, before: wanted, after } = difference;
    let text = shown(wanted);
    let of_it = |setting: &str| configured.kinds.get(kind)?.get(object)?.settings.get(setting).map(shown);
    let command = match (kind.as_str(), setting.as_str()) {
        (SERVERS, "state") => format!("{text} {object}"),
        (SERVERS, "weight") => format!("weight {object} {text}"),
        (SERVERS, "address" | "port") => match (of_it("address")?, of_it("port")) {
            (address, Some(port)) if address.contains(':') => format!("server addr {object} [{address}]:{port}"),
            (address, Some(port)) => format!("server addr {object} {address}:{port}"),
            (address, None) => format!("server addr {object} {address}"),
        },
        (SERVERS, "checks") if after == "off" => format!("health {object} enable"),
        (SERVERS, "agent") if after == "off" => format!("agent {object} enable"),
        (SERVERS, "maxconn") => format!("raw 'set maxconn server {object} {}'", wanted.as_u64().unwrap_or(0)),
        (SERVERS, THERE) if *after == Value::Bool(true) => format!("server del {object}"),
        (MAPS, _) if wanted.is_null() => format!("map del {object} {setting}"),
        (MAPS, _) if wanted.is_string() => format!("map set {object} {setting} '{text}'"),
        (ACLS, _) if wanted.is_null() => format!("acl del {object} {setting}"),
        (ACLS, _) => format!("acl add {object} {setting}"),
        _ => return None,
    };
    Some(one.suggest(&command))
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    }
}

fn columns(several: bool) -> Vec<Column<Row>> {
    let mut columns: Vec<Column<Row>> = vec![
        Column {
            key: "object",
            heading: "OBJECT",
            shown: Shown::Always,
            value: |r| Cell::Text(r.difference.object.clone()),
        },
        Column { key: "kind", heading: "KIND", shown: Shown::Always, value: |r| Cell::Text(r.difference.kind.clone()) },
        Column {
            key: "what",
            heading: "WHAT",
            shown: Shown::Always,
            value: |r| Cell::Text(r.difference.setting.clone()),
        },
        Column {
            key: "before",
            heading: "BEFORE",
            shown: Shown::Always,
            value: |r| Cell::Text(shown(&r.difference.before)),
        },
        Column {
            key: "after",
            heading: "AFTER",
            shown: Shown::Always,
            value: |r| Cell::Text(shown(&r.difference.after)),
        },
        Column { key: "cure", heading: "TO UNDO", shown: Shown::Always, value: |r| Cell::text(r.cure.as_deref()) },
    ];
    if several {
        let node =
            Column { key: "node", heading: "NODE", shown: Shown::Always, value: |r: &Row| Cell::text(Some(&r.node)) };
        columns.insert(0, node);
    }
    columns
}

fn print(rows: &[Row], several: bool, output: &Output) -> Result<(), Fault> {
    if rows.is_empty() && matches!(output.format, Format::Table | Format::Wide | Format::Raw) {
        return Ok(writeln!(std::io::stdout().lock(), "nothing differs")?);
    }
    Sheet::of(output.format, &columns(several), rows).print_to(output)?;
    if rows.is_empty() { Ok(()) } else { Err(Fault::told(Exit::Refused)) }
}
