//! `haproxy.cfg`: text to a checked configuration, with positions.
//!
//! [`parse`] takes the texts of all `-f` files and yields a [`model::Config`], or every fault it found,
//! each with its place. It never stops at the first one. The crate never reads files by itself and knows
//! nothing of the engine: what the outside world must answer is asked of a [`Host`].
//!
//! The way of a line: `lexer` cuts it into words, `reader` obeys `.if` and finds the section, the
//! section looks the first word up in its keyword table, the row's handler reads the rest. When all is
//! read, `finish` resolves names and checks what only shows in the whole.

mod address;
mod balance;
mod bind;
mod captures;
mod checks;
mod compression;
mod condition;
mod cx;
mod diagnostic;
pub mod dynamic;
mod errors;
mod finish;
mod finish_tables;
mod forwarding;
mod global;
pub mod guid;
mod keywords;
mod lexer;
mod line;
mod log;
mod log_format;
mod log_profile;
mod mailers;
pub mod model;
mod monitor;
mod options;
mod peers;
mod process;
mod proxy;
mod reader;
mod resolvers;
mod retry_on;
mod ring;
mod rules;
mod runtime;
mod server;
mod socket;
mod state;
mod stats_page;
mod suggest;
mod table;
#[cfg(test)]
mod tests;
mod tls;
mod traces;
mod users;

pub use condition::{COMPATIBLE_VERSION, ConditionError, FEATURES};
pub use diagnostic::{Diagnostic, Severity, render};
pub use finish::tuning_notice;

use std::io;
use std::net::IpAddr;
use std::path::Path;

/// A file of the configuration.
#[derive(Debug, Clone)]
pub struct Source {
    /// As given on the command line; messages use it.
    pub name: String,
    /// Its contents.
    pub text: Vec<u8>,
}

/// What parsing asks of the outside world.
pub trait Host {
    /// An environment variable.
    fn env(&self, name: &str) -> Option<String>;
    /// The first address of a host name.
    fn resolve(&self, name: &str) -> Option<IpAddr>;
    /// A user's numeric id.
    fn user_id(&self, name: &str) -> Option<u32>;
    /// A group's numeric id.
    fn group_id(&self, name: &str) -> Option<u32>;
    /// A file named by the configuration: an error page, patterns of an ACL.
    ///
    /// # Errors
    /// The system's, when the file cannot be read.
    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names of the files in a directory, in any order.
    ///
    /// # Errors
    /// The system's, also when it is no directory.
    fn list_dir(&self, path: &Path) -> io::Result<Vec<String>> {
        let _ = path;
        Err(io::ErrorKind::NotADirectory.into())
    }
    /// The machine's name.
    fn hostname(&self) -> String;
}

/// What a parse yields.
#[derive(Debug)]
pub struct Outcome {
    /// The configuration; `None` when a diagnostic is an alert.
    pub config: Option<model::Config>,
    /// All findings, in the order of the lines, those about the whole last.
    pub diagnostics: Vec<Diagnostic>,
}

/// The last line when a configuration is refused (`-c` or a start).
pub const FATAL_ERRORS: &str = "Fatal errors found in configuration.";
/// The line before it, for each file with a fault: the file's name follows.
pub const ERRORS_IN_FILE: &str = "Error(s) found in configuration file : ";
/// What `-c` says of a good configuration.
pub const VALID: &str = "Configuration file is valid";
/// What `-c -V` says before [`VALID`] when there were warnings.
pub const WARNINGS_FOUND: &str = "Warnings were found.";
/// Why a start is refused when nothing listens.
pub const NO_LISTENER: &str = "No enabled listener found (check for 'bind' directives) ! Exiting.";
/// Why a start is refused with `-dW` or `zero-warning`.
pub const ZERO_WARNING: &str = "Some warnings were found and 'zero-warning' is set. Aborting.";

/// Reads a whole configuration. Several sources are read one after the other as `-f a -f b` asks; each
/// must begin with a section.
pub fn parse(sources: &[Source], host: &dyn Host) -> Outcome {
    let mut reader = reader::Reader::new(host);
    for source in sources {
        reader.read(source);
    }
    reader.finish()
}

/// Reads as much of a configuration as can be read: for those who compare, never for those who serve. What the
/// findings of severity [`Severity::Alert`] are about is missing from it or as if it had not been said.
pub fn parse_partly(sources: &[Source], host: &dyn Host) -> (model::Config, Vec<Diagnostic>) {
    let mut reader = reader::Reader::new(host);
    for source in sources {
        reader.read(source);
    }
    reader.finish_partly()
}

/// Evaluates a condition as `-cc` and `.if` do: words are unquoted, variables replaced.
///
/// # Errors
/// [`ConditionError`] when the text cannot be cut into words or is no condition.
pub fn eval_condition(expression: &str, host: &dyn Host) -> Result<bool, ConditionError> {
    let cx = cx::Cx::new(host);
    let words = lexer::tokenize(expression.as_bytes(), &|name| cx.env(name)).map_err(|e| ConditionError {
        offset: e.at,
        message: e.message.to_owned(),
        help: e.help.map(str::to_owned),
    })?;
    let words: Vec<&str> = words.iter().map(|w| w.text.as_str()).collect();
    condition::evaluate(&words.join(" "), &|name| cx.env(name).is_some())
}
