//! The book of what operators changed of servers: revisions, the journal that `undo` reads backwards, and leases.
//!
//! One counter runs over all servers: each change gets the next number, which is then the server's revision. So "unchanged
//! since 17" can be asked of one server and of many alike. The counter begins with the time of the start, so that a number
//! from a former process does not pass for one of this process.
//!
//! What checks find out is no change. What an agent says of weight and state is one, found when the server is next
//! looked at.

use super::{Control, Settings};
use lb_check::AdminWord;
use lb_model::OpState;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// Changes of servers that the journal keeps, over all its entries; the latest command is kept whole, however many servers
/// it changed.
const JOURNAL: usize = 500;
/// Leases at a time.
pub const MOST_LEASES: usize = 10_000;

/// The last change of a server.
#[derive(Debug, Clone)]
pub struct Change {
    /// Its number.
    pub revision: u64,
    /// Who made it.
    pub by: Rc<str>,
    /// What was asked for.
    pub what: Rc<str>,
    /// When, since the start.
    pub at: Duration,
    /// What it changed, as `weight 1 -> 5`.
    pub differences: Rc<str>,
}

/// What is kept of a server once it was changed.
#[derive(Debug)]
pub struct Record {
    change: Change,
    settings: Settings,
}

/// One server's part of a command.
#[derive(Debug, Clone)]
struct Step {
    proxy: usize,
    server: usize,
    name: Rc<str>,
    /// The server's revisions before and after.
    before: u64,
    after: u64,
    settings: Settings,
    /// The operational state before, when the command forced one.
    op: Option<OpState>,
}

/// A command that changed servers.
#[derive(Debug)]
struct Entry {
    by: Rc<str>,
    what: Rc<str>,
    steps: Vec<Step>,
}

/// What a lease returns to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leased {
    /// The administrative state: what it was, and what it is for now.
    State(AdminWord, AdminWord),
    /// The weight: what it was, and what it is for now.
    Weight(u32, u32),
}

impl Leased {
    /// Whether both are about the same setting.
    pub const fn same_setting(self, other: Self) -> bool {
        matches!((self, other), (Self::State(..), Self::State(..)) | (Self::Weight(..), Self::Weight(..)))
    }

    /// As `state drain, then ready`.
    pub fn text(self) -> String {
        match self {
            Self::State(from, to) => format!("state {}, then {}", super::state_word(to), super::state_word(from)),
            Self::Weight(from, to) => format!("weight {to}, then {from}"),
        }
    }

    /// Whether the setting is what the lease made it.
    fn holds(self, settings: &Settings) -> bool {
        match self {
            Self::State(_, to) => settings.state == to,
            Self::Weight(_, to) => settings.weight == to,
        }
    }

    /// The settings as they were before.
    fn undone(self, mut settings: Settings) -> Settings {
        match self {
            Self::State(from, _) => settings.state = from,
            Self::Weight(from, _) => settings.weight = from,
        }
        settings
    }
}

/// A change that ends by itself.
#[derive(Debug)]
pub struct Lease {
    /// Backend and server, by place.
    pub place: (usize, usize),
    /// Backend and server, by name.
    pub name: Rc<str>,
    /// What it is about.
    pub leased: Leased,
    /// When it ends, since the start.
    pub until: Duration,
    /// Who asked for it.
    pub by: Rc<str>,
    timer: tokio::task::AbortHandle,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.timer.abort();
    }
}

/// The book.
#[derive(Debug)]
pub struct Ledger {
    first: u64,
    last: u64,
    journal: VecDeque<Entry>,
    steps: usize,
    /// By number, in the order they were given.
    pub leases: BTreeMap<u64, Lease>,
    next_lease: u64,
}

impl Ledger {
    /// An empty book; `first` is the revision of servers that nobody changed.
    pub(super) fn new(first: u64) -> Self {
        Self { first, last: first, journal: VecDeque::new(), steps: 0, leases: BTreeMap::new(), next_lease: 1 }
    }

    /// The number of the last change of all.
    pub const fn last(&self) -> u64 {
        self.last
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn enter(&mut self, entry: Entry) {
        self.steps += entry.steps.len();
        self.journal.push_back(entry);
        while self.steps > JOURNAL && self.journal.len() > 1 {
            self.steps -= self.journal.pop_front().map_or(0, |old| old.steps.len());
        }
    }
}

/// A server before a command.
#[derive(Debug)]
pub struct Before {
    proxy: usize,
    server: usize,
    name: Rc<str>,
    revision: u64,
    settings: Settings,
    op: OpState,
}

impl Before {
    /// Backend and server, by place.
    pub const fn place(&self) -> (usize, usize) {
        (self.proxy, self.server)
    }

    /// Backend and server, by name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What operators can change, as it was.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }
}

/// What became of one server.
#[derive(Debug)]
pub struct Outcome {
    /// Backend and server, by name.
    pub name: Rc<str>,
    /// Its revision.
    pub revision: u64,
    /// What changed; empty: nothing did.
    pub differences: Rc<str>,
}

impl Control {
    /// A server's revision.
    pub fn revision(&self, proxy: usize, server: usize) -> u64 {
        self.last_change(proxy, server).map_or(self.ledger.borrow().first, |change| change.revision)
    }

