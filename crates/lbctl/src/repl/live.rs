//! What the prompt and its completion know of the node, fetched when needed and kept for a moment.

use std::time::{Duration, Instant};

use lb_client::{Client, Error, ServerState};
use lb_stats::ObjectKind;

use super::catalog::Catalog;

/// How old names may be when they are offered.
const FRESH: Duration = Duration::from_secs(2);
/// How long a person waits for a completion or the next prompt.
const PATIENCE: Duration = Duration::from_millis(500);

/// The node as last seen.
pub struct Live {
    client: Client,
    node: String,
    level: Option<lb_model::Level>,
    catalog: Option<Catalog>,
    servers: Option<(Instant, Vec<ServerState>)>,
    frontends: Option<(Instant, Vec<String>)>,
}

impl Live {
    /// Nothing is fetched yet.
    pub fn new(client: Client) -> Self {
        let node = client.address().to_string();
        let client = client.with_timeout(PATIENCE);
        Self { client, node, level: None, catalog: None, servers: None, frontends: None }
    }

    /// Reads the node's name and level.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn connect(&mut self) -> Result<(), Error> {
        let info = self.client.info()?;
        if let Some(name) = info.get("node").filter(|n| !n.is_empty()) {
            self.node = name.to_owned();
        }
        self.level = Some(self.client.level()?);
        Ok(())
    }

    /// `node admin 2 out> `; fetched anew, since the last command may have changed it.
    pub fn prompt(&mut self) -> String {
        self.servers = None;
        if self.level.is_none() && self.connect().is_err() {
            return format!("{} unreachable> ", self.node);
        }
        let Some(out) = self.states().map(|s| s.iter().filter(|s| s.is_out()).count()) else {
            // Another process may answer next time, with other commands.
            (self.level, self.catalog) = (None, None);
            return format!("{} unreachable> ", self.node);
        };
        let level = self.level.map(|l| format!(" {l}")).unwrap_or_default();
        let out = if out == 0 { String::new() } else { format!(" {out} out") };
        format!("{}{level}{out}> ", self.node)
    }

    /// The node's commands.
    pub fn catalog(&mut self) -> Catalog {
        if self.catalog.is_none() {
            self.catalog = self.client.help().ok().map(|help| Catalog::parse(&help));
        }
        self.catalog.clone().unwrap_or_default()
    }

    /// Names of servers, `backend/server`.
    pub fn servers(&mut self) -> Vec<String> {
        self.states().unwrap_or_default().iter().map(|s| s.name.to_string()).collect()
    }

    /// Names of backends that have servers.
    pub fn backends(&mut self) -> Vec<String> {
        let mut names: Vec<String> = self.states().unwrap_or_default().iter().map(|s| s.name.backend.clone()).collect();
        names.dedup();
        names
    }

    /// Names of frontends.
    pub fn frontends(&mut self) -> Vec<String> {
        if self.frontends.as_ref().is_none_or(|(at, _)| at.elapsed() > FRESH) {
            let table = self.client.stat().ok();
            let names = table.map(|t| {
                let rows = t.rows().filter(|r| r.kind() == Some(ObjectKind::Frontend));
                rows.map(|r| r.proxy().to_owned()).collect()
            });
            self.frontends = names.map(|n| (Instant::now(), n));
        }
        self.frontends.as_ref().map(|(_, names)| names.clone()).unwrap_or_default()
    }

    fn states(&mut self) -> Option<&[ServerState]> {
        if self.servers.as_ref().is_none_or(|(at, _)| at.elapsed() > FRESH) {
            self.servers = self.client.servers_state(None).ok().map(|s| (Instant::now(), s));
        }
        self.servers.as_ref().map(|(_, servers)| servers.as_slice())
    }
}
