//! Random interleavings of everything that can happen to a small backend, against invariants.
//!
//! Four servers: `a` with checks, agent, slow start and observation; `b` tracks `a`; `c` tracks
//! `b`; `d` has nothing. Seeds are fixed, so a failure repeats.

#![expect(clippy::panic, reason = "a broken invariant fails the test")]

mod random;

use std::time::Duration;

use lb_check::probe::Verdict;
use lb_check::{
    Action, AdminCommand, AgentReply, BackendCounts, ForcedHealth, InitState, LogLine, Observe, OnError, ServerHealth,
    ServerNames, ServerParams, TrafficEvent,
};
use lb_model::{AdminState, CheckOutcome, CheckStatus, OpState, ParsedWeight, StatusWord, TrackedVia};
use random::Random;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TRACKED: [Option<usize>; 4] = [None, Some(0), Some(1), None];

struct World {
    servers: Vec<ServerHealth>,
    now: Duration,
    history: Vec<String>,
}

fn world(r: &mut Random) -> World {
    let inits = [InitState::None, InitState::Up, InitState::FullyUp, InitState::Down, InitState::FullyDown];
    let first = ServerParams {
        check: true,
        rise: 1 + r.below(4) as u32,
        fall: 1 + r.below(4) as u32,
        agent: (r.below(2) == 0).then_some(Duration::from_secs(1)),
        slowstart: (r.below(2) == 0).then_some(Duration::from_millis(1 + r.below(5_000) as u64)),
        observe: r.pick(&[Observe::None, Observe::Layer4, Observe::Layer7]),
        error_limit: 1 + r.below(4) as u32,
        on_error: r.pick(&[OnError::Fastinter, OnError::FailCheck, OnError::SuddenDeath, OnError::MarkDown]),
        init_state: r.pick(&inits),
        disabled: r.below(5) == 0,
        weight: r.below(257) as u32,
        on_marked_down_shutdown: true,
        on_marked_up_shutdown_backup: true,
        log_health_checks: r.below(2) == 0,
        ..ServerParams::default()
    };
    let tracking = ServerParams { tracks: true, slowstart: first.slowstart, ..ServerParams::default() };
    let last = ServerParams { backup: true, dynamic_weights: false, ..ServerParams::default() };
    let mut servers: Vec<_> = [first, tracking.clone(), ServerParams { backup: true, ..tracking }, last]
        .into_iter()
        .map(|p| ServerHealth::new(p, Duration::ZERO))
        .collect();
    for (i, tracked) in TRACKED.iter().enumerate() {
        if let Some(t) = tracked {
            let view = servers[*t].tracked_view();
            servers[i].inherit_at_start(view);
        }
    }
    World { servers, now: Duration::ZERO, history: Vec::new() }
}

/// One random thing happens to one server.
fn step(w: &mut World, r: &mut Random) {
    let (i, now) = (r.below(w.servers.len()), w.now);
    let statuses = [CheckStatus::L7Ok, CheckStatus::L7Status, CheckStatus::L4Timeout, CheckStatus::L7OkConditionally];
    let lines: [&[u8]; 8] =
        [b"up\n", b"down # x\n", b"drain\n", b"maint\n", b"ready up\n", b"ready\n", b"50%,maxconn:3\n", b"bogus\n"];
    let what = r.below(13);
    let status = r.pick(&statuses);
    let line = r.pick(&lines);
    let state = r.pick(&[AdminCommand::Ready, AdminCommand::Drain, AdminCommand::Maint]);
    let health = r.pick(&[ForcedHealth::Up, ForcedHealth::Stopping, ForcedHealth::Down]);
    let event = r.pick(TrafficEvent::ALL);
    let weight = ParsedWeight::parse(r.pick(&["0", "100%", "10%", "256", "7"]));
    let on = r.below(2) == 0;
    w.history.push(format!("{} event {what} {status:?} {state:?} {health:?} {event:?} {weight:?} {on}", NAMES[i]));
    happen(w, i, &mut |s, out| match what {
        // What the engine reports twice as often as the rest.
        0..=2 if s.check().is_configured() => {
            if s.check().may_start() {
                s.check_started();
            }
            s.check_finished(Verdict::bare(status).report(Duration::ZERO), now, out);
        }
        3..=4 if s.agent().is_enabled() => {
            let reply = AgentReply::parse(line).unwrap_or_default();
            s.agent_replied(&reply, Duration::ZERO, now, out);
        }
        5 => s.set_state(state, now, out),
        6 => _ = s.force_health(health, now, out),
        7 => _ = s.force_agent(on, now, out),
        8 => _ = s.set_weight(weight, out),
        9 => _ = if on { s.enable_check(on) } else { s.enable_agent(on) },
        10 => s.traffic(event, now, out),
        11 => s.set_resolution_failed(on.then_some("DNS NX status"), now, out),
        12 => _ = if on { s.enable_agent(on) } else { s.enable_check(on) },
        _ => s.slowstart_tick(now, out),
    });
    w.now += Duration::from_millis(r.below(400) as u64);
}

/// Runs an event, carries its consequences to the trackers, checks what holds for one event.
fn happen(w: &mut World, i: usize, event: &mut dyn FnMut(&mut ServerHealth, &mut Vec<Action>)) {
    let before = w.servers[i].clone();
    let mut out = Vec::new();
    event(&mut w.servers[i], &mut out);
    check_event(w, i, &before, &out);
    for action in out {
        if action == Action::NotifyTrackers {
            let (view, now) = (w.servers[i].tracked_view(), w.now);
            for tracker in (0..w.servers.len()).filter(|&t| TRACKED[t] == Some(i)) {
                happen(w, tracker, &mut |s, out| s.tracked_changed(view, now, out));
            }
        }
    }
}

