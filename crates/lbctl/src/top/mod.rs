//! The live view: what is read, and what is done when a key is pressed. Which key means what is in `keys`, what the
//! views show in `views`, how it looks in `draw`.

mod draw;
pub mod keys;
mod line;
mod views;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use lb_client::{Act, AdminWish, Client, Line, ServerName};
use lb_model::ParsedWeight;
use lb_stats::{ObjectKind, StatField, StatRow, StatTable};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind};

use crate::context::Context;
use crate::fan;
use crate::fault::Fault;
use crate::target::Target;
use keys::{Change, Does, Step};
use line::{Asked, CommandLine};
use views::View;

/// How many looks a sparkline remembers.
const REMEMBERED: usize = 120;
/// How many rows a page is.
const PAGE: usize = 10;

/// What lies above the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Nothing,
    /// The keys.
    Help,
    /// The changes, and which of them is marked.
    Menu(usize),
}

struct Top<'a> {
    ctx: &'a Context,
    /// Which rows are shown, all without any.
    targets: &'a [Target],
    /// `show stat` of each node.
    tables: Vec<StatTable>,
    holders: Vec<String>,
    rates: VecDeque<u64>,
    /// The row that is marked, and the first that is drawn.
    marked: usize,
    first: usize,
    view: View,
    /// Where the command line was come from.
    former: View,
    over: Over,
    line: CommandLine,
    /// What the last key did, or what failed.
    told: String,
}

/// Runs until `q`.
///
/// # Errors
/// When no node answers at first, a target means nothing, or the terminal fails.
pub fn run(ctx: &Context, targets: &[Target], every: Duration) -> Result<(), Fault> {
    let mut top = Top {
        ctx,
        targets,
        tables: Vec::new(),
        holders: Vec::new(),
        rates: VecDeque::new(),
        marked: 0,
        first: 0,
        view: View::Status,
        former: View::Status,
        over: Over::Nothing,
        line: CommandLine::default(),
        told: String::new(),
    };
    top.look()?;
    let shown = top.shown();
    if shown.is_empty() && !targets.is_empty() {
        let what: Vec<String> = targets.iter().map(ToString::to_string).collect();
        return Err(Fault::new(crate::exit::Exit::NotFound, format!("nothing matches '{}'", what.join(" ")))
            .hint("'lbctl show stat -o name' lists what there is"));
    }
    // What is changed is servers.
    top.marked = shown.iter().position(|(_, row)| row.kind() == Some(ObjectKind::Server)).unwrap_or(0);
    let mut terminal = ratatui::try_init()?;
    let end = top.live(&mut terminal, every);
    ratatui::restore();
    end
}

