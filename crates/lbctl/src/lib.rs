//! A control client for lbd and HAProxy.
//!
//! The binary is [`main`]; [`generated`] gives the manual pages and completion scripts that are
//! made from the same command line definition.

mod acting;
mod anchors;
mod apply;
mod cli;
mod commands;
mod complete;
mod condition;
mod configuration;
mod context;
mod convert;
mod etcd;
mod exit;
mod fan;
mod fault;
mod generate;
mod guard;
mod holders;
mod input;
mod interrupt;
mod journal;
mod leases;
mod lines;
mod output;
mod patterns;
mod picture;
mod process;
mod progress;
mod ramp;
mod repl;
mod roll;
mod runs;
mod secrets;
mod settings;
mod sticky;
mod store;
mod target;
mod top;
mod waiting;
mod workers;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use anchors::anchors;
pub use generate::{commands, generate, generated};

use cli::Cli;
use context::Context;
use exit::Exit;
use fault::Fault;
use output::Palette;

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to standard output and is no failure; a closed pipe does not matter.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage.code() } else { Exit::Done.code() });
        }
    };
    let exit = run(&cli);
    runs::ended(exit);
    ExitCode::from(exit.code())
}

fn run(cli: &Cli) -> Exit {
    // What needs no node works without one.
    let alone = cli.command.as_ref().and_then(|command| commands::run_alone(command, &cli.globals));
    let outcome = match (alone, &cli.command) {
        (Some(outcome), _) => outcome,
        (None, command) => match Context::new(&cli.globals) {
            Err(fault) => Err(fault),
            Ok(ctx) => {
                let outcome = match command {
                    Some(command) => commands::run(command, &ctx),
                    None if std::io::stdin().is_terminal() => repl::interactive(&ctx),
                    None => commands::raw::run_stdin(&ctx),
                };
                return end(outcome, |fault| ctx.tell(fault));
            }
        },
    };
    let palette = Palette::detect(std::io::stderr().is_terminal(), cli.globals.no_color);
    end(outcome, |fault| context::tell(fault, palette, None))
}

fn end(outcome: Result<(), Fault>, tell: impl FnOnce(&Fault)) -> Exit {
    match outcome {
        Ok(()) => Exit::Done,
        Err(fault) => {
            tell(&fault);
            fault.exit
        }
    }
}
