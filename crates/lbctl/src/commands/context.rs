//! `lbctl context`: the named sets of nodes in the user's and the project's file.

mod discover;

use std::collections::BTreeSet;

use lb_client::Address;
use toml_edit::{DocumentMut, InlineTable, Item, Table, value};

use crate::cli::Globals;
use crate::context::Output;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown};
use crate::settings::{NodeSetting, Settings, environment, user_file};

/// What to do with contexts.
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "The user's file is lbctl/config.toml below $XDG_CONFIG_HOME; the project's, laid over it, the nearest \
                  .lbctl.toml upwards:\n\n  context = \"prod\"            # in use unless --context or -s say otherwise\n  \
                  output = \"table\"\n  timeout = \"5s\"\n  read-only = false\n  no-input = false\n\n  \
                  [contexts.prod]\n  read-only = false\n  etcd = [\"http://10.0.0.1:2379\"]\n  # or { \
                  endpoints = [\"https://etcd:2379\"], ca = \"ca.pem\", cert = \"op.pem\", key = \"op.key\" }\n\n  \
                  [contexts.prod.nodes]\n  lb1 = \"/run/haproxy/admin.sock\"\n  \
                  lb2 = { socket = \"ssh://op@lb2/run/haproxy/admin.sock\", master = \"ssh://op@lb2/run/haproxy/master.sock\" \
                  }\n\nExamples:\n  lbctl context add prod lb1=/run/haproxy/admin.sock lb2=ssh://op@lb2/run/haproxy/admin.sock\n  \
                  lbctl context use prod\n  lbctl context list\n  lbctl context discover --add local"
)]
pub enum What {
    /// List contexts and their nodes
    #[command(after_help = "Example:\n  lbctl context list -o json")]
    List,
    /// Make a context the one in use, in the user's file
    #[command(after_help = "Example:\n  lbctl context use prod")]
    Use {
        /// The context
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::contexts))]
        name: String,
    },
    /// Add nodes to a context of the user's file, which is made if it is not there
    #[command(after_help = "Example:\n  lbctl context add prod lb1=/run/haproxy/admin.sock lb2=tcp://10.0.0.2:9999")]
    Add {
        /// The context
        name: String,
        /// Nodes as NAME=ADDRESS
        #[arg(required = true, value_name = "NODE=ADDRESS", value_parser = node)]
        nodes: Vec<(String, Address)>,
    },
    /// Find the engines that run on this host, by their processes and configurations
    Discover(discover::Args),
}

fn node(text: &str) -> Result<(String, Address), String> {
    let (name, address) = text.split_once('=').ok_or("this is NAME=ADDRESS, such as lb1=/run/haproxy/admin.sock")?;
    if !lb_model::is_valid_name(name) {
        return Err(format!("'{name}' is no name: letters, digits and . - _ : only"));
    }
    Ok((name.to_owned(), address.parse::<Address>().map_err(|e| e.to_string())?))
}

/// Runs it.
///
/// # Errors
/// When a file is wrong or cannot be written, or there is no such context.
pub fn run(what: &What, globals: &Globals) -> Result<(), Fault> {
    let settings = Settings::load()?;
    match what {
        What::List => list(&settings, &Output::of(globals, &settings)),
        What::Use { name } if settings.contexts.contains_key(name) => {
            edit(|document| {
                document.insert("context", value(name.as_str()));
                Ok(())
            })?;
            say(&format!("{name} is in use"))
        }
        What::Use { name } => Err(Fault::new(Exit::NotFound, format!("there is no context '{name}'"))
            .hint("'lbctl context list' lists what there is; 'lbctl context add' makes one")),
        What::Add { name, nodes } => {
            let node = |(name, socket): &(String, Address)| NodeSetting {
                name: name.clone(),
                socket: socket.clone(),
                master: None,
            };
            write(name, &nodes.iter().map(node).collect::<Vec<_>>())
        }
        What::Discover(args) => discover::run(args, globals, &Output::of(globals, &settings)),
    }
}

struct Row<'a> {
    context: &'a str,
    in_use: bool,
    node: &'a NodeSetting,
    read_only: bool,
}

