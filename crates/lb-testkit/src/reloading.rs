//! A stage for reloads: a program behind which servers stand, reloaded again and again in one of two ways, whose
//! descriptors, processes and server states are watched.

use crate::admin::Admin;
use crate::engine::Engine;
use crate::origin::Origin;
use crate::wait::{until, until_within};
use crate::{ports, process};
use anyhow::{Context, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How the program is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A master starts another worker: by `SIGUSR2` and by the `reload` command in turn.
    Master,
    /// A successor fetches the sockets (`-x`) and has the old process finish (`-sf`).
    Successor,
}

/// How long processes may take to end.
const END_LIMIT: Duration = Duration::from_secs(60);

/// The stage. What it started ends when it is dropped.
#[derive(Debug)]
pub struct Reloading {
    engine: Engine,
    way: Way,
    dir: TempDir,
    port: u16,
    servers: usize,
    /// The master, or all processes that were not waited for, the serving one last.
    children: Vec<Child>,
    /// What a fresh process holds open when nobody is connected.
    fresh_files: usize,
    /// What the master held open after its first reload.
    master_files: Option<usize>,
    _origins: Vec<Origin>,
}

impl Reloading {
    /// Starts the program, and reloads it once to see what it holds open at rest.
    ///
    /// # Errors
    /// When something does not start.
    pub fn start(engine: &Engine, way: Way, servers: usize) -> anyhow::Result<Reloading> {
        let origins: Vec<Origin> =
            (0..servers).map(|n| Origin::for_load(&format!("s{n}"))).collect::<anyhow::Result<_>>()?;
        let dir = tempfile::Builder::new().prefix("lb-reload-").tempdir()?;
        let mut stage = Reloading {
            engine: engine.clone(),
            way,
            port: ports::free_port(),
            servers,
            children: Vec::new(),
            fresh_files: 0,
            master_files: None,
            dir,
            _origins: origins,
        };
        std::fs::write(stage.path("lb.cfg"), stage.config())?;
        // The file that states are read from: there are none to begin with.
        File::create(stage.path("states"))?;
        let first = stage.spawn(&[])?;
        stage.children.push(first);
        until("the program to serve", || stage.serving().ok())?;
        stage.reload(0)?;
        stage.await_alone()?;
        stage.fresh_files = process::open_files(stage.serving()?)?;
        Ok(stage)
    }

    fn config(&self) -> String {
        let (dir, port) = (self.dir.path().display(), self.port);
        let servers: String = self
            ._origins
            .iter()
            .enumerate()
            .map(|(n, origin)| format!("    server s{n} {} check inter 500ms\n", origin.address()))
            .collect();
        // Written by the program itself before a reload, and not in between.
        let save = if self.saves_itself() { "    server-state-save 1h\n" } else { "" };
        format!(
            "global\n    stats socket {dir}/admin.sock mode 600 level admin expose-fd listeners\n    nbthread 2\n    \
             maxconn 2000\n    server-state-file {dir}/states\n{save}\
             defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n    \
             timeout tunnel 1h\n    load-server-state-from-file global\n\
             frontend fe\n    bind 127.0.0.1:{port}\n    default_backend app\nbackend app\n    balance roundrobin\n{servers}"
        )
    }

