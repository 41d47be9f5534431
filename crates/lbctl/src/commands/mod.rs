//! The commands, one file each: its arguments and one function.

pub mod acl;
pub mod agent;
pub mod cert;
pub mod check;
pub mod completion;
pub mod context;
pub mod convert;
pub mod counters;
pub mod diff;
pub mod doctor;
pub mod drain;
pub mod exec;
pub mod explain;
pub mod health;
pub mod help;
pub mod kill_sessions;
pub mod lease;
pub mod log;
pub mod maint;
pub mod map;
pub mod raw;
pub mod ready;
pub mod repl;
pub mod roll;
pub mod server;
pub mod show;
pub mod snapshot;
pub mod table;
pub mod top;
pub mod undo;
pub mod wait;
pub mod weight;

use std::path::Path;

use crate::cli::{Command, Globals};
use crate::context::{Context, Output};
use crate::fault::Fault;
use crate::lines::{Told, on_nodes};
use crate::patterns::{Kind, Patterns};
use crate::settings::Settings;
use crate::target::Selection;

/// Runs a command that asks no node, or finds its nodes by itself; nothing for the others.
pub fn run_alone(command: &Command, globals: &Globals) -> Option<Result<(), Fault>> {
    let output = || Settings::load().map(|settings| Output::of(globals, &settings));
    Some(match command {
        Command::Help(args) => help::run(args),
        Command::Completion(args) => completion::run(args),
        Command::Convert(args) => convert::run(args),
        Command::Context(what) => context::run(what, globals),
        Command::Log(args) => output().and_then(|out| log::run(args, &out)),
        Command::Undo(args) => undo::run(args, globals),
        Command::Lease(what) => lease::run(what, globals),
        Command::Roll(args) => return roll::resume(args, globals),
        Command::Diff(args) => return diff::of_files(args, output),
        _ => return None,
    })
}

/// Runs a command against the context's nodes.
///
/// # Errors
/// The command's failure, to be told and turned into the exit status.
pub fn run(command: &Command, ctx: &Context) -> Result<(), Fault> {
    match command {
        Command::Show(what) => show::run(what, ctx),
        Command::Explain(args) => explain::run(args, ctx),
        Command::Check(args) => check::run(args, ctx),
        Command::Doctor(args) => doctor::run(args, ctx),
        Command::Snapshot(args) => snapshot::run(args, ctx),
        Command::Diff(args) => diff::run(args, ctx),
        Command::Top(args) => top::run(args, ctx),
        Command::Drain(args) => drain::run(args, ctx),
        Command::Maint(args) => maint::run(args, ctx),
        Command::Ready(args) => ready::run(args, ctx),
        Command::Weight(args) => weight::run(args, ctx),
        Command::Health(args) => health::run(args, ctx),
        Command::Wait(args) => wait::run(args, ctx),
        Command::Agent(args) => agent::run(args, ctx),
        Command::Server(what) => server::run(what, ctx),
        Command::KillSessions(args) => kill_sessions::run(args, ctx),
        Command::Map(what) => map::run(what, ctx),
        Command::Acl(what) => acl::run(what, ctx),
        Command::Table(what) => table::run(what, ctx),
        Command::Cert(what) => cert::run(what, ctx),
        Command::Counters(what) => counters::run(what, ctx),
        Command::Exec(args) => exec::run(args, ctx),
        Command::Roll(args) => roll::run(args, ctx),
        Command::Raw(args) => raw::run(args, ctx),
        Command::Repl(args) => repl::run(args, ctx),
        // These were run without a node, also at the prompt.
        Command::Completion(_)
        | Command::Convert(_)
        | Command::Help(_)
        | Command::Context(_)
        | Command::Log(_)
        | Command::Undo(_)
        | Command::Lease(_) => Ok(()),
    }
}

/// The servers a command is about, where nothing else follows them.
#[derive(Debug, Clone, clap::Args)]
pub struct Targets {
    /// Servers: backend/server, with * and ? on either side
    #[arg(
        value_name = "TARGET",
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets)
    )]
    targets: Vec<crate::target::Target>,
    /// How they are narrowed down.
    #[command(flatten)]
    narrow: Narrow,
}

/// The servers a command is about, where something else follows them.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetsFirst {
    /// Servers: backend/server, with * and ? on either side
    #[arg(
        required = true,
        value_name = "TARGET",
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets)
    )]
    targets: Vec<crate::target::Target>,
    /// How they are narrowed down.
    #[command(flatten)]
    narrow: Narrow,
}

