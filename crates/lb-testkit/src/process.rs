//! What `/proc` says about a process.

use anyhow::Context;
use std::collections::BTreeSet;
use std::time::Duration;

/// Processor time a process has used, all its threads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cpu {
    /// In user space.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl Cpu {
    /// Both parts.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was used since `earlier`.
    pub fn since(self, earlier: Cpu) -> Cpu {
        Cpu { user: self.user.saturating_sub(earlier.user), system: self.system.saturating_sub(earlier.system) }
    }
}

/// Processor time of `pid`, in steps of a clock tick (10 ms).
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: u32) -> anyhow::Result<Cpu> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The command's name is in parentheses and may hold spaces: fields are counted from the last one.
    let (_, rest) = stat.rsplit_once(')').context("a stat line without a command")?;
    let field = |index: usize| -> anyhow::Result<Duration> {
        let ticks: u64 = rest.split_whitespace().nth(index).context("a short stat line")?.parse()?;
        Ok(Duration::from_millis(ticks * 10))
    };
    Ok(Cpu { user: field(11)?, system: field(12)? })
}

/// Nanoseconds all threads of `pid` have run, from the scheduler: finer than [`cpu`], without the split.
///
/// # Errors
/// When the process is gone or the kernel keeps no such account.
pub fn run_time(pid: u32) -> anyhow::Result<Duration> {
    let mut total = Duration::ZERO;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let nanoseconds = text.split_whitespace().next().context("an empty schedstat")?.parse()?;
        total += Duration::from_nanos(nanoseconds);
    }
    Ok(total)
}

/// Resident memory in bytes.
///
/// # Errors
/// When the process is gone.
pub fn rss_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).context("no VmRSS line")?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

/// Number of open descriptors.
///
/// # Errors
/// When the process is gone.
pub fn open_files(pid: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// Whether the process exists and is not a zombie.
pub fn is_running(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit_once(')').map(|(_, rest)| rest.trim_start().to_owned()))
        .is_some_and(|rest| !rest.starts_with(['Z', 'X']))
}

/// Children of `pid`, such as the workers of a master.
pub fn children(pid: u32) -> Vec<u32> {
    std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// TCP ports on which some process listens, found without connecting to them.
pub fn listening_ports() -> BTreeSet<u16> {
    listeners().into_iter().map(|(port, _)| port).collect()
}

/// Whether the process has a socket open that listens on the TCP port.
pub fn listens(pid: u32, port: u16) -> bool {
    let sockets: BTreeSet<String> =
        listeners().into_iter().filter(|(own, _)| *own == port).map(|(_, inode)| format!("socket:[{inode}]")).collect();
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    files.filter_map(|file| std::fs::read_link(file.path()).ok()).any(|file| sockets.contains(&*file.to_string_lossy()))
}

/// The port and the inode of each TCP socket that listens.
fn listeners() -> Vec<(u16, String)> {
    let mut found = Vec::new();
    for file in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for line in std::fs::read_to_string(file).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields.as_slice() else { continue };
            let port = local.rsplit_once(':').and_then(|(_, hex)| u16::from_str_radix(hex, 16).ok());
            // State 0A is LISTEN.
            if *state == "0A" {
                found.extend(port.map(|port| (port, (*inode).to_owned())));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_is_visible() {
        let me = std::process::id();
        assert!(is_running(me));
        assert!(rss_bytes(me).unwrap() > 100_000);
        assert!(open_files(me).unwrap() >= 3);
        assert!(run_time(me).unwrap() > Duration::ZERO);
        assert!(cpu(me).unwrap().total() < Duration::from_secs(3600));
    }

    #[test]
    fn listeners_are_seen_without_connecting() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listening_ports().contains(&port));
        assert!(listens(std::process::id(), port));
        assert!(!listens(1, port));
        drop(listener);
        // A child that another test starts holds the descriptor until its exec.
        crate::until("the listener's end", || (!listening_ports().contains(&port)).then_some(())).unwrap();
    }
}