    /// The last change of a server, if there was any. A change by its agent is noticed here.
    pub fn last_change(&self, proxy: usize, server: usize) -> Option<Change> {
        let settings = self.settings(proxy, server)?;
        let now = self.now();
        let mut backends = self.backends.borrow_mut();
        let own = backends.get_mut(proxy)?.servers.get_mut(server)?;
        let record = own.record.as_mut()?;
        if record.settings != settings {
            let differences = record.settings.differences(&settings).join(", ").into();
            let revision = self.ledger.borrow_mut().next();
            record.change =
                Change { revision, by: "the agent check".into(), what: "its answer".into(), at: now, differences };
            record.settings = settings;
        }
        Some(record.change.clone())
    }

    /// The server as it is before a command.
    pub fn before(&self, proxy: usize, server: usize) -> Option<Before> {
        let revision = self.revision(proxy, server);
        let settings = self.settings(proxy, server)?;
        let op = self.backends.borrow().get(proxy)?.servers.get(server)?.health.op();
        Some(Before { proxy, server, name: self.server_name(proxy, server)?, revision, settings, op })
    }

    /// `backend/server`.
    pub fn server_name(&self, proxy: usize, server: usize) -> Option<Rc<str>> {
        let proxy = self.shared.proxies.get(proxy)?;
        Some(format!("{}/{}", proxy.config.name, proxy.servers.get(server)?.config().name).into())
    }

    /// Writes down what a command did to servers. With `forced` it may have forced their health.
    pub fn enter(&self, by: &Rc<str>, what: &str, before: Vec<Before>, forced: bool) -> Vec<Outcome> {
        let what: Rc<str> = what.into();
        let mut steps = Vec::new();
        let outcomes = before.into_iter().filter_map(|b| self.enter_one(by, &what, b, forced, &mut steps)).collect();
        if !steps.is_empty() {
            // Most commands change one server, and the first push made room for four.
            steps.shrink_to_fit();
            self.ledger.borrow_mut().enter(Entry { by: Rc::clone(by), what, steps });
        }
        outcomes
    }

    fn enter_one(
        &self,
        by: &Rc<str>,
        what: &Rc<str>,
        before: Before,
        forced: bool,
        steps: &mut Vec<Step>,
    ) -> Option<Outcome> {
        let Before { proxy, server, name, revision, settings, op } = before;
        let after = self.settings(proxy, server)?;
        let mut differences = settings.differences(&after);
        let now = self.now();
        let mut backends = self.backends.borrow_mut();
        let own = backends.get_mut(proxy)?.servers.get_mut(server)?;
        let op_after = own.health.op();
        let forced = forced && op != op_after;
        if forced {
            differences.push(format!("health {} -> {}", op_word(op), op_word(op_after)));
        }
        if differences.is_empty() {
            return Some(Outcome { name, revision, differences: "".into() });
        }
        let differences: Rc<str> = differences.join(", ").into();
        let new = self.ledger.borrow_mut().next();
        let change = Change {
            revision: new,
            by: Rc::clone(by),
            what: Rc::clone(what),
            at: now,
            differences: Rc::clone(&differences),
        };
        own.record = Some(Box::new(Record { change, settings: after }));
        let op = forced.then_some(op);
        steps.push(Step { proxy, server, name: Rc::clone(&name), before: revision, after: new, settings, op });
        Some(Outcome { name, revision: new, differences })
    }

    /// Takes back the last `count` commands: all of them, or none.
    ///
    /// # Errors
    /// Why not.
    pub fn undo(&self, by: &Rc<str>, count: usize) -> Result<Vec<Outcome>, String> {
        let mut entries = self.undoable(count)?;
        let mut told = Vec::new();
        // The oldest settings of each server are those to put back.
        let mut wanted: BTreeMap<(usize, usize), Step> = BTreeMap::new();
        for step in entries.iter_mut().flat_map(|entry| entry.steps.drain(..)) {
            let newer_op = wanted.get(&(step.proxy, step.server)).and_then(|newer| newer.op);
            let step = Step { op: step.op.or(newer_op), ..step };
            wanted.insert((step.proxy, step.server), step);
        }
        for ((proxy, server), step) in wanted {
            let Some(before) = self.before(proxy, server) else { continue };
            self.put_back(proxy, server, &step.settings);
            if let Some(op) = step.op {
                self.put_back_health(proxy, server, op);
            }
            let what: Rc<str> = "undo".into();
            let outcome = self.enter_one(by, &what, before, step.op.is_some(), &mut Vec::new());
            told.extend(outcome);
            self.renumber(proxy, server, step.before);
            self.drop_void_leases((proxy, server));
        }
        Ok(told)
    }

