//! Random sequences of admin commands leave the same states as in HAProxy.

use lb_testkit::Engine;
use lb_testkit::random::{Arena, BATCH};

/// Sequences played here; `cargo xtask random` plays as many as one likes.
const SEQUENCES: u64 = BATCH;

#[test]
fn random_sequences_of_commands_leave_the_same_states() {
    let engines = Engine::both().unwrap();
    let [subject, oracle] = engines.as_slice() else { return };
    let arena = Arena::new(subject, oracle).unwrap();
    let found = arena.play(0..SEQUENCES).unwrap();
    assert!(found.is_empty(), "{}", found.iter().map(ToString::to_string).collect::<String>());
}
