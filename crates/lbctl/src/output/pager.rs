//! Long output goes through a pager when a person sits at a terminal.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::fault::Fault;

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
pub fn through(program: &str, text: &[u8]) -> bool {
    if matches!(program.trim(), "" | "cat") {
        return false;
    }
    // The words may be quoted or piped on, so a shell reads them.
    let mut command = Command::new("sh");
    command.args(["-c", program]).stdin(Stdio::piped());
    if std::env::var_os("LESS").is_none() {
        // Colours as they are, wide lines unbroken, and no pager where the screen suffices after all.
        command.env("LESS", "FRSX");
    }
    // A program that is not there must not swallow the output.
    let first = program.split_whitespace().next().unwrap_or("");
    let there = Command::new("sh").args(["-c", "command -v -- \"$0\" >/dev/null", first]).status();
    if !there.is_ok_and(|status| status.success()) {
        return false;
    }
    let Ok(mut child) = command.spawn() else { return false };
    if let Some(mut stdin) = child.stdin.take() {
        // A reader who has seen enough ends it; that is no failure.
        let _ = stdin.write_all(text);
    }
    child.wait().is_ok()
}
