//! `clear counters …`. Data threads clear their own counters: nobody else may write them.

use super::{inside, resolve};
use crate::control::Control;
use crate::counters::{Counters, PerThread};
use crate::shared::{ProxyState, ServerState};
use lb_admin::{Reply, Request};
use std::rc::Rc;
use tokio::sync::oneshot;

/// Which of an object's numbers go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Maxima,
    All,
}

/// `clear counters`: highest values.
pub(super) async fn maxima(control: &Rc<Control>) -> Reply {
    clear_everything(control, What::Maxima).await;
    Reply::Empty
}

/// `clear counters all`.
pub(super) async fn all(control: &Rc<Control>) -> Reply {
    clear_everything(control, What::All).await;
    control.forget_counts(None);
    Reply::Empty
}

/// `clear counters server`.
pub(super) async fn server(control: &Rc<Control>, request: &Request) -> Result<Reply, Reply> {
    let target = resolve::server(control, request)?;
    on_every_thread(control, move |thread| clear_block(&target.server.counters, thread, What::All)).await;
    clear_server_gauges(target.server);
    control.forget_counts(Some((target.proxy.index, target.index)));
    Ok(Reply::notice("Server counters cleared."))
}

async fn clear_everything(control: &Rc<Control>, what: What) {
    let shared = control.shared;
    on_every_thread(control, move |thread| {
        clear_block(&shared.process.totals, thread, what);
        for proxy in shared.proxies.live() {
            clear_block(&proxy.front, thread, what);
            clear_block(&proxy.back, thread, what);
            for listener in &proxy.listeners {
                clear_block(&listener.counters, thread, what);
            }
            for server in proxy.servers.live() {
                clear_block(&server.counters, thread, what);
            }
        }
    })
    .await;
    for proxy in shared.proxies.live() {
        clear_proxy_gauges(proxy);
        proxy.servers.live().for_each(clear_server_gauges);
    }
    shared.process.connections.clear_max();
    inside::activity::clear(control);
}

/// Runs `clear` for each thread's number on that thread, and for the control thread's here.
async fn on_every_thread(control: &Rc<Control>, clear: impl Fn(usize) + Send + Clone + 'static) {
    let mut answers = Vec::new();
    for (thread, mailbox) in control.shared.mailboxes.get().into_iter().flatten().enumerate() {
        let (done, answer) = oneshot::channel();
        let clear = clear.clone();
        mailbox.post(Box::new(move |_| {
            clear(thread);
            // Whoever asked may be gone.
            let _ = done.send(());
        }));
        answers.push(answer);
    }
    clear(usize::MAX);
    for answer in answers {
        // A thread that has ended does not count any more.
        let _ = answer.await;
    }
}

fn clear_block(counters: &PerThread, thread: usize, what: What) {
    let block: &Counters = counters.of(thread);
    if what == What::All {
        counters.kept().clear();
        block.clear();
    }
    block.session_rate.clear_max();
    block.connection_rate.clear_max();
    block.request_rate.clear_max();
    for time in [&block.queue_time, &block.connect_time, &block.response_time, &block.total_time] {
        time.clear_max();
    }
}

fn clear_proxy_gauges(proxy: &ProxyState) {
    for gauge in [&proxy.front_sessions, &proxy.back_sessions, &proxy.queued] {
        gauge.clear_max();
    }
    proxy.listeners.iter().for_each(|listener| listener.sessions.clear_max());
}

fn clear_server_gauges(server: &ServerState) {
    server.sessions.clear_max();
    server.queued.clear_max();
    server.idle.clear_max();
}
