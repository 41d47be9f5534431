//! What rules change of a session: addresses, priority, time-outs. Made for a session when a rule first asks for it.

use super::session::Session;
use super::view::View;
use lb_config::model::{AddressPart, Effect, NumberValue, TimeValue, TimeoutKind};
use lb_sample::{Expr, Sample};
use std::cell::{Cell, OnceCell};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The addresses of a client's connection: whence and whereto.
type Addresses = (Option<SocketAddr>, Option<SocketAddr>);

/// The changes of one session. Those of a request end with it.
#[derive(Debug, Default)]
pub struct Knobs {
    made: OnceCell<Box<Made>>,
}

#[derive(Debug, Default)]
struct Made {
    /// The connection's own addresses, while a request has others.
    own: Cell<Option<Addresses>>,
    priority: Cell<Priority>,
    /// By kind; none: as configured. Zero: no limit.
    timeouts: [Cell<Option<Duration>>; TimeoutKind::ALL.len()],
}

/// Who leaves a queue first: the lowest class, in it whoever waits longest, the offset being added to the time of joining.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Priority {
    /// -2047 to 2047.
    pub class: i32,
    /// Milliseconds, -524287 to 524287.
    pub offset_ms: i32,
}

impl Knobs {
    /// A time-out, as a rule set it or as configured.
    pub fn timeout(&self, kind: TimeoutKind, configured: Option<Duration>) -> Option<Duration> {
        match self.made.get() {
            None => configured,
            Some(made) => match made.timeouts.get(kind as usize).and_then(Cell::get) {
                None => configured,
                Some(Duration::ZERO) => None,
                set => set,
            },
        }
    }

    /// The priority in queues.
    pub fn priority(&self) -> Priority {
        self.made.get().map_or_else(Priority::default, |made| made.priority.get())
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(Box::default)
    }

    /// Ends what was changed for one request.
    pub fn end_request(&self, session: &Session) {
        let Some(made) = self.made.get() else { return };
        if let Some((source, destination)) = made.own.take() {
            session.source.set(source);
            session.destination.set(destination);
        }
        made.priority.take();
        made.timeouts.iter().for_each(|timeout| timeout.set(None));
    }
}

/// Carries out an effect. `of_request` says that addresses are changed for one request only.
pub fn run(view: &View<'_>, effect: &Effect, of_request: bool) {
    let session = view.session;
    match effect {
        Effect::Address(part, expr) => set_address(view, *part, expr, of_request),
        Effect::PriorityClass(expr) => {
            if let Some(class) = number(expr, view) {
                let priority = &session.knobs.made().priority;
                priority.set(Priority { class: class.clamp(-2_047, 2_047) as i32, ..priority.get() });
            }
        }
        Effect::PriorityOffset(expr) => {
            if let Some(offset) = number(expr, view) {
                let priority = &session.knobs.made().priority;
                priority.set(Priority { offset_ms: offset.clamp(-524_287, 524_287) as i32, ..priority.get() });
            }
        }
        Effect::Timeout(kind, value) => {
            if let (Some(time), Some(cell)) = (time(value, view), session.knobs.made().timeouts.get(*kind as usize)) {
                cell.set(Some(time));
            }
        }
        Effect::Tos(value) => {
            if let Some(value) = set_number(value, view) {
                crate::sys::set_tos(session.fd, value as u8);
            }
        }
        Effect::Mark(value) => {
            if let Some(value) = set_number(value, view) {
                crate::sys::set_mark(session.fd, value);
            }
        }
    }
}

fn number(expr: &Expr, view: &View<'_>) -> Option<i64> {
    expr.eval(view)?.to_int()
}

fn set_number(value: &NumberValue, view: &View<'_>) -> Option<u32> {
    match value {
        NumberValue::Fixed(number) => Some(*number),
        NumberValue::Expr(expr) => u32::try_from(number(expr, view)?).ok(),
    }
}

/// The time a rule asks for; `None`: its expression has no value.
pub fn time(value: &TimeValue, view: &View<'_>) -> Option<Duration> {
    match value {
        TimeValue::Fixed(time) => Some(*time),
        TimeValue::Expr(expr) => Some(Duration::from_millis(u64::try_from(number(expr, view)?).ok()?)),
    }
}

fn set_address(view: &View<'_>, part: AddressPart, expr: &Expr, of_request: bool) {
    let session = view.session;
    let Some(value) = expr.eval(view) else { return };
    let (source, destination) = (lb_sample::Context::src(view), lb_sample::Context::dst(view));
    let own = (session.source.get(), session.destination.get());
    match part {
        AddressPart::Source => {
            let Some(ip) = address(&value) else { return };
            session.source.set(Some(SocketAddr::new(ip, source.map_or(0, |old| old.port()))));
        }
        AddressPart::Destination => {
            let Some(ip) = address(&value) else { return };
            session.destination.set(Some(SocketAddr::new(ip, destination.map_or(0, |old| old.port()))));
        }
        AddressPart::SourcePort | AddressPart::DestinationPort => {
            let Some(port) = value.to_int().map(|port| port as u16) else { return };
            let (cell, old) = match part {
                AddressPart::SourcePort => (&session.source, source),
                _ => (&session.destination, destination),
            };
            cell.set(Some(SocketAddr::new(old.map_or(Ipv4Addr::UNSPECIFIED.into(), |old| old.ip()), port)));
        }
    }
    if of_request {
        let saved = &session.knobs.made().own;
        let first = saved.take();
        saved.set(first.or(Some(own)));
    }
}

fn address(value: &Sample<'_>) -> Option<IpAddr> {
    value.to_ip().or_else(|| value.with_text(|text| std::str::from_utf8(text).ok()?.trim().parse().ok()))
}
