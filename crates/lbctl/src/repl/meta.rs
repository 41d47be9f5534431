//! Backslash commands of the prompt and of scripts.

use std::io::{self, Write};
use std::time::Duration;

use super::redirect::Sink;
use super::session::Session;
use crate::cli::{Globals, duration};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::output::Format;
use crate::settings::Settings;

/// A backslash command.
pub struct Meta {
    /// Its name, without the backslash.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// All of them: help and completion are made of this.
pub const ALL: &[Meta] = &[
    Meta { name: "?", usage: "\\?", what: "this list" },
    Meta {
        name: "watch",
        usage: "\\watch [TIME] LINE",
        what: "run a line again and again (every second by default) until Ctrl-C",
    },
    Meta { name: "x", usage: "\\x [on|off]", what: "show each row as a block, one column a line" },
    Meta {
        name: "o",
        usage: "\\o [FILE | '|' PROGRAM]",
        what: "send what follows to a file or a program; alone, to the terminal again",
    },
    Meta {
        name: "g",
        usage: "[LINE] \\g FILE | '|' PROGRAM",
        what: "send this answer there; without a line, what the last one shows now",
    },
    Meta { name: "timing", usage: "\\timing [on|off]", what: "tell how long each line takes" },
    Meta { name: "use", usage: "\\use CONTEXT|SOCKET", what: "go to other nodes" },
    Meta { name: "q", usage: "\\q", what: "leave (so do quit, exit and Ctrl-D)" },
];

/// Whether it shows something, which goes where output goes.
pub fn prints(words: &[String]) -> bool {
    matches!(words.first().map(String::as_str), Some("\\?" | "\\watch"))
}

/// Runs one.
///
/// # Errors
/// When there is no such command, or its line fails.
pub fn run(session: &mut Session, words: &[String]) -> Result<(), Fault> {
    let (name, rest) = words.split_first().map_or(("", [].as_slice()), |(n, r)| (n.as_str(), r));
    match name {
        "\\?" => help(&session.ctx),
        "\\watch" => watch(session, rest),
        "\\x" => {
            let on = switched(name, rest, session.ctx.format == Format::Expanded)?;
            session.ctx.format = if on { Format::Expanded } else { Format::Table };
            told(session, "each row is a block", "rows are lines", on)
        }
        "\\timing" => {
            session.timing = switched(name, rest, session.timing)?;
            told(session, "each line's time is told", "times are not told", session.timing)
        }
        "\\o" => {
            // What goes on is opened before what ends is closed.
            let target = rest.join(" ");
            session.sink = if target.is_empty() { None } else { Some(Sink::open(&target)?) };
            Ok(())
        }
        "\\use" => go(session, rest),
        _ => Err(Fault::usage(format!("there is no {name}")).hint("\\? lists what there is")),
    }
}

/// On, off, or the other than now.
fn switched(name: &str, rest: &[String], now: bool) -> Result<bool, Fault> {
    match rest {
        [] => Ok(!now),
        [word] if word == "on" => Ok(true),
        [word] if word == "off" => Ok(false),
        _ => Err(Fault::usage(format!("{name} takes on, off or nothing"))),
    }
}

/// A person is told; a script's output stays its lines' own.
fn told(session: &Session, on: &str, off: &str, is: bool) -> Result<(), Fault> {
    if session.ctx.terminal {
        writeln!(io::stdout().lock(), "{}", if is { on } else { off })?;
    }
    Ok(())
}

/// Goes to a context or a socket, once it answers.
fn go(session: &mut Session, rest: &[String]) -> Result<(), Fault> {
    let [name] = rest else {
        return Err(Fault::usage("\\use takes a context or a socket").hint("\\use /run/haproxy/admin.sock"));
    };
    let mut globals = Globals { sockets: Vec::new(), context: None, ..session.ctx.globals.clone() };
    if Settings::load()?.contexts.contains_key(name) {
        globals.context = Some(name.clone());
    } else if name.contains(['/', ':']) {
        globals.sockets = vec![name.parse().map_err(|e| Fault::usage(format!("{e}")))?];
    } else {
        // Its failure says which contexts there are.
        globals.context = Some(name.clone());
    }
    let there = Context::new(&globals)?;
    for node in &there.nodes {
        node.client.info()?;
    }
    session.ctx = Context { format: session.ctx.format, prompt: session.ctx.prompt, ..there };
    Ok(())
}

fn help(ctx: &Context) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", ctx.out.bold("At the prompt"))?;
    for Meta { usage, what, .. } in ALL {
        writeln!(out, "  {usage:<28} {what}")?;
    }
    writeln!(out, "{}", ctx.out.bold("lbctl's commands (--help after one explains it)"))?;
    let command = <crate::cli::Cli as clap::CommandFactory>::command();
    for sub in command.get_subcommands().filter(|c| c.get_name() != "repl") {
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        writeln!(out, "  {:<28} {about}", sub.get_name())?;
    }
    writeln!(out, "{}", ctx.out.bold("The node's own commands"))?;
    writeln!(out, "  {:<28} lists them; they are sent as typed", "help")?;
    writeln!(out, "  {:<28} sends a command that lbctl would take for its own", "raw CMD")?;
    writeln!(out, "{}", ctx.out.bold("Keys"))?;
    writeln!(out, "  {:<28} completes from the node's names and both grammars", "Tab")?;
    writeln!(out, "  {:<28} searches what was typed before; up and down go through it", "Ctrl-R")?;
    writeln!(out, "  {:<28} takes the hint", "Right")?;
    Ok(())
}

fn watch(session: &mut Session, rest: &[String]) -> Result<(), Fault> {
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
    let terminal = session.ctx.terminal;
    let mut interrupt = Interrupt::new()?;
    loop {
        if terminal {
            write!(io::stdout().lock(), "\x1b[H\x1b[2J")?;
        }
        session.execute(&text)?;
        if interrupt.sleep(every) {
            // On a terminal Ctrl-C is how one leaves; in a script it is an interruption.
            return if terminal { Ok(()) } else { Err(Fault::new(Exit::Interrupted, "interrupted")) };
        }
    }
}
