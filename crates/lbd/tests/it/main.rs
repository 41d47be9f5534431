//! The built program, run as operators, init scripts and supervisors run it.

#![expect(clippy::unwrap_used, reason = "a test's failure is a panic")]

mod command_line;
mod confined;
mod master_cli;
mod processes;
mod support;