/// What narrows targets down.
#[derive(Debug, Clone, clap::Args)]
struct Narrow {
    /// Leave these servers alone (repeatable)
    #[arg(
        long,
        value_name = "TARGET",
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets)
    )]
    except: Vec<crate::target::Target>,
    /// Only servers at this address, with or without a port; alone, in every backend (repeatable)
    #[arg(long = "addr", value_name = "ADDRESS")]
    addresses: Vec<String>,
}

impl Targets {
    /// What they select.
    ///
    /// # Errors
    /// When neither a target nor an address is given.
    pub fn selection(&self) -> Result<Selection, Fault> {
        self.with(&[])
    }

    /// What they and some further targets select.
    ///
    /// # Errors
    /// When neither a target nor an address is given.
    pub fn with(&self, more: &[crate::target::Target]) -> Result<Selection, Fault> {
        let targets: Vec<_> = self.targets.iter().chain(more).cloned().collect();
        if targets.is_empty() && self.narrow.addresses.is_empty() {
            return Err(Fault::usage("no server is named")
                .hint("name servers as backend/server, 'backend/*' for all of a backend; or --addr ADDRESS"));
        }
        Ok(self.narrow.of(&targets))
    }
}

impl TargetsFirst {
    /// What they select.
    pub fn selection(&self) -> Selection {
        self.narrow.of(&self.targets)
    }
}

impl Narrow {
    fn of(&self, targets: &[crate::target::Target]) -> Selection {
        Selection { targets: targets.to_vec(), except: self.except.clone(), addresses: self.addresses.clone() }
    }
}

/// The status of a process that a signal ended.
const KILLED: u8 = 255;

/// Gives a key of a map a value, or takes it away; a pattern of an ACL has an empty value.
///
/// # Errors
/// When there is no such map or list, or the node refuses.
fn key_change(ctx: &Context, kind: Kind, name: &str, key: &str, wished: Option<&str>) -> Result<(), Fault> {
    on_nodes(ctx, |one, report| {
        let patterns = Patterns::find(&one.client, kind, name)?;
        let now = patterns.value(key)?;
        let (action, state) = match wished {
            None => ("del", "gone".to_owned()),
            Some("") => ("add", "there".to_owned()),
            Some(value) => ("set", value.to_owned()),
        };
        let Some(line) = patterns.change(key, now.as_deref(), wished)? else {
            return report.done(one, key, action, "already", &state, None);
        };
        let told = Told { object: key, action, plan: "change it", state: &state };
        if one.dry_run.is_none() {
            crate::lines::accepted(&one.client, &line)?;
            let after = patterns.value(key)?;
            if after.as_deref() != wished {
                let found = after.map_or("gone".to_owned(), |v| format!("'{v}'"));
                let what = format!("'{}' was accepted, yet {key} is {found}", line.as_str());
                return Err(Fault::new(crate::exit::Exit::Refused, what)
                    .hint("is the key there more than once? 'del' removes every one of them"));
            }
            let object = format!("{} {key}", patterns.name());
            let word = |value: Option<&str>| value.map_or(String::new(), |v| format!("={v}"));
            crate::apply::note_change(one, &object, kind.word(), &word(now.as_deref()), &word(wished));
            return report.done(one, key, action, "done", &state, None);
        }
        crate::lines::send(one, report, &line, &told).map(drop)
    })
}

/// Replaces a map or list by the lines of a file; those that are empty or begin with # are left out.
///
/// # Errors
/// When the file cannot be read, or the node refuses a line, after which everything is as before.
fn load_lines(ctx: &Context, kind: Kind, name: &str, file: &Path) -> Result<(), Fault> {
    let text = read_file(file)?;
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect();
    on_nodes(ctx, |one, report| {
        let patterns = Patterns::find(&one.client, kind, name)?;
        let state = format!("{} entries", lines.len());
        if one.dry_run.is_some() {
            let plan = format!("replace everything by {state}");
            return report.planned(one, patterns.name(), "load", &plan, None);
        }
        patterns.replace(&lines)?;
        crate::apply::note_change(one, patterns.name(), "all its entries", "others", &state);
        report.done(one, patterns.name(), "load", "done", &state, None)
    })
}

/// The text of a file, or of standard input for `-`.
///
/// # Errors
/// When it cannot be read.
fn read_file(file: &Path) -> Result<String, Fault> {
    let read = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin().lock())
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|e| Fault::usage(format!("{}: {e}", file.display())).hint("nothing was sent"))
}
