//! The prompt: lbctl's commands and the node's own, with completion from the node.

mod catalog;
mod helper;
mod hint;
mod history;
mod live;
mod meta;
mod paint;
mod redirect;
mod route;
mod session;

use std::cell::RefCell;
use std::rc::Rc;

use lb_client::gather_payload;
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;
use rustyline::{Config, Editor};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use helper::Helper;
use live::Live;
#[cfg(test)]
pub use route::split_words;
pub use route::{Route, route};
pub use session::{Flow, Session};

/// On a terminal: until `\q` or the end of input. A failing line is told and the prompt comes back.
///
/// # Errors
/// When no node can be reached at the start, or the terminal fails.
pub fn interactive(ctx: &Context) -> Result<(), Fault> {
    crate::interrupt::keep_back()?;
    let live = Rc::new(RefCell::new(Live::new(ctx)));
    live.borrow_mut().connect()?;
    let config = Config::builder().completion_type(rustyline::CompletionType::List).auto_add_history(false).build();
    let mut editor: Editor<Helper, FileHistory> = Editor::with_config(config).map_err(terminal)?;
    editor.set_helper(Some(Helper::new(Rc::clone(&live), ctx.out)));
    let history = history::path();
    if let Some(path) = &history {
        // A first session has no history yet.
        let _ = editor.load_history(path);
    }
    let mut session = Session::new(&Context { prompt: true, ..ctx.clone() });
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
                if lines(&mut session, &mut editor, &line) == Flow::Leave {
                    return Ok(());
                }
                live.borrow_mut().follow(&session.ctx);
            }
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(terminal(error)),
        }
    }
}

/// Runs what was typed: a paste holds several lines, and may hold a payload's beginning or all of it.
fn lines(session: &mut Session, editor: &mut Editor<Helper, FileHistory>, typed: &str) -> Flow {
    let mut pasted = typed.lines().map(str::to_owned);
    while let Some(first) = pasted.next() {
        let mut given_up = false;
        let text = gather_payload(&first, || {
            let next = pasted.next().or_else(|| payload_line(editor));
            given_up = next.is_none();
            next
        });
        if given_up {
            session.ctx.warn("the payload was given up", "nothing was sent; an empty line ends a payload");
            return Flow::Go;
        }
        if text.trim().is_empty() {
            continue;
        }
        // What came while nobody looked is for this line no more.
        drop(Interrupt::new());
        match session.run(&text) {
            Ok(Flow::Go) => {}
            Ok(Flow::Leave) => return Flow::Leave,
            Err(fault) => session.ctx.tell(&fault),
        }
    }
    Flow::Go
}

fn payload_line(editor: &mut Editor<Helper, FileHistory>) -> Option<String> {
    let plain = |editor: &mut Editor<Helper, FileHistory>, yes| {
        if let Some(helper) = editor.helper_mut() {
            helper.is_payload = yes;
        }
    };
    plain(editor, true);
    let line = editor.readline("+ ").ok();
    plain(editor, false);
    line
}

fn terminal(error: ReadlineError) -> Fault {
    Fault::new(Exit::Refused, format!("the terminal failed: {error}"))
}
