//! What is set, and where: flags over environment over the project's file over the user's file.
//!
//! The files are TOML. The user's is `lbctl/config.toml` below `$XDG_CONFIG_HOME`; the project's is the
//! nearest `.lbctl.toml` upwards from the working directory. A word that is not known is refused with
//! its file: a misspelled `read-only` must not be skipped in silence.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use lb_client::Address;
use toml_edit::{DocumentMut, Item, TableLike};

use crate::cli::duration;
use crate::etcd::{self, Etcd};
use crate::fault::Fault;
use crate::output::Format;

/// The project's file.
const PROJECT_FILE: &str = ".lbctl.toml";

/// One node of a context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSetting {
    /// Its name in tables.
    pub name: String,
    /// Its admin socket.
    pub socket: Address,
    /// Its master's socket, by which old workers are seen.
    pub master: Option<Address>,
}

/// A named set of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContextSetting {
    /// Its nodes, in the file's order.
    pub nodes: Vec<NodeSetting>,
    /// Where operators' machines agree on who acts.
    pub etcd: Option<Etcd>,
    /// Whether only looking is allowed.
    pub read_only: bool,
}

/// What the files say.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The context in use.
    pub context: Option<String>,
    /// How to print.
    pub output: Option<Format>,
    /// Longest wait for a connection and each piece of an answer.
    pub timeout: Option<Duration>,
    /// Whether only looking is allowed.
    pub read_only: bool,
    /// Whether nothing is ever asked.
    pub no_input: bool,
    /// Contexts by name.
    pub contexts: BTreeMap<String, ContextSetting>,
}

impl Settings {
    /// From the two files, as far as they are there.
    ///
    /// # Errors
    /// When a file cannot be read or says something that is not known.
    pub fn load() -> Result<Self, Fault> {
        let mut settings = Self::default();
        for path in [user_file(), project_file()].into_iter().flatten() {
            match std::fs::read_to_string(&path) {
                Ok(text) => {
                    let directory = path.parent().unwrap_or(Path::new(""));
                    settings.merge(&text, directory).map_err(|e| bad(&path, &e))?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(bad(&path, &error.to_string())),
            }
        }
        Ok(settings)
    }

    /// Lays a file's text over what is there; paths in it begin at its directory.
    fn merge(&mut self, text: &str, directory: &Path) -> Result<(), String> {
        let document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| e.to_string().trim().to_owned())?;
        for (key, item) in document.iter() {
            match key {
                "context" => self.context = Some(string(key, item)?),
                "output" => self.output = Some(Format::from_str(&string(key, item)?, false)?),
                "timeout" => self.timeout = Some(duration(&string(key, item)?)?),
                "read-only" => self.read_only = flag(key, item)?,
                "no-input" => self.no_input = flag(key, item)?,
                "contexts" => {
                    for (name, item) in table(key, item)?.iter() {
                        let context = context(name, item, directory).map_err(|e| format!("contexts.{name}: {e}"))?;
                        self.contexts.insert(name.to_owned(), context);
                    }
                }
                other => return Err(format!("there is no setting '{other}'")),
            }
        }
        Ok(())
    }
}

fn context(name: &str, item: &Item, directory: &Path) -> Result<ContextSetting, String> {
    let mut context = ContextSetting::default();
    for (key, item) in table("a context", item)?.iter() {
        match key {
            "nodes" => {
                for (name, item) in table(key, item)?.iter() {
                    context.nodes.push(node(name, item).map_err(|e| format!("nodes.{name}: {e}"))?);
                }
            }
            "etcd" => {
                context.etcd = Some(etcd(name, item, directory)?);
            }
            "read-only" => context.read_only = flag(key, item)?,
            other => return Err(format!("there is no setting '{other}'")),
        }
    }
    if context.nodes.is_empty() {
        return Err("it has no nodes".into());
    }
    Ok(context)
}

/// `etcd = ["http://…"]`, or a table with `endpoints` and what secures them.
fn etcd(name: &str, item: &Item, directory: &Path) -> Result<Etcd, String> {
    let wrong =
        "'etcd' is a list of http://HOST:PORT or https://HOST:PORT, or a table with 'endpoints', 'ca', 'cert', 'key'";
    let list = |item: &Item| -> Result<Vec<String>, String> {
        let words = item.as_array().ok_or(wrong)?.iter().map(|v| v.as_str().ok_or(wrong).map(str::to_owned));
        let endpoints = words.collect::<Result<Vec<String>, _>>()?;
        endpoints.iter().try_for_each(|e| etcd::check(e))?;
        Ok(endpoints)
    };
    let mut etcd = Etcd { prefix: name.to_owned(), ..Etcd::default() };
    if item.is_array() {
        etcd.endpoints = list(item)?;
        return Ok(etcd);
    }
    let path = |key: &str, item: &Item| Ok::<_, String>(Some(directory.join(string(key, item)?)));
    for (key, item) in item.as_table_like().ok_or(wrong)?.iter() {
        match key {
            "endpoints" => etcd.endpoints = list(item)?,
            "ca" => etcd.ca = path(key, item)?,
            "cert" => etcd.cert = path(key, item)?,
            "key" => etcd.key = path(key, item)?,
            other => return Err(format!("etcd: there is no setting '{other}'")),
        }
    }
    match (&etcd.cert, &etcd.key) {
        _ if etcd.endpoints.is_empty() => Err("etcd: 'endpoints' is missing".into()),
        (Some(_), None) | (None, Some(_)) => Err("etcd: 'cert' and 'key' go together".into()),
        _ => Ok(etcd),
    }
}

