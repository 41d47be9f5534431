//! Reloads under load, in both ways; `cargo xtask reloads` does hundreds of them.

use crate::check_eq;
use anyhow::Result;
use lb_testkit::load::Load;
use lb_testkit::{Engine, LongSessions, Reloading, Way, until};
use std::time::Duration;

fn reload_a_few_times(way: Way) -> Result<()> {
    let mut stage = Reloading::start(&Engine::subject()?, way, 4)?;
    let load = Load::start(stage.address(), "/", 4, Duration::from_millis(1));
    let mut sessions = LongSessions::new(stage.address());
    for number in 1..=6 {
        sessions.websocket();
        sessions.download(100_000, 10);
        until("the sessions", || (sessions.opened() == sessions.begun()).then_some(()))?;
        stage.reload(number)?;
    }
    // Each process has sessions of its own, so each but the serving one must be there still.
    check_eq!(stage.processes(), 7);
    let (tally, endings) = (load.stop(), sessions.finish());
    check_eq!((tally.failed, tally.failures), (0, Vec::new()), "of {}", tally.sent);
    check_eq!(endings.cut, Vec::<String>::new());
    stage.judge_leaks()
}

#[test]
fn a_master_reloads_under_load() {
    reload_a_few_times(Way::Master).unwrap();
}

#[test]
fn successors_take_over_under_load() {
    reload_a_few_times(Way::Successor).unwrap();
}
