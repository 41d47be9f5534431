//! The configuration behind a node: its files, read as `lb-config` reads them.
//!
//! What is compared is what the files say today, for whom a name stands is nobody's business here: host names are
//! not resolved, and nothing is asked of the network. Faults stop nothing but are handed on, because HAProxy has
//! words that lbd has not.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use lb_client::{Address, Client};
use lb_config::model::Config;
use lb_config::{Diagnostic, Host, Severity, Source, parse_partly};

use crate::exit::Exit;
use crate::fault::Fault;
use crate::process::Process;

/// Lines that say what a server is.
const ABOUT_SERVERS: &[&str] = &["server", "server-template", "default-server", "backend", "listen", "defaults"];

/// What the files say.
#[derive(Debug)]
pub struct Configuration {
    /// The files, as found.
    pub files: Vec<PathBuf>,
    /// As much of it as could be read.
    pub model: Config,
    /// What could not be read.
    pub faults: Vec<Diagnostic>,
    /// When the latest of the files was changed.
    pub edited: Option<SystemTime>,
}

impl Configuration {
    /// Of the process behind a node, when that runs on this host.
    ///
    /// # Errors
    /// When it does not, its process cannot be seen or a file cannot be read.
    pub fn of_node(client: &Client) -> Result<Self, Fault> {
        Self::of_process(&process_of(client)?)
    }

    /// Of a process of this host, with its own variables.
    ///
    /// # Errors
    /// When its command line names no file, or one cannot be read.
    pub fn of_process(process: &Process) -> Result<Self, Fault> {
        let files = process.configuration();
        if files.is_empty() {
            return Err(Fault::new(
                Exit::NotFound,
                format!("process {} does not say which files it read", process.pid),
            )
            .hint("name them with --config FILE"));
        }
        Self::read(&files, process.environment())
    }

    /// Of files that the operator names; variables are this process's.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn of_files(paths: &[PathBuf]) -> Result<Self, Fault> {
        Self::read(
            paths,
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect(),
        )
    }

    fn read(paths: &[PathBuf], environment: HashMap<String, String>) -> Result<Self, Fault> {
        let mut files = Vec::new();
        let mut sources = Vec::new();
        let mut edited = None;
        for path in paths {
            let failed = |path: &Path, e: &io::Error| {
                Fault::new(Exit::Refused, format!("the configuration cannot be read: {}: {e}", path.display()))
                    .hint("--config FILE names another; reading it may need another user's rights")
            };
            for file in listing(path).map_err(|e| failed(path, &e))? {
                let text = std::fs::read(&file).map_err(|e| failed(&file, &e))?;
                edited = edited.max(std::fs::metadata(&file).and_then(|m| m.modified()).ok());
                sources.push(Source { name: file.display().to_string(), text });
                files.push(file);
            }
        }
        let (model, found) = parse_partly(&sources, &Files { environment });
        let faults = found.into_iter().filter(|d| d.severity == Severity::Alert).collect();
        Ok(Self { files, model, faults, edited })
    }

    /// The first fault that makes servers uncertain: what is compared would be guessed.
    pub fn fault_of_servers(&self) -> Option<&Diagnostic> {
        self.faults.iter().find(|fault| {
            let line = fault.source_line.as_deref().unwrap_or("");
            let word = line.split_ascii_whitespace().find(|word| *word != "no").unwrap_or("");
            fault.file.is_none() || ABOUT_SERVERS.contains(&word)
        })
    }

    /// The files' names.
    pub fn names(&self) -> String {
        self.files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// The process behind a node, when that is of this host.
///
/// # Errors
/// [`Exit::NotFound`] when it is not, or cannot be seen.
pub fn process_of(client: &Client) -> Result<Process, Fault> {
    let local = matches!(client.address().socket(), Address::Unix(_));
    if !local {
        return Err(Fault::new(Exit::NotFound, format!("{} is no socket of this host", client.address()))
            .hint("copy its configuration here and name it with --config FILE"));
    }
    let pid = client.info()?.number::<u32>("Pid");
    let process = pid.and_then(Process::of).filter(|p| !p.arguments.is_empty());
    process.ok_or_else(|| {
        Fault::new(Exit::NotFound, format!("the process behind {} cannot be seen", client.address()))
            .hint("it may run in a container; name its configuration with --config FILE")
    })
}

/// A file, or the visible `*.cfg` files of a directory in the order of their names.
fn listing(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let files = std::fs::read_dir(path)?.flatten().map(|entry| entry.path());
    let visible = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().as_encoded_bytes();
        name.ends_with(b".cfg") && !name.starts_with(b".") && file.is_file()
    };
    let mut files: Vec<PathBuf> = files.filter(visible).collect();
    files.sort();
    Ok(files)
}

/// What the parser may ask: files, and the variables of the process whose configuration it is.
struct Files {
    environment: HashMap<String, String>,
}

impl Host for Files {
    fn env(&self, name: &str) -> Option<String> {
        self.environment.get(name).cloned()
    }

    fn resolve(&self, _: &str) -> Option<IpAddr> {
        Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        nix::unistd::User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        nix::unistd::Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<String>> {
        let files = std::fs::read_dir(path)?.flatten().filter(|entry| entry.path().is_file());
        Ok(files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }

    fn hostname(&self) -> String {
        nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }
}
