//! `show proc`.

use super::View;
use crate::master::worker::{Role, Worker};
use std::fmt::Write;
use std::time::SystemTime;

/// The table of processes, in the columns that HAProxy prints.
pub fn show_proc(view: View<'_>, now: SystemTime) -> String {
    let mut text = String::new();
    let mut row = |pid: &str, kind: &str, reloads: &str, uptime: &str, version: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{pid:<16}{kind:<16}{reloads:<16}{uptime:<16}{version:<15}");
    };
    row("#<PID>", "<type>", "<reloads>", "<uptime>", "<version>");
    let version = env!("CARGO_PKG_VERSION");
    let age_s = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    row(
        &std::process::id().to_string(),
        "master",
        &format!("{} [failed: {}]", view.reloads, view.failed),
        &uptime(age_s.saturating_sub(view.since_epoch_s)),
        version,
    );
    let section = |text: &mut String, title: &str, role: Role| {
        let found: Vec<&Worker> = view.workers.iter().filter(|worker| worker.role == role).collect();
        if !found.is_empty() || role == Role::Current {
            let _ = writeln!(text, "{title}");
        }
        for worker in found {
            let age_s = now.duration_since(worker.since).unwrap_or_default().as_secs();
            let (pid, reloads) = (worker.pid.to_string(), worker.reloads.to_string());
            let _ = writeln!(text, "{pid:<16}{:<16}{reloads:<16}{:<16}{version:<15}", "worker", uptime(age_s));
        }
    };
    section(&mut text, "# workers", Role::Current);
    section(&mut text, "# old workers", Role::Former);
    text
}

fn uptime(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    format!("{days}d{:02}h{:02}m{:02}s", hours % 24, minutes % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes() {
        assert_eq!(uptime(0), "0d00h00m00s");
        assert_eq!(uptime(93_784), "1d02h03m04s");
    }
}