    /// Takes the last entries out of the journal, the newest first, if nobody changed their servers since.
    fn undoable(&self, count: usize) -> Result<Vec<Entry>, String> {
        {
            let ledger = self.ledger.borrow();
            if ledger.journal.len() < count {
                return Err(match ledger.journal.len() {
                    0 => "There is no change to take back.".to_owned(),
                    known => format!("Only {known} changes are known. Nothing was taken back."),
                });
            }
        }
        let mut expected: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        let touched: Vec<(Step, Rc<str>, Rc<str>)> = {
            let ledger = self.ledger.borrow();
            let newest = ledger.journal.iter().rev().take(count);
            let steps = newest.flat_map(|entry| {
                entry.steps.iter().map(|step| (step.clone(), Rc::clone(&entry.what), Rc::clone(&entry.by)))
            });
            steps.collect()
        };
        for (step, what, by) in touched {
            let place = (step.proxy, step.server);
            let now = match expected.get(&place) {
                Some(revision) => *revision,
                None if self.server_name(step.proxy, step.server).is_none_or(|name| name != step.name) => {
                    return Err(format!("{} does not exist any more. Nothing was taken back.", step.name));
                }
                None => self.revision(step.proxy, step.server),
            };
            if now != step.after {
                let later = self.last_change(step.proxy, step.server);
                let later = later.map_or_else(String::new, |change| format!(": {}", self.change_text(&change)));
                return Err(format!("{} changed since '{what}' by {by}{later}. Nothing was taken back.", step.name));
            }
            expected.insert(place, step.before);
        }
        let mut ledger = self.ledger.borrow_mut();
        let entries: Vec<Entry> = (0..count).filter_map(|_| ledger.journal.pop_back()).collect();
        ledger.steps -= entries.iter().map(|entry| entry.steps.len()).sum::<usize>();
        Ok(entries)
    }

    /// After an undo a server is what an older change left, under a newer number.
    fn renumber(&self, proxy: usize, server: usize, old: u64) {
        let new = self.revision(proxy, server);
        let mut ledger = self.ledger.borrow_mut();
        let steps = ledger.journal.iter_mut().rev().flat_map(|entry| entry.steps.iter_mut());
        if let Some(step) = steps.filter(|step| (step.proxy, step.server) == (proxy, server)).take(1).next()
            && step.after == old
        {
            step.after = new;
        }
    }

    /// A change in words.
    pub fn change_text(&self, change: &Change) -> String {
        let ago = short_time(self.now().saturating_sub(change.at));
        let Change { by, what, differences, .. } = change;
        format!("'{what}' by {by} {ago} ago ({differences})")
    }

    /// Forgets the leases of a server's setting.
    pub fn drop_leases(&self, place: (usize, usize), about: Leased) {
        let about_it = |lease: &Lease| lease.place == place && lease.leased.same_setting(about);
        self.ledger.borrow_mut().leases.retain(|_, lease| !about_it(lease));
    }

    /// Forgets the leases of a server whose settings are not what the leases made them.
    fn drop_void_leases(&self, place: (usize, usize)) {
        let Some(settings) = self.settings(place.0, place.1) else { return };
        self.ledger.borrow_mut().leases.retain(|_, lease| lease.place != place || lease.leased.holds(&settings));
    }

    /// The lease of a server's setting.
    pub fn lease_of(&self, place: (usize, usize), about: Leased) -> Option<Leased> {
        let ledger = self.ledger.borrow();
        ledger.leases.values().find(|l| l.place == place && l.leased.same_setting(about)).map(|lease| lease.leased)
    }

    /// Gives a server's setting back after a time.
    pub fn lease(self: &Rc<Self>, place: (usize, usize), leased: Leased, time: Duration, by: &Rc<str>) {
        let Some(name) = self.server_name(place.0, place.1) else { return };
        let until = self.now() + time;
        let mut ledger = self.ledger.borrow_mut();
        let id = ledger.next_lease;
        ledger.next_lease += 1;
        let control = Rc::clone(self);
        let timer = tokio::task::spawn_local(async move {
            tokio::time::sleep(time).await;
            control.end_lease(id);
        });
        let timer = timer.abort_handle();
        ledger.leases.insert(id, Lease { place, name, leased, until, by: Rc::clone(by), timer });
    }

    fn end_lease(&self, id: u64) {
        let Some(lease) = self.ledger.borrow_mut().leases.remove(&id) else { return };
        let (proxy, server) = lease.place;
        let same = self.server_name(proxy, server).is_some_and(|name| name == lease.name);
        let Some(before) = self.before(proxy, server).filter(|before| same && lease.leased.holds(&before.settings))
        else {
            return;
        };
        self.put_back(proxy, server, &lease.leased.undone(before.settings.clone()));
        let by: Rc<str> = format!("a lease of {}", lease.by).into();
        // Not in the journal: `undo` takes back what people asked for.
        let told = self.enter_one(&by, &"end of lease".into(), before, false, &mut Vec::new());
        self.audit(&by, "end of lease", told.as_slice());
    }
}

/// A length of time for people: its two largest units.
pub fn short_time(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m{}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h{}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d{}h", s / 86_400, s / 3_600 % 24),
    }
}

const fn op_word(op: OpState) -> &'static str {
    match op {
        OpState::Stopped => "down",
        OpState::Starting | OpState::Running => "up",
        OpState::Stopping => "stopping",
    }
}
