//! `tcp-request` rules: what they decide of a connection, and what they change beside it.

use super::http::text;
use super::knobs;
use super::tell;
use super::track::{self, Scope};
use super::view::View;
use lb_config::model::{Proxy, TcpAction, TcpRule, TcpStage};
use lb_sample::{Context, Side};

/// What rules decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// The connection goes on.
    Accepted,
    /// It is closed.
    Rejected,
    /// Bytes that may still come decide on the rule of this number.
    Waits(usize),
}

/// Values that rules keep for the log: their slots.
pub type Kept = Vec<(Side, usize, Option<Vec<u8>>)>;

/// Runs the rules of one stage over what is there: whether the connection is accepted.
pub fn accepted(config: &Proxy, view: &View<'_>, stage: TcpStage) -> bool {
    matches!(judge(&config.tcp_request, view, stage, 0, &mut Kept::new()), Judged::Accepted | Judged::Waits(_))
}

/// Runs the rules of one stage from the given one on.
pub fn judge(rules: &[TcpRule], view: &View<'_>, stage: TcpStage, from: usize, kept: &mut Kept) -> Judged {
    for (index, rule) in rules.iter().enumerate().skip(from).filter(|(_, rule)| rule.stage == stage) {
        match rule.condition.as_ref().map_or(Some(true), |condition| condition.decide(view)) {
            None => return Judged::Waits(index),
            Some(false) => continue,
            Some(true) => {}
        }
        match &rule.action {
            TcpAction::Accept => return Judged::Accepted,
            TcpAction::Reject => return Judged::Rejected,
            TcpAction::SilentDrop => {
                crate::sys::vanish(view.session.fd);
                return Judged::Rejected;
            }
            TcpAction::Var(action) => action.run(view),
            TcpAction::Track(track) => {
                let scope = match stage {
                    TcpStage::Connection | TcpStage::Session => Scope::Connection,
                    TcpStage::Content if view.request.is_some() => Scope::Request,
                    TcpStage::Content => Scope::Content,
                };
                track::start(view, track, scope);
            }
            TcpAction::Count(count) => track::count(view, count),
            TcpAction::Effect(effect) => knobs::run(view, effect, stage == TcpStage::Content && view.request.is_some()),
            TcpAction::Capture(capture) => {
                kept.push((capture.side, capture.slot, capture.expr.eval(view).map(text)));
            }
            TcpAction::ExpectProxy => view.session.expect_header(),
            TcpAction::Log(log) => tell::by_rule(view, log),
        }
        // What it needs was not there yet.
        if view.take_awaited() {
            return Judged::Waits(index);
        }
    }
    Judged::Accepted
}
