//! A million random events on the machine and on a model of a page, which must never disagree.
//!
//! Seeds are fixed, so a difference repeats; the last events before it are shown.

#![expect(clippy::panic, reason = "a difference fails the test")]

mod random;
mod reference;

use std::time::Duration;

use lb_check::probe::Verdict;
use lb_check::{
    Action, AdminWord, AgentReply, ForcedHealth, InitState, Observe, OnError, ServerHealth, ServerParams, TrafficEvent,
};
use lb_model::{CheckStatus, OpState, ParsedWeight, StatusWord, TrackedVia};
use random::Random;
use reference::{Event, Model, Op, Setup, Word};

const WORLDS: u64 = 4_000;
const STEPS: usize = 250;

/// The machine's pair: `a`, and `b` which tracks it.
struct Pair {
    a: ServerHealth,
    b: ServerHealth,
    now: Duration,
}

fn setup(r: &mut Random) -> Setup {
    Setup {
        rise: 1 + r.below(4) as u32,
        fall: 1 + r.below(4) as u32,
        check: r.below(5) > 0,
        agent: r.below(2) == 0,
        disabled: r.below(5) == 0,
        observe: (r.below(3) > 0).then(|| {
            use reference::OnError as E;
            let then = r.pick(&[E::Fastinter, E::FailCheck, E::SuddenDeath, E::MarkDown]);
            (r.pick(&[4, 7]), 1 + r.below(4) as u32, then)
        }),
        init: (r.below(2) == 0).then(|| (r.below(2) == 0, r.below(2) == 0)),
    }
}

impl Pair {
    fn new(s: Setup, weight: u32) -> Self {
        let mut params = ServerParams {
            rise: s.rise,
            fall: s.fall,
            check: s.check,
            agent: s.agent.then_some(Duration::from_secs(1)),
            disabled: s.disabled,
            weight,
            init_state: match s.init {
                None => InitState::None,
                Some((true, true)) => InitState::Up,
                Some((true, false)) => InitState::FullyUp,
                Some((false, true)) => InitState::Down,
                Some((false, false)) => InitState::FullyDown,
            },
            ..ServerParams::default()
        };
        if let Some((layer, limit, then)) = s.observe {
            params.observe = if layer == 4 { Observe::Layer4 } else { Observe::Layer7 };
            params.error_limit = limit;
            params.on_error = match then {
                reference::OnError::Fastinter => OnError::Fastinter,
                reference::OnError::FailCheck => OnError::FailCheck,
                reference::OnError::SuddenDeath => OnError::SuddenDeath,
                reference::OnError::MarkDown => OnError::MarkDown,
            };
        }
        let a = ServerHealth::new(params, Duration::ZERO);
        let mut b = ServerHealth::new(ServerParams { tracks: true, ..ServerParams::default() }, Duration::ZERO);
        b.inherit_at_start(a.tracked_view());
        Self { a, b, now: Duration::ZERO }
    }

    /// Yields whether the next check was hurried.
    fn happen(&mut self, event: Event) -> bool {
        let (mut out, now) = (Vec::new(), self.now);
        let a = &mut self.a;
        match event {
            Event::Check(grade) => {
                let status = match grade {
                    Op::Up => CheckStatus::L7Ok,
                    Op::Soft => CheckStatus::L7OkConditionally,
                    Op::Down => CheckStatus::L4Timeout,
                };
                a.check_started();
                a.check_finished(Verdict::bare(status).report(Duration::ZERO), now, &mut out);
            }
            Event::Agent { up, word, weight } => {
                let up = up.map(|up| if up { "up" } else { "fail" });
                let word = word.map(|word| match word {
                    Word::Ready => "ready",
                    Word::Drain => "drain",
                    Word::Maint => "maint",
                });
                let weight = weight.map(|weight| format!("weight:{weight}")).unwrap_or_default();
                let line = format!("{},{} {weight}\n", up.unwrap_or_default(), word.unwrap_or_default());
                let reply = AgentReply::parse(line.as_bytes()).unwrap_or_default();
                a.agent_started();
                a.agent_replied(&reply, Duration::ZERO, now, &mut out);
            }
            Event::Seen { layer, good } => {
                let event = match (layer, good) {
                    (4, true) => TrafficEvent::Connected,
                    (4, false) => TrafficEvent::ConnectFailed,
                    (_, true) => TrafficEvent::ResponseOk,
                    (_, false) => TrafficEvent::ResponseTimeout,
                };
                a.traffic(event, now, &mut out);
            }
            Event::Operator(word) => a.set_state(admin_word(word), now, &mut out),
            Event::Tracker(word) => self.b.set_state(admin_word(word), now, &mut Vec::new()),
            Event::Health(op) => {
                let health = match op {
                    Op::Up => ForcedHealth::Up,
                    Op::Soft => ForcedHealth::Stopping,
                    Op::Down => ForcedHealth::Down,
                };
                a.force_health(health, now, &mut out).unwrap_or_else(|refused| panic!("{refused}"));
            }
            // Refused when there is no such check: nothing changes.
            Event::ForceAgent(up) => _ = a.force_agent(up, now, &mut out),
            Event::Weight(weight) => _ = a.set_weight(Ok(ParsedWeight::Absolute(weight)), &mut out),
            Event::SwitchChecks(on) => _ = a.enable_check(on),
            Event::SwitchAgent(on) => _ = a.enable_agent(on),
            Event::Resolves(well) => a.set_resolution_failed((!well).then_some("DNS NX status"), now, &mut out),
        }
        for _ in out.iter().filter(|action| **action == Action::NotifyTrackers) {
            self.b.tracked_changed(self.a.tracked_view(), now, &mut Vec::new());
        }
        self.now += Duration::from_millis(10);
        out.iter().any(|action| matches!(action, Action::HurryCheck(_)))
    }
}

