//! `wait`: an answer that comes later. The connection does the waiting; here the words are read.

use lb_admin::{Reply, Request};
use lb_model::{TimeUnit, parse_time};
use std::time::Duration;

const USAGE: &str = "\
Usage: wait {-h|<delay>}
Answers after a delay, in milliseconds or with a unit: us, ms, s, m, h, d.
It ends early when the client closes its side of the connection.
";

/// The time to wait, or the answer to give at once.
pub(super) fn run(request: &Request) -> Result<Duration, Reply> {
    let delay = match request.arg(0) {
        "" => return Err(Reply::err("Expects a duration in milliseconds.")),
        "-h" => return Err(Reply::info(USAGE)),
        delay => delay,
    };
    let delay = parse_time(delay, TimeUnit::Millis).ok().filter(|delay| !delay.is_zero());
    let delay = delay.ok_or_else(|| Reply::err("Invalid duration."))?;
    // Observed: a condition that does not exist shows the usage.
    if request.arg(1).is_empty() { Ok(delay) } else { Err(Reply::info(USAGE)) }
}

/// The answer after the time has passed.
pub(super) fn done() -> Reply {
    Reply::info("Done.")
}

/// The answer when the client sends no more.
pub(super) fn interrupted() -> Reply {
    Reply::err("Interrupted.")
}
