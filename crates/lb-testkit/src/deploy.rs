//! A rolling deploy's stage: servers that can be restarted by a shell command, load balancers before them, and a watch over
//! how many servers are up.

use crate::admin::Admin;
use crate::engine::Engine;
use crate::origin::Origin;
use crate::program::{Launch, Program};
use crate::wait::until;
use anyhow::Context;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// How long a server is down while it is restarted: whoever is sent there meanwhile fails.
const DOWN: Duration = Duration::from_millis(50);
/// How often orders and statuses are looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The stage. What it started ends when it is dropped.
#[derive(Debug)]
pub struct Deploy {
    nodes: Vec<Program>,
    dir: TempDir,
    stop: Arc<AtomicBool>,
    least_up: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
    _origins: Arc<Vec<Origin>>,
}

impl Deploy {
    /// Starts `servers` origins behind each of the engines: backend `app`, servers `web1` onwards.
    ///
    /// # Errors
    /// When something does not start, or a server does not come up.
    pub fn start(engines: &[Engine], servers: usize) -> anyhow::Result<Deploy> {
        let origins: Vec<Origin> =
            (1..=servers).map(|n| Origin::for_load(&format!("web{n}"))).collect::<anyhow::Result<_>>()?;
        let origins = Arc::new(origins);
        let lines: String = origins
            .iter()
            .zip(1..)
            .map(|(origin, n)| format!("    server web{n} {} check inter 100ms rise 1 fall 10\n", origin.address()))
            .collect();
        let nodes: Vec<Program> = engines
            .iter()
            .map(|engine| {
                Launch::new(engine)?.start(&format!(
                    "global\n    nbthread 1\n    stats socket {{sock}} level admin\n    maxconn 1000\n\
                     defaults\n    mode http\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n    timeout check 5s\n\
                     frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\n\
                     backend app\n    balance roundrobin\n{lines}"
                ))
            })
            .collect::<anyhow::Result<_>>()?;
        let dir = tempfile::Builder::new().prefix("lb-deploy-").tempdir()?;
        let admins: Vec<Admin> = nodes.iter().map(Program::admin).collect();
        until("every server to be up", || (least_up(&admins) == Some(servers)).then_some(()))?;
        let (stop, least) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(servers)));
        let restarter = {
            let (stop, origins, at) = (Arc::clone(&stop), Arc::clone(&origins), dir.path().to_owned());
            std::thread::spawn(move || restart_as_ordered(&stop, &origins, &at))
        };
        let watcher = {
            let (stop, least) = (Arc::clone(&stop), Arc::clone(&least));
            std::thread::spawn(move || watch(&stop, &admins, &least))
        };
        Ok(Deploy { nodes, dir, stop, least_up: least, threads: vec![restarter, watcher], _origins: origins })
    }

    /// The shell command that restarts `{server}`, notes it, and waits until it listens again.
    pub fn command(&self) -> String {
        let at = self.dir.path().display();
        format!(
            "echo {{server}} >> '{at}/executed'; touch '{at}/{{server}}.wanted'; \
             while [ -e '{at}/{{server}}.wanted' ]; do sleep 0.02; done"
        )
    }

    /// A directory that nothing else uses.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The nodes' admin sockets.
    pub fn sockets(&self) -> Vec<PathBuf> {
        self.nodes.iter().map(|node| node.dir().join("admin.sock")).collect()
    }

    /// The nodes' frontends.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address("fe")).collect()
    }

    /// The servers whose command has run, in order, since the last time this was asked.
    ///
    /// # Errors
    /// When the note cannot be read.
    pub fn take_executed(&self) -> anyhow::Result<Vec<String>> {
        let path = self.dir.path().join("executed");
        let text = std::fs::read_to_string(&path).context("nothing was executed")?;
        std::fs::remove_file(path)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// The fewest servers that were up on a node at any look so far.
    pub fn least_up(&self) -> usize {
        self.least_up.load(Ordering::Relaxed)
    }

    /// How many servers are up, on the node that has the fewest.
    pub fn up(&self) -> usize {
        let admins: Vec<Admin> = self.nodes.iter().map(Program::admin).collect();
        least_up(&admins).unwrap_or(0)
    }
}

impl Drop for Deploy {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn restart_as_ordered(stop: &AtomicBool, origins: &[Origin], at: &Path) {
    while !stop.load(Ordering::Relaxed) {
        for (origin, n) in origins.iter().zip(1..) {
            let wanted = at.join(format!("web{n}.wanted"));
            if wanted.exists() {
                origin.refuse();
                std::thread::sleep(DOWN);
                // A server that does not listen again fails its checks, and the test with them.
                if origin.listen().is_ok() {
                    let _ = std::fs::remove_file(wanted);
                }
            }
        }
        std::thread::sleep(LOOK);
    }
}

fn watch(stop: &AtomicBool, admins: &[Admin], least: &AtomicUsize) {
    while !stop.load(Ordering::Relaxed) {
        if let Some(up) = least_up(admins) {
            least.fetch_min(up, Ordering::Relaxed);
        }
        std::thread::sleep(LOOK);
    }
}

/// The servers that are up on the node that has the fewest; nothing when a node does not answer.
fn least_up(admins: &[Admin]) -> Option<usize> {
    let up = |admin: &Admin| {
        let answer = admin.ask("show stat").ok()?;
        let header = answer.lines().next()?;
        let status = header.split(',').position(|column| column == "status")?;
        let serves = |line: &&str| line.split(',').nth(status).is_some_and(|word| word.starts_with("UP"));
        Some(answer.lines().filter(|line| line.starts_with("app,web")).filter(serves).count())
    };
    admins.iter().map(up).collect::<Option<Vec<_>>>()?.into_iter().min()
}
