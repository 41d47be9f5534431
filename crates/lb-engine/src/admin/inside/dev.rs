//! `show dev`: what a report of a fault should tell of the program and the machine.

use crate::admin::process::{RELEASE_DATE, VERSION};
use crate::control::Control;
use lb_admin::{Reply, Request};
use lb_model::human_delay;
use nix::sys::resource::{Resource, getrlimit};
use std::fmt::Write as _;

/// `show dev`.
pub(in crate::admin) fn show(control: &Control, request: &Request) -> Reply {
    let shared = control.shared;
    let mut out = String::new();
    let mut section = |name: &str, facts: &[(&str, String)]| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name}");
        for (key, value) in facts {
            let _ = writeln!(out, "  {key}: {value}");
        }
    };
    let system = nix::sys::utsname::uname().ok();
    let system = |part: fn(&nix::sys::utsname::UtsName) -> &std::ffi::OsStr| {
        system.as_ref().map_or_else(String::new, |uts| part(uts).to_string_lossy().into_owned())
    };
    section(
        "Platform info",
        &[
            ("machine vendor", "unknown".to_owned()),
            ("cpu count", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
            ("utsname", format!("{};{};{}", system(|u| u.sysname()), system(|u| u.release()), system(|u| u.machine()))),
        ],
    );
    section(
        "Process info",
        &[
            ("pid", std::process::id().to_string()),
            ("version", VERSION.to_owned()),
            ("release date", RELEASE_DATE.to_owned()),
            ("uptime", human_delay(shared.clock.uptime())),
            ("node", request.anon.name(&shared.process.node).into_owned()),
            ("uid", nix::unistd::getuid().to_string()),
            ("gid", nix::unistd::getgid().to_string()),
            ("data threads", shared.threads.to_string()),
            ("bound cpus", bound_cpus()),
            ("tune.bufsize", shared.limits.bufsize.to_string()),
            ("tune.maxrewrite", shared.limits.maxrewrite.to_string()),
            ("tune.http.maxhdr", shared.limits.maxhdr.to_string()),
            ("maxconn", shared.process.hard_maxconn.to_string()),
            ("proxies", shared.proxies.live().count().to_string()),
            ("servers", shared.proxies.live().map(|proxy| proxy.servers.live().count()).sum::<usize>().to_string()),
            ("startup warnings", shared.process.warnings.to_string()),
        ],
    );
    let limit = |resource| match getrlimit(resource) {
        Ok((soft, hard)) => format!("{} / {}", bound(soft), bound(hard)),
        Err(e) => e.to_string(),
    };
    section(
        "Limits (soft / hard)",
        &[
            ("fd", limit(Resource::RLIMIT_NOFILE)),
            ("ram", limit(Resource::RLIMIT_AS)),
            ("core", limit(Resource::RLIMIT_CORE)),
        ],
    );
    Reply::Raw(out.into_bytes())
}

fn bound(limit: u64) -> String {
    if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() }
}

/// The processors the process may run on, as the kernel lists them.
fn bound_cpus() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map_or_else(|| "unknown".to_owned(), |list| list.trim().to_owned())
}
