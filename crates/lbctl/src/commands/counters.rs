//! `lbctl counters`.

use lb_client::Line;

use crate::context::Context;
use crate::fault::Fault;
use crate::lines::{Told, on_nodes, send};

/// What to do with counters.
#[derive(Debug, Clone, clap::Subcommand)]
#[command(after_help = "Example:\n  lbctl counters clear")]
pub enum What {
    /// Set the maxima of the statistics to zero
    #[command(after_help = "Examples:\n  lbctl counters clear\n  lbctl counters clear --all")]
    Clear {
        /// Every counter, not the maxima alone
        #[arg(long)]
        all: bool,
    },
}

/// Runs it.
///
/// # Errors
/// When the node refuses.
pub fn run(what: &What, ctx: &Context) -> Result<(), Fault> {
    let What::Clear { all } = what;
    let (words, state): (&[&str], _) =
        if *all { (&["clear", "counters", "all"], "all cleared") } else { (&["clear", "counters"], "maxima cleared") };
    on_nodes(ctx, |one, report| {
        let line = Line::words(words).map_err(lb_client::Error::from)?;
        let told = Told { object: "counters", action: "clear", plan: "clear them", state };
        send(one, report, &line, &told).map(drop)
    })
}
