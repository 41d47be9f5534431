//! What the prompt and its completion know of the nodes, fetched when needed and kept for a moment.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use lb_client::{Client, Error, ServerState};
use lb_model::Level;
use lb_stats::ObjectKind;

use super::catalog::Catalog;
use crate::context::Context;

/// How old names may be when they are offered.
const FRESH: Duration = Duration::from_secs(2);
/// How long a person waits for a completion or the next prompt.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many nodes are told by name.
const NAMED: usize = 3;

/// A node as last seen.
struct Seen {
    client: Client,
    name: String,
    level: Option<Level>,
    servers: Option<Vec<ServerState>>,
}

/// The nodes as last seen.
pub struct Live {
    ctx: Context,
    nodes: Vec<Seen>,
    /// When the servers were read.
    at: Option<Instant>,
    catalog: Option<Catalog>,
    frontends: Option<(Instant, Vec<String>)>,
    /// Every name of a server, for colours while typing.
    known: BTreeSet<String>,
}

impl Live {
    /// Nothing is fetched yet.
    pub fn new(ctx: &Context) -> Self {
        let ctx = ctx.clone().clients(|client| client.with_timeout(PATIENCE));
        let several = ctx.nodes.len() > 1;
        let nodes = ctx.nodes.iter().map(|node| {
            let name = if several { node.name.clone() } else { node.client.address().to_string() };
            Seen { client: node.client.clone(), name, level: None, servers: None }
        });
        let nodes = nodes.collect();
        Self { ctx, nodes, at: None, catalog: None, frontends: None, known: BTreeSet::new() }
    }

    /// Goes where the session has gone.
    pub fn follow(&mut self, ctx: &Context) {
        let addresses = |ctx: &Context| ctx.nodes.iter().map(|n| n.client.address().clone()).collect::<Vec<_>>();
        if addresses(&self.ctx) != addresses(ctx) {
            *self = Self::new(ctx);
        }
    }

    /// The nodes, asked with little patience.
    pub fn context(&self) -> &Context {
        &self.ctx
    }

    /// Reads the nodes' names and levels.
    ///
    /// # Errors
    /// When none can be reached.
    pub fn connect(&mut self) -> Result<(), Error> {
        let alone = self.nodes.len() == 1;
        let mut first = None;
        for end in every(&mut self.nodes, |node| node.connect(alone)) {
            match end {
                Ok(()) => return Ok(()),
                Err(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    /// `node admin 2 out> `; fetched anew, since the last command may have changed it.
    pub fn prompt(&mut self) -> String {
        self.look();
        let up: Vec<&Seen> = self.nodes.iter().filter(|n| n.servers.is_some()).collect();
        let away: Vec<&str> = self.nodes.iter().filter(|n| n.servers.is_none()).map(|n| n.name.as_str()).collect();
        let name = match self.nodes.as_slice() {
            several if several.len() > NAMED => format!("{} nodes", several.len()),
            few => few.iter().map(|n| n.name.as_str()).collect::<Vec<_>>().join("+"),
        };
        if up.is_empty() {
            // Another process may answer next time, with other commands.
            self.catalog = None;
            return format!("{name} unreachable> ");
        }
        // What every node allows.
        let level = up.iter().filter_map(|n| n.level).min().map(|l| format!(" {l}")).unwrap_or_default();
        let out = up.iter().filter_map(|n| n.servers.as_ref()).flatten().filter(|s| s.is_out()).count();
        let out = if out == 0 { String::new() } else { format!(" {out} out") };
        let away = match away.as_slice() {
            [] => String::new(),
            [one] => format!(" {one} unreachable"),
            several => format!(" {} unreachable", several.len()),
        };
        format!("{name}{level}{away}{out}> ")
    }

    /// The first node's commands.
    pub fn catalog(&mut self) -> Catalog {
        if self.catalog.is_none() {
            self.catalog = self.ctx.client.help().ok().map(|help| Catalog::parse(&help));
        }
        self.catalog.clone().unwrap_or_default()
    }

    /// Names of servers, `backend/server`.
    pub fn servers(&mut self) -> Vec<String> {
        if self.at.is_none_or(|at| at.elapsed() > FRESH) {
            self.look();
        }
        let mut names: Vec<String> = self.states().map(|s| s.name.to_string()).collect();
        let mut told = BTreeSet::new();
        names.retain(|name| told.insert(name.clone()));
        names
    }

    /// Names of backends that have servers.
    pub fn backends(&mut self) -> Vec<String> {
        let mut names: Vec<String> =
            self.servers().iter().filter_map(|s| s.split_once('/')).map(|(b, _)| b.to_owned()).collect();
        names.dedup();
        names
    }

    /// Names of frontends.
    pub fn frontends(&mut self) -> Vec<String> {
        if self.frontends.as_ref().is_none_or(|(at, _)| at.elapsed() > FRESH) {
            let table = self.ctx.client.stat().ok();
            let names = table.map(|t| {
                let rows = t.rows().filter(|r| r.kind() == Some(ObjectKind::Frontend));
                rows.map(|r| r.proxy().to_owned()).collect()
            });
            self.frontends = names.map(|n| (Instant::now(), n));
        }
        self.frontends.as_ref().map(|(_, names)| names.clone()).unwrap_or_default()
    }

    /// Whether there was a server of this name; nothing is asked.
    pub fn knows(&self, server: &str) -> bool {
        self.known.contains(server)
    }

    fn states(&self) -> impl Iterator<Item = &ServerState> {
        self.nodes.iter().filter_map(|n| n.servers.as_ref()).flatten()
    }

    fn look(&mut self) {
        let alone = self.nodes.len() == 1;
        every(&mut self.nodes, |node| node.look(alone));
        self.at = Some(Instant::now());
        self.known = self.states().map(|s| s.name.to_string()).collect();
    }
}

impl Seen {
    fn connect(&mut self, alone: bool) -> Result<(), Error> {
        let info = self.client.info()?;
        // Of several, the context's names tell them apart.
        if let Some(name) = info.get("node").filter(|n| alone && !n.is_empty()) {
            self.name = name.to_owned();
        }
        self.level = Some(self.client.level()?);
        Ok(())
    }

    fn look(&mut self, alone: bool) {
        self.servers = None;
        if self.level.is_none() && self.connect(alone).is_err() {
            return;
        }
        self.servers = self.client.servers_state(None).ok();
        if self.servers.is_none() {
            // Another process may answer next time.
            self.level = None;
        }
    }
}

/// Does the work on every node side by side.
fn every<T: Send>(nodes: &mut [Seen], work: impl Fn(&mut Seen) -> T + Sync) -> Vec<T> {
    if let [one] = nodes {
        return vec![work(one)];
    }
    let work = &work;
    thread::scope(|scope| {
        let running: Vec<_> = nodes.iter_mut().map(|node| scope.spawn(move || work(node))).collect();
        running.into_iter().map(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p))).collect()
    })
}
