//! Traces recorded on a running HAProxy 2.6.12, replayed through the state machine.
//!
//! The end-to-end suite `health` plays the same on running programs, HAProxy and `lbd`, and can record them anew.
//!
//! Each block of `traces/*.trace` is one scenario: the servers and options of a backend, then
//! steps (`> …`) with what the recorded proxy logged and showed after each. `check web1 500` is a
//! health check answered with that status (or raw bytes, a close, a reset), `agent web1 up\n` an
//! agent's line, `cli …` a Runtime API command, `req web1 500` a client request answered so.
//! State lines hold: status word, op and admin state, weights (user/configured), health counter,
//! `srv_check_result`, `srv_check_status`, `srv_check_state` and `srv_agent_state` without their
//! in-progress bit, then the columns of `show stat`. `since 3.x` marks what no HAProxy 2.6 can be asked: written by hand.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a recording that cannot be read fails the test")]

mod replay;

/// The recordings.
const RECORDED: &[&str] = &[
    include_str!("traces/checks.trace"),
    include_str!("traces/http.trace"),
    include_str!("traces/admin.trace"),
    include_str!("traces/track.trace"),
    include_str!("traces/agent.trace"),
    include_str!("traces/observe.trace"),
    include_str!("traces/more.trace"),
];

#[test]
fn recorded_traces() {
    let (mut scenarios, mut steps, mut faults) = (0, 0, Vec::new());
    for block in RECORDED.iter().flat_map(|text| text.split("\n\n")).filter(|b| b.contains("== ")) {
        let (n, fault) = replay::run(block);
        scenarios += 1;
        steps += n;
        faults.extend(fault);
    }
    assert!(faults.is_empty(), "{} of {scenarios} scenarios differ\n{}", faults.len(), faults.join("\n\n"));
    assert!(scenarios >= 115 && steps >= 1350, "{scenarios} scenarios, {steps} steps");
}
