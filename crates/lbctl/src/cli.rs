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
#[derive(Debug, Clone, clap::Args)]
pub struct Globals {
    /// Admin socket: a path, unix://PATH, tcp://HOST:PORT or HOST:PORT
    #[arg(short, long, global = true, env = "LBCTL_SOCKET", hide_env_values = true, value_name = "ADDRESS")]
    pub socket: Option<Address>,
    /// How to print
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Format,
    /// Longest wait for a connection and for each piece of an answer
    #[arg(long, global = true, value_parser = duration, default_value = "5s", value_name = "TIME")]
    pub timeout: Duration,
    /// No colours, whatever the terminal says
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Do not ask before touching several servers
    #[arg(short, long, global = true)]
    pub yes: bool,
}

/// The commands. At the prompt the same ones work.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show servers, backends, frontends, statistics, …
    #[command(subcommand)]
    Show(commands::show::Show),
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
    /// Send a command as it is and print the very answer
    Raw(commands::raw::Args),
    /// Open a prompt
    Repl(commands::repl::Args),
    /// Print the completion script of a shell
    Completion(commands::completion::Args),
    /// Explain a command, or the exit statuses
    Help(commands::help::Args),
}

/// Reads a duration: `30s`, `5m`, `500ms`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    parse_time(text, TimeUnit::Secs).map_err(|e| e.to_string())
}
