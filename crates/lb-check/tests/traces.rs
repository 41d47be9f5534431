//! Traces recorded on a running HAProxy 2.6.12, replayed through the state machine.
//!
//! Each block of `traces/*.trace` is one scenario: the servers and options of a backend, then
//! steps (`> …`) with what the recorded proxy logged and showed after each. `check web1 500` is a
//! health check answered with that status (or raw bytes, a close, a reset), `agent web1 up\n` an
//! agent's line, `cli …` a Runtime API command, `req web1 500` a client request answered so.
//! State lines hold: status word, op and admin state, weights (user/configured), health counter,
//! `srv_check_result`, `srv_check_status`, `srv_check_state` and `srv_agent_state` without their
//! in-progress bit, then the columns of `show stat`.

mod replay;

use std::fs;

#[test]
fn recorded_traces() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/traces");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    let (mut scenarios, mut steps, mut faults) = (0, 0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for block in text.split("\n\n").filter(|b| b.contains("== ")) {
            let (n, fault) = replay::run(block);
            scenarios += 1;
            steps += n;
            faults.extend(fault);
        }
    }
    assert!(faults.is_empty(), "{} of {scenarios} scenarios differ\n{}", faults.len(), faults.join("\n\n"));
    assert!(scenarios >= 60 && steps >= 600, "{scenarios} scenarios, {steps} steps");
}