fn node(name: &str, item: &Item) -> Result<NodeSetting, String> {
    let parse = |text: &str| text.parse::<Address>().map_err(|e| e.to_string());
    if let Some(socket) = item.as_str() {
        return Ok(NodeSetting { name: name.to_owned(), socket: parse(socket)?, master: None });
    }
    let (mut socket, mut master) = (None, None);
    for (key, item) in table("a node", item)?.iter() {
        match key {
            "socket" => socket = Some(parse(&string(key, item)?)?),
            "master" => master = Some(parse(&string(key, item)?)?),
            other => return Err(format!("there is no setting '{other}'")),
        }
    }
    let socket = socket.ok_or("'socket' is missing")?;
    Ok(NodeSetting { name: name.to_owned(), socket, master })
}

fn string(key: &str, item: &Item) -> Result<String, String> {
    item.as_str().map(str::to_owned).ok_or_else(|| format!("'{key}' is a text in quotes"))
}

fn flag(key: &str, item: &Item) -> Result<bool, String> {
    item.as_bool().ok_or_else(|| format!("'{key}' is true or false"))
}

fn table<'a>(key: &str, item: &'a Item) -> Result<&'a dyn TableLike, String> {
    item.as_table_like().ok_or_else(|| format!("'{key}' is a table"))
}

fn bad(path: &Path, what: &str) -> Fault {
    Fault::usage(format!("{}: {what}", path.display())).hint("'lbctl help context' has an example of the file")
}

/// The user's file, whether or not it is there.
pub fn user_file() -> Option<PathBuf> {
    below("XDG_CONFIG_HOME", ".config").map(|dir| dir.join("lbctl/config.toml"))
}

/// The nearest project file upwards.
pub fn project_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().map(|dir| dir.join(PROJECT_FILE)).find(|path| path.is_file())
}

/// Where state is kept: `$LBCTL_STATE`, else `lbctl` below `$XDG_STATE_HOME`.
pub fn state_dir() -> Option<PathBuf> {
    let named = std::env::var_os("LBCTL_STATE").filter(|v| !v.is_empty()).map(PathBuf::from);
    named.or_else(|| below("XDG_STATE_HOME", ".local/state").map(|dir| dir.join("lbctl")))
}

/// A base directory of the XDG specification, which ignores paths that are not absolute.
fn below(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from).filter(|p| p.is_absolute());
    named.or_else(|| std::env::home_dir().filter(|h| h.is_absolute()).map(|home| home.join(usual)))
}

/// What the environment says, with its variables' names.
pub mod environment {
    use super::{Address, Fault};

    /// Addresses of `LBCTL_SOCKET`, separated by commas or blanks.
    pub fn sockets() -> Result<Vec<Address>, Fault> {
        let Ok(text) = std::env::var("LBCTL_SOCKET") else { return Ok(Vec::new()) };
        let words = text.split([',', ' ', '\n']).filter(|w| !w.is_empty());
        words.map(|w| w.parse().map_err(|e| Fault::usage(format!("LBCTL_SOCKET: {e}")))).collect()
    }

    /// `LBCTL_CONTEXT`.
    pub fn context() -> Option<String> {
        std::env::var("LBCTL_CONTEXT").ok().filter(|v| !v.is_empty())
    }

    /// A variable that is on when it is neither empty nor 0.
    pub fn is_on(name: &str) -> bool {
        std::env::var(name).is_ok_and(|v| !v.is_empty() && v != "0")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let mut settings = Settings::default();
        settings.merge(text, Path::new("/etc/lbctl")).err().unwrap_or_else(|| format!("{:?}", settings.contexts))
    }

    #[test]
    fn files() {
        let mut settings = Settings::default();
        settings
            .merge("context = 'prod'\noutput = 'json'\n[contexts.prod.nodes]\nlb1 = '/run/a'\nlb2 = { socket = 'h:1', master = '/run/m' }\n", Path::new("/"))
            .unwrap();
        settings
            .merge(
                "context = 'lab'\ntimeout = '2s'\n[contexts.lab]\nread-only = true\nnodes = { a = '/a' }\n",
                Path::new("/"),
            )
            .unwrap();
        assert_eq!((settings.context.as_deref(), settings.output), (Some("lab"), Some(Format::Json)));
        assert_eq!(settings.contexts["prod"].nodes[1].socket.to_string(), "tcp://h:1");
        assert!(settings.contexts["lab"].read_only);
        assert_eq!(told("readonly = true"), "there is no setting 'readonly'");
        assert_eq!(told("timeout = 5"), "'timeout' is a text in quotes");
        assert_eq!(told("[contexts.a]\nread-only = true"), "contexts.a: it has no nodes");
        assert_eq!(
            told("[contexts.a.nodes]\nx = 'http://y'"),
            "contexts.a: nodes.x: 'http://y' has an unknown scheme; known are unix://, tcp:// and ssh://"
        );
        let etcd = |more: &str| told(&format!("[contexts.a]\nnodes = {{ a = '/a' }}\netcd = {more}"));
        let all = "{ endpoints = ['https://e:1'], ca = 'ca.pem', cert = '/c.pem', key = 'k.pem' }";
        assert!(etcd(all).contains(r#"ca: Some("/etc/lbctl/ca.pem"), cert: Some("/c.pem")"#), "{}", etcd(all));
        assert_eq!(etcd("{ ca = 'x' }"), "contexts.a: etcd: 'endpoints' is missing");
        assert_eq!(etcd("{ endpoints = ['http://e:1'], key = 'x' }"), "contexts.a: etcd: 'cert' and 'key' go together");
        assert_eq!(etcd("{ certs = 'x' }"), "contexts.a: etcd: there is no setting 'certs'");
        assert!(etcd("'http://e:1'").contains("'etcd' is a list"));
        assert_eq!(told("[contexts.a.nodes.x]\nmaster = '/m'"), "contexts.a: nodes.x: 'socket' is missing");
    }
}
