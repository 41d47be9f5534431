//! The keys of the live view: one row each, from which the dispatch, the help and the manual page come.

use std::fmt::Write as _;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::views::View;

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// Leaves the program.
    Leave,
    /// Marks another row.
    Mark(Step),
    /// Shows the next view.
    NextView,
    /// Shows a view.
    Show(View),
    /// Changes the server that is marked.
    Change(Change),
    /// Lists what can be done with the server that is marked.
    Menu,
    /// Takes the marked row's name to the command line.
    Take,
    /// Begins a command that sets the weight of the marked server.
    TypeWeight,
    /// Shows the keys.
    Help,
}

/// A way through the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the first.
    First,
    /// To the last.
    Last,
}

/// A change of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Drains it.
    Drain,
    /// Makes it ready.
    Ready,
    /// Puts it into maintenance.
    Maint,
    /// Adds to its weight.
    Weight(i32),
    /// Gives it its configured weight.
    WeightBack,
}

/// A key, or several that do the same.
pub struct Key {
    codes: &'static [KeyCode],
    /// As they stand in the help.
    pub names: &'static str,
    /// What they do.
    pub does: Does,
    /// In words.
    pub tells: &'static str,
}

const fn key(codes: &'static [KeyCode], names: &'static str, does: Does, tells: &'static str) -> Key {
    Key { codes, names, does, tells }
}

use KeyCode::{Char, F};

/// Every key. Those of hatop are all among them.
pub const KEYS: &[Key] = &[
    key(&[KeyCode::Up, Char('k')], "up k", Does::Mark(Step::Up), "marks the row above"),
    key(&[KeyCode::Down, Char('j')], "down j", Does::Mark(Step::Down), "marks the row below"),
    key(&[KeyCode::PageUp], "page-up", Does::Mark(Step::PageUp), "goes ten rows up"),
    key(&[KeyCode::PageDown], "page-down", Does::Mark(Step::PageDown), "goes ten rows down"),
    key(&[KeyCode::Home], "home", Does::Mark(Step::First), "marks the first row"),
    key(&[KeyCode::End], "end", Does::Mark(Step::Last), "marks the last row"),
    key(&[KeyCode::Tab], "Tab", Does::NextView, "shows the next view"),
    key(&[Char('1'), KeyCode::Esc], "1 Esc", Does::Show(View::Status), "status: weights, sessions, checks"),
    key(&[Char('2')], "2", Does::Show(View::Traffic), "traffic: rates and bytes"),
    key(&[Char('3')], "3", Does::Show(View::Http), "http: requests and answers by their class"),
    key(&[Char('4')], "4", Does::Show(View::Errors), "errors: of clients, servers and checks"),
    key(&[Char('5')], "5", Does::Show(View::Line), "a command line to the node"),
    key(&[Char('6')], "6", Does::Show(View::Holders), "who holds the server"),
    key(&[Char('d')], "d", Does::Change(Change::Drain), "drains the server"),
    key(&[Char('r'), F(9)], "r F9", Does::Change(Change::Ready), "makes the server ready"),
    key(&[Char('m'), F(10)], "m F10", Does::Change(Change::Maint), "puts the server into maintenance"),
    key(&[F(4)], "F4", Does::Change(Change::WeightBack), "restores the weight"),
    key(&[F(5)], "F5", Does::Change(Change::Weight(-10)), "weight - 10"),
    key(&[F(6), Char('-')], "F6 -", Does::Change(Change::Weight(-1)), "weight - 1"),
    key(&[F(7), Char('+')], "F7 +", Does::Change(Change::Weight(1)), "weight + 1"),
    key(&[F(8)], "F8", Does::Change(Change::Weight(10)), "weight + 10"),
    key(&[Char('w')], "w", Does::TypeWeight, "asks for a weight on the command line"),
    key(&[KeyCode::Enter], "Enter", Does::Menu, "lists what can be done with the server"),
    key(&[Char(' ')], "Space", Does::Take, "takes the name to the command line"),
    key(&[Char('?'), Char('h'), Char('H'), F(1)], "? h F1", Does::Help, "shows the keys"),
    key(&[Char('q'), Char('Q')], "q Ctrl-C", Does::Leave, "leaves"),
];

/// What a key does, if anything.
pub fn meaning(event: KeyEvent) -> Option<Does> {
    if event.modifiers.contains(KeyModifiers::CONTROL) {
        return (event.code == Char('c')).then_some(Does::Leave);
    }
    KEYS.iter().find(|key| key.codes.contains(&event.code)).map(|key| key.does)
}

/// The keys that change a server, with what they do.
pub fn changes() -> impl Iterator<Item = (&'static Key, Change)> {
    KEYS.iter().filter_map(|key| match key.does {
        Does::Change(change) => Some((key, change)),
        _ => None,
    })
}

/// The keys as a help text.
pub fn help() -> String {
    let mut text = String::from("Keys:\n");
    for key in KEYS {
        // Writing to a text does not fail.
        let _ = writeln!(text, "  {:<10} {}", key.names, key.tells);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_one_thing() {
        let codes: Vec<KeyCode> = KEYS.iter().flat_map(|key| key.codes).copied().collect();
        for (at, code) in codes.iter().enumerate() {
            assert!(!codes[..at].contains(code), "{code:?} stands twice");
        }
        assert!(KEYS.iter().all(|key| !key.codes.is_empty() && !key.tells.is_empty()));
    }

    #[test]
    fn control_keys_are_no_letters() {
        let with = |code, modifiers| meaning(KeyEvent::new(code, modifiers));
        assert_eq!(with(Char('d'), KeyModifiers::NONE), Some(Does::Change(Change::Drain)));
        assert_eq!(with(Char('d'), KeyModifiers::CONTROL), None);
        assert_eq!(with(Char('c'), KeyModifiers::CONTROL), Some(Does::Leave));
        assert_eq!(with(Char('x'), KeyModifiers::NONE), None);
    }
}
