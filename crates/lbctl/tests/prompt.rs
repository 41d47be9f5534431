//! What a person at a terminal sees, driven through pseudo-terminals.
#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::panic, reason = "a test may panic")]

#[expect(dead_code, reason = "the other suites use the rest")]
#[macro_use]
mod support;

#[path = "prompt/pty.rs"]
mod pty;

#[path = "prompt/lines.rs"]
mod lines;
#[path = "prompt/meta.rs"]
mod meta;
#[path = "prompt/objects.rs"]
mod objects;
#[path = "prompt/screens.rs"]
mod screens;
#[path = "prompt/shells.rs"]
mod shells;
#[path = "prompt/top.rs"]
mod top;