fn admin_word(word: Word) -> AdminWord {
    match word {
        Word::Ready => AdminWord::Ready,
        Word::Drain => AdminWord::Drain,
        Word::Maint => AdminWord::Maint,
    }
}

fn event(r: &mut Random, pair: &Pair) -> Event {
    let word = r.pick(&[Word::Ready, Word::Drain, Word::Maint]);
    let op = r.pick(&[Op::Up, Op::Down, Op::Soft]);
    let on = r.below(3) > 0;
    match r.below(20) {
        // No check runs on a server in maintenance, but one may end there.
        0..=6 if pair.a.check().is_enabled() => Event::Check(r.pick(&[Op::Up, Op::Up, Op::Down, Op::Down, Op::Soft])),
        7..=9 if pair.a.agent().is_enabled() => Event::Agent {
            up: (r.below(3) > 0).then_some(on),
            word: (r.below(3) == 0).then_some(word),
            weight: (r.below(4) == 0).then(|| r.below(257) as u32),
        },
        10..=12 => Event::Seen { layer: r.pick(&[4, 7]), good: r.below(3) == 0 },
        13 => Event::Operator(word),
        14 => Event::Tracker(word),
        15 => Event::Health(op),
        16 => Event::ForceAgent(on),
        17 => Event::Weight(r.below(257) as u32),
        18 if on => Event::SwitchChecks(r.below(2) == 0),
        18 => Event::SwitchAgent(r.below(2) == 0),
        19 => Event::Resolves(on),
        _ => Event::Operator(Word::Ready),
    }
}

fn op(state: OpState) -> Op {
    match state {
        OpState::Stopped => Op::Down,
        OpState::Stopping => Op::Soft,
        OpState::Starting | OpState::Running => Op::Up,
    }
}

/// Everything both know, of both servers.
type Seen<'a> = ((Op, Op), (u8, u8), u32, (u32, u32), [u64; 3], (String, String));

fn of_machine(pair: &Pair) -> Seen<'_> {
    let Pair { a, b, .. } = pair;
    let via = TrackedVia { backend: "be", server: "a" };
    (
        (op(a.op()), op(b.op())),
        (a.admin().bits(), b.admin().bits()),
        a.check().health().value(),
        (a.weight(), a.effective_weight()),
        [a.failed_checks(), a.down_transitions(), a.health_analyses()],
        (
            StatusWord::of(&a.status_inputs(None, None)).to_string(),
            StatusWord::of(&b.status_inputs(Some(a), Some(via))).to_string(),
        ),
    )
}

fn of_model(model: &Model) -> Seen<'_> {
    (
        (model.op, model.tracker_op()),
        model.admin(),
        model.health(),
        (model.weight, model.effective),
        [model.failed, model.downs, model.analyses],
        model.status(),
    )
}

#[test]
fn a_million_events_without_a_difference() {
    let mut words = std::collections::BTreeSet::new();
    for seed in 1..=WORLDS {
        let mut r = Random::new(seed);
        let (setup, weight) = (setup(&mut r), r.below(257) as u32);
        let (mut pair, mut model) = (Pair::new(setup, weight), Model::new(setup, weight));
        let mut history = Vec::new();
        for _ in 0..STEPS {
            let event = event(&mut r, &pair);
            let analyses = model.analyses;
            model.happen(event);
            let hurried = pair.happen(event);
            history.push(event);
            let (machine, expected) = (of_machine(&pair), of_model(&model));
            if machine != expected || hurried != (model.analyses > analyses) {
                let last = &history[history.len().saturating_sub(20)..];
                panic!("seed {seed}, {setup:?}, after {last:#?}:\nmachine {machine:?}\nmodel   {expected:?}");
            }
            words.insert(machine.5.0);
        }
    }
    // Every word was there at least once, so the events reach everywhere.
    for word in ["UP", "UP 1/3", "UP -1/3", "DOWN", "DOWN 1/2", "DOWN (agent)", "NOLB", "NOLB 2/3", "no check"] {
        assert!(words.contains(word), "{word} never came up: {words:?}");
    }
    for word in ["DRAIN", "DRAIN 1/2", "DRAIN (agent)", "MAINT", "MAINT (resolution)"] {
        assert!(words.contains(word), "{word} never came up: {words:?}");
    }
}
