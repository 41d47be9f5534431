//! `lbctl context discover`: engines that run on this host, and the best socket of each.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use lb_client::{Address, Client};
use lb_config::model::{ListenAddress, StatsSocket};
use lb_model::Level;

use super::write;
use crate::cli::Globals;
use crate::configuration::Configuration;
use crate::context::Output;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Column, Format, Palette, Sheet, Shown, Tone};
use crate::process::Process;
use crate::settings::NodeSetting;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "An engine is found by its process; its configuration tells its admin sockets, of which the one that \
                  may do most and answers is taken. A master's socket (-S) serves where the configuration cannot be \
                  read. Other users' processes show less.\n\nExamples:\n  lbctl context discover\n  lbctl context \
                  discover --add local && lbctl context use local"
)]
pub struct Args {
    /// Write those that answer into this context of the user's file
    #[arg(long, value_name = "NAME")]
    add: Option<String>,
    /// Only the engine of this process (repeatable)
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
}

/// Longest wait for a socket that may be dead, unless an option says otherwise.
const PATIENCE: Duration = Duration::from_secs(2);

/// An engine.
struct Found {
    name: String,
    process: Process,
    files: Vec<PathBuf>,
    master: Option<Address>,
    /// The socket that is taken, and what it may do.
    socket: Option<(Address, Level)>,
    version: Option<String>,
    /// Why there is no socket.
    says: Option<String>,
}

/// Runs it.
///
/// # Errors
/// When no engine runs here, or none answers that could be written down.
pub fn run(args: &Args, globals: &Globals, out: &Output) -> Result<(), Fault> {
    let wanted = |process: &Process| args.pids.is_empty() || args.pids.contains(&process.pid);
    let mut found: Vec<Found> =
        Process::leaders().into_iter().filter(wanted).map(|process| examine(process, globals)).collect();
    if found.is_empty() {
        let which = if args.pids.is_empty() {
            "no lbd and no HAProxy runs on this host"
        } else {
            "no such process is an engine"
        };
        return Err(Fault::new(Exit::NotFound, which)
            .hint("'lbctl context add NAME NODE=ADDRESS' names nodes elsewhere, also by ssh://"));
    }
    distinct(&mut found);
    let Some(context) = &args.add else {
        Sheet::of(out.format, &columns(), &found).print_to(out)?;
        if matches!(out.format, Format::Table | Format::Wide) && found.iter().any(|f| f.socket.is_some()) {
            let palette = Palette::detect(std::io::stderr().is_terminal(), globals.no_color);
            eprintln!("{} 'lbctl context discover --add local' writes them down as a context", palette.note("hint:"));
        }
        return Ok(());
    };
    let node = |f: &Found| {
        let (socket, _) = f.socket.clone()?;
        // Behind a master's socket the master is known.
        let master = f.master.clone().filter(|master| socket.socket() != master);
        Some(NodeSetting { name: f.name.clone(), socket, master })
    };
    let nodes: Vec<NodeSetting> = found.iter().filter_map(node).collect();
    if nodes.is_empty() {
        let says =
            found.iter().filter_map(|f| Some(format!("{} (process {}): {}", f.name, f.process.pid, f.says.as_ref()?)));
        return Err(Fault::new(Exit::Unreachable, "no engine of this host answers; nothing was written").details(says));
    }
    write(context, &nodes)
}

