//! The command line of the live view: one line that is typed, what was typed before, and what the node answered.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How many lines of answers are kept.
const KEPT: usize = 2000;
/// How far a page goes.
const PAGE: usize = 10;

/// The line and what stands above it.
#[derive(Debug, Default)]
pub struct CommandLine {
    /// What is typed.
    pub typed: String,
    /// What was asked and answered.
    pub told: Vec<String>,
    /// How many lines the answers are scrolled up.
    pub back: usize,
    former: Vec<String>,
    /// Which of the former lines is shown, from the last.
    at: usize,
}

/// What a key at the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing further.
    Nothing,
    /// To send this line.
    Send(String),
    /// To go back to the former view.
    Back,
    /// To leave the program.
    Leave,
}

impl CommandLine {
    /// Takes a key.
    pub fn key(&mut self, key: KeyEvent) -> Asked {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return Asked::Leave,
                KeyCode::Char('u') => self.typed.clear(),
                _ => {}
            }
            return Asked::Nothing;
        }
        match key.code {
            KeyCode::Char(letter) => self.typed.push(letter),
            KeyCode::Backspace => drop(self.typed.pop()),
            KeyCode::Esc | KeyCode::Tab => return Asked::Back,
            KeyCode::PageUp => self.back = (self.back + PAGE).min(self.told.len().saturating_sub(1)),
            KeyCode::PageDown => self.back = self.back.saturating_sub(PAGE),
            KeyCode::Up => self.recall(self.at + 1),
            KeyCode::Down => self.recall(self.at.saturating_sub(1)),
            KeyCode::Enter => {
                let line = std::mem::take(&mut self.typed);
                self.at = 0;
                let line = line.trim().to_owned();
                if line.is_empty() {
                    return Asked::Nothing;
                }
                if self.former.last() != Some(&line) {
                    self.former.push(line.clone());
                }
                return Asked::Send(line);
            }
            _ => {}
        }
        Asked::Nothing
    }

    /// A word at the end of what is typed.
    pub fn take(&mut self, word: &str) {
        if !self.typed.is_empty() && !self.typed.ends_with(' ') {
            self.typed.push(' ');
        }
        self.typed.push_str(word);
    }

    /// Shows a command and its answer.
    pub fn tell(&mut self, command: &str, answer: &str) {
        self.told.push(format!("> {command}"));
        self.told.extend(answer.trim_end().lines().map(printable));
        let over = self.told.len().saturating_sub(KEPT);
        self.told.drain(..over);
        self.back = 0;
    }

    fn recall(&mut self, at: usize) {
        let at = at.min(self.former.len());
        self.at = at;
        let found = self.former.len().checked_sub(at).and_then(|place| self.former.get(place));
        self.typed = found.cloned().unwrap_or_default();
    }
}

/// What a node answers must not move the cursor.
fn printable(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(line: &mut CommandLine, code: KeyCode) -> Asked {
        line.key(KeyEvent::new(code, KeyModifiers::NONE))
    }

    fn type_in(line: &mut CommandLine, text: &str) {
        text.chars().for_each(|letter| assert_eq!(press(line, KeyCode::Char(letter)), Asked::Nothing));
    }

    #[test]
    fn lines_are_sent_and_recalled() {
        let mut line = CommandLine::default();
        assert_eq!(press(&mut line, KeyCode::Enter), Asked::Nothing);
        type_in(&mut line, "show infox");
        press(&mut line, KeyCode::Backspace);
        assert_eq!(press(&mut line, KeyCode::Enter), Asked::Send("show info".into()));
        type_in(&mut line, "show stat");
        assert_eq!(press(&mut line, KeyCode::Enter), Asked::Send("show stat".into()));
        press(&mut line, KeyCode::Up);
        press(&mut line, KeyCode::Up);
        press(&mut line, KeyCode::Up);
        assert_eq!(line.typed, "show info");
        press(&mut line, KeyCode::Down);
        assert_eq!(line.typed, "show stat");
        press(&mut line, KeyCode::Down);
        assert_eq!(line.typed, "");
        line.take("app/web1");
        line.take("x");
        assert_eq!(line.typed, "app/web1 x");
        assert_eq!(press(&mut line, KeyCode::Esc), Asked::Back);
        assert_eq!(line.key(KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL)), Asked::Nothing);
        assert_eq!(line.typed, "");
    }

    #[test]
    fn answers_are_bounded_and_tame() {
        let mut line = CommandLine::default();
        line.tell("show x", "a\x1b[2Jb\nc\n\n");
        assert_eq!(line.told, ["> show x", "a [2Jb", "c"]);
        line.tell("show y", &"x\n".repeat(3 * KEPT));
        assert_eq!(line.told.len(), KEPT);
        press(&mut line, KeyCode::PageUp);
        press(&mut line, KeyCode::PageUp);
        press(&mut line, KeyCode::PageDown);
        assert_eq!(line.back, PAGE);
    }
}
