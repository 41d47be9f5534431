//! Limits that are reached or near, and who serves at all.

use lb_model::Level;
use lb_stats::{ObjectKind, StatField};

use super::{Findings, Node, Severity, several};

/// From this part of a limit on it is worth a word, in percent.
const NEAR: u64 = 80;
/// Admin connections that a socket takes unless `stats maxconn` says otherwise.
const ADMIN_SLOTS: u64 = 10;
/// Below this part of idle time, in percent, answers wait for the processor.
const BUSY: u64 = 10;

/// Room for connections: of the process, of frontends, of servers, of admin sockets.
pub fn slots(node: &Node<'_>, found: &mut Findings) {
    let info = |key: &str| node.info.number::<u64>(key).unwrap_or(0);
    let (now, most) = (info("CurrConns"), info("Maxconn"));
    full("process", now, most, "'maxconn' of the global section, then a reload", found);
    if info("Ulimit-n") < info("Maxsock") {
        let what = format!("{} file descriptors are allowed, and {} may be needed", info("Ulimit-n"), info("Maxsock"));
        found.add(
            Severity::Error,
            "slots",
            "process",
            what,
            "a higher 'ulimit-n', LimitNOFILE in its unit, or a lower 'maxconn'",
        );
    }
    if info("PoolFailed") > 0 {
        let what = format!("memory was refused {} times", info("PoolFailed"));
        found.add(Severity::Error, "slots", "process", what, "a higher memory limit ('-m', MemoryMax)");
    }
    if info("DroppedLogs") > 0 {
        let what = format!("{} log lines were dropped: their receiver is slow or gone", info("DroppedLogs"));
        found.add(Severity::Warning, "slots", "process", what, "look at the addresses of the 'log' lines");
    }
    // The share is measured over time: a process that has just started knows none.
    if info("Idle_pct") < BUSY && info("Uptime_sec") > 1 {
        let what = format!("its threads are idle {} % of the time only", info("Idle_pct"));
        found.add(Severity::Warning, "slots", "process", what, node.ctx.suggest("raw 'show activity'"));
    }
    for row in node.stat.rows() {
        let number = |field| row.number::<u64>(field).unwrap_or(0);
        let (now, limit, waiting) = (number(StatField::Scur), number(StatField::Slim), number(StatField::Qcur));
        match row.kind() {
            Some(ObjectKind::Frontend) => {
                full(row.proxy(), now, limit, "'maxconn' of the frontend, then a reload", found);
            }
            Some(ObjectKind::Server) if limit > 0 && waiting > 0 && now >= limit => {
                let place = format!("{}/{}", row.proxy(), row.name());
                let what = format!("its limit of {limit} is reached, with {} waiting", several(waiting, "request"));
                let cure = node.ctx.suggest(&format!("raw 'set maxconn server {place} {}'", limit * 2));
                found.add(Severity::Warning, "slots", &place, what, cure);
            }
            Some(ObjectKind::Backend) if waiting > 0 => {
                let what =
                    format!("{} waiting: every server that is up has as many as it may", several(waiting, "request"));
                found.add(
                    Severity::Warning,
                    "slots",
                    row.proxy(),
                    what,
                    node.ctx.suggest(&format!("show servers {}", row.proxy())),
                );
            }
            _ => {}
        }
    }
    admin_slots(node, found);
    found.ok("slots", format!("{now} of {most} connections"));
}

fn full(place: &str, now: u64, limit: u64, cure: &str, found: &mut Findings) {
    if limit == 0 || now * 100 < limit * NEAR {
        return;
    }
    let (severity, what) = match now >= limit {
        true => (Severity::Error, format!("all {limit} connections are taken: whoever comes waits")),
        false => (Severity::Warning, format!("{now} of {limit} connections are taken")),
    };
    found.add(severity, "slots", place, what, cure);
}

/// The eleventh admin connection is accepted and waits, which looks like an engine that hangs.
fn admin_slots(node: &Node<'_>, found: &mut Findings) {
    let limit =
        node.configuration.as_ref().ok().and_then(|c| c.model.global.stats_maxconn).map_or(ADMIN_SLOTS, u64::from);
    if node.ctx.client.level().is_ok_and(|level| level < Level::Operator) {
        return;
    }
    let Ok(taken) = admin_connections(node) else { return };
    // One of them asks.
    if taken > 1 && taken * 100 >= limit * NEAR {
        let what = format!("{taken} of {limit} admin connections of a socket are taken: one more than {limit} hangs");
        found.add(
            Severity::Warning,
            "slots",
            "admin socket",
            what,
            "'stats maxconn' in the global section, then a reload",
        );
    }
}

fn admin_connections(node: &Node<'_>) -> Result<u64, lb_client::Error> {
    let answer = node.ctx.client.ask_ok(&lb_client::Line::raw("show sess")?)?;
    Ok(answer.text().lines().filter(|line| line.starts_with("0x") && line.contains(" fe=GLOBAL ")).count() as u64)
}

/// Backends without anybody who serves.
pub fn backends(node: &Node<'_>, found: &mut Findings) {
    let servers =
        |of: &str| node.stat.rows().filter(|r| r.kind() == Some(ObjectKind::Server) && r.proxy() == of).count();
    let mut number = 0;
    for row in node.stat.rows().filter(|r| r.kind() == Some(ObjectKind::Backend)) {
        number += 1;
        let count = |field| row.number::<u64>(field).unwrap_or(0);
        let (active, backups, of) = (count(StatField::Act), count(StatField::Bck), servers(row.proxy()));
        let explain = node.ctx.suggest(&format!("explain '{}/*'", row.proxy()));
        let status = row.get(StatField::Status).unwrap_or("");
        match status.split(' ').next().unwrap_or("") {
            "DOWN" if of > 0 => {
                let what = format!("none of its {of} servers takes traffic: new clients get an error");
                found.add(Severity::Error, "backends", row.proxy(), what, explain);
            }
            "UP" if of > 0 && active == 0 && backups > 0 => {
                let what = format!("only backups serve ({backups}); every other server is out or down");
                found.add(Severity::Warning, "backends", row.proxy(), what, explain);
            }
            "STOP" => {
                found.add(
                    Severity::Warning,
                    "backends",
                    row.proxy(),
                    "it is stopped",
                    "a reload of a configuration that has it",
                );
            }
            _ => {}
        }
    }
    found.ok("backends", format!("{}, each with a server that takes traffic", several(number, "backend")));
}

/// Frontends that take nobody.
pub fn frontends(node: &Node<'_>, found: &mut Findings) {
    let mut number = 0;
    for row in node.stat.rows().filter(|r| r.kind() == Some(ObjectKind::Frontend)) {
        number += 1;
        match row.get(StatField::Status).unwrap_or("") {
            "STOP" => found.add(
                Severity::Warning,
                "frontends",
                row.proxy(),
                "it is stopped and takes nobody",
                "a reload starts it again",
            ),
            "PAUSED" | "WAITING" => {
                let cure = node.ctx.suggest(&format!("raw 'enable frontend {}'", row.proxy()));
                found.add(Severity::Warning, "frontends", row.proxy(), "it is disabled and takes nobody", cure);
            }
            _ => {}
        }
    }
    found.ok("frontends", format!("{}, none of them closed", several(number, "frontend")));
}
