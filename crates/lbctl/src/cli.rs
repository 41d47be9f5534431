//! The command line: global options and the list of commands. Each command's own arguments are in
//! its file under `commands`.

use std::time::Duration;

use clap::{Parser, Subcommand};
use lb_client::Address;
use lb_model::{TimeUnit, parse_time};

use crate::commands;
use crate::output::Format;

/// A control client for lbd and HAProxy: look, drain, and bring servers back.
#[derive(Debug, Parser)]
#[command(
    name = "lbctl",
    version,
    disable_help_subcommand = true,
    after_help = "Examples:\n  lbctl show servers\n  lbctl drain app/web1 --wait --deadline 30s --then maint\n  \
                  lbctl ready app/web1 --wait\n  echo 'show info;show stat' | lbctl\n\nWithout a command: a prompt on a \
                  terminal; otherwise each line of standard input is sent as it is.\nExit statuses: lbctl help \
                  exit-codes"
)]
pub struct Cli {
    /// Global options.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Globals {
    /// Admin socket, repeatable: PATH, unix://PATH, tcp://HOST:PORT, HOST:PORT or ssh://USER@HOST/PATH; @1 after a master's
    #[arg(short, long = "socket", global = true, value_name = "ADDRESS", conflicts_with = "context")]
    pub sockets: Vec<Address>,
    /// All nodes of a context ('lbctl context list')
    #[arg(
        short, long, global = true, value_name = "NAME",
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::contexts)
    )]
    pub context: Option<String>,
    /// How to print
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Longest wait for a connection and for each piece of an answer [default: 5s]
    #[arg(long, global = true, value_parser = duration, value_name = "TIME")]
    pub timeout: Option<Duration>,
    /// No colours, whatever the terminal says
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Do not ask before touching several servers
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Never ask: where a question would be needed, fail
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Send nothing that changes anything
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Change nothing; show the plan, or with =wire the very commands
    #[arg(
        long, global = true, value_enum, value_name = "HOW", num_args = 0..=1, require_equals = true,
        default_missing_value = "plan"
    )]
    pub dry_run: Option<DryRun>,
    /// With several nodes: change all of them or, when one fails, put all back
    #[arg(long, global = true)]
    pub all_or_nothing: bool,
    /// Why, for 'lbctl log'
    #[arg(short, long, global = true, value_name = "TEXT")]
    pub message: Option<String>,
    /// Show on standard error what goes over the wire
    #[arg(long, global = true)]
    pub trace_wire: bool,
}

/// How a dry run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DryRun {
    /// What would be done to what
    Plan,
    /// The commands, one a line, each fit for a connection of its own
    Wire,
}

/// The commands. At the prompt the same ones work.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show servers, backends, frontends, statistics, …
    Show(commands::show::Args),
    /// Tell why servers are in their state, and what would change it
    Explain(commands::explain::Args),
    /// Run one health check now and show its steps; it counts for nothing (lbd)
    Check(commands::check::Args),
    /// Look for what is wrong with a node or will be, and tell the cure
    Doctor(commands::doctor::Args),
    /// Write down the whole state of the nodes as JSON
    Snapshot(commands::snapshot::Args),
    /// Tell what differs from the configuration, or between two snapshots
    Diff(commands::diff::Args),
    /// Watch servers on the whole screen, and change them by keys
    Top(commands::top::Args),
    /// Take servers out gently: no new clients, those there may finish
    Drain(commands::drain::Args),
    /// Put servers into maintenance: no traffic, no checks
    Maint(commands::maint::Args),
    /// Bring servers back into service
    Ready(commands::ready::Args),
    /// Change the weight of servers
    Weight(commands::weight::Args),
    /// Force the health of servers
    Health(commands::health::Args),
    /// Wait until servers are drained, up or in maintenance
    Wait(commands::wait::Args),
    /// Take servers out in batches, run a command for each, and bring them back
    Roll(commands::roll::Args),
    /// Force or stop the agents of servers
    Agent(commands::agent::Args),
    /// Add, move and remove servers while the engine runs
    #[command(subcommand)]
    Server(commands::server::What),
    /// End the sessions of servers
    KillSessions(commands::kill_sessions::Args),
    /// Change maps
    #[command(subcommand)]
    Map(commands::map::What),
    /// Change lists of ACL patterns
    #[command(subcommand)]
    Acl(commands::acl::What),
    /// Change stick tables
    #[command(subcommand)]
    Table(commands::table::What),
    /// Change certificates
    #[command(subcommand)]
    Cert(commands::cert::What),
    /// Clear counters
    #[command(subcommand)]
    Counters(commands::counters::What),
    /// Run the lines of standard input, each with its status
    Exec(commands::exec::Args),
    /// What was changed by lbctl on this host, by whom and why
    Log(commands::log::Args),
    /// Put back what an operation changed
    Undo(commands::undo::Args),
    /// Servers that are out for a time
    #[command(subcommand)]
    Lease(commands::lease::What),
    /// Named sets of nodes
    #[command(subcommand)]
    Context(commands::context::What),
    /// Send a command as it is and print the very answer
    Raw(commands::raw::Args),
    /// Open a prompt
    Repl(commands::repl::Args),
    /// Make a configuration of nginx or Apache httpd a haproxy.cfg
    Convert(commands::convert::Args),
    /// Print the completion script of a shell
    Completion(commands::completion::Args),
    /// Explain a command, or the exit statuses
    Help(commands::help::Args),
}

/// Reads a duration: `30s`, `5m`, `500ms`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_time(text, TimeUnit::Secs).map_err(|e| e.to_string())
}
