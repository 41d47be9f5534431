//! Servers that come and go while traffic flows.
//!
//! ```text
//!   free place ── add ──▶ linked ── remove ──▶ waiting ── no thread refers to it ──▶ free place
//! ```
//!
//! A place (see [`crate::slots`]) is what data threads know a server by. It is given to another server only when no session
//! names it any more; until then it is a server without weight that nothing leads to.

use super::schedule::Work;
use super::server::{ServerCtl, root_of};
use super::{Control, publish};
use crate::data::thread::ThreadCtx;
use crate::shared::{ProxyState, ServerState};
use crate::slots::Cursor;
use lb_config::model::Server;
use lb_model::{AdminState, Severity};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Why a server stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StaysBecause {
    /// There is none of that name.
    #[error("No such server.")]
    NotThere,
    /// Something of the configuration, or a server that tracks it, needs it.
    #[error("This server cannot be removed at runtime due to other configuration elements pointing to it.")]
    Referenced,
    /// It may serve.
    #[error("Only servers in maintenance mode can be deleted.")]
    NotInMaintenance,
    /// It serves, or has connections that could.
    #[error("Server still has connections attached to it, cannot remove it.")]
    InUse,
}

impl StaysBecause {
    /// Whether time may help.
    pub const fn may_pass(self) -> bool {
        matches!(self, Self::InUse)
    }
}

/// Time between two looks at whether a place is still referred to.
const RECHECK: Duration = Duration::from_secs(1);

impl Control {
    /// Adds a server to a backend, in maintenance and with its checks switched off.
    ///
    /// `server` has its id and knows what it tracks. `false`: the backend has no room for more.
    pub fn add_server(&self, proxy: &'static ProxyState, server: Server) -> bool {
        let config = Arc::new(server);
        let mut own = ServerCtl::new(&proxy.config, &config, true, self.next_serial(), self.now());
        let Some(index) = self.place_for(proxy, &config) else { return false };
        {
            let mut backends = self.backends.borrow_mut();
            let Some(backend) = backends.get_mut(proxy.index) else { return false };
            own.revision = backend.retired.get(&config.id).copied().unwrap_or(0);
            backend.servers.set(index, own);
        }
        proxy.servers.link(index);
        self.follow_tracked(proxy.index, index, &config);
        self.announce(proxy);
        self.plan_checks(proxy.index, index);
        true
    }

    /// Takes a server out, if nothing speaks against it. Idle connections to it are closed first.
    ///
    /// # Errors
    /// What speaks against it.
    pub async fn remove_server(
        self: &Rc<Self>,
        proxy: &'static ProxyState,
        server: &'static ServerState,
    ) -> Result<(), StaysBecause> {
        let index = server.index;
        let serial = self.serial_of(proxy.index, index).ok_or(StaysBecause::NotThere)?;
        match self.removable(proxy, server) {
            Err(because) if !because.may_pass() => return Err(because),
            _ => {}
        }
        // Whoever chose the server before it went into maintenance is counted once every thread has been here.
        self.on_every_thread(move |ctx| ctx.purge_pool(proxy, index)).await;
        if self.serial_of(proxy.index, index) != Some(serial) {
            return Err(StaysBecause::NotThere);
        }
        self.removable(proxy, server)?;
        proxy.servers.unlink(index);
        self.unfollow_name((proxy.index, index));
        self.forget_server(proxy.index, server);
        self.announce(proxy);
        let control = Rc::clone(self);
        tokio::task::spawn_local(async move { control.free_when_unused(proxy, index).await });
        Ok(())
    }

    fn forget_server(&self, proxy: usize, server: &ServerState) {
        // What comes into the place later has no part in what was agreed for this one.
        self.ledger.borrow_mut().leases.retain(|_, lease| lease.place != (proxy, server.index));
        let mut backends = self.backends.borrow_mut();
        if let Some(backend) = backends.get_mut(proxy) {
            backend.servers.take(server.index);
            *backend.retired.entry(server.config().id).or_default() += 1;
        }
        let Some((tracked, at)) = server.config().track else { return };
        if let Some(tracked) = backends.get_mut(tracked.0).and_then(|b| b.servers.get_mut(at)) {
            tracked.trackers.retain(|tracker| *tracker != (proxy, server.index));
        }
    }

