//! The commands about the connection itself: mode, level, severities, help.

use lb_model::{Level, TimeUnit, parse_time};

use crate::anon::Anon;
use crate::help::help;
use crate::reply::{Reply, SeverityOutput};
use crate::session::{Context, Mode};
use crate::table::{Command, CommandId};

/// Answers a command about the connection; `None` for any other.
pub(crate) fn answer(command: &Command, words: &[String], context: &mut Context) -> Option<Reply> {
    let args = words.get(command.word_count()..).unwrap_or_default();
    let reply = match command.id {
        CommandId::Help => Reply::info(help(args, context.compat)),
        CommandId::Prompt => prompt(args, context),
        CommandId::Quit => {
            context.quit = true;
            Reply::Silent
        }
        CommandId::User => lower(Level::User, args, context),
        CommandId::Operator => lower(Level::Operator, args, context),
        CommandId::Echo => Reply::info(args.join(" ")),
        CommandId::ShowCliLevel => Reply::info(context.level.as_str()),
        CommandId::SetSeverityOutput => set_severity_output(args, context),
        CommandId::SetTimeout => set_timeout(args, context),
        CommandId::SetAnonOff => {
            context.anon = Anon::OFF;
            Reply::Empty
        }
        CommandId::ShowAnon => show_anon(context),
        CommandId::ExpertMode => switch(command, args, &mut context.expert),
        CommandId::ExperimentalMode => switch(command, args, &mut context.experimental),
        _ => return None,
    };
    Some(reply)
}

const PROMPT_USAGE: &str = "\
Usage: prompt [help | n | i | p | timed]*
Chooses whether this connection stays open and whether it prompts:
  help    show this text
  n       run the commands of one line, then close
  i       stay open without prompting
  p       stay open and prompt
  timed   show the uptime in the prompt, or stop doing so
Without a word: from n or i to p, from p to n.
";

fn prompt(args: &[String], context: &mut Context) -> Reply {
    let (mut mode, mut timed) = (context.mode, context.timed);
    if args.is_empty() {
        mode = if mode == Mode::Prompt { Mode::Single } else { Mode::Prompt };
    }
    for arg in args {
        match arg.as_str() {
            "n" => mode = Mode::Single,
            "i" => mode = Mode::Interactive,
            "p" => mode = Mode::Prompt,
            // Observed: this turns the prompt on, too.
            "timed" => {
                timed = !timed;
                mode = Mode::Prompt;
            }
            _ => return Reply::info(PROMPT_USAGE),
        }
    }
    (context.mode, context.timed) = (mode, timed);
    Reply::Empty
}

/// Lowers the level. Observed: a `-` asks for no answer at all.
fn lower(level: Level, args: &[String], context: &mut Context) -> Reply {
    context.level = level;
    done(args)
}

fn done(args: &[String]) -> Reply {
    if args.last().is_some_and(|arg| arg == "-") { Reply::Silent } else { Reply::Empty }
}

fn set_severity_output(args: &[String], context: &mut Context) -> Reply {
    match args.first().and_then(|word| SeverityOutput::parse(word)) {
        Some(severities) => {
            context.severities = severities;
            Reply::Empty
        }
        None => Reply::err("one of 'none', 'number', 'string' is a required argument"),
    }
}

fn set_timeout(args: &[String], context: &mut Context) -> Reply {
    if args.first().is_none_or(|word| word != "cli") {
        return Reply::err("'set timeout' only supports 'cli'.");
    }
    let Some(delay) = args.get(1) else { return Reply::err("Expects an integer value.") };
    match parse_time(delay, TimeUnit::Secs) {
        Ok(timeout) if !timeout.is_zero() => {
            context.idle_timeout = Some(timeout);
            Reply::Empty
        }
        _ => Reply::err("Invalid timeout value."),
    }
}

/// The key would undo the anonymity: it is told above the lowest level only.
fn show_anon(context: &Context) -> Reply {
    match context.anon.key() {
        None => Reply::info("Anonymized mode disabled"),
        Some(key) if context.level > Level::User => Reply::info(format!("Anonymized mode enabled\nKey : {key}")),
        Some(_) => Reply::info("Anonymized mode enabled"),
    }
}

/// Shows or changes a switch. Observed: any word but `on` switches off.
fn switch(command: &Command, args: &[String], state: &mut bool) -> Reply {
    let Some(word) = args.first().filter(|word| *word != "-") else {
        return Reply::info(format!("{} is {}", command.words, if *state { "ON" } else { "OFF" }));
    };
    *state = word == "on";
    done(args)
}
