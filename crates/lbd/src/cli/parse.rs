//! Words to [`Args`].

use super::table::{Opt, Row, Standing, Takes, find};
use super::version::VersionText;
use std::path::PathBuf;

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Print a version text and exit.
    Version(VersionText),
    /// Evaluate a condition and exit (`-cc`).
    Condition(String),
    /// Check the configuration and exit (`-c`).
    Check(Args),
    /// Load the configuration and serve.
    Start(Args),
}

/// Master-worker mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Master {
    /// One process.
    #[default]
    None,
    /// `-W`.
    Plain,
    /// `-Ws`: tells systemd about its state.
    Notify,
}

/// What happens to the processes named by `-sf` and `-st` once this one listens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OldProcesses {
    /// Their ids.
    pub pids: Vec<i32>,
    /// `true`: terminate at once (`-st`), `false`: finish (`-sf`).
    pub terminate: bool,
}

/// Everything the command line says about a start or a check.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Args {
    /// Files and directories in the order given.
    pub configs: Vec<PathBuf>,
    /// `-C`.
    pub chdir: Option<PathBuf>,
    /// `-D`.
    pub daemon: bool,
    /// `-d` or `-db`: never into the background.
    pub foreground: bool,
    /// `-W`, `-Ws`.
    pub master: Master,
    /// `-S`, one entry per option.
    pub master_cli: Vec<String>,
    /// `-p`.
    pub pid_file: Option<PathBuf>,
    /// `-sf`, `-st`.
    pub old: OldProcesses,
    /// `-x`.
    pub old_socket: Option<PathBuf>,
    /// `-V` or `-d`, unless a later `-q` undid it.
    pub verbose: bool,
    /// `-q`, unless a later `-V` undid it.
    pub quiet: bool,
    /// `-dW`.
    pub zero_warning: bool,
    /// `-dD`.
    pub diagnose: bool,
    /// `-n`.
    pub maxconn: Option<u32>,
    /// `-N`.
    pub proxy_maxconn: Option<u32>,
    /// `-m`, in megabytes.
    pub memory_mb: Option<u64>,
    /// `-L`.
    pub local_peer: Option<String>,
    /// `-dG`.
    pub no_resolver: bool,
    /// `-dr`.
    pub ignore_unresolved: bool,
    /// `-4`.
    pub ipv4_only: bool,
    /// `-dL`.
    pub list_libraries: bool,
}

/// Why a command line is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageError {
    /// What to say before the usage text; nothing when the usage text says it all.
    pub message: Option<String>,
    /// Whether the usage text helps.
    pub show_usage: bool,
}

impl UsageError {
    fn usage() -> Self {
        UsageError { message: None, show_usage: true }
    }

    fn message(text: String) -> Self {
        UsageError { message: Some(text), show_usage: false }
    }
}

