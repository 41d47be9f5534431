//! `lbd`, a load balancer that reads `haproxy.cfg` and starts, reloads and stops as HAProxy does.
//!
//! This program is the command line and the process model: arguments, files and environment for the
//! parser, master and worker, signals, privileges. It knows no protocol; `lb-engine` serves.
//!
//! The binary is [`main`]; [`manual_page`] is made from the same option table as the usage text.

mod cli;
mod config;
mod daemon;
mod engine;
mod master;
mod notify;
mod old;
mod pidfile;
mod privileges;
mod report;
mod serve;
mod signals;
mod successor;
mod sys;

pub use cli::manual_page;

use cli::{Action, Master, UsageError, VersionText};
use report::Report;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// Runs the program on the process's arguments.
pub fn main() -> ExitCode {
    let report = Report::default();
    let words: Vec<String> = match std::env::args_os().skip(1).map(OsString::into_string).collect() {
        Ok(words) => words,
        Err(word) => {
            report.alert(&format!("The command line holds a word that is not valid UTF-8: '{}'.", word.display()));
            return ExitCode::FAILURE;
        }
    };
    match cli::parse(&words) {
        Err(error) => refuse(&error, &report),
        Ok(Action::Version(text)) => print(&cli::version(text)),
        Ok(Action::Condition(text)) => config::condition(&text, &report),
        Ok(Action::Check(args)) => config::check(&args, &report),
        Ok(Action::Start(args)) if args.master == Master::None => serve::run(&args, report, serve::Place::Alone),
        Ok(Action::Start(args)) => master::run(args, report),
    }
}

/// A broken pipe is no failure: the reader has seen enough.
fn print(text: &str) -> ExitCode {
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn refuse(error: &UsageError, report: &Report) -> ExitCode {
    if let Some(message) = &error.message {
        report.alert(message);
    }
    if error.show_usage {
        print(&cli::version(VersionText::Short));
        let _ = std::io::stderr().write_all(cli::usage().as_bytes());
    }
    ExitCode::FAILURE
}
