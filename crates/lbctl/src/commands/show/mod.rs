//! `lbctl show`: one file for each thing that is shown.

mod backends;
mod errors;
mod frontends;
mod info;
mod servers;
mod sessions;
mod stat;

use clap::Subcommand;

use crate::context::Context;
use crate::fan;
use crate::fault::Fault;
use crate::target::{Target, TargetError, glob};

/// What to show.
#[derive(Debug, Subcommand)]
pub enum Show {
    /// Servers: status, weight, sessions, checks
    Servers(servers::Args),
    /// Backends: status, servers up, sessions, queue
    Backends(Names),
    /// Frontends: status, sessions, rates
    Frontends(Names),
    /// Every statistics column
    Stat(stat::Args),
    /// The process
    Info(Names),
    /// Sessions, and which server each holds (operator level)
    Sessions(sessions::Args),
    /// The last invalid requests and responses, as the node tells them (operator level)
    Errors,
}

/// Names to show, all without any.
#[derive(Debug, clap::Args)]
pub struct Names {
    /// Names, with * and ?
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
}

impl Names {
    /// Whether a name is asked for.
    fn want(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|pattern| glob(pattern, name))
    }

    /// Fails when a pattern has matched nothing.
    fn check(&self, what: &str, found: &[String]) -> Result<(), Fault> {
        let missing = self.names.iter().find(|pattern| !found.iter().any(|name| glob(pattern, name)));
        match missing {
            None => Ok(()),
            Some(name) => {
                let list = format!("'lbctl show {what}s -o name' lists what there is");
                Err(Fault::new(crate::exit::Exit::NotFound, format!("no {what} is named '{name}'")).hint(list))
            }
        }
    }
}

/// A target, or a backend alone.
fn loose(text: &str) -> Result<Target, TargetError> {
    Target::parse_loose(text)
}

/// Runs it.
///
/// # Errors
/// That of the exchange, or when something asked for is not there.
pub fn run(what: &Show, ctx: &Context) -> Result<(), Fault> {
    match what {
        Show::Servers(args) => fan::show(ctx, |one| servers::sheet(args, one)),
        Show::Backends(names) => fan::show(ctx, |one| backends::sheet(names, one)),
        Show::Frontends(names) => fan::show(ctx, |one| frontends::sheet(names, one)),
        Show::Stat(args) => fan::show(ctx, |one| stat::sheet(args, one)),
        Show::Info(names) => fan::show(ctx, |one| info::sheet(names, one)),
        Show::Sessions(args) => fan::show(ctx, |one| sessions::sheet(args, one)),
        Show::Errors => errors::run(ctx),
    }
}
