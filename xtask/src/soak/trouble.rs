//! What goes wrong and what is changed meanwhile: servers die, log targets vanish or stand still, operators operate.

use super::Stage;
use super::traffic::Random;
use lb_testkit::{Admin, Mode, free_port};
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// Somebody who makes trouble; in the end, how often.
pub type Trouble = JoinHandle<anyhow::Result<u64>>;

/// Where logs go.
#[derive(Debug)]
pub struct LogTargets {
    /// By UDP.
    pub udp: SocketAddr,
    /// To a UNIX socket.
    pub path: PathBuf,
    _dir: TempDir,
}

impl LogTargets {
    /// Nobody listens yet.
    ///
    /// # Errors
    /// When no directory can be made.
    pub fn new() -> anyhow::Result<LogTargets> {
        let dir = tempfile::Builder::new().prefix("lb-soak-").tempdir()?;
        Ok(LogTargets { udp: SocketAddr::from(([127, 0, 0, 1], free_port())), path: dir.path().join("log"), _dir: dir })
    }
}

/// Servers refuse, reset or hang for a while, one after the other.
pub fn deaths(stage: &Arc<Stage>) -> Trouble {
    let stage = Arc::clone(stage);
    std::thread::spawn(move || {
        let mut random = Random(77);
        let mut deaths = 0;
        while !stage.is_over() {
            let victim = random.below(stage.origins.len() as u64) as usize;
            let Some(origin) = stage.origins.get(victim) else { break };
            match random.below(4) {
                0 => origin.set_mode(Mode::Reset),
                1 => origin.set_mode(Mode::Hang),
                2 => origin.set_health(503),
                _ => origin.refuse(),
            }
            deaths += 1;
            stage.pause(Duration::from_millis(300 + random.below(2_000)));
            origin.set_mode(Mode::Http);
            origin.set_health(200);
            origin.listen()?;
            stage.pause(Duration::from_millis(500 + random.below(2_000)));
        }
        Ok(deaths)
    })
}

/// Log targets read, stand still, and are gone, in turn.
pub fn outages(stage: &Arc<Stage>, targets: LogTargets) -> Trouble {
    let stage = Arc::clone(stage);
    std::thread::spawn(move || {
        // The whole of it, so that its directory lives as long as this thread.
        let targets = targets;
        let mut outages = 0;
        while !stage.is_over() {
            let _ = std::fs::remove_file(&targets.path);
            let (udp, unix) = (UdpSocket::bind(targets.udp)?, UnixDatagram::bind(&targets.path)?);
            udp.set_nonblocking(true)?;
            unix.set_nonblocking(true)?;
            let mut line = [0; 4096];
            for _ in 0..200 {
                while udp.recv(&mut line).is_ok() || unix.recv(&mut line).is_ok() {}
                stage.pause(Duration::from_millis(10));
            }
            // Nobody reads: the queue fills.
            stage.pause(Duration::from_secs(2));
            drop((udp, unix));
            outages += 1;
            // Nobody is there.
            stage.pause(Duration::from_secs(2));
        }
        Ok(outages)
    })
}

/// Operators change states, weights, limits and maps, add and remove servers, and look at everything.
pub fn operators(stage: &Arc<Stage>, admin: Admin) -> Trouble {
    let stage = Arc::clone(stage);
    std::thread::spawn(move || {
        let mut random = Random(99);
        let mut changes = 0;
        while !stage.is_over() {
            let server = random.below(stage.origins.len() as u64);
            let number = random.below(1_000);
            let lines = match random.below(10) {
                0 => vec![
                    format!("set server app/s{server} state drain"),
                    format!("set server app/s{server} state ready"),
                ],
                1 => vec![
                    format!("set server app/s{server} state maint"),
                    format!("set server app/s{server} state ready"),
                ],
                2 => vec![format!("set server app/s{server} weight {}", 1 + number % 200)],
                3 => {
                    let address = stage.origins.first().map_or_else(String::new, |origin| origin.address().to_string());
                    vec![
                        format!("add server app/x{number} {address} check inter 100ms"),
                        format!("set server app/x{number} state ready; enable health app/x{number}"),
                        format!("set server app/x{number} state maint"),
                        format!("del server app/x{number}"),
                    ]
                }
                4 => vec![format!("add map #0 k{number}.example app"), format!("del map #0 k{number}.example")],
                5 => vec!["show stat; show info; show servers state".to_owned(), "show sess all".to_owned()],
                6 => vec!["show table paths".to_owned(), "clear table paths".to_owned()],
                7 => vec![format!("set maxconn frontend fe {}", 200 + number), "show errors".to_owned()],
                8 => vec!["show pools; show activity; show fd".to_owned(), "clear counters".to_owned()],
                _ => vec![
                    format!("disable agent app/s{server}; set server app/s{server} health up"),
                    format!("shutdown sessions server app/s{server}"),
                ],
            };
            for line in lines {
                // A worker may be on its way out, a server's state may forbid it.
                let _ = admin.ask(&line);
                changes += 1;
                stage.pause(Duration::from_millis(20));
            }
        }
        Ok(changes)
    })
}
