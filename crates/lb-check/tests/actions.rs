//! What transitions ask of their caller, initial states, times: things that traces do not show.

use std::time::Duration;

use expect_test::{Expect, expect};
use lb_check::probe::Verdict;
use lb_check::{
    Action, AdminCommand, AgentReply, BackendCounts, ForcedHealth, InitState, Observe, OnError, Refused, ServerHealth,
    ServerNames, ServerParams, TrafficEvent,
};
use lb_model::{CheckStatus, ParsedWeight, StatusWord};

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn checked() -> ServerParams {
    ServerParams { check: true, ..ServerParams::default() }
}

fn finish(s: &mut ServerHealth, status: CheckStatus, now: Duration, out: &mut Vec<Action>) {
    s.check_started();
    s.check_finished(Verdict::bare(status).report(Duration::from_millis(3)), now, out);
}

fn word(s: &ServerHealth) -> String {
    StatusWord::of(&s.status_inputs(None, None)).to_string()
}

/// Actions by name; log lines and views without their contents.
fn names(out: &[Action]) -> String {
    let name = |a: &Action| {
        let text = format!("{a:?}");
        text.split(['(', ' ']).next().unwrap_or_default().to_owned()
    };
    out.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn check_actions(params: ServerParams, event: impl FnOnce(&mut ServerHealth, &mut Vec<Action>), expected: Expect) {
    let mut out = Vec::new();
    let mut s = ServerHealth::new(params, Duration::ZERO);
    event(&mut s, &mut out);
    expected.assert_eq(&names(&out));
}

#[test]
fn actions_of_transitions() {
    let params = ServerParams { on_marked_down_shutdown: true, on_marked_up_shutdown_backup: true, ..checked() };
    check_actions(
        params.clone(),
        |s, out| finish(s, CheckStatus::L7Status, secs(1), out),
        expect!["StateChanged KillSessions RequeuePending Log LastServerLine NotifyTrackers"],
    );
    check_actions(
        params.clone(),
        |s, out| s.set_state(AdminCommand::Maint, secs(1), out),
        expect!["StateChanged KillSessions RequeuePending PurgeIdle Log LastServerLine NotifyTrackers"],
    );
    check_actions(
        params.clone(),
        |s, out| s.set_state(AdminCommand::Drain, secs(1), out),
        expect!["StateChanged RequeuePending Log LastServerLine NotifyTrackers"],
    );
    check_actions(
        params.clone(),
        |s, out| {
            s.set_state(AdminCommand::Maint, secs(1), &mut Vec::new());
            s.set_state(AdminCommand::Ready, secs(1), out);
        },
        expect!["StateChanged KillBackupSessions ReleaseQueue Log LastServerLine NotifyTrackers"],
    );
    check_actions(
        ServerParams { slowstart: Some(secs(16)), on_marked_up_shutdown_backup: false, ..params },
        |s, out| {
            finish(s, CheckStatus::L4Connection, secs(1), &mut Vec::new());
            finish(s, CheckStatus::L4Ok, secs(2), &mut Vec::new());
            finish(s, CheckStatus::L4Ok, secs(3), out);
        },
        expect!["TickAfter StateChanged ReleaseQueue Log LastServerLine NotifyTrackers"],
    );
    // A result that changes nothing asks for nothing.
    check_actions(checked(), |s, out| finish(s, CheckStatus::L4Ok, secs(1), out), expect![""]);
}

#[test]
fn errors_hurry_the_next_check() {
    let params = ServerParams {
        observe: Observe::Layer7,
        error_limit: 2,
        on_error: OnError::Fastinter,
        fastinter: Some(Duration::from_millis(100)),
        ..checked()
    };
    let mut s = ServerHealth::new(params, Duration::ZERO);
    let mut out = Vec::new();
    for event in [TrafficEvent::ResponseTimeout, TrafficEvent::Connected, TrafficEvent::ResponseOk] {
        s.traffic(event, secs(1), &mut out);
    }
    s.traffic(TrafficEvent::ConnectFailed, secs(1), &mut out);
    assert_eq!(out, []);
    s.traffic(TrafficEvent::ResponseStatus, secs(1), &mut out);
    assert_eq!(out, [Action::HurryCheck(Duration::from_millis(100))]);
    assert_eq!(s.health_analyses(), 1);
}

/// The table of `init-state` with rise 2 and fall 3: at start and after maintenance, then what
/// failures or successes make of it.
#[test]
fn initial_states() {
    let (good, bad) = (CheckStatus::L7Ok, CheckStatus::L7Status);
    for (init_state, word_at_start, health, then, words) in [
        (InitState::None, "UP 1/3", 2, bad, &["DOWN"][..]),
        (InitState::Up, "UP 1/3", 2, good, &["UP"]),
        (InitState::FullyUp, "UP", 4, bad, &["UP 2/3", "UP 1/3", "DOWN"]),
        (InitState::Down, "DOWN 1/2", 1, good, &["UP"]),
        (InitState::Down, "DOWN 1/2", 1, bad, &["DOWN"]),
        (InitState::FullyDown, "DOWN", 0, good, &["DOWN 1/2", "UP"]),
    ] {
        let mut s = ServerHealth::new(ServerParams { init_state, ..checked() }, Duration::ZERO);
        let mut out = Vec::new();
        for maintained in [false, true] {
            if maintained {
                s.set_state(AdminCommand::Maint, secs(1), &mut out);
                s.set_state(AdminCommand::Ready, secs(2), &mut out);
            }
            assert_eq!((word(&s).as_str(), s.check().health().value()), (word_at_start, health), "{init_state:?}");
            let down = s.down_transitions();
            for expected in words {
                finish(&mut s, then, secs(3), &mut out);
                assert_eq!(word(&s), *expected, "{init_state:?}");
            }
            let fell = words.last() == Some(&"DOWN") && !word_at_start.starts_with("DOWN");
            assert_eq!(s.down_transitions() - down, u64::from(fell), "{init_state:?}");
        }
    }
    let unchecked = ServerHealth::new(ServerParams { init_state: InitState::Down, ..ServerParams::default() }, secs(0));
    assert_eq!(word(&unchecked), "DOWN");
}

/// `lastchg` starts again at operational changes, drains and their ends, not at weights;
/// `downtime` counts time down, time drained once it is over, and forgets maintenance.
#[test]
fn times() {
    let mut s = ServerHealth::new(checked(), Duration::ZERO);
    let mut out = Vec::new();
    let mut seen = Vec::new();
    let mut at =
        |s: &ServerHealth, now| seen.push((s.since_last_change(secs(now)).as_secs(), s.down_time(secs(now)).as_secs()));
    s.set_state(AdminCommand::Drain, secs(10), &mut out);
    at(&s, 12);
    s.set_state(AdminCommand::Ready, secs(13), &mut out);
    at(&s, 14);
    assert_eq!(s.set_weight(ParsedWeight::parse("0"), &mut out), Ok(()));
    at(&s, 15);
    assert_eq!(s.force_health(ForcedHealth::Down, secs(20), &mut out), Ok(()));
    at(&s, 24);
    s.set_state(AdminCommand::Maint, secs(25), &mut out);
    at(&s, 26);
    s.set_state(AdminCommand::Ready, secs(30), &mut out);
    at(&s, 31);
    assert_eq!(seen, [(2, 0), (1, 3), (2, 3), (4, 7), (6, 9), (1, 3)]);
}

#[test]
fn refusals() {
    let now = secs(1);
    let mut out = Vec::new();
    let mut tracking = ServerHealth::new(ServerParams { tracks: true, ..ServerParams::default() }, now);
    let mut fixed =
        ServerHealth::new(ServerParams { dynamic_weights: false, weight: 10, ..ServerParams::default() }, now);
    assert_eq!(tracking.force_health(ForcedHealth::Up, now, &mut out), Err(Refused::Tracking));
    assert_eq!(tracking.force_agent(true, now, &mut out), Err(Refused::AgentDisabled));
    assert_eq!(tracking.enable_check(true), Err(Refused::CheckNotConfigured));
    assert_eq!(tracking.enable_agent(true), Err(Refused::AgentNotConfigured));
    assert_eq!((tracking.enable_check(false), tracking.enable_agent(false)), (Ok(()), Ok(())));
    assert_eq!(fixed.set_weight(ParsedWeight::parse("5"), &mut out), Err(Refused::StaticWeights));
    assert_eq!(out, [], "a refused command changes nothing");
    assert_eq!(fixed.set_weight(ParsedWeight::parse("0%"), &mut out), Ok(()));
    assert_eq!(fixed.set_weight(ParsedWeight::parse("10"), &mut out), Ok(()));
}

#[test]
fn an_agent_sets_weight_and_maxconn() {
    let params = ServerParams { agent: Some(secs(2)), weight: 40, ..ServerParams::default() };
    let mut s = ServerHealth::new(params, Duration::ZERO);
    let mut out = Vec::new();
    for (line, weight, last) in [
        ("50%\n", 20, ""),
        ("weight:10\n", 10, ""),
        ("up weight:50%\n", 20, "via agent : up"),
        ("weight:300\n", 20, "agent warns : Absolute weight can only be between 0 and 256 inclusive."),
        ("maxconn:30\n", 20, ""),
    ] {
        let reply = AgentReply::parse(line.as_bytes()).unwrap();
        s.agent_replied(&reply, Duration::ZERO, secs(1), &mut out);
        assert_eq!((s.weight(), s.agent().last().info.as_str()), (weight, last), "{line}");
    }
    assert_eq!(out.last(), Some(&Action::SetMaxconn(30)));
    s.agent_incomplete(Duration::ZERO);
    assert_eq!(s.agent().last().info, "Ignoring incomplete line from agent");
    assert_eq!(s.agent().last().status, CheckStatus::Checked);
}

/// A line with every figure, for a backup server that tracks another one.
#[test]
fn log_lines_name_and_count() {
    let names = ServerNames { backend: "app", server: "b1", backup: true, tracked: Some(("db", "m")) };
    let counts = BackendCounts { active: 0, backup: 2, sessions: 7, requeued: 3, queued: 1 };
    let mut s = ServerHealth::new(ServerParams { tracks: true, ..ServerParams::default() }, Duration::ZERO);
    let mut source = ServerHealth::new(checked(), Duration::ZERO);
    let mut out = Vec::new();
    finish(&mut source, CheckStatus::L4Timeout, secs(1), &mut Vec::new());
    s.tracked_changed(source.tracked_view(), secs(1), &mut out);
    source.set_state(AdminCommand::Drain, secs(1), &mut Vec::new());
    s.tracked_changed(source.tracked_view(), secs(1), &mut out);
    finish(&mut source, CheckStatus::L4Ok, secs(1), &mut Vec::new());
    finish(&mut source, CheckStatus::L4Ok, secs(1), &mut Vec::new());
    s.tracked_changed(source.tracked_view(), secs(1), &mut out);
    let lines = out.iter().filter_map(|a| match a {
        Action::Log(line) => Some(format!("{}: {}\n", line.severity().as_str(), line.render(&names, &counts))),
        _ => None,
    });
    expect![[r#"
        alert: Backup Server app/b1 is DOWN via db/m. 0 active and 2 backup servers left. Running on backup. 7 sessions active, 3 requeued, 1 remaining in queue.
        notice: Backup Server app/b1 enters drain state via db/m. 0 active and 2 backup servers left. Running on backup. 7 sessions active, 3 requeued, 1 remaining in queue.
        notice: Backup Server app/b1 is UP via db/m. 0 active and 2 backup servers online. Running on backup. 3 sessions requeued, 1 total in queue.
        notice: Backup Server app/b1 is leaving forced drain but remains in drain mode via db/m.
    "#]]
    .assert_eq(&lines.collect::<String>());
}

#[test]
fn intervals_follow_the_state() {
    let params = ServerParams {
        inter: Duration::from_millis(400),
        fastinter: Some(Duration::from_millis(100)),
        downinter: Some(Duration::from_millis(700)),
        ..checked()
    };
    let mut s = ServerHealth::new(params, Duration::ZERO);
    let mut out = Vec::new();
    let mut seen = vec![s.check_interval().as_millis()];
    let (good, bad) = (CheckStatus::L7Ok, CheckStatus::L7Status);
    for status in [good, good, bad, bad, good, bad, bad, bad, bad, good, good, good] {
        finish(&mut s, status, secs(1), &mut out);
        seen.push(s.check_interval().as_millis());
    }
    assert_eq!(seen, [100, 400, 400, 100, 100, 400, 100, 100, 700, 700, 100, 400, 400]);
}

#[test]
fn checks_pause_in_maintenance() {
    let mut s = ServerHealth::new(ServerParams { agent: Some(secs(2)), ..checked() }, Duration::ZERO);
    let mut out = Vec::new();
    s.check_started();
    assert!(!s.check().may_start() && s.agent().may_start());
    s.set_state(AdminCommand::Maint, secs(1), &mut out);
    // The check in progress ends, its status is recorded, nothing moves.
    out.clear();
    s.check_finished(Verdict::bare(CheckStatus::L4Ok).report(Duration::ZERO), secs(2), &mut out);
    assert_eq!((out.as_slice(), word(&s).as_str()), (&[][..], "MAINT"));
    assert!(!s.check().may_start(), "paused");
    assert!(s.agent().may_start(), "only the agent can lift its own maintenance");
    s.set_state(AdminCommand::Ready, secs(3), &mut out);
    assert!(s.check().may_start());
}
