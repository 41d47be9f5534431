//! The live view: what is read, which keys do what. How it looks is in `view`.

mod view;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use lb_client::{Act, AdminWish, ServerName};
use lb_model::ParsedWeight;
use lb_stats::{ObjectKind, StatField};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::widgets::TableState;

use crate::context::Context;
use crate::fan;
use crate::fault::Fault;

/// How many looks a sparkline remembers.
const REMEMBERED: usize = 120;

/// A row of any view.
#[derive(Debug, Clone)]
struct Row {
    node: usize,
    proxy: String,
    name: String,
    kind: ObjectKind,
    status: String,
    /// Weight, sessions, queued, rate, sessions in all, errors.
    numbers: [u64; 6],
    check: String,
    since: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Servers,
    Proxies,
    Holders,
}

struct Top<'a> {
    ctx: &'a Context,
    rows: Vec<Row>,
    holders: Vec<String>,
    rates: VecDeque<u64>,
    marked: TableState,
    view: View,
    /// What the last key did, or what failed.
    told: String,
}

/// Runs until `q`.
///
/// # Errors
/// When no node answers at first, or the terminal fails.
pub fn run(ctx: &Context, every: Duration) -> Result<(), Fault> {
    let mut top = Top {
        ctx,
        rows: Vec::new(),
        holders: Vec::new(),
        rates: VecDeque::new(),
        marked: TableState::default().with_selected(0),
        view: View::Servers,
        told: String::new(),
    };
    top.look()?;
    let mut terminal = ratatui::try_init()?;
    let end = top.live(&mut terminal, every);
    ratatui::restore();
    end
}

