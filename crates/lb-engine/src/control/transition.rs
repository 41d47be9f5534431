//! The one way a server's state changes: every event goes through [`Control::change`], which carries out what the
//! health machine asks for, in order.

use super::server::MAX_CHAIN;
use super::{Control, ServerCtl, schedule::Work};
use crate::queue;
use crate::shared::ProxyState;
use crate::trace::{Level, Source, Whom, event};
use lb_check::{Action, BackendCounts, ServerNames};
use lb_model::TermCause;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

impl Control {
    /// Applies one event to a server and carries out all that follows. `None` when there is no such server.
    pub fn change<R>(
        &self,
        proxy: usize,
        server: usize,
        event: impl FnOnce(&mut ServerCtl, Duration, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        self.change_at_depth(proxy, server, 0, event)
    }

    fn change_at_depth<R>(
        &self,
        proxy: usize,
        server: usize,
        depth: usize,
        event: impl FnOnce(&mut ServerCtl, Duration, &mut Vec<Action>) -> R,
    ) -> Option<R> {
        let mut actions = Vec::new();
        let now = self.now();
        let result = {
            let mut backends = self.backends.borrow_mut();
            event(backends.get_mut(proxy)?.servers.get_mut(server)?, now, &mut actions)
        };
        let state = self.shared.proxies.get(proxy)?;
        self.carry_out(state, server, depth, now, actions);
        Some(result)
    }

    pub(super) fn carry_out(
        &self,
        proxy: &'static ProxyState,
        server: usize,
        depth: usize,
        now: Duration,
        actions: Vec<Action>,
    ) {
        let mut requeued = 0;
        let mut lost_last = false;
        for action in actions {
            match action {
                Action::StateChanged(view) => lost_last = self.publish(proxy.index, server, view, now),
                Action::Log(line) => self.log_line(proxy, server, requeued, &line),
                Action::LastServerLine => {
                    if std::mem::take(&mut lost_last) {
                        self.tell_no_server(proxy);
                    }
                }
                Action::KillSessions => self.kill_server_sessions(proxy.index, server, TermCause::Down),
                Action::KillBackupSessions => {
                    for backup in proxy.servers.live().filter(|s| s.config().backup) {
                        self.kill_server_sessions(proxy.index, backup.index, TermCause::Up);
                    }
                }
                Action::RequeuePending => requeued = queue::redispatch(proxy, server),
                Action::ReleaseQueue => requeued = queue::wake(proxy, server),
                Action::PurgeIdle => {
                    if let Some(state) = proxy.servers.get(server) {
                        state.purge_epoch.fetch_add(1, Relaxed);
                        self.purge_idle(proxy, server);
                    }
                }
                Action::NotifyTrackers => self.notify_trackers(proxy.index, server, depth),
                Action::SetMaxconn(limit) => self.set_server_maxconn(proxy, server, limit),
                Action::HurryCheck(delay) => self.hurry(proxy.index, server, Work::Check, delay),
                Action::RetryAfter(delay) => self.plan(proxy.index, server, Work::Retry, delay),
                Action::TickAfter(delay) => self.plan(proxy.index, server, Work::SlowStart, delay),
            }
        }
    }

    fn notify_trackers(&self, proxy: usize, server: usize, depth: usize) {
        if depth >= MAX_CHAIN {
            return;
        }
        let (trackers, state) = {
            let backends = self.backends.borrow();
            let Some(own) = backends.get(proxy).and_then(|b| b.servers.get(server)) else { return };
            (own.trackers.clone(), own.health.tracked_view())
        };
        for (p, s) in trackers {
            self.change_at_depth(p, s, depth + 1, |tracker, now, actions| {
                tracker.health.tracked_changed(state, now, actions);
            });
        }
    }

    /// Changes the server's `maxconn`; 0: unlimited. Requests that wait may go at once.
    pub fn set_server_maxconn(&self, proxy: &'static ProxyState, server: usize, limit: u32) {
        if let Some(state) = proxy.servers.get(server) {
            state.maxconn.store(limit, SeqCst);
            queue::wake(proxy, server);
        }
    }

    fn log_line(&self, proxy: &'static ProxyState, server: usize, requeued: usize, line: &lb_check::LogLine) {
        let (Some(state), Some(usable)) =
            (proxy.servers.get(server), self.backends.borrow().get(proxy.index).map(|b| b.usable))
        else {
            return;
        };
        let tracked = state.config().track.and_then(|(p, s)| {
            let tracked = self.shared.proxies.get(p.0)?;
            Some((tracked, tracked.servers.get(s)?.config()))
        });
        let config = state.config();
        let names = ServerNames {
            backend: &proxy.config.name,
            server: &config.name,
            backup: config.backup,
            tracked: tracked.as_ref().map(|(backend, server)| (&*backend.config.name, &*server.name)),
        };
        let counts = BackendCounts {
            active: usable.main as usize,
            backup: usable.backup as usize,
            sessions: state.sessions.get() as usize,
            requeued,
            queued: queue::bound(proxy, server),
        };
        let mut text = line.render(&names, &counts);
        if *line == lb_check::LogLine::ResolvesAgain
            && let Some(host) = self.name_of((proxy.index, server))
        {
            text = text.replacen(" is ", &format!(" ('{host}') is "), 1);
        }
        self.shared.trace(
            (Source::Server, event::Server::STATE, Level::User),
            || Whom {
                thread: self.shared.threads + 1,
                backend: Some(proxy.index),
                server: Some(server),
                ..Whom::default()
            },
            format_args!("{text}"),
        );
        self.tell_followers(proxy, server, line.severity(), &text);
        self.tell_proxy(proxy, line.severity(), &text);
        if let Some(level) = line.alert_level() {
            self.mail(proxy, level, &text);
        }
    }
}

/// Requests that wait for any server of the backend.
pub(crate) fn unbound_queue(proxy: &ProxyState) -> u32 {
    match proxy.queued.get() {
        0 => 0,
        all => all.saturating_sub(proxy.servers.live().map(|s| s.queued.get()).sum()),
    }
}
