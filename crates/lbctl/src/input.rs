//! Lines of standard input, none of which is lost in silence.

use std::io::{self, BufRead};

use crate::fault::Fault;

/// Standard input, line by line.
pub struct Input {
    lines: io::Lines<io::StdinLock<'static>>,
    broken: Option<io::Error>,
}

impl Input {
    /// Standard input.
    pub fn stdin() -> Self {
        Self { lines: io::stdin().lock().lines(), broken: None }
    }

    /// The next line; nothing at the end, and after a line that could not be read.
    pub fn next_line(&mut self) -> Option<String> {
        match self.lines.next()? {
            Ok(line) => Some(line),
            Err(error) => {
                self.broken = Some(error);
                None
            }
        }
    }

    /// Whether everything was read.
    ///
    /// # Errors
    /// When a line could not be read, such as one that is not UTF-8: it and what follows were not sent.
    pub fn finish(self) -> Result<(), Fault> {
        match self.broken {
            None => Ok(()),
            Some(error) => {
                Err(Fault::usage(format!("standard input: {error}")).hint("this line and those after it were not sent"))
            }
        }
    }
}
