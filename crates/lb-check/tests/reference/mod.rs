//! What the manual promises of a checked server and of one that tracks it, told anew in as few words as possible.
//!
//! Nothing of the crate is used: health is a verdict and a run of results that speak against it, maintenance two
//! flags, and a tracking server has no state but its own switches.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Down,
    Soft,
    Up,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    Ready,
    Drain,
    Maint,
}

/// What happens. `Tracker` is an operator's word to the tracking server, all else concerns the tracked one.
#[derive(Debug, Clone, Copy)]
pub enum Event {
    Check(Op),
    Agent { up: Option<bool>, word: Option<Word>, weight: Option<u32> },
    Seen { layer: u8, good: bool },
    Operator(Word),
    Tracker(Word),
    Health(Op),
    ForceAgent(bool),
    Weight(u32),
    SwitchChecks(bool),
    SwitchAgent(bool),
    Resolves(bool),
}

#[derive(Debug, Clone, Copy)]
pub enum OnError {
    Fastinter,
    FailCheck,
    SuddenDeath,
    MarkDown,
}

#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub rise: u32,
    pub fall: u32,
    pub check: bool,
    pub agent: bool,
    pub disabled: bool,
    /// Layer, limit, consequence.
    pub observe: Option<(u8, u32, OnError)>,
    /// `init-state`: verdict, and whether one more result overturns it.
    pub init: Option<(bool, bool)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Switches {
    maint: bool,
    drain: bool,
}

#[derive(Debug, Clone)]
pub struct Model {
    is: Setup,
    pub op: Op,
    up: bool,
    run: u32,
    agent_up: bool,
    checks: bool,
    agent: bool,
    own: Switches,
    tracker: Switches,
    nameless: bool,
    errors: u32,
    pub weight: u32,
    pub effective: u32,
    pub failed: u64,
    pub downs: u64,
    pub analyses: u64,
}

impl Model {
    pub fn new(is: Setup, weight: u32) -> Self {
        let own = Switches { maint: is.disabled, drain: false };
        let mut new = Self {
            is,
            op: Op::Down,
            up: false,
            run: 0,
            agent_up: true,
            checks: is.check,
            agent: is.agent,
            own,
            tracker: Switches::default(),
            nameless: false,
            errors: 0,
            weight,
            effective: weight,
            failed: 0,
            downs: 0,
            analyses: 0,
        };
        if !is.disabled {
            new.begin();
            new.op = if new.up { Op::Up } else { Op::Down };
        }
        new
    }

    /// Health at start and after maintenance.
    fn begin(&mut self) {
        let (up, brittle) = self.is.init.unwrap_or((true, true));
        let most = if up { self.is.fall } else { self.is.rise };
        (self.up, self.run) = (up, if brittle { most - 1 } else { 0 });
    }

    pub fn happen(&mut self, event: Event) {
        match event {
            Event::Check(grade) => {
                self.errors = if grade == Op::Up { 0 } else { self.errors };
                self.judge(grade);
            }
            Event::Agent { up, word, weight } => {
                self.agent_up = up.unwrap_or(self.agent_up);
                self.administrate(word);
                self.weigh(weight);
                match up {
                    Some(false) => self.go(Op::Down),
                    Some(true) if self.op == Op::Down && (self.up || !self.checks) => self.go(Op::Up),
                    _ => (),
                }
            }
            Event::Seen { layer, good } => self.see(layer, good),
            Event::Operator(word) => self.administrate(Some(word)),
            Event::Tracker(word) => self.tracker.set(word),
            Event::Health(op) => {
                (self.up, self.run) = (op != Op::Down, 0);
                self.go(op);
            }
            Event::ForceAgent(up) if self.agent => {
                self.agent_up = up;
                self.go(if up { Op::Up } else { Op::Down });
            }
            Event::ForceAgent(_) => (),
            Event::Weight(weight) => self.weigh(Some(weight)),
            Event::SwitchChecks(on) => self.checks = on && self.is.check,
            Event::SwitchAgent(on) => self.agent = on && self.is.agent,
            Event::Resolves(well) => self.maintain(|is| is.nameless = !well),
        }
    }

    /// A result counts towards the other verdict, which takes `rise` or `fall` of them in a row.
    fn judge(&mut self, grade: Op) {
        if grade == Op::Soft && self.op == Op::Down {
            return;
        }
        let good = grade != Op::Down;
        self.failed += u64::from(!good && (self.up || self.run > 0));
        self.run = if good == self.up { 0 } else { self.run + 1 };
        if self.run >= if self.up { self.is.fall } else { self.is.rise } {
            (self.up, self.run) = (good, 0);
        }
        if good == self.up && (grade != Op::Up || self.agent_up || !self.agent) {
            self.go(grade);
        }
    }