/// Parses the words after the program's name.
pub fn parse(words: &[String]) -> Result<Action, UsageError> {
    let mut args = Args::default();
    let mut check = false;
    let mut words = words.iter().map(String::as_str).peekable();
    while let Some(word) = words.next() {
        let row = find(word).ok_or_else(UsageError::usage)?;
        if row.standing == Standing::Refused {
            return Err(UsageError::message(format!("option '{}' is not supported yet.", row.spelling)));
        }
        let value = match row.takes {
            Takes::One(name) => words.next().ok_or_else(|| missing(row, name))?,
            _ => "",
        };
        let mut many = || -> Vec<&str> {
            // A list of files takes everything, a list of pids stops at the next option.
            let to_the_end = row.id == Opt::ConfigFiles;
            std::iter::from_fn(|| words.next_if(|word| to_the_end || !word.starts_with('-'))).collect()
        };
        match row.id {
            Opt::ConfigFile => args.configs.push(value.into()),
            Opt::ConfigFiles => args.configs.extend(many().into_iter().map(PathBuf::from)),
            Opt::Chdir => args.chdir = Some(value.into()),
            Opt::Check => check = true,
            Opt::Condition => return Ok(Action::Condition(value.to_owned())),
            Opt::Version => return Ok(Action::Version(VersionText::Short)),
            Opt::VersionLong => return Ok(Action::Version(VersionText::Long)),
            Opt::VersionNumber => return Ok(Action::Version(VersionText::Number)),
            Opt::VersionShort => return Ok(Action::Version(VersionText::Plain)),
            Opt::VersionBranch => return Ok(Action::Version(VersionText::Branch)),
            Opt::Daemon => args.daemon = true,
            Opt::MasterWorker => args.master = Master::Plain,
            Opt::MasterWorkerNotify => args.master = Master::Notify,
            Opt::MasterCli => args.master_cli.push(value.to_owned()),
            Opt::PidFile => args.pid_file = Some(value.into()),
            Opt::Finish | Opt::Terminate => {
                args.old.terminate = row.id == Opt::Terminate;
                for pid in many() {
                    args.old.pids.push(old_pid(row, pid)?);
                }
            }
            Opt::OldSocket => args.old_socket = Some(value.into()),
            Opt::Debug => (args.foreground, args.verbose) = (true, true),
            Opt::Foreground => args.foreground = true,
            Opt::Verbose => (args.verbose, args.quiet) = (true, false),
            Opt::Quiet => (args.verbose, args.quiet) = (false, true),
            Opt::ZeroWarning => args.zero_warning = true,
            Opt::Diagnose => args.diagnose = true,
            Opt::Maxconn => args.maxconn = nonzero(leading_number(value)),
            Opt::ProxyMaxconn => args.proxy_maxconn = nonzero(leading_number(value)),
            Opt::Memory => args.memory_mb = nonzero(leading_number(value)),
            Opt::LocalPeer => args.local_peer = Some(value.to_owned()),
            Opt::NoResolver => args.no_resolver = true,
            Opt::IgnoreUnresolved => args.ignore_unresolved = true,
            Opt::Ipv4Only => args.ipv4_only = true,
            Opt::Libraries => args.list_libraries = true,
            // Refused above.
            Opt::DumpConfig | Opt::DumpKeywords | Opt::ArchiveLibraries => {}
            // Nothing of this exists here to be tuned.
            Opt::MemoryDebug
            | Opt::Trace
            | Opt::CpuBindings
            | Opt::NoFastForward
            | Opt::InsecureFork
            | Opt::NoReusePort
            | Opt::NoSplice
            | Opt::NoKernelTls
            | Opt::NoSslVerify
            | Opt::NoZeroCopy
            | Opt::NoEpoll
            | Opt::NoKqueue
            | Opt::NoPoll
            | Opt::NoEventPorts => {}
        }
    }
    if args.configs.is_empty() {
        return Err(UsageError::usage());
    }
    Ok(if check { Action::Check(args) } else { Action::Start(args) })
}

fn missing(row: &Row, name: &str) -> UsageError {
    if row.id == Opt::Condition {
        return UsageError::usage();
    }
    UsageError { message: Some(format!("option '{}' expects an argument: <{name}>.", row.spelling)), show_usage: true }
}

/// A pid of `-sf` or `-st`. Words of blanks are nothing, as `-sf "$(cat pidfile)"` may give.
fn old_pid(row: &Row, word: &str) -> Result<i32, UsageError> {
    match word.trim().parse::<i32>() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err(UsageError::message(format!("{} option: '{word}' is not the id of a process.", row.spelling))),
    }
}