fn columns<'a>() -> Vec<Column<Row<'a>>> {
    vec![
        Column { key: "context", heading: "CONTEXT", shown: Shown::Always, value: |r| Cell::text(Some(r.context)) },
        Column { key: "in_use", heading: "IN USE", shown: Shown::Always, value: |r| Cell::Flag(r.in_use) },
        Column { key: "member", heading: "NODE", shown: Shown::Always, value: |r| Cell::text(Some(&r.node.name)) },
        Column {
            key: "socket",
            heading: "SOCKET",
            shown: Shown::Always,
            value: |r| Cell::Text(r.node.socket.to_string()),
        },
        Column {
            key: "master",
            heading: "MASTER",
            shown: Shown::Wide,
            value: |r| r.node.master.as_ref().map_or(Cell::Empty, |m| Cell::Text(m.to_string())),
        },
        Column { key: "read_only", heading: "READ-ONLY", shown: Shown::Wide, value: |r| Cell::Flag(r.read_only) },
    ]
}

fn list(settings: &Settings, out: &Output) -> Result<(), Fault> {
    let in_use = environment::context().or_else(|| settings.context.clone());
    let mut rows = Vec::new();
    for (name, context) in &settings.contexts {
        let in_use = in_use.as_ref() == Some(name);
        let read_only = context.read_only || settings.read_only;
        rows.extend(context.nodes.iter().map(|node| Row { context: name, in_use, node, read_only }));
    }
    if out.format == crate::output::Format::Name {
        let names: BTreeSet<&str> = rows.iter().map(|r| r.context).collect();
        let rows = names.into_iter().map(|n| vec![Cell::Text(n.to_owned())]).collect();
        return Sheet::dynamic(vec!["name".to_owned()], rows).print_to(out);
    }
    Sheet::of(out.format, &columns(), &rows).print_to(out)
}

/// Adds nodes to a context of the user's file, and says so.
fn write(name: &str, nodes: &[NodeSetting]) -> Result<(), Fault> {
    edit(|document| add(document, name, nodes))?;
    say(&format!("{name} has {}", nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join(" ")))
}

fn add(document: &mut DocumentMut, name: &str, nodes: &[NodeSetting]) -> Result<(), Fault> {
    let wrong = || Fault::usage("'contexts' is no table in the user's file");
    let implicit = || {
        let mut table = Table::new();
        table.set_implicit(true);
        Item::Table(table)
    };
    let contexts = document.entry("contexts").or_insert_with(implicit).as_table_mut().ok_or_else(wrong)?;
    let context = contexts.entry(name).or_insert_with(implicit).as_table_mut().ok_or_else(wrong)?;
    let table =
        context.entry("nodes").or_insert_with(|| Item::Table(Table::new())).as_table_like_mut().ok_or_else(wrong)?;
    for node in nodes {
        let mut sockets = InlineTable::new();
        sockets.insert("socket", node.socket.to_string().into());
        let socket = match &node.master {
            None => value(node.socket.to_string()),
            Some(master) => {
                sockets.insert("master", master.to_string().into());
                value(sockets)
            }
        };
        table.insert(&node.name, socket);
    }
    Ok(())
}

/// Changes the user's file, keeping its comments and order.
fn edit(change: impl FnOnce(&mut DocumentMut) -> Result<(), Fault>) -> Result<(), Fault> {
    let path = user_file().ok_or_else(|| {
        Fault::usage("there is no place for a configuration file").hint("set XDG_CONFIG_HOME or HOME")
    })?;
    let failed = |e: std::io::Error| Fault::new(Exit::Refused, format!("{}: {e}", path.display()));
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    let _held = crate::store::lock(&path.with_extension("lock"))?;
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        other => other.map_err(failed)?,
    };
    let mut document: DocumentMut = text.parse().map_err(|e| Fault::usage(format!("{}: {e}", path.display())))?;
    change(&mut document)?;
    crate::store::replace(&path, document.to_string().as_bytes()).map_err(failed)
}

fn say(text: &str) -> Result<(), Fault> {
    use std::io::Write;
    writeln!(std::io::stdout().lock(), "{text}")?;
    Ok(())
}
