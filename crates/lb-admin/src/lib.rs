//! The Runtime API, both ends, as pure code.
//!
//! * [`COMMANDS`] is the table everything comes from; a new command is a new row.
//! * [`Session`] is one connection to an admin socket: it cuts input into commands, checks levels,
//!   answers what concerns only the connection, and hands out the rest as [`Request`]s.
//! * [`compat`] says how the table stands to HAProxy's commands.
//! * [`complete()`] and [`suggestions`] help people type; [`CommandLine`] writes lines for programs.
//!
//! Nothing here opens a socket, reads a clock, or knows what a server is.

mod anon;
mod arg;
pub mod compat;
mod complete;
mod grammar;
mod help;
mod line;
mod local;
mod reply;
mod request;
mod selector;
mod session;
mod suggest;
mod table;

pub use anon::Anon;
pub use arg::{Arg, Keyed, Name};
pub use complete::{Completion, Names, complete};
pub use grammar::{MAX_PATTERN, RawCommand, escape, split_line};
pub use help::{help, suggestions, unknown};
pub use line::{CommandLine, LineError, chain};
pub use reply::{Reply, SeverityOutput, text};
pub use request::Request;
pub use selector::{Selector, SelectorError};
pub use session::{Session, Settings, Step};
pub use suggest::suggest;
pub use table::{COMMANDS, Command, CommandId, Help, Since, find, find_for};
