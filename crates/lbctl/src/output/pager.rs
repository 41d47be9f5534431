//! Long output goes through a pager when a person sits at a terminal.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::fault::Fault;
use crate::interrupt::{self, Interrupt};

/// Writes a text to the terminal, through a pager when it is longer than the screen: `$LBCTL_PAGER`, else
/// `$PAGER`, else `less`; an empty one or `cat` is none.
///
/// # Errors
/// When the terminal cannot be written to.
pub fn page(text: &[u8]) -> Result<(), Fault> {
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let rows = screen_rows();
    if rows > 0 && lines >= rows && through(&wanted(), text) {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(())
}

fn wanted() -> String {
    let set = |name: &str| std::env::var(name).ok();
    set("LBCTL_PAGER").or_else(|| set("PAGER")).unwrap_or_else(|| "less".to_owned())
}

/// The screen's height; 0 where it is not known.
fn screen_rows() -> usize {
    ratatui::crossterm::terminal::size().map_or(0, |(_, rows)| rows.into())
}

/// Gives a text to a program's standard input and waits for its end; gives whether the program was there.
fn through(line: &str, text: &[u8]) -> bool {
    if matches!(line.trim(), "" | "cat") {
        return false;
    }
    // A program that is not there must not swallow the output.
    let Some(mut command) = program(line) else { return false };
    let Ok(mut child) = interrupt::spawn(command.stdin(Stdio::piped())) else { return false };
    // Ctrl-C is the pager's to take.
    let _held = Interrupt::new();
    if let Some(mut stdin) = child.stdin.take() {
        // A reader who has seen enough ends it; that is no failure.
        let _ = stdin.write_all(text);
    }
    child.wait().is_ok()
}

/// A shell that runs a line, whose words may be quoted or piped on; nothing when its first word is no program.
pub fn program(line: &str) -> Option<Command> {
    let first = line.split_whitespace().next()?;
    let there = Command::new("sh").args(["-c", "command -v -- \"$0\" >/dev/null", first]).status();
    if !there.is_ok_and(|status| status.success()) {
        return None;
    }
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    if std::env::var_os("LESS").is_none() {
        // Colours as they are, wide lines unbroken, and no pager where the screen suffices after all.
        command.env("LESS", "FRSX");
    }
    Some(command)
}
