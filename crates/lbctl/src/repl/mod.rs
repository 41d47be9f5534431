//! The prompt: lbctl's commands and the node's own, with completion from the node.

mod catalog;
mod helper;
mod history;
mod live;
mod meta;
mod route;

use std::cell::RefCell;

use std::rc::Rc;

use clap::Parser;
use lb_client::gather_payload;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use crate::cli::Cli;
use crate::commands;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::input::Input;
use helper::Helper;
use live::Live;
pub use route::{Route, route};

/// Whether to go on after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// On.
    Go,
    /// Out.
    Leave,
}

/// On a terminal: until `\q` or the end of input. A failing line is told and the prompt comes back.
///
/// # Errors
/// When the node cannot be reached at the start, or the terminal fails.
pub fn interactive(ctx: &Context) -> Result<(), Fault> {
    let live = Rc::new(RefCell::new(Live::new(ctx.client.clone())));
    live.borrow_mut().connect()?;
    let config = Config::builder().completion_type(rustyline::CompletionType::List).auto_add_history(false).build();
    let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config).map_err(terminal)?;
    editor.set_helper(Some(Helper::new(Rc::clone(&live), ctx.out)));
    let history = history::path();
    if let Some(path) = &history {
        // A first session has no history yet.
        let _ = editor.load_history(path);
    }
    loop {
        let prompt = live.borrow_mut().prompt();
        match editor.readline(&prompt) {
            Ok(line) if line.trim().is_empty() => {}
            Ok(line) => {
                if history::worth_keeping(&line) {
                    // Not being remembered is no reason to fail.
                    let _ = editor.add_history_entry(line.trim());
                    if let Some(path) = &history {
                        let _ = history::save(&mut editor, path);
                    }
                }
                // A paste holds several lines, and may hold a payload's beginning or all of it.
                let mut pasted = line.lines().map(str::to_owned);
                while let Some(first) = pasted.next() {
                    let text = gather_payload(&first, || pasted.next().or_else(|| editor.readline("+ ").ok()));
                    match execute(ctx, &text) {
                        Ok(Flow::Go) => {}
                        Ok(Flow::Leave) => return Ok(()),
                        Err(fault) => ctx.tell(&fault),
                    }
                }
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(terminal(error)),
        }
    }
}

fn terminal(error: ReadlineError) -> Fault {
    Fault::new(Exit::Refused, format!("the terminal failed: {error}"))
}

/// Without a terminal: runs the lines of standard input, and stops at the first that fails.
///
/// # Errors
/// The failure of that line.
pub fn script(ctx: &Context) -> Result<(), Fault> {
    let mut input = Input::stdin();
    let mut number = 0;
    while let Some(line) = input.next_line() {
        number += 1;
        if line.trim().is_empty() || line.trim_start().starts_with("# ") {
            continue;
        }
        let text = gather_payload(&line, || input.next_line());
        match execute(ctx, &text) {
            Ok(Flow::Go) => {}
            Ok(Flow::Leave) => return Ok(()),
            Err(mut fault) if fault.message.is_empty() && fault.exit != Exit::Done => {
                fault.message = format!("line {number} failed: {}", line.trim());
                return Err(fault);
            }
            Err(fault) => return Err(fault.details([format!("at line {number}: {}", line.trim())])),
        }
    }
    input.finish()
}

/// Runs one line of either kind.
///
/// # Errors
/// The line's own.
pub fn execute(ctx: &Context, text: &str) -> Result<Flow, Fault> {
    match route(text) {
        Route::Leave => return Ok(Flow::Leave),
        Route::Meta(words) => meta::run(ctx, &words)?,
        Route::Node => commands::raw::send(ctx, text)?,
        Route::Own(words) => own(ctx, &words)?,
    }
    Ok(Flow::Go)
}

fn own(ctx: &Context, words: &[String]) -> Result<(), Fault> {
    let arguments = std::iter::once("lbctl").chain(words.iter().map(String::as_str));
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Some(crate::cli::Command::Repl(_)), .. }) => Err(Fault::usage("this is the prompt already")),
        Ok(Cli { command: Some(crate::cli::Command::Exec(_)), .. }) => {
            Err(Fault::usage("exec reads standard input, which is here already"))
        }
        Ok(Cli { command: Some(command), globals }) => match commands::run_alone(&command, &globals) {
            Some(outcome) => outcome,
            None => commands::run(&command, &ctx.with(&globals, words)),
        },
        Ok(Cli { command: None, .. }) => Ok(()),
        Err(error) if error.use_stderr() => Err(Fault::usage(clap_message(&error))),
        Err(help) => {
            help.print()?;
            Ok(())
        }
    }
}

/// Clap's message without its own `error:`.
fn clap_message(error: &clap::Error) -> String {
    let text = error.render().to_string();
    text.strip_prefix("error: ").unwrap_or(&text).trim_end().to_owned()
}
