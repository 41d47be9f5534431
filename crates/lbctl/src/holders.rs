//! Who holds a server: the sessions on it, as far as the socket's level shows them.

use lb_client::{ServerName, Session};

use crate::context::Context;
use crate::workers;

/// How many sessions are told.
const TOLD: usize = 5;

/// One line for each of the first sessions on a server, those of old workers included.
pub fn holders(ctx: &Context, server: &ServerName) -> Vec<String> {
    let Ok(sessions) = ctx.client.sessions() else {
        return vec!["  (who holds it is shown to level operator and above)".to_owned()];
    };
    let on_it = |s: &Session| s.backend == server.backend && s.server == server.server;
    let mut lines: Vec<String> = sessions.iter().filter(|s| on_it(s)).map(|s| line(s, "")).collect();
    // A master that does not answer hides its old workers only.
    let old = ctx.master().and_then(|master| workers::holding(master, server).ok()).unwrap_or_default();
    lines.extend(old.iter().map(|(_, session)| line(session, ", on an old worker")));
    let more = lines.len().saturating_sub(TOLD);
    lines.truncate(TOLD);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines
}

fn line(session: &Session, where_: &str) -> String {
    format!("  {} through {}, for {}{where_}", session.source, session.frontend, session.age)
}
