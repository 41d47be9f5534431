//! Room for one more connection to a server whose idle ones count, too (`strict-maxconn`).

use super::thread::ThreadCtx;
use super::upstream::is_beyond_limit;
use crate::shared::{ProxyState, ServerState};
use tokio::sync::oneshot;

/// Has idle connections dropped until another one may be opened: those of this thread, then those of others. A slot is
/// held, so there are enough idle ones, or as many connections as are allowed.
pub async fn make(ctx: &'static ThreadCtx, backend: &'static ProxyState, server: &ServerState) {
    while is_beyond_limit(server) {
        if ctx.pool(backend.index, server.index).is_some_and(|pool| pool.shed(server)) {
            continue;
        }
        let mut shed = false;
        for mailbox in ctx.shared.mailboxes.get().into_iter().flatten() {
            let (proxy, index) = (backend.index, server.index);
            let (answer, dropped) = oneshot::channel();
            mailbox.post(Box::new(move |other| {
                let own = other.proxy(proxy).servers.get(index).zip(other.pool(proxy, index));
                // Whoever asked may be gone.
                let _ = answer.send(own.is_some_and(|(server, pool)| pool.shed(server)));
            }));
            if dropped.await.unwrap_or(false) {
                shed = true;
                break;
            }
        }
        // What was idle is in use again, and counted twice for the moment.
        if !shed {
            return;
        }
    }
}
