//! From the command line's files to a checked configuration, and every answer that needs no engine:
//! `-c`, `-cc`. Nothing here binds or serves.

mod files;
mod host;

use crate::cli::{Args, Master};
use crate::engine::Former;
use crate::report::{Gravity, Report};
use crate::sys;
use host::System;
use lb_config::model::{Config, Global, StatsSocket};
use lb_config::{Diagnostic, Severity, Source};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Changes to the directory of `-C`.
pub fn enter(directory: &Path, report: &Report) -> Result<(), ExitCode> {
    nix::unistd::chdir(directory).map_err(|error| {
        report.alert(&format!("Could not change to directory {} : {}", directory.display(), error.desc()));
        ExitCode::FAILURE
    })
}

/// Reads the configuration for a start. All findings are said; an error ends the start.
pub fn load(args: &Args, report: &Report) -> Result<Config, ExitCode> {
    read(args, report, &System::new(args))
}

/// `-c`: says whether the configuration is valid.
pub fn check(args: &Args, report: &Report) -> ExitCode {
    let checked = read(args, report, &System::for_check(args));
    if checked.map(|config| former(&config, report)).and_then(|_| refuse_warnings(args, report)).is_err() {
        return ExitCode::FAILURE;
    }
    if !args.quiet {
        let warned = if report.warnings() > 0 { lb_config::WARNINGS_FOUND } else { "" };
        let lines = [warned, lb_config::VALID];
        let text: String = lines.iter().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect();
        // A broken pipe is no failure: the exit status says it too.
        let _ = std::io::stdout().write_all(text.as_bytes());
    }
    ExitCode::SUCCESS
}

/// Reads what a former process left in files. Whatever is wrong with them is a warning: a start never fails for it.
pub fn former(config: &Config, report: &Report) -> Former {
    let (former, warnings) = Former::load(config);
    for warning in warnings {
        report.warning(&format!("config : {warning}"));
    }
    former
}

/// `-cc`: 0 true, 1 false, 2 not a condition.
pub fn condition(text: &str, report: &Report) -> ExitCode {
    match lb_config::eval_condition(text, &System::new(&Args::default())) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            report.alert(&format!("config : Failed to evaluate condition: {error}"));
            ExitCode::from(2)
        }
    }
}

/// The global section, as far as it can be had without a word to the operator. A worker says what is
/// wrong; whoever peeks only needs to know about the background and the pid file beforehand.
pub fn peek(args: &Args) -> Global {
    let sources = files::read(&args.configs).unwrap_or_default();
    lb_config::parse(&sources, &System::for_peek()).config.map(|config| config.global).unwrap_or_default()
}

/// Reads an admin socket's address and options as a `stats socket` line has them. Admin is its level
/// unless the words say otherwise.
pub fn admin_socket(words: &str) -> Result<StatsSocket, String> {
    let level = if words.split(' ').any(|word| word == "level") { "" } else { " level admin" };
    let source = Source { name: "-S".to_owned(), text: format!("global\n stats socket {words}{level}\n").into_bytes() };
    let outcome = lb_config::parse(&[source], &System::new(&Args::default()));
    let fault = outcome.diagnostics.iter().find(|diagnostic| diagnostic.severity == Severity::Alert);
    match (outcome.config.and_then(|config| config.global.stats_sockets.into_iter().next()), fault) {
        (Some(socket), None) => Ok(socket),
        (_, None) => Err("an address is missing".to_owned()),
        // The operator wrote no `stats socket` line.
        (_, Some(fault)) => Err(fault.message.trim_start_matches("'stats socket' : ").to_owned()),
    }
}

/// `-dW`: fails when there was any warning.
pub fn refuse_warnings(args: &Args, report: &Report) -> Result<(), ExitCode> {
    if args.zero_warning && report.warnings() > 0 {
        report.alert(&format!("config : {}", lb_config::ZERO_WARNING));
        return Err(ExitCode::FAILURE);
    }
    Ok(())
}

/// Puts into the environment what the configuration and the command line say belongs there, for
/// `show env` and for programs the configuration runs.
pub fn export_environment(args: &Args, config: &Config, worker: bool) {
    let set = |name: &str, value: Option<&str>| {
        // What the environment cannot hold is left out.
        let _ = sys::set_env(OsStr::new(name), value.map(OsStr::new));
    };
    for (name, value) in &config.global.environment {
        set(name, value.as_deref());
    }
    let names: Vec<_> = args.configs.iter().map(|path| path.to_string_lossy()).collect();
    set("HAPROXY_CFGFILES", Some(&names.join(";")));
    set(
        "HAPROXY_LOCALPEER",
        Some(args.local_peer.as_ref().or(config.global.process.local_peer.as_ref()).unwrap_or(&host::hostname())),
    );
    set("HAPROXY_MASTER_CLI", (!args.master_cli.is_empty()).then(|| args.master_cli.join(";")).as_deref());
    set("HAPROXY_MWORKER", worker.then_some("1"));
}

fn read(args: &Args, report: &Report, host: &System) -> Result<Config, ExitCode> {
    report.set_quiet(args.quiet);
    if let Some(directory) = &args.chdir {
        enter(directory, report)?;
    }
    let sources = files::read(&args.configs).map_err(|error| {
        report.alert(&format!("config : {error}"));
        ExitCode::FAILURE
    })?;
    let outcome = lb_config::parse(&sources, host);
    say(&outcome.diagnostics, args, report);
    let Some(mut config) = outcome.config else {
        let faulty: BTreeSet<&str> = outcome
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == Severity::Alert)
            .filter_map(|diagnostic| diagnostic.file.as_deref())
            .collect();
        for file in faulty {
            report.alert(&format!("config : {}{file}", lb_config::ERRORS_IN_FILE));
        }
        report.alert(&format!("config : {}", lb_config::FATAL_ERRORS));
        return Err(ExitCode::FAILURE);
    };
    if !config.ignored_tuning.is_empty() {
        report.notice(&format!(
            "config : accepted without effect, there is nothing here to tune with: {}.",
            config.ignored_tuning.join(", ")
        ));
    }
    if !args.master_cli.is_empty() && args.master == Master::None {
        report.warning("config : '-S' gives the master a command line, but there is no master without -W.");
    }
    command_line_wins(args, &mut config);
    if args.list_libraries {
        list_libraries();
    }
    Ok(config)
}

/// What the command line says has precedence over the file.
fn command_line_wins(args: &Args, config: &mut Config) {
    if args.maxconn.is_some() {
        config.global.maxconn = args.maxconn;
    }
    if let Some(limit) = args.proxy_maxconn {
        for proxy in &mut config.proxies {
            proxy.maxconn.get_or_insert(limit);
        }
    }
}

fn say(diagnostics: &[Diagnostic], args: &Args, report: &Report) {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    for diagnostic in diagnostics {
        let gravity = match diagnostic.severity {
            Severity::Alert => Gravity::Alert,
            Severity::Warning => Gravity::Warning,
            Severity::Notice => Gravity::Notice,
            Severity::Diag if args.diagnose => Gravity::Diag,
            Severity::Diag => continue,
        };
        report.rendered(gravity, &lb_config::render(diagnostic, std::process::id(), color));
    }
}

/// `-dL`: the object files mapped into this process, one a line.
fn list_libraries() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let files: BTreeSet<PathBuf> =
        maps.lines().filter_map(|line| line.find('/').and_then(|at| line.get(at..))).map(PathBuf::from).collect();
    let text: String = files.iter().map(|file| format!("{}\n", file.display())).collect();
    // A broken pipe is no failure.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
