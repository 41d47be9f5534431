//! Backslash commands of the prompt.

use std::io::{self, Write};
use std::time::Duration;

use crate::cli::duration;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;

/// Name, usage and what it does; help and completion are made of it.
pub const NAMES: &[(&str, &str, &str)] = &[
    ("?", "\\?", "this list"),
    ("watch", "\\watch [TIME] LINE", "run a line again and again (every second by default) until Ctrl-C"),
    ("q", "\\q", "leave (so do quit, exit and Ctrl-D)"),
];

/// Runs one.
///
/// # Errors
/// When there is no such command, or its line fails.
pub fn run(ctx: &Context, words: &[String]) -> Result<(), Fault> {
    let (name, rest) = words.split_first().map_or(("", [].as_slice()), |(n, r)| (n.as_str(), r));
    match name {
        "\\?" => help(ctx),
        "\\watch" => watch(ctx, rest),
        _ => Err(Fault::usage(format!("there is no {name}")).hint("\\? lists what there is")),
    }
}

fn help(ctx: &Context) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", ctx.out.bold("At the prompt"))?;
    for (_, usage, what) in NAMES {
        writeln!(out, "  {usage:<20} {what}")?;
    }
    writeln!(out, "{}", ctx.out.bold("lbctl's commands (--help after one explains it)"))?;
    let command = <crate::cli::Cli as clap::CommandFactory>::command();
    for sub in command.get_subcommands().filter(|c| c.get_name() != "repl") {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(out, "  {:<20} {about}", sub.get_name())?;
    }
    writeln!(out, "{}", ctx.out.bold("The node's own commands"))?;
    writeln!(out, "  {:<20} lists them; they are sent as typed", "help")?;
    writeln!(out, "  {:<20} sends a command that lbctl would take for its own", "raw CMD")?;
    Ok(())
}

fn watch(ctx: &Context, rest: &[String]) -> Result<(), Fault> {
    let (every, line) = match rest.split_first() {
        Some((first, line)) if duration(first).is_ok() && !line.is_empty() => {
            (duration(first).unwrap_or(Duration::from_secs(1)), line)
        }
        _ => (Duration::from_secs(1), rest),
    };
    if line.is_empty() {
        return Err(Fault::usage("\\watch needs a line to run").hint("\\watch 2s show servers"));
    }
    let text = line.join(" ");
    let mut interrupt = Interrupt::new()?;
    loop {
        if ctx.terminal {
            write!(io::stdout().lock(), "\x1b[H\x1b[2J")?;
        }
        super::execute(ctx, &text)?;
        if interrupt.sleep(every) {
            // On a terminal Ctrl-C is how one leaves; in a script it is an interruption.
            return if ctx.terminal { Ok(()) } else { Err(Fault::new(Exit::Interrupted, "interrupted")) };
        }
    }
}
