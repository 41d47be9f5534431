//! An HTTP check whose peer has sent certain bytes.

use std::time::Duration;

use lb_check::probe::Verdict;
use lb_check::rules::{RuleSet, Run, State, Step, Trace, World};
use lb_sample::{Context, Nothing};

struct Bare {
    stopped: bool,
}

impl World for Bare {
    fn with_context(&self, _: &State, then: &mut dyn FnMut(&dyn Context)) {
        then(&Nothing);
    }

    fn server_state(&self) -> String {
        String::new()
    }

    fn is_stopped(&self) -> bool {
        self.stopped
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// The verdict over these bytes, after which the stream may have ended; `None`: more is needed.
pub fn judge(set: &RuleSet, received: &[u8], ended: bool, stopped: bool) -> Option<Verdict> {
    judge_within(set, received, ended, stopped, 16_384)
}

/// The same with a limit to what is looked at.
pub fn judge_within(set: &RuleSet, received: &[u8], ended: bool, stopped: bool, limit: usize) -> Option<Verdict> {
    let world = Bare { stopped };
    let mut run = Run::new(set, limit, Trace::default());
    let mut given = false;
    loop {
        match run.step(&world) {
            Step::Done(verdict) => return Some(verdict),
            Step::Connect(..) => run.connected(false, &world),
            Step::Send(bytes) => run.sent(bytes.len(), &world),
            Step::Receive if given => return None,
            Step::Receive => {
                given = true;
                run.input().extend_from_slice(received);
                run.received(ended, &world);
            }
        }
    }
}
