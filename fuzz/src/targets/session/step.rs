//! What is done to the program, one thing after the other, and its form in a saved file.

use anyhow::{Context, Result, bail};
use std::fmt::Write as _;

/// How many connections stay open between steps.
pub const PLACES: usize = 6;

/// One thing done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A connection of its own: all is sent, that side is ended, the answer is read to its end.
    Alone(Vec<u8>),
    /// Sent on a kept connection; what comes at once is read.
    Talk(usize, Vec<u8>),
    /// Sent on a kept connection whose answers nobody reads.
    Mute(usize, Vec<u8>),
    /// A kept connection is dropped, with whatever it was in the middle of.
    Leave(usize),
    /// Sent to the HTTP port.
    Traffic(Vec<u8>),
}

impl Step {
    /// The line of a saved file that stands for it: kind, place, bytes in hexadecimal.
    pub fn to_line(&self) -> String {
        let (kind, place, bytes): (_, _, &[u8]) = match self {
            Self::Alone(bytes) => ("alone", 0, bytes),
            Self::Talk(place, bytes) => ("talk", *place, bytes),
            Self::Mute(place, bytes) => ("mute", *place, bytes),
            Self::Leave(place) => ("leave", *place, &[]),
            Self::Traffic(bytes) => ("traffic", 0, bytes),
        };
        let mut line = format!("{kind} {place} ");
        for byte in bytes {
            // Writing to a string cannot fail.
            let _ = write!(line, "{byte:02x}");
        }
        line
    }

    /// The step that a line stands for.
    ///
    /// # Errors
    /// When it stands for none.
    pub fn of_line(line: &str) -> Result<Self> {
        let mut fields = line.split(' ');
        let kind = fields.next().unwrap_or_default();
        let place: usize = fields.next().context("no place")?.parse()?;
        let hex = fields.next().unwrap_or_default();
        let pairs = (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2).unwrap_or("?"));
        let bytes = pairs.map(|pair| u8::from_str_radix(pair, 16)).collect::<Result<Vec<u8>, _>>()?;
        let place = place % PLACES;
        Ok(match kind {
            "alone" => Self::Alone(bytes),
            "talk" => Self::Talk(place, bytes),
            "mute" => Self::Mute(place, bytes),
            "leave" => Self::Leave(place),
            "traffic" => Self::Traffic(bytes),
            other => bail!("no step {other}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_back() {
        let bytes = b"show info\n\xff\0".to_vec();
        let steps = [
            Step::Alone(bytes.clone()),
            Step::Talk(5, bytes.clone()),
            Step::Mute(0, Vec::new()),
            Step::Leave(3),
            Step::Traffic(bytes),
        ];
        for step in steps {
            assert_eq!(Step::of_line(&step.to_line()).unwrap(), step);
        }
        assert!(Step::of_line("talk 1 zz").is_err());
        assert!(Step::of_line("run 1 00").is_err());
    }
}