fn usable_op(op: OpState) -> OpState {
    if op == OpState::Starting { OpState::Running } else { op }
}

/// A change of state is logged and told; nothing else is.
fn check_event(w: &World, i: usize, before: &ServerHealth, out: &[Action]) {
    let after = &w.servers[i];
    let fail = |why: &str| -> ! {
        let from = w.history.len().saturating_sub(12);
        panic!("{}: {why}\n{out:#?}\nbefore {before:?}\nafter {after:?}\n{}", NAMES[i], w.history[from..].join("\n"));
    };
    let lines: Vec<_> = out.iter().filter_map(|a| if let Action::Log(line) = a { Some(line) } else { None }).collect();
    let moves = lines.iter().filter(|l| {
        matches!(
            l,
            LogLine::OpState { .. }
                | LogLine::EntersMaint { .. }
                | LogLine::LeavesMaint { .. }
                | LogLine::ResolvesAgain
        )
    });
    let admin_lines = lines.iter().filter(|l| !matches!(l, LogLine::OpState { .. } | LogLine::Check { .. }));
    let op_changed = usable_op(before.op()) != usable_op(after.op());
    let maint = |a: AdminState| (a.in_maint(), a.in_drain());
    if op_changed && moves.count() == 0 {
        fail("an operational state changed without a line");
    }
    if maint(before.admin()) != maint(after.admin()) && !before.admin().in_maint() && admin_lines.count() == 0 {
        fail("an administrative state changed without a line");
    }
    if (op_changed || before.admin() != after.admin()) && !out.contains(&Action::NotifyTrackers) {
        fail("trackers were not told");
    }
    let told = out.iter().rev().find_map(|a| if let Action::StateChanged(view) = a { Some(*view) } else { None });
    if told.unwrap_or(before.lb_view()) != after.lb_view() {
        fail("the balancer's view is stale");
    }
    let names = ServerNames { backend: "be", server: NAMES[i], backup: false, tracked: Some(("be", "t")) };
    for line in &lines {
        let text = line.render(&names, &BackendCounts::default());
        if !text.contains(&format!("be/{}", NAMES[i])) || text.contains(['\n', '\r', '\0']) || !text.ends_with('.') {
            fail(&text);
        }
    }
}

/// What holds between events.
fn check_state(w: &World) {
    for (i, s) in w.servers.iter().enumerate() {
        let health = s.check().health();
        let context = || format!("{} {s:?}\n{}", NAMES[i], w.history[w.history.len().saturating_sub(12)..].join("\n"));
        assert!(health.value() <= health.full(), "{}", context());
        assert!(s.agent().health().value() <= 1, "{}", context());
        assert!(!s.admin().in_maint() || s.op() == OpState::Stopped, "maintenance serves: {}", context());
        assert!(s.op() != OpState::Starting || s.params().slowstart.is_some(), "{}", context());
        assert!(s.effective_weight() <= s.weight().max(256), "{}", context());
        assert!(s.throttle_percent().is_none() || s.op() == OpState::Starting, "{}", context());
        assert!(!s.check().is_enabled() || s.check().is_configured(), "{}", context());
        if let Some(t) = TRACKED[i] {
            let t = w.servers[t].admin();
            assert_eq!(s.admin().intersects(AdminState::INHERITED_MAINT), t.in_maint(), "{}", context());
            assert_eq!(s.admin().intersects(AdminState::INHERITED_DRAIN), t.in_drain(), "{}", context());
            if !s.admin().in_maint() {
                let tracked = w.servers[TRACKED[i].unwrap_or(0)].op();
                assert_eq!(usable_op(s.op()), usable_op(tracked), "{}", context());
            }
        }
        let root = TRACKED[i].map(|_| &w.servers[0]);
        let via = TRACKED[i].map(|t| TrackedVia { backend: "be", server: NAMES[t] });
        assert!(!StatusWord::of(&s.status_inputs(root, via)).to_string().is_empty());
    }
}

/// From wherever it is: ready, everything enabled, a good agent, and `rise` good checks bring the
/// server and all that track it up.
fn recovers(w: &mut World) {
    let now = w.now;
    for i in 0..w.servers.len() {
        happen(w, i, &mut |s, out| {
            s.set_resolution_failed(None, now, out);
            s.set_state(AdminCommand::Ready, now, out);
            _ = s.enable_check(true);
        });
    }
    happen(w, 0, &mut |s, out| {
        _ = s.enable_agent(true);
        _ = s.force_agent(true, now, out);
        for _ in 0..s.check().health().rise() {
            let report = Verdict::bare(CheckStatus::L7Ok).report(Duration::ZERO);
            assert_eq!(report.status.outcome(), CheckOutcome::Passed);
            s.check_finished(report, now, out);
        }
    });
    for server in &w.servers[..3] {
        assert_eq!(usable_op(server.op()), OpState::Running, "{server:?}");
        assert_eq!(server.admin().without(AdminState::CONFIG_MAINT), AdminState::NONE);
    }
    assert!(w.servers[0].check().health().is_full());
}

#[test]
fn random_interleavings_keep_the_invariants() {
    for seed in 1..=2_000 {
        let mut r = Random::new(seed);
        let mut w = world(&mut r);
        check_state(&w);
        for _ in 0..250 {
            step(&mut w, &mut r);
            check_state(&w);
        }
        recovers(&mut w);
        check_state(&w);
    }
}
