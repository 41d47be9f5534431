//! `lbctl weight`.

use lb_client::Act;
use lb_model::ParsedWeight;

use super::TargetsFirst;
use crate::acting::Acting;
use crate::context::Context;
use crate::fault::Fault;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Backends with a static algorithm take only 0% and 100%. A server of weight 0 shows UP and \
                        gets no new clients.\n\nExamples:\n  lbctl weight app/web1 50%\n  lbctl weight app/web1 app/web2 10")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: TargetsFirst,
    /// 0 to 256, or a percentage of the configured weight
    #[arg(value_parser = weight, allow_hyphen_values = true)]
    pub weight: ParsedWeight,
}

/// The engine's own sentences are for its wire; a person is told what to write, above all when the
/// weight was forgotten and the last target was read for one.
fn weight(text: &str) -> Result<ParsedWeight, &'static str> {
    ParsedWeight::parse(text)
        .map_err(|_| "a weight is a whole number from 0 to 256, or a percentage of the configured one such as 50%")
}

/// Runs it.
///
/// # Errors
/// When a server is not there, or has another weight afterwards.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    Acting::new("Change the weight of", &args.targets.selection()).apply(ctx, &Act::Weight(args.weight))
}
