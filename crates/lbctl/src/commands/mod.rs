//! The commands, one file each: its arguments and one function.

pub mod completion;
pub mod context;
pub mod drain;
pub mod health;
pub mod help;
pub mod lease;
pub mod log;
pub mod maint;
pub mod raw;
pub mod ready;
pub mod repl;
pub mod show;
pub mod undo;
pub mod wait;
pub mod weight;

use crate::cli::{Command, Globals};
use crate::context::{Context, Output};
use crate::fault::Fault;
use crate::settings::Settings;
use crate::target::Selection;

/// Runs a command that asks no node, or finds its nodes by itself; nothing for the others.
pub fn run_alone(command: &Command, globals: &Globals) -> Option<Result<(), Fault>> {
    let output = || Settings::load().map(|settings| Output::of(globals, &settings));
    Some(match command {
        Command::Help(args) => help::run(args),
        Command::Completion(args) => completion::run(args),
        Command::Context(what) => context::run(what, globals),
        Command::Log(args) => output().and_then(|out| log::run(args, &out)),
        Command::Undo(args) => undo::run(args, globals),
        Command::Lease(what) => lease::run(what, globals),
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
        Command::Drain(args) => drain::run(args, ctx),
        Command::Maint(args) => maint::run(args, ctx),
        Command::Ready(args) => ready::run(args, ctx),
        Command::Weight(args) => weight::run(args, ctx),
        Command::Health(args) => health::run(args, ctx),
        Command::Wait(args) => wait::run(args, ctx),
        Command::Raw(args) => raw::run(args, ctx),
        Command::Repl(args) => repl::run(args, ctx),
        // These were run without a node, also at the prompt.
        Command::Completion(_)
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