fn examine(process: Process, globals: &Globals) -> Found {
    let configuration = Configuration::of_process(&process);
    let master = process.master_socket().map(Address::Unix);
    let mut says = configuration.as_ref().err().map(|fault| fault.message.clone());
    let (mut sockets, mut node) = (Vec::new(), None);
    if let Ok(read) = &configuration {
        sockets =
            read.model.global.stats_sockets.iter().filter_map(|s| Some((address(&process, s)?, s.level))).collect();
        node.clone_from(&read.model.global.node);
        if sockets.is_empty() {
            says = Some("its configuration has no 'stats socket' that can be named".to_owned());
        }
    }
    // The one that may do most first, paths before ports: their files say who may.
    sockets.sort_by_key(|(address, level)| (std::cmp::Reverse(*level), !matches!(address, Address::Unix(_))));
    let through_master = master.iter().map(|m| m.worker(lb_client::Worker::Rank(1)));
    let all: Vec<Address> = sockets.into_iter().map(|(address, _)| address).chain(through_master).collect();
    let mut found = Found {
        name: node.unwrap_or_else(host_name),
        files: process.configuration(),
        process,
        master,
        socket: None,
        version: None,
        says,
    };
    for address in all {
        let client = Client::new(address.clone()).with_timeout(globals.timeout.unwrap_or(PATIENCE)).read_only(true);
        match client.level().and_then(|level| Ok((level, client.info()?))) {
            Ok((level, info)) => {
                found.version = info.get("Version").map(str::to_owned);
                found.socket = Some((address, level));
                found.says = None;
                break;
            }
            Err(error) => found.says = Some(error.to_string()),
        }
    }
    found
}

/// A socket's address as a client of this host writes it.
fn address(process: &Process, socket: &StatsSocket) -> Option<Address> {
    match &socket.address {
        ListenAddress::Unix(path) => Some(Address::Unix(process.locate(None, &path.to_string_lossy()))),
        ListenAddress::Ip { ip, port } => {
            let host = match (ip.is_unspecified(), ip.is_ipv4()) {
                (true, true) => "127.0.0.1".to_owned(),
                (true, false) => "::1".to_owned(),
                (false, _) => ip.to_string(),
            };
            Some(Address::Tcp { host, port: *port })
        }
        ListenAddress::Abstract(_) | ListenAddress::Fd(_) | ListenAddress::Sockpair(_) => None,
    }
}

fn host_name() -> String {
    let name = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if lb_model::is_valid_name(&name) { name } else { "local".to_owned() }
}

/// Engines of one host may have one name: the second is NAME-2.
fn distinct(found: &mut [Found]) {
    let mut taken: Vec<String> = Vec::new();
    for one in found {
        let base = one.name.clone();
        let mut number = 1;
        while taken.contains(&one.name) || !lb_model::is_valid_name(&one.name) {
            number += 1;
            one.name =
                if lb_model::is_valid_name(&base) { format!("{base}-{number}") } else { format!("node-{number}") };
        }
        taken.push(one.name.clone());
    }
}

fn columns() -> Vec<Column<Found>> {
    vec![
        Column { key: "node", heading: "NODE", shown: Shown::Always, value: |f| Cell::Text(f.name.clone()) },
        Column {
            key: "engine",
            heading: "ENGINE",
            shown: Shown::Always,
            value: |f| Cell::text(Some(f.process.program())),
        },
        Column {
            key: "version",
            heading: "VERSION",
            shown: Shown::Always,
            value: |f| Cell::text(f.version.as_deref()),
        },
        Column { key: "pid", heading: "PID", shown: Shown::Always, value: |f| Cell::Number(f.process.pid.into()) },
        Column {
            key: "socket",
            heading: "SOCKET",
            shown: Shown::Always,
            value: |f| f.socket.as_ref().map_or(Cell::Empty, |(socket, _)| Cell::Text(socket.to_string())),
        },
        Column {
            key: "level",
            heading: "LEVEL",
            shown: Shown::Always,
            value: |f| f.socket.as_ref().map_or(Cell::Empty, |(_, level)| Cell::text(Some(level.as_str()))),
        },
        Column {
            key: "master",
            heading: "MASTER",
            shown: Shown::Wide,
            value: |f| f.master.as_ref().map_or(Cell::Empty, |m| Cell::Text(m.to_string())),
        },
        Column {
            key: "configuration",
            heading: "CONFIGURATION",
            shown: Shown::Wide,
            value: |f| Cell::Text(f.files.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(" ")),
        },
        Column {
            key: "says",
            heading: "SAYS",
            shown: Shown::Always,
            value: |f| f.says.as_ref().map_or(Cell::Empty, |says| Cell::Toned(says.clone(), Tone::Warn)),
        },
    ]
}
