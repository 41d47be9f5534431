//! The commands, one file each: its arguments and one function.

pub mod completion;
pub mod drain;
pub mod health;
pub mod help;
pub mod maint;
pub mod raw;
pub mod ready;
pub mod repl;
pub mod show;
pub mod wait;
pub mod weight;

use crate::cli::Command;
use crate::context::Context;
use crate::fault::Fault;

/// Runs a command against the context's node.
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
        Command::Completion(args) => completion::run(args),
        Command::Help(args) => help::run(args),
    }
}

/// The servers a command is about.
#[derive(Debug, Clone, clap::Args)]
pub struct Targets {
    /// Servers: backend/server, with * and ? on either side
    #[arg(
        required = true,
        value_name = "TARGET",
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets)
    )]
    pub targets: Vec<crate::target::Target>,
}
