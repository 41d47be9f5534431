//! `lbctl exec`: the lines of standard input, the node's commands and lbctl's own, each judged.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use lb_client::{Answer, Error, Line, Verdict, gather_payload, judge};
use serde::Serialize;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::input::Input;
use crate::repl::{Flow, Route, Session, route};
use crate::{commands, fan};

/// Arguments.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(
    after_help = "Every line is run, with --stop-on-error until the first that fails, whose exit status is that of \
                        the whole. Lines that begin with '# ' are left out. With --jsonl each line's answer is one JSON \
                        object: line, command, node, exit, answer, error.\n\nExamples:\n  printf 'drain app/web1\\nshow \
                        info\\n' | lbctl exec --stop-on-error\n  lbctl exec --jsonl < commands.txt"
)]
pub struct Args {
    /// One JSON object for each line and node
    #[arg(long)]
    pub jsonl: bool,
    /// Stop at the first line that fails
    #[arg(long)]
    pub stop_on_error: bool,
}

/// What a line came to on a node.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    line: usize,
    command: &'a str,
    node: Option<String>,
    exit: u8,
    answer: String,
    error: Option<String>,
}

/// Runs it.
///
/// # Errors
/// The first line's that fails.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let mut input = Input::stdin();
    let mut number = 0;
    let mut first = None;
    let mut session = Session::new(ctx);
    while let Some(line) = input.next_line() {
        number += 1;
        if line.trim().is_empty() || line.trim_start().starts_with("# ") {
            continue;
        }
        let text = gather_payload(&line, || input.next_line());
        let ran = if args.jsonl { Some(as_json(ctx, number, &text)?) } else { plainly(&mut session, number, &text)? };
        let Some(exit) = ran else { break };
        if exit != Exit::Done {
            first.get_or_insert(exit);
            if args.stop_on_error {
                break;
            }
        }
    }
    match first {
        Some(exit) => Err(Fault::told(exit)),
        None => input.finish(),
    }
}

/// Runs a line as the prompt does, and tells its failure; nothing after a line that leaves.
fn plainly(session: &mut Session, number: usize, text: &str) -> Result<Option<Exit>, Fault> {
    let mut fault = match session.run(text) {
        Ok(Flow::Go) => return Ok(Some(Exit::Done)),
        Ok(Flow::Leave) => return Ok(None),
        Err(fault) if fault.exit == Exit::Done => return Err(fault),
        Err(fault) => fault,
    };
    let first = text.lines().next().unwrap_or("").trim();
    if fault.message.is_empty() {
        fault.message = format!("line {number} failed: {first}");
    } else {
        fault = fault.details([format!("at line {number}: {first}")]);
    }
    session.ctx.tell(&fault);
    Ok(Some(fault.exit))
}

fn as_json(ctx: &Context, number: usize, text: &str) -> Result<Exit, Fault> {
    let first = text.lines().next().unwrap_or("").trim();
    let outcome = |node, exit: u8, answer, error| Outcome { line: number, command: first, node, exit, answer, error };
    let outcomes: Vec<Outcome<'_>> = match route(text) {
        Route::Own(words) => {
            let (exit, answer, error) = own(ctx, &words)?;
            vec![outcome(None, exit, answer, error)]
        }
        Route::Leave | Route::Meta(_) => {
            let error = Some(format!("'{first}' is for the prompt"));
            vec![outcome(None, Exit::Usage.code(), String::new(), error)]
        }
        Route::Node => fan::each(ctx, |one| ask(one, text))
            .into_iter()
            .map(|(one, (exit, answer, error))| outcome(Some(one.node_name()), exit.code(), answer, error))
            .collect(),
    };
    let mut out = io::stdout().lock();
    for outcome in &outcomes {
        serde_json::to_writer(&mut out, outcome)?;
        writeln!(out)?;
    }
    out.flush()?;
    let failed = outcomes.iter().map(|o| o.exit).find(|code| *code != 0);
    let exit = failed.and_then(|code| Exit::ALL.iter().find(|e| e.code() == code).copied());
    Ok(exit.unwrap_or(if failed.is_some() { Exit::Refused } else { Exit::Done }))
}

fn ask(ctx: &Context, text: &str) -> (Exit, String, Option<String>) {
    let asked = || -> Result<(Line, Answer), Error> {
        let line = Line::with_payload(text)?;
        let answer = ctx.client.ask(&line)?;
        Ok((line, answer))
    };
    match asked() {
        Ok((line, answer)) => match judge(&line, &answer) {
            Verdict::Accepted => (Exit::Done, answer.text().into_owned(), None),
            Verdict::Refused(refusal) => {
                (refusal.kind().into(), answer.text().into_owned(), Some(refusal.text().to_owned()))
            }
        },
        Err(error) => (error.kind().into(), String::new(), Some(error.to_string())),
    }
}

/// Runs one of lbctl's commands in a process of its own, whose output is taken.
fn own(ctx: &Context, words: &[String]) -> Result<(u8, String, Option<String>), Fault> {
    let mut command = Command::new(std::env::current_exe()?);
    for node in &ctx.nodes {
        command.arg("-s").arg(node.client.address().to_string());
    }
    if ctx.client.is_read_only() {
        command.arg("--read-only");
    }
    let output = command.args(words).stdin(Stdio::null()).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let error = Some(text(&output.stderr)).filter(|e| !e.is_empty());
    let code = output.status.code().and_then(|c| u8::try_from(c).ok());
    Ok((code.unwrap_or(commands::KILLED), text(&output.stdout), error))
}
