//! What a roll remembers, so that it can be killed at any moment and go on.
//!
//! The state is replaced whole before each step that it allows: what it says was begun may have been done, and is done
//! again on resuming, which changes nothing the second time. Only the command must not run twice: `exec` sees to that.
//!
//! ```text
//! Pending ── taking out begins ──▶ Taking ── empty on every node ──▶ Executing ── command ended well ──▶ Returning ── up ──▶ Done
//!    ▲                               │                                  │
//!    └────────── put back ───────────┴──────── command failed ──────────┘
//! ```

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::etcd::{Claim, Etcd};
use crate::exit::Exit;
use crate::fault::Fault;
use crate::store;

/// Where a server is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing was done.
    Pending,
    /// It is being taken out.
    Taking,
    /// It is out, and its command may run.
    Executing,
    /// Its command ended well; it is being brought back.
    Returning,
    /// It is back.
    Done,
}

/// What a server was on a node before it was touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Its administrative state: `ready`, `drain` or `maint`.
    pub state: String,
    /// Its weight.
    pub weight: u32,
}

/// A server of the roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name.
    pub server: String,
    /// Its address, for the command.
    pub address: String,
    /// Its port, for the command.
    pub port: u16,
    /// Where it is on its way.
    pub phase: Phase,
    /// What it was on each node that has it, by the node's name.
    pub before: BTreeMap<String, Before>,
}

/// A node of the roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOf {
    /// Its name.
    pub name: String,
    /// Its admin socket.
    pub address: String,
    /// Its master's socket.
    pub master: Option<String>,
}

/// A roll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Who began it, and when.
    pub user: String,
    /// Seconds since 1970.
    pub at: u64,
    /// Why.
    pub message: Option<String>,
    /// The nodes.
    pub nodes: Vec<NodeOf>,
    /// Where operators' machines agree on who rolls.
    pub etcd: Option<Etcd>,
    /// How many servers at a time.
    pub batch: usize,
    /// The command, if any.
    pub exec: Option<String>,
    /// The guard, as it was given.
    pub min_up: Option<String>,
    /// Whether checks decide when a server serves.
    pub checked: bool,
    /// Longest time for a server to empty, in milliseconds.
    pub deadline_ms: u64,
    /// Whether sessions left at the deadline are ended.
    pub kill: bool,
    /// Longest time for a server to come up, in milliseconds.
    pub up_within_ms: u64,
    /// The servers, in order.
    pub items: Vec<Item>,
}

/// A roll's directory, locked for as long as this lives.
#[derive(Debug)]
pub struct Place {
    /// The roll's number.
    pub id: u64,
    /// Its directory.
    pub dir: PathBuf,
    _held: Flock<File>,
    backends: Vec<Flock<File>>,
    /// The same over all machines, where they have agreed on a place.
    claim: Option<Claim>,
}

impl Place {
    /// A new roll's.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn create() -> Result<Self, Fault> {
        let rolls = store::directory("rolls")?;
        let _numbering = store::lock(&rolls.join("lock"))?;
        let listed = std::fs::read_dir(&rolls).map_err(|e| store::failed(&rolls, &e))?;
        let last = listed.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u64>().ok()).max();
        let id = last.unwrap_or(0) + 1;
        let dir = rolls.join(id.to_string());
        std::fs::create_dir(&dir).map_err(|e| store::failed(&dir, &e))?;
        Self::hold(id, dir)
    }

    /// That of a roll that was begun.
    ///
    /// # Errors
    /// [`Exit::NotFound`] when there is none, [`Exit::Guard`] when another process is at it.
    pub fn open(id: u64) -> Result<Self, Fault> {
        let dir = store::directory("rolls")?.join(id.to_string());
        if !dir.join("state.json").exists() {
            return Err(Fault::new(Exit::NotFound, format!("there is no roll {id} to resume")).hint(
                "its number was told when it began; it belongs to the host and the state directory it began in",
            ));
        }
        Self::hold(id, dir)
    }

    fn hold(id: u64, dir: PathBuf) -> Result<Self, Fault> {
        let path = dir.join("lock");
        let file = File::create(&path).map_err(|e| store::failed(&path, &e))?;
        let held = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
            Fault::new(Exit::Guard, format!("roll {id} is being worked on by another process"))
                .hint("nothing was changed; wait for it, or end it first")
        })?;
        Ok(Self { id, dir, _held: held, backends: Vec::new(), claim: None })
    }

    /// Whether others may have taken the backends meanwhile.
    pub fn is_lost(&self) -> bool {
        self.claim.as_ref().is_some_and(Claim::is_lost)
    }

    /// Keeps other rolls, on this host and on those that agree through etcd, from the same backends for as long as this lives.
    ///
    /// # Errors
    /// [`Exit::Guard`] when another roll is at one of them.
    pub fn claim(&mut self, state: &State) -> Result<(), Fault> {
        let rolls = store::directory("rolls")?;
        let backends = state.items.iter().filter_map(|item| item.server.split_once('/')).map(|(backend, _)| backend);
        let mut backends: Vec<&str> = backends.collect();
        backends.sort_unstable();
        backends.dedup();
        if let Some(etcd) = &state.etcd {
            let host = nix::unistd::gethostname().unwrap_or_default();
            let who = format!("{}@{} (roll {} in {})", state.user, host.display(), self.id, rolls.display());
            let names: Vec<String> = backends.iter().map(|backend| format!("roll/{backend}")).collect();
            self.claim = Some(etcd.claim(&names, &who)?);
        }
        for backend in backends {
            let path = rolls.join(format!("{backend}.busy"));
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            let file = file.map_err(|e| store::failed(&path, &e))?;
            let held = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|_| {
                Fault::new(Exit::Guard, format!("another roll is working on {backend}"))
                    .hint(format!("nothing was changed; afterwards: lbctl roll --resume {}", self.id))
            })?;
            self.backends.push(held);
        }
        Ok(())
    }

    /// Reads the state.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self) -> Result<State, Fault> {
        let path = self.dir.join("state.json");
        store::read(&path)?.ok_or_else(|| Fault::new(Exit::NotFound, format!("there is no roll {}", self.id)))
    }

    /// Replaces the state.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, state: &State) -> Result<(), Fault> {
        store::write(&self.dir.join("state.json"), state)
    }

    /// Where a server's command keeps what it does; one directory for each server.
    pub fn exec_dir(&self, server: &str) -> PathBuf {
        self.dir.join(server.replace('/', "%"))
    }
}
