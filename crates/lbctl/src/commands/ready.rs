//! `lbctl ready`.

use std::time::Duration;

use lb_client::{Act, Acted, AdminWish, Client, ServerState};

use super::Targets;
use super::wait::wait_and_tell;
use crate::acting::Acting;
use crate::apply::{Report, apply, brought_back};
use crate::cli::duration;
use crate::condition::Condition;
use crate::context::Context;
use crate::fault::Fault;
use crate::ramp::{Ramp, Share, ramp};
use crate::target::Target;
use crate::waiting::Goal;

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "A server that leaves maintenance serves at once, before any check has run: --checked brings it \
                        back down, and its checks bring it up; --wait tells when.\n\nExamples:\n  lbctl ready app/web1\n  \
                        lbctl ready 'app/*' --checked --wait 30s\n  lbctl ready app/web1 --ramp 10%,50%,100% --every 30s \
                        --abort-if '5xx>1%'"
)]
pub struct Args {
    /// Which servers.
    #[command(flatten)]
    pub targets: Targets,
    /// Serve only once the checks have passed
    #[arg(long)]
    pub checked: bool,
    /// Wait until the checks have passed, for TIME at most
    #[arg(long, value_name = "TIME", num_args = 0..=1, default_missing_value = "")]
    pub wait: Option<Wait>,
    /// Longest time to wait (implies --wait); for ever without
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub deadline: Option<Duration>,
    /// Bring the weight up in steps, each a percentage of the configured one
    #[arg(long, value_delimiter = ',', value_name = "%,%…")]
    pub ramp: Vec<Share>,
    /// Time between the steps
    #[arg(long, value_parser = duration, value_name = "TIME", default_value = "30s", requires = "ramp")]
    pub every: Duration,
    /// Put the server back to what it was when this holds between two steps, such as '5xx>1%'
    #[arg(long, value_name = "CONDITION", requires = "ramp")]
    pub abort_if: Option<Condition>,
}

/// What follows `--wait`: a time, or what was meant as the first target.
#[derive(Debug, Clone)]
pub enum Wait {
    /// For ever.
    Ever,
    /// A time.
    Time(Duration),
    /// `--wait app/web1`.
    Target(Target),
}

impl std::str::FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::Ever);
        }
        match duration(text) {
            Ok(time) => Ok(Self::Time(time)),
            Err(_) if text.contains('/') => text.parse().map(Self::Target).map_err(|e| format!("{e}")),
            Err(error) => Err(error),
        }
    }
}

impl Args {
    fn deadline(&self) -> Option<Duration> {
        match self.wait {
            Some(Wait::Time(time)) => Some(self.deadline.map_or(time, |d| d.min(time))),
            _ => self.deadline,
        }
    }
}

/// Runs it.
///
/// # Errors
/// When a server is not there, is not ready afterwards, or is not up in time.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let selection = match &args.wait {
        Some(Wait::Target(target)) => args.targets.with(std::slice::from_ref(target))?,
        _ => args.targets.selection()?,
    };
    Acting::new("Bring back", &selection).run(ctx, |one, servers, report| ready(args, one, servers, report))
}

fn ready(args: &Args, ctx: &Context, servers: &[ServerState], report: &mut Report) -> Result<(), Fault> {
    let steps = Ramp { steps: &args.ramp, every: args.every, abort_if: args.abort_if.as_ref() };
    if !args.ramp.is_empty() {
        steps.begin(ctx, report, servers)?;
    }
    let back = bring_back(args.checked, ctx, servers, report)?;
    if ctx.dry_run.is_some() {
        return Ok(());
    }
    if args.wait.is_some() || args.deadline.is_some() || (args.checked && !args.ramp.is_empty()) {
        wait_and_tell(ctx, report, &Goal::Up, &back, args.deadline())?;
    }
    if args.ramp.is_empty() { Ok(()) } else { ramp(ctx, report, servers, &back, &steps) }
}

/// Brings servers back, down first when their checks are to decide.
///
/// # Errors
/// When standard output cannot be written.
pub fn bring_back(
    checked: bool,
    ctx: &Context,
    servers: &[ServerState],
    report: &mut Report,
) -> Result<Vec<ServerState>, Fault> {
    let act = Act::State(AdminWish::Ready);
    if !checked {
        return apply(ctx, report, &act, servers);
    }
    let mut back = Vec::new();
    for server in servers {
        // In maintenance a check is configured and paused; without any, health down would last for ever.
        if !server.has_check {
            ctx.warn(
                &format!("{} has no check: it serves at once", server.name),
                "'check' on its server line lets --checked wait for one",
            );
            back.extend(apply(ctx, report, &act, std::slice::from_ref(server))?);
            continue;
        }
        if ctx.dry_run.is_some() {
            if act.needed(server) {
                let words = format!("ready it, which is {}, and leave it down until its checks pass", server.words());
                let line = Client::ready_checked_line(&server.name)?;
                report.planned(ctx, &server.name.to_string(), "ready", &words, Some(&line))?;
            } else {
                apply(ctx, report, &act, std::slice::from_ref(server))?;
            }
            continue;
        }
        match ctx.client.ready_checked(server) {
            Ok(acted) => {
                brought_back(ctx, report, server, &acted, !matches!(acted, Acted::Already(_)))?;
                back.push(acted.server().clone());
            }
            Err(error) => report.failed(ctx, &server.name.to_string(), "ready", &error.into()),
        }
    }
    Ok(back)
}