    fn see(&mut self, layer: u8, good: bool) {
        let Some((observed, limit, then)) = self.is.observe else { return };
        // At layer 7 a bad connection counts, but a good one says nothing of the answers.
        let matters = layer == observed || (observed == 7 && !good);
        if !matters || !self.is.check || self.in_maint() {
            return;
        }
        self.errors = if good { 0 } else { self.errors + 1 };
        if self.errors < limit {
            return;
        }
        (self.errors, self.analyses) = (0, self.analyses + 1);
        let patience = match then {
            OnError::Fastinter => return,
            OnError::FailCheck => self.is.fall,
            OnError::SuddenDeath => 2,
            OnError::MarkDown => 1,
        };
        if self.up {
            self.run = self.run.max(self.is.fall.saturating_sub(patience));
        }
        self.judge(Op::Down);
    }

    fn administrate(&mut self, word: Option<Word>) {
        if let Some(word) = word {
            self.maintain(|is| is.own.set(word));
        }
    }

    fn maintain(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.in_maint();
        change(self);
        match (before, self.in_maint()) {
            (false, true) => {
                if self.checks || self.op != Op::Down {
                    (self.up, self.run) = (false, 0);
                }
                self.downs += u64::from(self.op != Op::Down);
                self.op = Op::Down;
            }
            (true, false) => {
                let judged = self.checks || self.is.init.is_some();
                if judged {
                    self.begin();
                }
                let held = (judged && !self.up) || (self.agent && !self.agent_up);
                self.op = if held { Op::Down } else { Op::Up };
                self.effective = self.weight;
            }
            _ => (),
        }
    }

    fn weigh(&mut self, weight: Option<u32>) {
        self.weight = weight.unwrap_or(self.weight);
        self.effective = if self.in_maint() { self.effective } else { self.weight };
    }

    fn go(&mut self, op: Op) {
        if !self.in_maint() && self.op != op {
            self.downs += u64::from(op == Op::Down);
            self.op = op;
        }
    }

    pub fn in_maint(&self) -> bool {
        self.own.maint || self.nameless
    }

    /// `check_health`.
    pub fn health(&self) -> u32 {
        if self.up { self.is.rise + self.is.fall - 1 - self.run } else { self.run }
    }

    /// `srv_admin_state`, and the tracking server's.
    pub fn admin(&self) -> (u8, u8) {
        let bits = |on: &[(bool, u8)]| on.iter().map(|(on, bit)| if *on { *bit } else { 0 }).sum();
        let Self { own, tracker, .. } = self;
        (
            bits(&[(own.maint, 1), (self.is.disabled, 4), (own.drain, 8), (self.nameless, 32)]),
            bits(&[(tracker.maint, 1), (self.in_maint(), 2), (tracker.drain, 8), (own.drain, 16)]),
        )
    }

    /// The tracking server's state.
    pub fn tracker_op(&self) -> Op {
        if self.tracker.maint || self.in_maint() { Op::Down } else { self.op }
    }

    /// `status` of both.
    pub fn status(&self) -> (String, String) {
        let maint = |of: &str| format!("MAINT{of}");
        let own = match self.own {
            _ if self.nameless => maint(" (resolution)"),
            Switches { maint: true, .. } => maint(""),
            Switches { drain, .. } => self.word(drain),
        };
        let tracker = match self.tracker {
            _ if self.in_maint() => maint(" (via be/a)"),
            Switches { maint: true, .. } => maint(""),
            Switches { drain, .. } => self.word(drain || self.own.drain),
        };
        (own, tracker)
    }

    fn word(&self, drain: bool) -> String {
        let Setup { rise, fall, .. } = self.is;
        let shaken = self.checks && self.health() < rise + fall - 1;
        let left = if shaken { format!(" {}/{fall}", 1 + self.health() as i32 - rise as i32) } else { String::new() };
        match self.op {
            Op::Down if self.agent && !self.agent_up => "DOWN (agent)".into(),
            Op::Down if self.checks && self.health() > 0 => format!("DOWN {}/{rise}", self.health()),
            Op::Down => "DOWN".into(),
            Op::Soft => format!("NOLB{left}"),
            Op::Up if drain && self.agent => "DRAIN (agent)".into(),
            Op::Up if drain => format!("DRAIN{left}"),
            Op::Up if !self.checks => "no check".into(),
            Op::Up => format!("UP{left}"),
        }
    }
}

impl Switches {
    fn set(&mut self, word: Word) {
        *self = Self { maint: word == Word::Maint, drain: word == Word::Drain };
    }
}
