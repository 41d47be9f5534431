//! The `traces` section: `trace` lines with the words of the command of that name, which the engine understands.

use crate::line::{Done, Line, fault};
use crate::model::Place;
use crate::suggest::did_you_mean;

/// A line of the section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceLine {
    /// What follows the word `trace`.
    pub words: Vec<String>,
    /// Where it stands.
    pub place: Place,
}

/// Reads a line.
pub(crate) fn line(lines: &mut Vec<TraceLine>, line: &Line) -> Done {
    match line.word(0) {
        "trace" => {
            line.need(1, "'trace' expects a source, as the command 'trace' of the Runtime API does.")?;
            lines.push(TraceLine {
                words: line.from(1).iter().map(|word| (*word).to_owned()).collect(),
                place: line.place(),
            });
            Ok(())
        }
        other => {
            let near = did_you_mean(other, ["trace"]);
            Err(fault(0, format!("unknown keyword '{other}' in 'traces' section{near}")))
        }
    }
}
