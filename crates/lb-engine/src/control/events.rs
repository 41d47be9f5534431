//! State transitions for those who follow them. Each follower has a queue of its own, bounded: who reads too slowly
//! loses events and is told how many, and nobody waits for it.

use super::Control;
use crate::log::iso_time;
use crate::shared::ProxyState;
use lb_model::{Severity, StatusWord, TrackedVia};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Write;
use std::rc::{Rc, Weak};
use tokio::sync::Notify;

/// Events that may wait for a follower.
const QUEUE: usize = 1_024;

/// One transition.
#[derive(Debug)]
pub struct Event {
    time: String,
    backend: String,
    server: String,
    status: String,
    weight: u32,
    severity: Severity,
    text: String,
}

impl Event {
    /// As a line for people.
    fn plain(&self) -> String {
        format!("{} {}/{} {}: {}\n", self.time, self.backend, self.server, self.status, self.text)
    }

    /// As a line of JSON.
    fn json(&self) -> String {
        let mut out = String::from("{");
        let fields = [
            ("time", &*self.time),
            ("backend", &self.backend),
            ("server", &self.server),
            ("status", &self.status),
            ("severity", self.severity.as_str()),
            ("message", &self.text),
        ];
        for (name, value) in fields {
            let _ = write!(out, "\"{name}\":");
            json_text(value, &mut out);
            out.push(',');
        }
        let _ = writeln!(out, "\"weight\":{}}}", self.weight);
        out
    }
}

fn json_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        // Writing to a string cannot fail.
        let _ = match c {
            '"' | '\\' => write!(out, "\\{c}"),
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
            c => write!(out, "{c}"),
        };
    }
    out.push('"');
}

/// One who follows.
#[derive(Debug)]
pub struct Follower {
    json: bool,
    queue: RefCell<VecDeque<Rc<Event>>>,
    lost: Cell<u64>,
    ready: Notify,
}

impl Follower {
    fn offer(&self, event: &Rc<Event>) {
        let mut queue = self.queue.borrow_mut();
        if queue.len() >= QUEUE {
            // The newest are lost: what is told stays in order, and the gap is where it is told.
            self.lost.set(self.lost.get() + 1);
        } else {
            queue.push_back(Rc::clone(event));
        }
        self.ready.notify_one();
    }

    /// The lines that came since, in the order of the events. Waits until there is one.
    pub async fn lines(&self) -> String {
        loop {
            let mut text = String::new();
            for event in self.queue.take() {
                text += &if self.json { event.json() } else { event.plain() };
            }
            match self.lost.take() {
                0 => {}
                lost if self.json => {
                    let _ = writeln!(text, "{{\"lost\":{lost}}}");
                }
                lost => {
                    let _ = writeln!(text, "# {lost} events lost: they came faster than they were read.");
                }
            }
            if !text.is_empty() {
                return text;
            }
            self.ready.notified().await;
        }
    }
}

/// All who follow.
#[derive(Debug, Default)]
pub(super) struct Followers(RefCell<Vec<Weak<Follower>>>);

impl Control {
    /// Begins to follow; dropping the follower ends it.
    pub fn follow(&self, json: bool) -> Rc<Follower> {
        let follower = Rc::new(Follower { json, queue: RefCell::default(), lost: Cell::new(0), ready: Notify::new() });
        self.followers.0.borrow_mut().push(Rc::downgrade(&follower));
        follower
    }

    /// Tells a transition to those who follow.
    pub(super) fn tell_followers(&self, proxy: &ProxyState, server: usize, severity: Severity, text: &str) {
        let mut followers = self.followers.0.borrow_mut();
        if followers.is_empty() {
            return;
        }
        followers.retain(|follower| follower.strong_count() > 0);
        let Some(state) = proxy.servers.get(server) else { return };
        let Some((status, weight)) = self.status_of(proxy.index, server) else { return };
        let event = Rc::new(Event {
            time: iso_time(&self.shared.clock.wall_at(self.shared.clock.now_us())),
            backend: proxy.config.name.to_string(),
            server: state.config().name.to_string(),
            status,
            weight,
            severity,
            text: text.to_owned(),
        });
        for follower in followers.iter().filter_map(Weak::upgrade) {
            follower.offer(&event);
        }
    }

    /// A server's status word and its weight in force.
    pub fn status_of(&self, proxy: usize, server: usize) -> Option<(String, u32)> {
        let backends = self.backends.borrow();
        let own = backends.get(proxy)?.servers.get(server)?;
        let root = own.root.and_then(|(p, s)| Some(&backends.get(p)?.servers.get(s)?.health));
        let config = self.shared.proxies.get(proxy)?.servers.get(server)?.config();
        let tracked = config.track.and_then(|(p, s)| {
            let tracked = self.shared.proxies.get(p.0)?;
            Some((tracked.config.get(), tracked.servers.get(s)?.config()))
        });
        let via = tracked.as_ref().map(|(backend, server)| TrackedVia { backend: &backend.name, server: &server.name });
        let word = StatusWord::of(&own.health.status_inputs(root, via)).to_string();
        Some((word, own.health.effective_weight()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        Event {
            time: "2026-11-20T23:12:54.123456+00:00".into(),
            backend: "app".into(),
            server: "web1".into(),
            status: "DOWN".into(),
            weight: 5,
            severity: Severity::Alert,
            text: text.into(),
        }
    }

    #[test]
    fn lines() {
        let event = event("Server app/web1 is DOWN, info: \"no\\\n\".");
        assert!(event.plain().starts_with("2026-11-20T23:12:54.123456+00:00 app/web1 DOWN: Server app/web1 is DOWN"));
        assert_eq!(
            event.json(),
            "{\"time\":\"2026-11-20T23:12:54.123456+00:00\",\"backend\":\"app\",\"server\":\"web1\",\
             \"status\":\"DOWN\",\"severity\":\"alert\",\"message\":\"Server app/web1 is DOWN, info: \
             \\\"no\\\\\\u000a\\\".\",\"weight\":5}\n"
        );
    }

    #[test]
    fn who_reads_too_slowly_is_told_how_much_is_lost() {
        let follower = Follower { json: false, queue: RefCell::default(), lost: Cell::new(0), ready: Notify::new() };
        let event = Rc::new(event("x"));
        for _ in 0..QUEUE + 7 {
            follower.offer(&event);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let text = runtime.block_on(follower.lines());
        assert_eq!(text.lines().count(), QUEUE + 1);
        assert!(text.ends_with("# 7 events lost: they came faster than they were read.\n"));
    }
}
