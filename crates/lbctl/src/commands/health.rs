//! `lbctl health`.

use lb_client::{Act, HealthWish};

use super::TargetsFirst;
use crate::acting::Acting;
use crate::context::Context;
use crate::fault::Fault;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "The server's next checks overwrite a forced health; a tracking server follows the one it \
                        tracks.\n\nExample:\n  lbctl health app/web1 down")]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: TargetsFirst,
    /// The health to force
    #[arg(value_enum)]
    pub health: Health,
}

/// The healths there are.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum Health {
    /// Serving
    Up,
    /// Serving, asking for no new sessions
    Stopping,
    /// Not serving
    Down,
}

/// Runs it.
///
/// # Errors
/// When a server is not there, or its health is another afterwards.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let wish = match args.health {
        Health::Up => HealthWish::Up,
        Health::Stopping => HealthWish::Stopping,
        Health::Down => HealthWish::Down,
    };
    Acting::new("Force the health of", &args.targets.selection()).apply(ctx, &Act::Health(wish))
}