    fn saves_itself(&self) -> bool {
        self.way == Way::Master && !self.engine.is_haproxy
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn spawn(&self, arguments: &[String]) -> anyhow::Result<Child> {
        let log = File::options().create(true).append(true).open(self.path("log"))?;
        let mut command = Command::new(&self.engine.path);
        command.arg("-f").arg(self.path("lb.cfg")).args(arguments);
        if self.way == Way::Master {
            command.args(["-W", "-S"]).arg(format!("{},mode,600", self.path("master.sock").display()));
        } else {
            command.arg("-db");
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        ports::without_trials(|| command.spawn()).with_context(|| format!("starting {command:?}"))
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The admin socket of whoever serves.
    pub fn admin(&self) -> Admin {
        Admin::new(self.path("admin.sock"))
    }

    /// The id of the process that serves.
    ///
    /// # Errors
    /// When none answers.
    pub fn serving(&self) -> anyhow::Result<u32> {
        // A connection to a process that has just closed its socket is refused once.
        if !self.path("admin.sock").exists() {
            bail!("nobody listens at {}", self.path("admin.sock").display());
        }
        Ok(self.admin().info("Pid")?.parse()?)
    }

    /// Changes a server, reloads, and compares the servers' states. The way alternates with `number`.
    ///
    /// # Errors
    /// When the reload failed, or the states differ afterwards; the message tells what the program said.
    pub fn reload(&mut self, number: usize) -> anyhow::Result<()> {
        self.try_reload(number).with_context(|| format!("reload {number}; the program said:\n{}", self.last_words()))
    }

    fn try_reload(&mut self, number: usize) -> anyhow::Result<()> {
        let old = self.serving()?;
        self.change_states(number)?;
        let before = self.states()?;
        if !self.saves_itself() {
            std::fs::write(self.path("states"), self.admin().ask("show servers state")?)?;
        }
        match self.way {
            Way::Master if number.is_multiple_of(2) => self.signal_master(Signal::SIGUSR2)?,
            Way::Master => {
                let answer = Admin::new(self.path("master.sock")).ask("reload")?;
                // 2.6 says nothing.
                ensure!(
                    self.engine.is_haproxy || answer.starts_with("Success=1\n"),
                    "`reload` was answered {answer:?}"
                );
            }
            Way::Successor => {
                let socket = self.path("admin.sock").display().to_string();
                let new = self.spawn(&["-x".to_owned(), socket, "-sf".to_owned(), old.to_string()])?;
                self.children.push(new);
            }
        }
        until("another process to serve", || self.serving().ok().filter(|pid| *pid != old))?;
        // From here on no session begins in the former process.
        until("the former process to stop listening", || (!process::listens(old, self.port)).then_some(()))?;
        let after = self.states()?;
        ensure!(before == after, "states were {before:?} and are {after:?}");
        self.bury()?;
        Ok(())
    }

    fn signal_master(&self, signal: Signal) -> anyhow::Result<()> {
        let master = self.children.first().context("no master")?;
        Ok(kill(Pid::from_raw(master.id().cast_signed()), signal)?)
    }

    /// One server goes out, another way each time, the former one comes back; weights change.
    fn change_states(&self, number: usize) -> anyhow::Result<()> {
        let (now, former) = (number % self.servers, (number + self.servers - 1) % self.servers);
        let state = if number.is_multiple_of(3) { "drain" } else { "maint" };
        for line in [
            format!("set server app/s{former} state ready"),
            format!("set server app/s{now} state {state}"),
            format!("set server app/s{former} weight {}", 1 + number % 50),
        ] {
            let answer = self.admin().ask(&line)?;
            ensure!(answer.trim().is_empty(), "`{line}` was answered {answer:?}");
        }
        Ok(())
    }

    /// Name, administrative state and weight of each server.
    fn states(&self) -> anyhow::Result<Vec<[String; 3]>> {
        let text = self.admin().ask("show servers state app")?;
        let rows = text.lines().map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        let column = |row: &Vec<String>, at: usize| row.get(at).cloned();
        let rows: Vec<_> =
            rows.filter_map(|row| Some([column(&row, 3)?, column(&row, 6)?, column(&row, 7)?])).skip(1).collect();
        ensure!(rows.len() == self.servers, "{text}");
        Ok(rows)
    }

    /// Waits for those that have ended, which must have succeeded.
    fn bury(&mut self) -> anyhow::Result<()> {
        let serving = self.children.len().saturating_sub(1);
        let mut left = Vec::new();
        for (at, mut child) in std::mem::take(&mut self.children).into_iter().enumerate() {
            match child.try_wait()? {
                Some(status) if at == serving => bail!("the serving process ended with {status}"),
                Some(status) => ensure!(status.success(), "an old process ended with {status}"),
                None => left.push(child),
            }
        }
        self.children = left;
        Ok(())
    }

    /// Old processes and the serving one.
    pub fn processes(&mut self) -> usize {
        match (self.way, self.children.first()) {
            (Way::Master, Some(master)) => process::children(master.id()).len(),
            _ => self.children.len(),
        }
    }

    /// Waits until all old processes have gone: their sessions must have ended.
    fn await_alone(&mut self) -> anyhow::Result<()> {
        until_within(END_LIMIT, "the end of all old processes", || {
            // Whoever ended badly is told of by the next look.
            self.bury().is_err().then_some(()).or((self.processes() == 1).then_some(()))
        })?;
        self.bury()?;
        if self.way == Way::Master {
            let master = self.children.first().context("no master")?.id();
            let first = *self.master_files.get_or_insert(process::open_files(master)?);
            let mut files = first;
            // A process is gone a moment before its master has closed what led to it.
            until("the master to let go of what led to its old processes", || {
                files = process::open_files(master).ok()?;
                (files <= first).then_some(())
            })
            .with_context(|| format!("it holds {files} descriptors, and held {first} after its first reload"))?;
        }
        Ok(())
    }

    /// Judges what is left when no client is connected any more: one process, with the descriptors of a fresh one.
    ///
    /// # Errors
    /// When anything leaked.
    pub fn judge_leaks(&mut self) -> anyhow::Result<()> {
        self.await_alone()?;
        self.reload(0)?;
        self.await_alone()?;
        let pid = self.serving()?;
        let mut files = 0;
        until("a fresh process's descriptors", || {
            files = process::open_files(pid).ok()?;
            // A health check may hold one for a moment.
            (files <= self.fresh_files).then_some(())
        })
        .with_context(|| format!("it holds {files}, and the first one held {}", self.fresh_files))
    }

    fn last_words(&self) -> String {
        let text = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(30)..).unwrap_or_default().join("\n")
    }

    /// The run's directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        for child in &self.children {
            let _ = kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
        }
        for mut child in self.children.drain(..) {
            let _ = until_within(Duration::from_secs(10), "a process's end", || child.try_wait().ok().flatten());
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