    /// Whether a server could be taken out now.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn removable(&self, proxy: &ProxyState, server: &ServerState) -> Result<(), StaysBecause> {
        let backends = self.backends.borrow();
        let own = backends.get(proxy.index).and_then(|b| b.servers.get(server.index)).ok_or(StaysBecause::NotThere)?;
        if self.is_referenced(own, server) {
            return Err(StaysBecause::Referenced);
        }
        if !own.health.admin().in_maint() {
            return Err(StaysBecause::NotInMaintenance);
        }
        if server.sessions.get() > 0 || server.queued.get() > 0 || server.idle.get() > 0 {
            return Err(StaysBecause::InUse);
        }
        Ok(())
    }

    /// Renames a server. Its new name is free and valid.
    pub fn rename_server(&self, proxy: &'static ProxyState, server: &'static ServerState, name: &str) {
        let former = Arc::clone(&server.config());
        server.redefine(Server { name: name.into(), ..Server::clone(&former) });
        let text = format!("Server {}/{name} renamed from '{}'.", proxy.config.name, former.name);
        self.tell_proxy(proxy, Severity::Notice, &text);
    }

    /// Whether a server may be renamed: `Ok`, or it is not in forced maintenance (`false`), or something names it (`true`).
    ///
    /// # Errors
    /// Whether something names it.
    pub fn renamable(&self, proxy: &ProxyState, server: &ServerState) -> Result<(), bool> {
        let backends = self.backends.borrow();
        let own = backends.get(proxy.index).and_then(|b| b.servers.get(server.index)).ok_or(false)?;
        match () {
            () if !own.health.admin().intersects(AdminState::FORCED_MAINT) => Err(false),
            () if self.is_referenced(own, server) => Err(true),
            () => Ok(()),
        }
    }

    fn is_referenced(&self, own: &ServerCtl, server: &ServerState) -> bool {
        server.config().referenced || !own.trackers.is_empty()
    }

    /// Drops the idle connections to a server on all threads, as soon as they come to it.
    pub(super) fn purge_idle(&self, proxy: &'static ProxyState, index: usize) {
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            mailbox.post(Box::new(move |ctx| ctx.purge_pool(proxy, index)));
        }
    }

    /// Runs something on every data thread and waits until it has run.
    pub async fn on_every_thread(&self, job: impl FnOnce(&'static ThreadCtx) + Send + Clone + 'static) {
        let mut answers = Vec::new();
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            let (done, answer) = oneshot::channel();
            let job = job.clone();
            mailbox.post(Box::new(move |ctx| {
                job(ctx);
                // Whoever asked may be gone.
                let _ = done.send(());
            }));
            answers.push(answer);
        }
        for answer in answers {
            // A thread that has ended has nothing left to do.
            let _ = answer.await;
        }
    }

    /// A free place, or a new one.
    fn place_for(&self, proxy: &'static ProxyState, config: &Arc<Server>) -> Option<usize> {
        let free = self.backends.borrow_mut().get_mut(proxy.index)?.free.pop();
        let place = match free.and_then(|index| proxy.servers.get(index)) {
            Some(server) => {
                server.begin_anew(Arc::clone(config));
                Some(server.index)
            }
            None => proxy.servers.push(|index| ServerState::new(index, Arc::clone(config), self.shared.threads)),
        };
        place.and_then(|index| proxy.servers.get(index)).inspect(|server| proxy.renew_cookie(server));
        place
    }

    /// Makes a new server one of those that its tracked server tells of changes.
    fn follow_tracked(&self, proxy: usize, index: usize, config: &Server) {
        let Some((tracked, at)) = config.track else { return };
        let mut backends = self.backends.borrow_mut();
        if let Some(tracked) = backends.get_mut(tracked.0).and_then(|b| b.servers.get_mut(at)) {
            tracked.trackers.insert(0, (proxy, index));
        }
        let root = root_of(self.shared, config);
        let state = root.and_then(|(p, s)| Some(backends.get(p)?.servers.get(s)?.health.tracked_view()));
        if let Some(own) = backends.get_mut(proxy).and_then(|b| b.servers.get_mut(index)) {
            own.root = root;
            if let Some(state) = state {
                own.health.inherit_at_start(state);
            }
        }
    }

    /// Tells data threads that the backend has other servers.
    fn announce(&self, proxy: &'static ProxyState) {
        if let Some(backend) = self.backends.borrow().get(proxy.index) {
            publish::announce(proxy, backend);
        }
    }

    /// Checks come in their turn from here on; they start once they are switched on.
    fn plan_checks(&self, proxy: usize, index: usize) {
        let intervals = self.backends.borrow().get(proxy).and_then(|b| b.servers.get(index)).map(|own| {
            let health = &own.health;
            let check = health.check().is_configured().then_some(health.params().inter);
            let agent = health.agent().is_configured().then(|| health.agent_interval());
            [(Work::Check, check), (Work::Agent, agent)]
        });
        for (work, inter) in intervals.into_iter().flatten() {
            if let Some(inter) = inter {
                // As observed: after an interval, or no later than checks are spread at the start.
                let most = self.shared.config.global.max_spread_checks;
                self.plan(proxy, index, work, most.map_or(inter, |most| inter.min(most)));
            }
        }
    }

    async fn free_when_unused(&self, proxy: &'static ProxyState, index: usize) {
        while self.is_referred_to(proxy.index, index).await {
            tokio::time::sleep(RECHECK).await;
        }
        if let Some(backend) = self.backends.borrow_mut().get_mut(proxy.index) {
            backend.free.push(index);
        }
    }

    /// Whether a session knows the server, or is between two servers of the backend: it may remember either.
    async fn is_referred_to(&self, proxy: usize, index: usize) -> bool {
        let mut answers = Vec::new();
        for mailbox in self.shared.mailboxes.get().into_iter().flatten() {
            let (answer, found) = oneshot::channel();
            mailbox.post(Box::new(move |ctx| {
                let mut refers = false;
                ctx.sessions.for_each(|session| {
                    refers |= match session.server.get() {
                        Some(server) => server == (proxy, index),
                        None => session.backend.get() == Some(proxy),
                    };
                });
                let _ = answer.send(refers);
            }));
            answers.push(found);
        }
        let mut refers = false;
        for found in answers {
            refers |= found.await.unwrap_or(false);
        }
        refers
    }

    pub(super) fn serial_of(&self, proxy: usize, index: usize) -> Option<u64> {
        self.backends.borrow().get(proxy)?.servers.get(index).map(|own| own.serial)
    }

    /// The lowest number that no server of the backend has.
    pub fn free_server_id(&self, proxy: &ProxyState) -> u32 {
        let mut taken = Vec::new();
        let mut cursor = Cursor::default();
        while let Some(server) = proxy.servers.next(&mut cursor) {
            taken.push(server.config().id);
        }
        lowest_free(taken, 1)
    }
}

/// The lowest number from `least` on that is not taken.
pub(super) fn lowest_free(mut taken: Vec<u32>, least: u32) -> u32 {
    taken.sort_unstable();
    taken.into_iter().fold(least, |free, id| if id == free { free + 1 } else { free })
}

#[cfg(test)]
mod tests {
    use super::lowest_free;

    #[test]
    fn numbers_are_used_again() {
        assert_eq!(lowest_free(vec![], 1), 1);
        assert_eq!(lowest_free(vec![3, 1, 2], 1), 4);
        assert_eq!(lowest_free(vec![4, 1, 2, 1], 1), 3);
        assert_eq!(lowest_free(vec![1, 3], 2), 2);
    }
}
