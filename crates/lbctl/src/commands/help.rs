//! `lbctl help`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::fault::Fault;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lbctl help drain\n  lbctl help exit-codes")]
pub struct Args {
    /// A command's words, or exit-codes
    #[arg(value_name = "TOPIC")]
    pub topic: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When there is no such topic.
pub fn run(args: &Args) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    if args.topic == ["exit-codes"] {
        out.write_all(Exit::table().as_bytes())?;
        return Ok(());
    }
    let mut command = Cli::command();
    command.build();
    let mut found = &mut command;
    for word in &args.topic {
        found = found.find_subcommand_mut(word).ok_or_else(|| {
            Fault::usage(format!("no help on '{}'", args.topic.join(" ")))
                .hint("'lbctl help' lists the commands; 'lbctl help exit-codes' explains the exit statuses")
        })?;
    }
    write!(out, "{}", found.render_long_help())?;
    Ok(())
}
