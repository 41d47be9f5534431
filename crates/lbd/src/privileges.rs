//! Limits, root directory, user and group of the serving process.

use crate::report::Report;
use lb_config::model::{Config, Global};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, chdir, chroot, getegid, geteuid, setgid, setgroups, setuid};

/// The most descriptors asked for when nothing in the configuration says how many are needed.
const MOST_DESCRIPTORS: u64 = 1_048_576;

/// Descriptors besides the connections': pollers, logs, timers, admin connections.
const SPARE_DESCRIPTORS: u64 = 100;

/// How many descriptors a configuration needs; `None` when it leaves the connections to be counted
/// from the limit.
pub fn descriptors_needed(config: &Config) -> Option<u64> {
    if let Some(limit) = config.global.ulimit_n {
        return Some(limit);
    }
    let threads = config.global.nbthread.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let binds: usize = config.proxies.iter().map(|proxy| proxy.binds.len()).sum();
    let servers: usize = config.proxies.iter().map(|proxy| proxy.servers.len()).sum();
    // Each connection has two ends; each thread has its own listening socket per address; a server
    // may have a health check and an agent check under way. The few operators of the default are
    // among the spare ones.
    let operators = config.global.stats_maxconn.unwrap_or(0) as usize;
    let fixed = (threads * (binds + 4) + 2 * servers + config.global.stats_sockets.len() + operators) as u64;
    config.global.maxconn.map(|connections| 2 * u64::from(connections) + fixed + SPARE_DESCRIPTORS)
}

/// Raises this process's limit of descriptors as far as it may. Returns the limit before, if there is
/// a difference.
pub fn raise_descriptors() -> Option<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let wanted = hard.min(MOST_DESCRIPTORS);
    (wanted > soft && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).is_ok()).then_some(soft)
}

/// Takes [`raise_descriptors`] back.
pub fn restore_descriptors(soft: u64) {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Lowering is always allowed.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft.min(hard), hard);
    }
}

/// Raises the limit of descriptors to what `config` needs besides the `inherited` ones, and sets the
/// limit of memory.
pub fn set_limits(config: &Config, inherited: usize, memory_mb: Option<u64>, report: &Report) {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let asked = config.global.ulimit_n.is_some();
        let extra = if asked { 0 } else { inherited as u64 };
        let wanted = descriptors_needed(config).map_or_else(|| hard.min(MOST_DESCRIPTORS), |needed| needed + extra);
        // An explicit `ulimit-n` may lower the limit too.
        if (wanted > soft || asked) && setrlimit(Resource::RLIMIT_NOFILE, wanted, hard.max(wanted)).is_err() {
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(wanted), hard);
            report.warning(&format!(
                "Cannot raise FD limit to {wanted}, limit is {hard}. Please set 'ulimit-n' or 'maxconn' to lower values."
            ));
        }
    }
    if let Some(megabytes) = memory_mb {
        let bytes = megabytes.saturating_mul(1 << 20);
        if let Err(error) = setrlimit(Resource::RLIMIT_AS, bytes, bytes) {
            report.warning(&format!("Cannot fix MEM limit to {megabytes} megs: {}.", error.desc()));
        }
    }
}

/// Enters the root directory of the configuration.
pub fn enter_root(global: &Global) -> Result<(), String> {
    let Some(root) = &global.chroot else { return Ok(()) };
    chroot(root)
        .and_then(|()| chdir("/"))
        .map_err(|error| format!("Cannot chroot({}): {}.", root.display(), error.desc()))
}

/// Becomes the group and user of the configuration, without the groups of whoever started this.
pub fn drop_user(global: &Global, report: &Report) -> Result<(), String> {
    if geteuid().is_root() && (global.gid.is_some() || global.uid.is_some()) {
        setgroups(&[]).map_err(|error| format!("Cannot drop supplementary groups: {}.", error.desc()))?;
    }
    if let Some(gid) = global.gid {
        setgid(Gid::from_raw(gid)).map_err(|error| format!("Cannot set gid {gid}: {}.", error.desc()))?;
    }
    if let Some(uid) = global.uid {
        setuid(Uid::from_raw(uid)).map_err(|error| format!("Cannot set uid {uid}: {}.", error.desc()))?;
        if uid != 0 && getegid().as_raw() == 0 {
            report.warning("The user is changed, but the group is still root's. Please set 'group' or 'gid' too.");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_follow_maxconn_and_ulimit_n() {
        let mut config = Config::default();
        assert_eq!(descriptors_needed(&config), None);
        config.global.nbthread = Some(2);
        config.global.maxconn = Some(1000);
        assert_eq!(descriptors_needed(&config), Some(2108));
        config.global.ulimit_n = Some(500);
        assert_eq!(descriptors_needed(&config), Some(500));
    }
}
