//! Running engines of this host, as `/proc` shows them: command line, directory, environment.
//!
//! Nothing is assumed of what cannot be read: another user's environment is simply not known.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Options that take the next word of a command line.
const WITH_VALUE: &[&str] = &["-C", "-L", "-N", "-S", "-cc", "-m", "-n", "-p", "-x"];

/// A process that may be an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its process id.
    pub pid: u32,
    /// Its parent's.
    pub parent: u32,
    /// Its command line.
    pub arguments: Vec<String>,
    directory: Option<PathBuf>,
}

/// What a command line of lbd or HAProxy says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Words {
    /// `-f` and `--`.
    configuration: Vec<String>,
    /// `-C`.
    directory: Option<String>,
    /// `-S`, without its settings.
    master: Option<String>,
    /// `-c` and its kin: it checks and leaves.
    checks: bool,
}

impl Process {
    /// The process of an id, if it is there.
    pub fn of(pid: u32) -> Option<Self> {
        let proc = Path::new("/proc").join(pid.to_string());
        let line = std::fs::read(proc.join("cmdline")).ok()?;
        let arguments: Vec<String> =
            line.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        // The name may hold blanks and brackets; after its end come the state and the parent.
        let stat = std::fs::read_to_string(proc.join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()?;
        Some(Self { pid, parent, arguments, directory: std::fs::read_link(proc.join("cwd")).ok() })
    }

    /// Every process of this host that is an engine by its name.
    pub fn engines() -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut found: Vec<Self> = pids.filter_map(Self::of).filter(Self::is_engine).collect();
        found.sort_by_key(|process| process.pid);
        found
    }

    /// Whether it is lbd or HAProxy by its program's name, and runs for longer than a check of its configuration.
    fn is_engine(&self) -> bool {
        let program = self.arguments.first().map_or("", String::as_str);
        let name = program.rsplit('/').next().unwrap_or("");
        (name == "lbd" || name.starts_with("haproxy")) && !self.words().checks
    }

    /// Every engine of this host by the process that was started: a master without its workers.
    pub fn leaders() -> Vec<Self> {
        let engines = Self::engines();
        let led = |process: &Self| {
            engines.iter().any(|p| p.pid == process.parent && p.configuration() == process.configuration())
        };
        engines.iter().filter(|process| !led(process)).cloned().collect()
    }

    /// Its program's name.
    pub fn program(&self) -> &str {
        let program = self.arguments.first().map_or("", String::as_str);
        program.rsplit('/').next().unwrap_or("")
    }

    /// The files of its configuration, where they can be told.
    pub fn configuration(&self) -> Vec<PathBuf> {
        let words = self.words();
        words.configuration.iter().map(|file| self.locate(words.directory.as_deref(), file)).collect()
    }

    /// Its master's socket (`-S`), when that is a path.
    pub fn master_socket(&self) -> Option<PathBuf> {
        let words = self.words();
        let address = words.master?;
        let path = ["unix@", "unix://"].iter().find_map(|p| address.strip_prefix(p)).unwrap_or(&address);
        path.contains('/').then(|| self.locate(words.directory.as_deref(), path))
    }

    /// A path of its command line or configuration. A worker that has left its directory (`chroot`) is found by its
    /// master's.
    pub fn locate(&self, directory: Option<&str>, path: &str) -> PathBuf {
        let below = |base: &Path| directory.map_or_else(|| base.to_owned(), |dir| base.join(dir)).join(path);
        let parent = || Self::of(self.parent).filter(|p| p.arguments == self.arguments)?.directory;
        let bases = self.directory.clone().into_iter().chain(parent());
        let mut places = bases.map(|base| below(&base));
        let first = places.next().unwrap_or_else(|| below(Path::new("")));
        if first.exists() { first } else { places.find(|p| p.exists()).unwrap_or(first) }
    }

    /// Its environment, as far as this user may see it.
    pub fn environment(&self) -> HashMap<String, String> {
        let bytes = std::fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        text.split('\0').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    fn words(&self) -> Words {
        read_words(&self.arguments)
    }
}

fn read_words(arguments: &[String]) -> Words {
    let mut words = Words::default();
    let mut rest = arguments.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--" => words.configuration.extend(rest.by_ref().filter(|w| !w.is_empty()).cloned()),
            "-f" => words.configuration.extend(rest.next().cloned()),
            "-C" => words.directory = rest.next().cloned(),
            "-S" => words.master = rest.next().and_then(|v| v.split(',').next()).map(str::to_owned),
            "-c" | "-cc" | "-v" | "-vv" | "-h" => words.checks = true,
            other if WITH_VALUE.contains(&other) => drop(rest.next()),
            _ => {}
        }
    }
    words
}

/// When a process of that many seconds began.
pub fn began(uptime: u64) -> Option<SystemTime> {
    SystemTime::now().checked_sub(Duration::from_secs(uptime))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Words {
        read_words(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn command_lines() {
        let read = words(
            "/usr/sbin/haproxy -Ws -f /etc/a.cfg -f /etc/conf.d -p /run/pid -S /run/m.sock,level,admin -sf 12 13",
        );
        assert_eq!(read.configuration, ["/etc/a.cfg", "/etc/conf.d"]);
        assert_eq!(read.master.as_deref(), Some("/run/m.sock"));
        assert_eq!(words("lbd -n -f -C /etc/lbd -- a.cfg b.cfg").configuration, ["a.cfg", "b.cfg"]);
        assert_eq!(words("lbd -C /etc/lbd -- a.cfg").directory.as_deref(), Some("/etc/lbd"));
        assert!(words("haproxy -c -f a.cfg").checks);
        assert!(!words("haproxy -db -f a.cfg").checks);
    }

    #[test]
    fn this_process_is_found_and_is_no_engine() {
        let this = Process::of(std::process::id()).unwrap();
        assert!(!this.is_engine());
        assert_eq!(this.locate(None, "Cargo.toml"), std::env::current_dir().unwrap().join("Cargo.toml"));
        assert!(this.environment().contains_key("PATH"));
        assert_eq!(Process::of(u32::MAX), None);
    }
}
