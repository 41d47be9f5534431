//! `\o` and `\g`: output that goes to a file or a program instead of the terminal.
//!
//! The process's own standard output is turned for the time of a line, so that whatever prints there follows.

use std::fs::File;
use std::io::{self, Write};
use std::process::{Child, Stdio};

use nix::unistd::{dup, dup2_stdout};

use crate::fault::Fault;
use crate::interrupt;
use crate::output::program;

/// Where output goes.
#[derive(Debug)]
pub enum Sink {
    /// A file.
    File(File),
    /// A program's standard input.
    Program(Child),
}

impl Sink {
    /// `FILE`, which is written anew, or `| PROGRAM`.
    ///
    /// # Errors
    /// When the file cannot be written or the program is not there.
    pub fn open(target: &str) -> Result<Self, Fault> {
        if let Some(line) = target.strip_prefix('|') {
            let line = line.trim();
            let missing = || Fault::usage(format!("there is no program '{line}'")).hint("show servers \\g | less");
            let mut command = program(line).ok_or_else(missing)?;
            return Ok(Self::Program(interrupt::spawn(command.stdin(Stdio::piped()))?));
        }
        let file = File::create(target).map_err(|e| Fault::usage(format!("{target}: {e}")))?;
        Ok(Self::File(file))
    }

    /// Does something whose standard output goes here.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub fn taking<T>(&self, work: impl FnOnce() -> T) -> Result<T, Fault> {
        io::stdout().flush()?;
        let terminal = dup(io::stdout()).map_err(io::Error::from)?;
        match self {
            Self::File(file) => dup2_stdout(file),
            Self::Program(child) => child.stdin.as_ref().map_or(Ok(()), dup2_stdout),
        }
        .map_err(io::Error::from)?;
        let done = work();
        // What a reader who has left does not take is lost, and no failure.
        let _ = io::stdout().flush();
        dup2_stdout(&terminal).map_err(io::Error::from)?;
        Ok(done)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Self::Program(child) = self {
            // Its end of file; it may have much to show still.
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}

/// A line and the target after its ` \g`, where it has one.
pub fn split(text: &str) -> (&str, Option<&str>) {
    // The lines of a payload are nobody's commands.
    if text.trim_end_matches(['\r', '\n']).contains('\n') {
        return (text, None);
    }
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in text.char_indices() {
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            ('\\', None) if before.is_whitespace() => {
                let (line, rest) = text.split_at(at);
                if let Some(target) = rest.strip_prefix("\\g")
                    && target.chars().next().is_none_or(|c| c.is_whitespace() || c == '|')
                {
                    return (line.trim(), Some(target.trim()));
                }
            }
            _ => {}
        }
        before = c;
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn targets_of_lines() {
        assert_eq!(split("show info"), ("show info", None));
        assert_eq!(split("show info \\g | less -S"), ("show info", Some("| less -S")));
        assert_eq!(split("show info \\g|less"), ("show info", Some("|less")));
        assert_eq!(split("show info \\g out.txt"), ("show info", Some("out.txt")));
        assert_eq!(split("\\g | less"), ("", Some("| less")));
        assert_eq!(split("\\g"), ("", Some("")));
        // An escaped blank or backslash of the node's language is none of it.
        assert_eq!(split("add map #0 a\\ b\\g c"), ("add map #0 a\\ b\\g c", None));
        assert_eq!(split("drain app/web1 -m 'see \\g here'"), ("drain app/web1 -m 'see \\g here'", None));
        assert_eq!(split("add map #0 <<\na \\g b\n\n"), ("add map #0 <<\na \\g b\n\n", None));
    }
}
