//! Starting a HAProxy-compatible program on a configuration, and stopping it.
//!
//! A configuration is a template: `{port:NAME}` becomes a free loopback port (the same for the same name),
//! `{dir}` the run's own directory, `{sock}` its admin socket, `{NAME}` a value given to [`Launch::set`].
//! The program is ready when it listens on every port of a `bind` or `stats socket` line, which is read from
//! `/proc` so that no connection disturbs its counters.

use crate::engine::Engine;
use crate::{admin::Admin, ports, process, wait};
use anyhow::{Context, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a program may take to stop on a signal before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// What to start.
#[derive(Debug)]
pub struct Launch {
    engine: Engine,
    dir: TempDir,
    values: BTreeMap<String, String>,
    ports: BTreeMap<String, u16>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    pinned: Option<usize>,
    isolated: bool,
    inherited: Vec<OwnedFd>,
}

/// The descriptors under which a program finds inherited sockets.
const INHERITED: [&str; 2] = ["8", "9"];

impl Launch {
    /// A run of `engine` in a directory of its own.
    ///
    /// # Errors
    /// When no directory can be made.
    pub fn new(engine: &Engine) -> anyhow::Result<Launch> {
        let dir = tempfile::Builder::new().prefix("lb-test-").tempdir()?;
        Ok(Launch {
            engine: engine.clone(),
            dir,
            values: BTreeMap::new(),
            ports: BTreeMap::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            pinned: None,
            isolated: false,
            inherited: Vec::new(),
        })
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Gives `{name}` a value.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl ToString) -> Launch {
        self.values.insert(name.to_owned(), value.to_string());
        self
    }

    /// Adds a command-line argument, expanded like the configuration.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Launch {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Sets an environment variable of the program.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Launch {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Binds the program to one processor with `taskset`.
    #[must_use]
    pub fn pinned(mut self, processor: usize) -> Launch {
        self.pinned = Some(processor);
        self
    }

    /// Runs the program in a network namespace of its own, whose only way out are UNIX sockets. It does not start where
    /// such a namespace cannot be made.
    #[must_use]
    pub fn isolated(mut self) -> Launch {
        self.isolated = true;
        self
    }

    /// Hands the program an open socket, as harnesses and socket-activating init systems do. The descriptor's
    /// number is `{fd:0}` for the first socket and `{fd:1}` for the second; more are not supported.
    #[must_use]
    pub fn inherit(mut self, socket: impl Into<OwnedFd>) -> Launch {
        if let Some(number) = INHERITED.get(self.inherited.len()) {
            self.values.insert(format!("fd:{}", self.inherited.len()), (*number).to_owned());
            self.inherited.push(socket.into());
        }
        self
    }

    /// Writes a file into the run's directory, expanded like the configuration.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn file(mut self, name: &str, text: &str) -> anyhow::Result<Launch> {
        let text = self.expand(text);
        std::fs::write(self.dir.path().join(name), text)?;
        Ok(self)
    }

    /// The port behind `{port:name}`.
    pub fn port(&mut self, name: &str) -> u16 {
        *self.ports.entry(name.to_owned()).or_insert_with(ports::free_port)
    }

    /// Replaces the placeholders; braces around anything else stay.
    pub fn expand(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, after) = rest.split_at(open);
            out.push_str(before);
            let inner = after.find('}').and_then(|close| after.get(1..close));
            match inner.and_then(|name| self.value(name).map(|value| (name, value))) {
                Some((name, value)) => {
                    out.push_str(&value);
                    rest = after.get(name.len() + 2..).unwrap_or_default();
                }
                None => {
                    out.push('{');
                    rest = after.get(1..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        out
    }

    fn value(&mut self, name: &str) -> Option<String> {
        if let Some(port) = name.strip_prefix("port:") {
            return Some(self.port(port).to_string());
        }
        match name {
            "dir" => Some(self.dir.path().display().to_string()),
            "sock" => Some(self.dir.path().join("admin.sock").display().to_string()),
            _ => self.values.get(name).cloned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = match self.pinned {
            _ if !self.inherited.is_empty() => {
                // A shell moves the sockets from its standard streams to where no standard stream is:
                // descriptors otherwise close when a program starts.
                let mut command = Command::new("/bin/sh");
                command.args(["-c", "exec 8<&0 9>&1 </dev/null >&2; exec \"$0\" \"$@\""]).arg(&self.engine.path);
                command
            }
            Some(processor) => {
                let mut command = Command::new("taskset");
                command.arg("-c").arg(processor.to_string()).arg(&self.engine.path);
                command
            }
            None if self.isolated => {
                let mut command = Command::new("unshare");
                command.args(["--map-root-user", "--net"]).arg(&self.engine.path);
                command
            }
            None => Command::new(&self.engine.path),
        };
        command.current_dir(self.dir.path()).envs(self.environment.iter().map(|(k, v)| (k, v))).process_group(0);
        command
    }

    /// Runs the program to its end with these arguments (expanded) and no configuration added.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&mut self, arguments: &[&str]) -> anyhow::Result<Output> {
        let arguments: Vec<String> = arguments.iter().map(|a| self.expand(a)).collect();
        let mut command = self.command();
        command.args(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = ports::without_trials(|| command.spawn())
            .with_context(|| format!("starting {}", self.engine.path.display()))?;
        Ok(child.wait_with_output()?)
    }

    /// Runs the program on `config` in the foreground and waits until it listens.
    ///
    /// # Errors
    /// When it ends, or does not get ready; the message holds what it printed.
    pub fn start(mut self, config: &str) -> anyhow::Result<Program> {
        let mut config = self.expand(config);
        if !config.ends_with('\n') {
            // HAProxy takes an unended last line for a truncated file.
            config.push('\n');
        }
        let path = self.dir.path().join("test.cfg");
        std::fs::write(&path, &config)?;
        let arguments: Vec<String> = self.arguments.clone().iter().map(|a| self.expand(a)).collect();
        let mut command = self.command();
        command.args(arguments).arg("-f").arg(&path);
        let listening = sockets_of(&config, self.dir.path());
        Program::spawn(self, command, listening)
    }
}

/// Ports, and paths of UNIX sockets.
type Sockets = (Vec<u16>, Vec<PathBuf>);

/// What a configuration makes a program listen on.
fn sockets_of(config: &str, dir: &Path) -> Sockets {
    let (mut ports, mut paths) = (Vec::new(), Vec::new());
    for line in config.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = match words.as_slice() {
            ["bind", address, ..] | ["stats", "socket", address, ..] => *address,
            _ => continue,
        };
        let address = address.trim_matches('"');
        if let Some(port) = address.rsplit_once(':').and_then(|(_, port)| port.parse().ok()) {
            ports.push(port);
        } else if let Some(path) = address.strip_prefix("unix@").or(address.starts_with('/').then_some(address)) {
            paths.push(dir.join(path));
        }
    }
    (ports, paths)
}

/// A running program. When dropped it gets SIGTERM, then SIGKILL, and is reaped.
#[derive(Debug)]
pub struct Program {
    /// Which program runs.
    pub engine: Engine,
    child: Child,
    launch: Launch,
    stdout: Captured,
    stderr: Captured,
    ended: Option<ExitStatus>,
}

impl Program {
    /// Runs `engine` on `config`; see [`Launch`] for more choices.
    ///
    /// # Errors
    /// As [`Launch::start`].
    pub fn start(engine: &Engine, config: &str) -> anyhow::Result<Program> {
        Launch::new(engine)?.start(config)
    }

    fn spawn(launch: Launch, mut command: Command, listening: Sockets) -> anyhow::Result<Program> {
        let mut launch = launch;
        let mut sockets = launch.inherited.drain(..).map(Stdio::from);
        command
            .stdin(sockets.next().unwrap_or_else(Stdio::null))
            .stdout(sockets.next().unwrap_or_else(Stdio::piped))
            .stderr(Stdio::piped());
        let mut child = ports::without_trials(|| command.spawn()).with_context(|| format!("starting {command:?}"))?;
        // The parent's copies of inherited sockets are closed with the command.
        drop((command, sockets));
        let stdout = Captured::of(child.stdout.take());
        let stderr = Captured::of(child.stderr.take());
        let mut program = Program { engine: launch.engine.clone(), child, launch, stdout, stderr, ended: None };
        program.await_listening(&listening.0, &listening.1)?;
        Ok(program)
    }

    fn await_listening(&mut self, ports: &[u16], paths: &[PathBuf]) -> anyhow::Result<()> {
        let name = self.engine.name().to_owned();
        let ready = wait::until(&format!("{name} to listen on {ports:?} and {paths:?}"), || {
            if self.exit_status().is_some() {
                return Some(false);
            }
            let listening = process::listening_ports();
            let ready = ports.iter().all(|port| listening.contains(port)) && paths.iter().all(|path| path.exists());
            ready.then_some(true)
        });
        match ready {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.stdout.finish();
                self.stderr.finish();
                bail!("{name} ended with {:?} instead of listening: {}", self.ended, self.output());
            }
            Err(error) => Err(error.context(self.output())),
        }
    }

    /// Process id of what was started: the master, where there is one.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        self.launch.dir()
    }

    /// The port behind `{port:name}`.
    pub fn port(&mut self, name: &str) -> u16 {
        self.launch.port(name)
    }

    /// Loopback address of `{port:name}`.
    ///
    /// # Panics
    /// When the configuration has no such placeholder.
    #[track_caller]
    #[expect(clippy::panic, reason = "a misspelt name is a mistake of the test")]
    pub fn address(&self, name: &str) -> SocketAddr {
        match self.launch.ports.get(name) {
            Some(port) => SocketAddr::from(([127, 0, 0, 1], *port)),
            None => panic!("the configuration has no {{port:{name}}}"),
        }
    }

    /// The admin socket at `{sock}`.
    pub fn admin(&self) -> Admin {
        Admin::new(self.dir().join("admin.sock"))
    }

    /// What was written to standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What was written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    fn output(&self) -> String {
        format!("{} printed:\n{}{}", self.engine.name(), self.stdout(), self.stderr())
    }

    /// Sends a signal to the started process alone.
    ///
    /// # Errors
    /// When it is gone.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// The exit status, once the process has ended.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Waits for the process to end.
    ///
    /// # Errors
    /// When it does not.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        wait::until("the program's end", || self.exit_status())
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Errors
    /// When it does not.
    pub fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(Signal::SIGTERM)?;
        self.wait()
    }

    /// Asserts that the process still runs and says nothing of a crash.
    ///
    /// # Errors
    /// When it ended or printed a panic.
    pub fn check_alive(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.exit_status() {
            bail!("ended with {status}: {}", self.output());
        }
        if self.stderr().contains("panicked at") {
            bail!("{}", self.output());
        }
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.exit_status().is_some() {
            return;
        }
        let group = Pid::from_raw(self.child.id().cast_signed());
        let _ = kill(group, Signal::SIGTERM);
        let start = Instant::now();
        while self.exit_status().is_none() {
            if start.elapsed() > STOP_LIMIT {
                let _ = killpg(group, Signal::SIGKILL);
                let _ = self.child.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A stream read to its end by a thread of its own.
#[derive(Debug, Default)]
struct Captured {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Captured {
    fn of(stream: Option<impl Read + Send + 'static>) -> Captured {
        let mut captured = Captured::default();
        let Some(mut stream) = stream else { return captured };
        let sink = Arc::clone(&captured.bytes);
        captured.reader = Some(std::thread::spawn(move || {
            let mut buffer = vec![0; 4096];
            while let Ok(n @ 1..) = stream.read(&mut buffer) {
                let bytes = buffer.get(..n).unwrap_or_default();
                sink.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
            }
        }));
        captured
    }

    /// Waits for the end of the stream, which the end of its only writer brings.
    fn finish(&mut self) {
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch() -> Launch {
        Launch::new(&Engine { path: "/bin/sh".into(), is_haproxy: false }).unwrap()
    }

    #[test]
    fn placeholders_are_replaced_and_other_braces_stay() {
        let mut launch = launch().set("o1", "127.0.0.1:7");
        let port = launch.port("fe");
        let dir = launch.dir().display().to_string();
        assert_eq!(
            launch.expand("bind :{port:fe}\nserver a {o1} {unknown} %{+Q}o {dir}/x {"),
            format!("bind :{port}\nserver a 127.0.0.1:7 {{unknown}} %{{+Q}}o {dir}/x {{")
        );
    }

    #[test]
    fn what_a_configuration_listens_on() {
        let text = "global\n stats socket /x/admin.sock level admin\n stats socket ipv4@127.0.0.1:7001\nlisten a\n bind 127.0.0.1:7002 name x\n bind \"fd@${fe}\"\n bind unix@/x/y\n";
        let (ports, paths) = sockets_of(text, Path::new("/run"));
        assert_eq!(ports, [7001, 7002]);
        assert_eq!(paths, [PathBuf::from("/x/admin.sock"), PathBuf::from("/x/y")]);
    }

    #[test]
    fn a_program_that_ends_early_is_reported_with_its_output() {
        let mut launch = launch();
        let output = launch.run(&["-c", "echo out; echo err >&2; exit 3"]).unwrap();
        assert_eq!(output.status.code(), Some(3));
        let error =
            launch.argument("-c").argument("echo broken >&2; exit 1").start("bind 127.0.0.1:{port:a}\n").unwrap_err();
        assert!(format!("{error:#}").contains("instead of listening"), "{error:#}");
        assert!(format!("{error:#}").contains("broken"), "{error:#}");
    }
}
