//! Limits, root directory, user and group of the serving process.

use crate::report::Report;
use caps::{CapSet, CapsHashSet};
use lb_config::model::{Capability, Config, Global};
use nix::errno::Errno;
use nix::sys::prctl::{set_dumpable, set_keepcaps};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Gid, Uid, chdir, chroot, getegid, geteuid, mkdtemp, setgid, setgroups, setuid};
use std::path::Path;
use std::process::ExitCode;

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
/// limit of memory. A limit that cannot be had ends the start, unless `no strict-limits` says otherwise.
pub fn set_limits(config: &Config, inherited: usize, memory_mb: Option<u64>, report: &Report) -> Result<(), ExitCode> {
    if let Ok((soft, system)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let settings = &config.global.process;
        let asked = config.global.ulimit_n.is_some();
        let extra = if asked { 0 } else { inherited as u64 };
        let hard = system.min(settings.fd_hard_limit.unwrap_or(u64::MAX));
        let wanted = descriptors_needed(config).map_or_else(|| hard.min(MOST_DESCRIPTORS), |needed| needed + extra);
        // Only the operator's own bound forbids what the system would allow.
        let allowed = settings.fd_hard_limit.is_none_or(|limit| wanted <= limit);
        let raised = || allowed && setrlimit(Resource::RLIMIT_NOFILE, wanted, system.max(wanted)).is_ok();
        // An explicit `ulimit-n` may lower the limit too, and so may a hard limit.
        if (wanted > soft || asked || soft > hard) && !raised() {
            let text = format!("Cannot raise FD limit to {wanted}, limit is {hard}.");
            if !settings.lax_limits {
                report.alert(&text);
                return Err(ExitCode::FAILURE);
            }
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard.min(wanted), system);
            report.warning(&format!("{text} Please set 'ulimit-n' or 'maxconn' to lower values."));
        }
    }
    if let Some(megabytes) = memory_mb {
        let bytes = megabytes.saturating_mul(1 << 20);
        if let Err(error) = setrlimit(Resource::RLIMIT_AS, bytes, bytes) {
            report.warning(&format!("Cannot fix MEM limit to {megabytes} megs: {}.", error.desc()));
        }
    }
    Ok(())
}

/// Enters the root directory of the configuration.
pub fn enter_root(global: &Global) -> Result<(), String> {
    let Some(root) = &global.chroot else { return Ok(()) };
    if root == Path::new("auto") {
        return enter_nowhere().map_err(|error| format!("Cannot chroot(auto): {}.", error.desc()));
    }
    chroot(root)
        .and_then(|()| chdir("/"))
        .map_err(|error| format!("Cannot chroot({}): {}.", root.display(), error.desc()))
}

/// Enters an empty directory that nobody else can reach: it is removed as soon as it is entered.
fn enter_nowhere() -> nix::Result<()> {
    let directory = mkdtemp(&std::env::temp_dir().join("lbd-root-XXXXXX"))?;
    let entered = chdir(&directory);
    let removed = std::fs::remove_dir(&directory);
    entered?;
    removed.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))?;
    chroot(".")
}

/// Lets the process leave a core if the configuration wants one: a change of user forbids it.
pub fn allow_core(global: &Global) {
    if global.process.dumpable {
        // What the system does not allow stays as it was: it is for developers only.
        if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_CORE) {
            let _ = setrlimit(Resource::RLIMIT_CORE, hard, hard);
        }
        let _ = set_dumpable(true);
    }
}

/// Becomes the group and user of the configuration, without the groups of whoever started this.
pub fn drop_user(global: &Global, report: &Report) -> Result<(), String> {
    let kept: CapsHashSet = global.process.capabilities.iter().map(|capability| system_name(*capability)).collect();
    let changes_user = global.uid.is_some_and(|uid| uid != geteuid().as_raw());
    if !kept.is_empty() && changes_user {
        set_keepcaps(true).map_err(|error| format!("Cannot keep capabilities: {}.", error.desc()))?;
    }
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
    // Root has them all, and keeps them.
    if !kept.is_empty() && !geteuid().is_root() {
        keep_capabilities(&kept, report);
    }
    Ok(())
}

/// Gives up all capabilities but these. One that the process was never permitted is named: what needs it may not work.
fn keep_capabilities(wanted: &CapsHashSet, report: &Report) {
    let permitted = caps::read(None, CapSet::Permitted).unwrap_or_default();
    let missing: Vec<String> = wanted.difference(&permitted).map(ToString::to_string).collect();
    if !missing.is_empty() {
        report.warning(&format!(
            "'setcap' : the process may not have {}. Start it as root, or permit its file: setcap {}+p <program>.",
            missing.join(", "),
            missing.join(",").to_lowercase()
        ));
    }
    let kept: CapsHashSet = wanted.intersection(&permitted).copied().collect();
    // Effective first: it must be within what is permitted at every moment.
    let done = caps::set(None, CapSet::Inheritable, &CapsHashSet::new())
        .and_then(|()| caps::set(None, CapSet::Effective, &kept))
        .and_then(|()| caps::set(None, CapSet::Permitted, &kept));
    if let Err(error) = done {
        report.warning(&format!("'setcap' : cannot set capabilities: {error}."));
    }
}

fn system_name(capability: Capability) -> caps::Capability {
    match capability {
        Capability::NetBindService => caps::Capability::CAP_NET_BIND_SERVICE,
        Capability::NetAdmin => caps::Capability::CAP_NET_ADMIN,
        Capability::NetRaw => caps::Capability::CAP_NET_RAW,
        Capability::SysAdmin => caps::Capability::CAP_SYS_ADMIN,
    }
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
