//! The command line: one option table, a small parser in HAProxy's manner, the usage text and the
//! version text. Nothing here acts on an option.

mod man;
mod parse;
mod table;
mod usage;
mod version;

pub use man::manual_page;
pub use parse::{Action, Args, Master, OldProcesses, UsageError, parse};
pub use usage::usage;
pub use version::{VersionText, version};