impl Top<'_> {
    fn live(&mut self, terminal: &mut ratatui::DefaultTerminal, every: Duration) -> Result<(), Fault> {
        let mut next = Instant::now() + every;
        loop {
            terminal.draw(|frame| view::draw(self, frame))?;
            if event::poll(next.saturating_duration_since(Instant::now()))? {
                if let Event::Key(key) = event::read()?
                    && key.kind == KeyEventKind::Press
                    && !self.key(key)
                {
                    return Ok(());
                }
            } else {
                // A node that is away is looked for until it is back.
                if let Err(fault) = self.look() {
                    self.told = fault.message;
                }
                next = Instant::now() + every;
            }
        }
    }

    /// Reads every node anew.
    fn look(&mut self) -> Result<(), Fault> {
        let mut rows = Vec::new();
        let mut rate = 0;
        for (node, (_, table)) in fan::each(self.ctx, |one| one.client.stat()).into_iter().enumerate() {
            for stat in table?.rows() {
                let Some(kind) = stat.kind() else { continue };
                let number = |field| stat.number(field).unwrap_or(0);
                if kind == ObjectKind::Frontend {
                    rate += number(StatField::Rate);
                }
                rows.push(Row {
                    node,
                    proxy: stat.proxy().to_owned(),
                    name: stat.name().to_owned(),
                    kind,
                    status: stat.get(StatField::Status).unwrap_or("").to_owned(),
                    numbers: [
                        number(StatField::Weight),
                        number(StatField::Scur),
                        number(StatField::Qcur),
                        number(StatField::Rate),
                        number(StatField::Stot),
                        number(StatField::Econ) + number(StatField::Eresp),
                    ],
                    check: crate::commands::show::checks::result(&stat, StatField::CheckStatus).unwrap_or_default(),
                    since: number(StatField::Lastchg),
                });
            }
        }
        self.rows = rows;
        self.rates.push_back(rate);
        if self.rates.len() > REMEMBERED {
            self.rates.pop_front();
        }
        self.hold();
        Ok(())
    }

    /// Reads who holds the server that is marked, where that is shown.
    fn hold(&mut self) {
        self.holders.clear();
        if self.view != View::Holders {
            return;
        }
        if let Some(row) = self.server()
            && let Some(node) = self.ctx.nodes.get(row.node)
        {
            self.holders = crate::holders::holders(&self.ctx.on(node), &ServerName::new(&row.proxy, &row.name));
        }
    }

    /// The rows of the view.
    fn shown(&self) -> Vec<&Row> {
        let proxies = self.view == View::Proxies;
        self.rows
            .iter()
            .filter(|r| (r.kind == ObjectKind::Server) != proxies && r.kind != ObjectKind::Listener)
            .collect()
    }

    /// The server that is marked.
    fn server(&self) -> Option<Row> {
        let row = self.shown().get(self.marked.selected()?).map(|row| (*row).clone())?;
        (row.kind == ObjectKind::Server).then_some(row)
    }

    /// Does what a key says; `false` leaves.
    fn key(&mut self, key: KeyEvent) -> bool {
        let last = self.shown().len().saturating_sub(1);
        let at = self.marked.selected().unwrap_or(0);
        let go = |top: &mut Self, to: usize| top.marked.select(Some(to.min(last)));
        match key.code {
            KeyCode::Char('q' | 'Q') => return false,
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
            KeyCode::Down | KeyCode::Char('j') => go(self, at + 1),
            KeyCode::Up | KeyCode::Char('k') => go(self, at.saturating_sub(1)),
            KeyCode::PageDown => go(self, at + 10),
            KeyCode::PageUp => go(self, at.saturating_sub(10)),
            KeyCode::Home => go(self, 0),
            KeyCode::End => go(self, last),
            KeyCode::Tab => self.turn(match self.view {
                View::Servers => View::Proxies,
                View::Proxies => View::Holders,
                View::Holders => View::Servers,
            }),
            KeyCode::Char('1') | KeyCode::Esc => self.turn(View::Servers),
            KeyCode::Char('2') => self.turn(View::Proxies),
            KeyCode::Char('3') => self.turn(View::Holders),
            KeyCode::Char('d') => self.change("draining", &|_, _| Some(Act::State(AdminWish::Drain))),
            KeyCode::Char('r') | KeyCode::F(9) => self.change("ready", &|_, _| Some(Act::State(AdminWish::Ready))),
            KeyCode::Char('m') | KeyCode::F(10) => {
                self.change("in maintenance", &|_, _| Some(Act::State(AdminWish::Maint)));
            }
            KeyCode::F(4) => self.change("its weight is restored", &|_, initial| Some(weight(initial))),
            KeyCode::F(5) => self.change("weight - 10", &|now, _| Some(weight(now.saturating_sub(10)))),
            KeyCode::F(6) | KeyCode::Char('-') => {
                self.change("weight - 1", &|now, _| Some(weight(now.saturating_sub(1))));
            }
            KeyCode::F(7) | KeyCode::Char('+') => self.change("weight + 1", &|now, _| Some(weight(now + 1))),
            KeyCode::F(8) => self.change("weight + 10", &|now, _| Some(weight(now + 10))),
            _ => {}
        }
        if self.view == View::Holders {
            self.hold();
        }
        true
    }

    fn turn(&mut self, view: View) {
        let stays = (self.view == View::Proxies) == (view == View::Proxies);
        self.view = view;
        if !stays {
            self.marked = TableState::default().with_selected(0);
        }
    }

    /// Changes the server that is marked, by its weight and the configured one.
    fn change(&mut self, done: &str, act: &dyn Fn(u32, u32) -> Option<Act>) {
        let Some(row) = self.server() else {
            self.told = "mark a server first".to_owned();
            return;
        };
        let name = ServerName::new(&row.proxy, &row.name);
        let Some(node) = self.ctx.nodes.get(row.node) else { return };
        let one = self.ctx.on(node);
        let outcome = one.client.server_state(&name).and_then(|before| {
            if let Some(act) = act(before.weight, before.initial_weight) {
                one.client.act(&act, &before)?;
                let after = one.client.server_state(&name)?;
                let word = |s: &lb_client::ServerState| AdminWish::of(s.admin).as_str().to_owned();
                let (what, was, is) = match &act {
                    Act::State(_) => ("state", word(&before), word(&after)),
                    _ => ("weight", before.weight.to_string(), after.weight.to_string()),
                };
                crate::apply::note_change(&one, &name.to_string(), what, &was, &is);
            }
            Ok(())
        });
        self.told = match outcome {
            Ok(()) => format!("{name}: {done}"),
            Err(error) => error.to_string(),
        };
        if let Err(fault) = self.look() {
            self.told = fault.message;
        }
    }
}

/// The wire's largest weight is 256.
fn weight(wished: u32) -> Act {
    Act::Weight(ParsedWeight::Absolute(wished.min(256)))
}
