//! `lbctl snapshot`: the state of all nodes as one JSON document.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::journal::{now, utc};
use crate::picture::{Extra, Picture, of_node};
use crate::store;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "'lbctl diff A.json B.json' compares two, 'lbctl diff A.json' one with what is now. A file \
                        appears whole or not at all.\n\nExamples:\n  lbctl snapshot > before.json\n  lbctl snapshot \
                        before.json --with maps --with tables")]
pub struct Args {
    /// Where to write; standard output without, and for -
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// With these as well (repeatable)
    #[arg(long = "with", value_enum, value_name = "WHAT")]
    extras: Vec<Extra>,
}

/// The form that [`Snapshot::read`] understands.
const FORM: u32 = 1;

/// The document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    form: u32,
    /// When it was taken.
    pub taken: String,
    /// The nodes, in the context's order.
    pub nodes: Vec<Picture>,
}

impl Snapshot {
    /// Reads a document.
    ///
    /// # Errors
    /// When the file cannot be read or is none.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let failed = |what: String| {
            Fault::usage(format!("{}: {what}", path.display())).hint("'lbctl snapshot FILE' writes what is read here")
        };
        let text = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
        let snapshot: Self = serde_json::from_slice(&text).map_err(|e| failed(format!("this is no snapshot: {e}")))?;
        match snapshot.form {
            FORM => Ok(snapshot),
            other => Err(failed(format!("its form is {other}, and this lbctl reads form {FORM}"))),
        }
    }
}

/// Runs it.
///
/// # Errors
/// When a node cannot be asked, after which nothing is written: half a snapshot would be taken for a whole.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let mut nodes = Vec::new();
    for (one, outcome) in fan::each(ctx, |one| of_node(one, &args.extras)) {
        match outcome {
            Ok(picture) => nodes.push(picture),
            Err(fault) => {
                let message = format!("{}{}; nothing was written", one.prefix(), fault.message);
                return Err(Fault { message, ..fault });
            }
        }
    }
    let snapshot = Snapshot { form: FORM, taken: utc(now()), nodes };
    let mut text = serde_json::to_string_pretty(&snapshot)?;
    text.push('\n');
    match args.file.as_deref().filter(|file| *file != Path::new("-")) {
        None => Ok(std::io::stdout().lock().write_all(text.as_bytes())?),
        Some(file) => store::replace(file, text.as_bytes())
            .map_err(|e| Fault::new(Exit::Refused, format!("{}: {e}", file.display())).hint("nothing was written")),
    }
}
