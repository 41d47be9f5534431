//! What lasts from one line to the next, at the prompt and in a script: the nodes, where output goes, how it looks.

use std::io::{self, Write};
use std::time::Instant;

use clap::Parser;

use super::meta;
use super::redirect::{Sink, split};
use super::route::{Route, route};
use crate::cli::{Cli, Command};
use crate::commands;
use crate::context::Context;
use crate::fault::Fault;
use crate::output::Palette;

/// Whether to go on after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// On.
    Go,
    /// Out.
    Leave,
}

/// The state of a prompt or a script.
pub struct Session {
    /// The nodes, and how to print.
    pub ctx: Context,
    /// Where output goes instead.
    pub sink: Option<Sink>,
    /// Whether each line's time is told.
    pub timing: bool,
    /// The last line that was no backslash command.
    last: Option<String>,
}

impl Session {
    /// Begins one.
    pub fn new(ctx: &Context) -> Self {
        Self { ctx: ctx.clone(), sink: None, timing: false, last: None }
    }

    /// Runs one line of either language, or a backslash command.
    ///
    /// # Errors
    /// The line's own.
    pub fn run(&mut self, text: &str) -> Result<Flow, Fault> {
        let (line, target) = split(text);
        let began = Instant::now();
        let outcome = match target {
            None => self.line(line),
            Some(target) => self.into(line, target),
        };
        if self.timing && !matches!(outcome, Ok(Flow::Leave)) {
            writeln!(io::stdout().lock(), "time: {:.1} ms", began.elapsed().as_secs_f64() * 1000.0)?;
        }
        outcome
    }

    /// `LINE \g TARGET`: this answer goes there. Without a line the last one is run again, for its answer only.
    fn into(&mut self, line: &str, target: &str) -> Result<Flow, Fault> {
        let again = line.is_empty();
        let last = if again { self.last.clone() } else { None };
        let line = match (again, &last) {
            (false, _) => line,
            (true, Some(last)) => last.as_str(),
            (true, None) => return Err(Fault::usage("no line was run before").hint("show servers \\g | less")),
        };
        let sink = if target.is_empty() { None } else { Some(Sink::open(target)?) };
        let former = (self.ctx.clone(), sink.map(|sink| self.sink.replace(sink)));
        if again {
            self.ctx = self.ctx.read_only();
        }
        let outcome = self.line(line);
        let (ctx, sink) = former;
        if again {
            self.ctx = ctx;
        }
        if let Some(sink) = sink {
            // The program has its end of file, and is waited for.
            self.sink = sink;
        }
        outcome
    }

    fn line(&mut self, text: &str) -> Result<Flow, Fault> {
        match route(text) {
            Route::Leave => return Ok(Flow::Leave),
            Route::Meta(words) if !meta::prints(&words) => {
                meta::run(self, &words)?;
                return Ok(Flow::Go);
            }
            Route::Meta(_) => {}
            _ => self.last = Some(text.to_owned()),
        }
        let Some(sink) = self.sink.take() else {
            return self.execute(text).map(|()| Flow::Go);
        };
        let elsewhere =
            Context { terminal: false, out: Palette::detect(false, self.ctx.globals.no_color), ..self.ctx.clone() };
        let here = std::mem::replace(&mut self.ctx, elsewhere);
        let outcome = sink.taking(|| self.execute(text));
        self.ctx = here;
        self.sink = Some(sink);
        match outcome? {
            // Whoever reads has seen enough.
            Err(fault) if fault.exit == crate::exit::Exit::Done => Ok(Flow::Go),
            other => other.map(|()| Flow::Go),
        }
    }

    /// Runs a line that prints something to wherever standard output leads.
    ///
    /// # Errors
    /// The line's own.
    pub fn execute(&mut self, text: &str) -> Result<(), Fault> {
        match route(text) {
            Route::Leave => Ok(()),
            Route::Meta(words) => meta::run(self, &words),
            Route::Node => commands::raw::send(&self.ctx, text),
            Route::Own(words) => own(&self.ctx, &words),
        }
    }
}

fn own(ctx: &Context, words: &[String]) -> Result<(), Fault> {
    let arguments = std::iter::once("lbctl").chain(words.iter().map(String::as_str));
    match Cli::try_parse_from(arguments) {
        Ok(Cli { command: Some(Command::Repl(_)), .. }) => Err(Fault::usage("this is the prompt already")),
        Ok(Cli { command: Some(Command::Exec(_)), .. }) => {
            Err(Fault::usage("exec reads standard input, which is here already"))
        }
        Ok(Cli { command: Some(command), mut globals }) => {
            // What finds its nodes by itself is told how the prompt is set.
            globals.output.get_or_insert(ctx.format);
            globals.read_only |= ctx.client.is_read_only();
            match commands::run_alone(&command, &globals) {
                Some(outcome) => outcome,
                None => commands::run(&command, &ctx.with(&globals, words)?),
            }
        }
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
