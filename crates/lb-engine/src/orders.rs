//! Pages that the engine serves itself to HTTP clients. A data thread places an order with the control thread, which
//! owns what the pages show, and passes the pieces on to its client as they come.

use tokio::sync::mpsc;

/// Orders that may wait; further clients are told that the service is unavailable.
pub const ORDER_QUEUE: usize = 256;

/// Pieces that may wait for a client.
pub const PIECES: usize = 4;

/// A page to be made.
#[derive(Debug)]
pub struct Order {
    /// Which.
    pub page: Page,
    /// Where its pieces go. When the client is gone, the receiver is, and the work ends.
    pub pieces: mpsc::Sender<Vec<u8>>,
}

/// The pages there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// Metrics for Prometheus.
    Metrics(MetricsQuery),
    /// What `show stat` answers to these words.
    Stat {
        /// The words after `show stat`.
        words: Vec<String>,
        /// Which proxies.
        scope: Scope,
    },
    /// The description of the JSON form.
    Schema,
    /// The status page.
    Status(StatusView),
    /// Changes of the rows shown, for as long as the client listens.
    Changes(StatusView),
    /// Changes servers; the only piece says how it went.
    Act(Act),
}

/// Proxies that are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// By name; none: all of them.
    pub names: Vec<String>,
    /// A part of the name, asked for by the client.
    pub part: Option<String>,
}

impl Scope {
    /// Whether a proxy of this name is shown.
    pub fn shows(&self, name: &str) -> bool {
        (self.names.is_empty() || self.names.iter().any(|n| n == name))
            && self.part.as_deref().is_none_or(|part| name.contains(part))
    }
}

/// What a scrape asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricsQuery {
    /// `scope`: `None` for all.
    pub scopes: Option<Vec<MetricsScope>>,
    /// `no-maint`: servers in maintenance are left out.
    pub no_maint: bool,
    /// `extra-counters`.
    pub extra: bool,
    /// `metrics`: names wanted; none: all.
    pub wanted: Vec<String>,
    /// `metrics=-name`: names unwanted.
    pub unwanted: Vec<String>,
}

/// What metrics may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsScope {
    /// The process.
    Global,
    /// Frontends.
    Frontend,
    /// Listeners.
    Listener,
    /// Backends.
    Backend,
    /// Servers.
    Server,
    /// Stick tables.
    StickTable,
    /// Name servers.
    Resolver,
}

impl MetricsScope {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Global, Self::Frontend, Self::Listener, Self::Backend, Self::Server, Self::StickTable, Self::Resolver];

    /// From the value of `scope`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "global" => Self::Global,
            "frontend" => Self::Frontend,
            "listener" => Self::Listener,
            "backend" => Self::Backend,
            "server" => Self::Server,
            "sticktable" => Self::StickTable,
            "resolver" => Self::Resolver,
            _ => return None,
        })
    }
}

/// How the status page is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    /// Index of the proxy that serves it.
    pub proxy: usize,
    /// Which proxies are shown.
    pub scope: Scope,
    /// The viewer may change servers.
    pub admin: bool,
    /// `;norefresh`: the page stays as it is.
    pub still: bool,
    /// `;up`: servers that are down are left out.
    pub up_only: bool,
    /// `;no-maint`: servers in maintenance are left out.
    pub no_maint: bool,
    /// How the last action went.
    pub outcome: Option<String>,
}

impl StatusView {
    /// The page's address with what was asked for beside it, `word` being the first of that.
    pub fn address(&self, uri: &str, word: Option<&str>) -> String {
        let options = [("up", self.up_only), ("norefresh", self.still), ("no-maint", self.no_maint)];
        let asked = options.into_iter().filter(|(_, asked)| *asked).map(|(option, _)| option);
        let mut address = uri.to_owned();
        for option in word.into_iter().chain(asked) {
            address.push(';');
            address.push_str(option);
        }
        if let Some(part) = &self.scope.part {
            address.push_str("?scope=");
            address.push_str(part);
        }
        address
    }
}

/// Servers to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Act {
    /// Backend, by name or `#id`.
    pub backend: Option<String>,
    /// Names of servers.
    pub servers: Vec<String>,
    /// What to do, in the words of the form.
    pub action: Option<String>,
    /// Which proxies may be touched.
    pub scope: Scope,
}