/// The number a word begins with, 0 if none: HAProxy takes `-n abc` for "no limit given".
fn leading_number(word: &str) -> u64 {
    let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
    word.get(..digits).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn nonzero<T: TryFrom<u64>>(number: u64) -> Option<T> {
    (number != 0).then(|| T::try_from(number).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    /// What differs from a bare `-f a` start, one field a line.
    fn check(line: &str, expected: Expect) {
        let shown = match parse(&words(line)) {
            Err(UsageError { message, show_usage }) => {
                format!("error: {} usage: {show_usage}", message.unwrap_or_default())
            }
            Ok(Action::Start(args)) => format!("start{}", fields(&args)),
            Ok(Action::Check(args)) => format!("check{}", fields(&args)),
            Ok(other) => format!("{other:?}"),
        };
        expected.assert_eq(&shown);
    }

    fn fields(args: &Args) -> String {
        let base = format!("{:#?}", Args::default());
        let this = format!("{args:#?}");
        let base: Vec<_> = base.lines().collect();
        this.lines().filter(|line| !base.contains(line)).map(|line| format!(" {}", line.trim())).collect()
    }

    #[test]
    fn files() {
        check("-f a", expect![[r#"start configs: [ "a", ],"#]]);
        check("-c -f a -f b -- c -d", expect![[r#"check configs: [ "a", "b", "c", "-d", ],"#]]);
        check("-f a b", expect!["error:  usage: true"]);
        check("-f", expect!["error: option '-f' expects an argument: <cfgfile|cfgdir>. usage: true"]);
        check("-c", expect!["error:  usage: true"]);
        check("", expect!["error:  usage: true"]);
    }

    #[test]
    fn modes() {
        check(
            "-D -W -p pid -f a",
            expect![[r#"start configs: [ "a", ], daemon: true, master: Plain, pid_file: Some( "pid", ),"#]],
        );
        check(
            "-Ws -S /m,mode,600 -f a",
            expect![[r#"start configs: [ "a", ], master: Notify, master_cli: [ "/m,mode,600", ],"#]],
        );
        check("-d -f a", expect![[r#"start configs: [ "a", ], foreground: true, verbose: true,"#]]);
        check("-V -q -db -f a", expect![[r#"start configs: [ "a", ], foreground: true, quiet: true,"#]]);
        check("-q -V -dW -f a", expect![[r#"start configs: [ "a", ], verbose: true, zero_warning: true,"#]]);
    }

    #[test]
    fn old_processes() {
        check("-f a -sf 1 2", expect![[r#"start configs: [ "a", ], pids: [ 1, 2, ],"#]]);
        check("-sf -f a", expect![[r#"start configs: [ "a", ],"#]]);
        check("-st 7 -f a", expect![[r#"start configs: [ "a", ], pids: [ 7, ], terminate: true,"#]]);
        check("-f a -sf abc", expect!["error: -sf option: 'abc' is not the id of a process. usage: false"]);
        check("-f a -st 0", expect!["error: -st option: '0' is not the id of a process. usage: false"]);
    }

    #[test]
    fn limits() {
        check(
            "-n 10 -N 5 -m 20 -f a",
            expect![[
                r#"start configs: [ "a", ], maxconn: Some( 10, ), proxy_maxconn: Some( 5, ), memory_mb: Some( 20, ),"#
            ]],
        );
        check("-n abc -f a", expect![[r#"start configs: [ "a", ],"#]]);
        check("-n10 -f a", expect!["error:  usage: true"]);
    }

    #[test]
    fn switches_of_harnesses_are_accepted() {
        check(
            "-d -dM -dM0,tag -dI -dL -dZ -dS -de -dp -dk -dV -dR -dF -f a",
            expect![[r#"start configs: [ "a", ], foreground: true, verbose: true, list_libraries: true,"#]],
        );
    }

    #[test]
    fn immediate_ones() {
        check("-q -v -zz", expect!["Version(Short)"]);
        check("-vv", expect!["Version(Long)"]);
        check("-vqb", expect!["Version(Branch)"]);
        check("-cc streq(a,b)", expect![[r#"Condition("streq(a,b)")"#]]);
        check("-cc", expect!["error:  usage: true"]);
        check("-zz", expect!["error:  usage: true"]);
        check("--help", expect!["error:  usage: true"]);
        check("-dK -f a", expect!["error: option '-dK' is not supported yet. usage: false"]);
    }
}