impl Top<'_> {
    fn live(&mut self, terminal: &mut ratatui::DefaultTerminal, every: Duration) -> Result<(), Fault> {
        let mut next = Instant::now() + every;
        loop {
            terminal.draw(|frame| draw::draw(self, frame))?;
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
        let read = fan::each(self.ctx, |one| one.client.stat());
        self.tables = read.into_iter().map(|(_, table)| table).collect::<Result<_, _>>()?;
        let all = self.tables.iter().flat_map(StatTable::rows);
        let frontends = all.filter(|row| row.kind() == Some(ObjectKind::Frontend));
        self.rates.push_back(frontends.filter_map(|row| row.number::<u64>(StatField::Rate)).sum());
        if self.rates.len() > REMEMBERED {
            self.rates.pop_front();
        }
        self.hold();
        Ok(())
    }

    /// Reads who holds the server that is marked, where that is shown.
    fn hold(&mut self) {
        self.holders.clear();
        if self.view == View::Holders
            && let Some((name, one)) = self.server()
        {
            self.holders = crate::holders::holders(&one, &name);
        }
    }

    /// The rows of every view, and of which node each is.
    fn shown(&self) -> Vec<(usize, StatRow<'_>)> {
        let all = self.tables.iter().enumerate().flat_map(|(node, table)| table.rows().map(move |row| (node, row)));
        let wanted = |row: &StatRow<'_>| {
            self.targets.is_empty() || self.targets.iter().any(|t| t.matches(row.proxy(), row.name()))
        };
        all.filter(|(_, row)| row.kind().is_some_and(|kind| kind != ObjectKind::Listener) && wanted(row)).collect()
    }

    /// The node and the name of the row that is marked, and whether it is a server's.
    fn row(&self) -> Option<(Context, String, String, bool)> {
        let shown = self.shown();
        let (node, row) = shown.get(self.marked)?;
        let one = self.ctx.on(self.ctx.nodes.get(*node)?);
        Some((one, row.proxy().to_owned(), row.name().to_owned(), row.kind() == Some(ObjectKind::Server)))
    }

    /// The server that is marked.
    fn server(&self) -> Option<(ServerName, Context)> {
        let (one, proxy, name, is_server) = self.row()?;
        is_server.then(|| (ServerName::new(proxy, name), one))
    }

    /// Does what a key says; `false` leaves.
    fn key(&mut self, key: KeyEvent) -> bool {
        if self.view == View::Line && self.over == Over::Nothing {
            return self.typed(key);
        }
        let does = keys::meaning(key);
        if does == Some(Does::Leave) && self.over == Over::Nothing {
            return false;
        }
        match self.over {
            Over::Help => self.over = Over::Nothing,
            Over::Menu(at) => self.choose(at, key, does),
            Over::Nothing => {
                if let Some(does) = does {
                    self.act(does);
                }
            }
        }
        true
    }

    fn act(&mut self, does: Does) {
        match does {
            Does::Leave => {}
            Does::Mark(step) => {
                let last = self.shown().len().saturating_sub(1);
                self.marked = stepped(self.marked, step).min(last);
                self.hold();
            }
            Does::NextView => self.turn(self.view.next()),
            Does::Show(view) => self.turn(view),
            Does::Change(change) => self.change(change),
            Does::Menu if self.server().is_some() => self.over = Over::Menu(0),
            Does::Menu => self.told = NO_SERVER.to_owned(),
            Does::Take => {
                let Some((_, proxy, name, is_server)) = self.row() else { return };
                self.line.take(&if is_server { format!("{proxy}/{name}") } else { proxy });
                self.turn(View::Line);
            }
            Does::TypeWeight => {
                let Some((name, _)) = self.server() else {
                    self.told = NO_SERVER.to_owned();
                    return;
                };
                self.line.typed = format!("set server {name} weight ");
                self.turn(View::Line);
            }
            Does::Help => self.over = Over::Help,
        }
    }

    fn turn(&mut self, view: View) {
        if self.view != View::Line {
            self.former = self.view;
        }
        self.view = view;
        self.hold();
    }

    /// A key while the menu is open.
    fn choose(&mut self, at: usize, key: KeyEvent, does: Option<Does>) {
        let last = keys::changes().count().saturating_sub(1);
        self.over = match does {
            Some(Does::Mark(step)) => Over::Menu(stepped(at, step).min(last)),
            _ => Over::Nothing,
        };
        match does {
            // The keys that the menu names do what it says.
            Some(Does::Change(change)) => self.change(change),
            Some(Does::Menu) if key.code == KeyCode::Enter => {
                if let Some((_, change)) = keys::changes().nth(at) {
                    self.change(change);
                }
            }
            _ => {}
        }
    }

    /// A key at the command line; `false` leaves.
    fn typed(&mut self, key: KeyEvent) -> bool {
        match self.line.key(key) {
            Asked::Nothing => {}
            Asked::Leave => return false,
            Asked::Back => self.turn(self.former),
            Asked::Send(text) => {
                let Some((one, ..)) = self.row() else { return true };
                let answer = send(&one.client, &text);
                self.line.tell(&text, &answer);
                if let Err(fault) = self.look() {
                    self.told = fault.message;
                }
            }
        }
        true
    }

    /// Changes the server that is marked, by its weight and the configured one.
    fn change(&mut self, change: Change) {
        let Some((name, one)) = self.server() else {
            self.told = NO_SERVER.to_owned();
            return;
        };
        let outcome = one.client.server_state(&name).and_then(|before| {
            let act = match change {
                Change::Drain => Act::State(AdminWish::Drain),
                Change::Ready => Act::State(AdminWish::Ready),
                Change::Maint => Act::State(AdminWish::Maint),
                Change::Weight(by) => weight(before.weight.saturating_add_signed(by)),
                Change::WeightBack => weight(before.initial_weight),
            };
            one.client.act(&act, &before)?;
            let after = one.client.server_state(&name)?;
            let word = |s: &lb_client::ServerState| AdminWish::of(s.admin).as_str().to_owned();
            let (what, was, is) = match &act {
                Act::State(_) => ("state", word(&before), word(&after)),
                _ => ("weight", before.weight.to_string(), after.weight.to_string()),
            };
            crate::apply::note_change(&one, &name.to_string(), what, &was, &is);
            Ok(match &act {
                Act::State(_) => after.words(),
                _ => format!("weight {} (configured: {})", after.weight, after.initial_weight),
            })
        });
        self.told = match outcome {
            Ok(told) => format!("{name}: {told}"),
            Err(error) => error.to_string(),
        };
        if let Err(fault) = self.look() {
            self.told = fault.message;
        }
    }
}

const NO_SERVER: &str = "mark a server first";

fn stepped(at: usize, step: Step) -> usize {
    match step {
        Step::Up => at.saturating_sub(1),
        Step::Down => at + 1,
        Step::PageUp => at.saturating_sub(PAGE),
        Step::PageDown => at + PAGE,
        Step::First => 0,
        Step::Last => usize::MAX,
    }
}

/// The wire's largest weight is 256.
fn weight(wished: u32) -> Act {
    Act::Weight(ParsedWeight::Absolute(wished.min(256)))
}

/// What a node says to a line.
fn send(client: &Client, text: &str) -> String {
    let answer = Line::raw(text).map_err(lb_client::Error::from).and_then(|line| client.ask(&line));
    match answer {
        Ok(answer) => answer.text().into_owned(),
        Err(error) => format!("error: {error}"),
    }
}
