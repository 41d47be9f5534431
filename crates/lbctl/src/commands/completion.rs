//! `lbctl completion`.

use std::io::{self, Write};

use crate::fault::Fault;
use crate::generate;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "The script asks lbctl itself for candidates, so that names of backends and servers come from \
                        the node.\n\nExamples:\n  source <(lbctl completion bash)\n  lbctl completion fish > \
                        ~/.config/fish/completions/lbctl.fish")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    pub shell: generate::Shell,
}

/// Runs it.
///
/// # Errors
/// When it cannot be written.
pub fn run(args: &Args) -> Result<(), Fault> {
    io::stdout().lock().write_all(&generate::completion_script(args.shell)?)?;
    Ok(())
}
