//! `show pools`: what the engine keeps for reuse or makes in numbers, and the memory it takes.

use crate::control::Control;
use crate::data::session::Session;
use crate::data::upstream::{IDLE_SIZE, UPSTREAM_SIZE};
use lb_admin::{Reply, Request};
use std::fmt::Write as _;

/// One kind of object.
#[derive(Debug)]
pub(in crate::admin) struct Pool {
    name: &'static str,
    size: u64,
    allocated: u64,
    /// Of these, those that wait to be used.
    kept: u64,
}

impl Pool {
    fn bytes(&self) -> u64 {
        self.size * self.allocated
    }

    fn in_use(&self) -> u64 {
        self.allocated.saturating_sub(self.kept)
    }
}

/// Every pool, by size.
pub(in crate::admin) fn all(control: &Control) -> Vec<Pool> {
    let shared = control.shared;
    let sum = |count: fn(&crate::activity::Activity) -> u64| shared.activity.iter().map(count).sum::<u64>();
    let buffers = sum(|own| own.buffers_made.get()).saturating_sub(sum(|own| own.buffers_freed.get()));
    let servers = || shared.proxies.live().flat_map(|proxy| proxy.servers.live());
    let idle: u64 = servers().map(|server| u64::from(server.idle.get())).sum();
    let in_use: u64 = servers().map(|server| u64::from(server.sessions.get())).sum();
    let connections = u64::from(shared.process.connections.get());
    let mut pools = vec![
        Pool {
            name: "buffer",
            size: shared.limits.bufsize as u64,
            allocated: buffers,
            kept: sum(|own| own.buffers_kept.get()),
        },
        Pool { name: "conn_idle", size: IDLE_SIZE as u64, allocated: idle, kept: idle },
        Pool { name: "connection", size: UPSTREAM_SIZE as u64, allocated: in_use, kept: 0 },
        Pool { name: "session", size: size_of::<Session>() as u64, allocated: connections, kept: 0 },
    ];
    pools.sort_by_key(|pool| pool.size);
    pools
}

/// Bytes of all pools: allocated, and in use.
pub(in crate::admin) fn totals(pools: &[Pool]) -> (u64, u64) {
    let allocated = pools.iter().map(Pool::bytes).sum();
    let in_use = pools.iter().map(|pool| pool.in_use() * pool.size).sum();
    (allocated, in_use)
}

/// `show pools [byname|bysize|byusage] [detailed] [match <prefix>] [<number>]`.
pub(in crate::admin) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let mut pools = all(control);
    let mut most = usize::MAX;
    let mut words = request.args().iter().map(String::as_str);
    while let Some(word) = words.next() {
        match word {
            "byname" => pools.sort_by_key(|pool| pool.name),
            "bysize" => pools.sort_by_key(|pool| std::cmp::Reverse(pool.size)),
            "byusage" => {
                pools.sort_by_key(|pool| std::cmp::Reverse(pool.bytes()));
                pools.retain(|pool| pool.allocated > 0);
            }
            "detailed" => {}
            "match" => {
                let prefix = words.next().ok_or_else(usage)?;
                pools.retain(|pool| pool.name.starts_with(prefix));
            }
            number => most = number.parse().map_err(|_| usage())?,
        }
    }
    pools.truncate(most);
    Ok(Reply::Raw(text(&pools).into_bytes()))
}

/// The table of some pools.
pub(in crate::admin) fn text(pools: &[Pool]) -> String {
    let mut out = String::from("Dumping pools usage. Use SIGQUIT to flush them.\n");
    for pool in pools {
        let Pool { name, size, allocated, kept } = pool;
        // Writing to a string cannot fail. As observed, objects kept by threads count as used.
        let _ = writeln!(
            out,
            "  - Pool {name} ({size} bytes) : {allocated} allocated ({} bytes), {allocated} used (~{kept} by thread caches), \
             needed_avg {}, 0 failures, 1 users, @0x0",
            pool.bytes(),
            pool.in_use(),
        );
    }
    let (allocated, in_use) = totals(pools);
    let _ = writeln!(
        out,
        "Total: {} pools, {allocated} bytes allocated, {allocated} used (~{} by thread caches).",
        pools.len(),
        allocated - in_use
    );
    out
}

fn usage() -> Reply {
    Reply::err("Expects 'byname', 'bysize', 'byusage', 'detailed', 'match <pfx>' or a max number of output lines.")
}
