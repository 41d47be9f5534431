//! The live view: one line rewritten on a terminal, one line a step elsewhere.

use lb_testkit::Admin;
use lb_testkit::load::Tally;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often the line is renewed.
const PERIOD: Duration = Duration::from_millis(100);

/// Shows what goes on.
#[derive(Debug)]
pub struct View {
    is_terminal: bool,
    begin: Instant,
    shown: Option<Instant>,
    last: String,
}

impl View {
    /// A view on standard output.
    pub fn new() -> View {
        View { is_terminal: std::io::stdout().is_terminal(), begin: Instant::now(), shown: None, last: String::new() }
    }

    /// Renews the line, when it is time to.
    pub fn show(&mut self, what: &str, admin: &Admin, tally: &Tally) {
        if self.shown.is_some_and(|at| at.elapsed() < PERIOD) {
            return;
        }
        self.shown = Some(Instant::now());
        let servers = servers(&admin.ask("show stat -1 4 -1").unwrap_or_default());
        self.last = format!("{servers}  {} sent, {} failed", tally.sent, tally.failed);
        if self.is_terminal {
            print!("\r\x1b[K{:6.1}s  {}  {what}", self.begin.elapsed().as_secs_f64(), self.last);
            // A view that cannot be written is no reason to stop.
            let _ = std::io::stdout().flush();
        }
    }

    /// Leaves the line of a finished step standing.
    pub fn done(&mut self, what: &str, admin: &Admin, tally: &Tally) {
        self.shown = None;
        self.show(what, admin, tally);
        let clear = if self.is_terminal { "\r\x1b[K" } else { "" };
        println!("{clear}{:6.1}s  {}  {what}", self.begin.elapsed().as_secs_f64(), self.last);
        self.shown = None;
    }

    /// Ends the view.
    pub fn finish(&mut self) {
        if self.is_terminal {
            print!("\r\x1b[K");
        }
    }
}

/// `web1 UP 3  web2 DRAIN 1 …`: status and current sessions of each server.
fn servers(csv: &str) -> String {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap_or(usize::MAX);
    let (name, status, sessions) = (at("svname"), at("status"), at("scur"));
    let cell = |row: &[&str], at: usize| row.get(at).map_or(String::new(), |cell| (*cell).to_owned());
    lines
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|row| row.len() > 2)
        .map(|row| format!("{} {:<5} {:<2}", cell(&row, name), cell(&row, status), cell(&row, sessions)))
        .collect::<Vec<_>>()
        .join("  ")
}

#[cfg(test)]
mod tests {
    use super::servers;

    #[test]
    fn a_servers_state_and_sessions_show() {
        let csv = "# pxname,svname,scur,status,\napp,web1,3,UP,\napp,web2,0,DRAIN,\n\n";
        assert_eq!(servers(csv), "web1 UP    3   web2 DRAIN 0 ");
    }
}
