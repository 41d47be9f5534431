//! Colours: never the only signal, and only where they are wanted.

/// What a coloured word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Serving.
    Good,
    /// Out by an operator's doing, or in between.
    Warn,
    /// Failing.
    Bad,
    /// Nothing to say.
    Plain,
}

impl Tone {
    /// The tone of a status word of `show stat`.
    pub fn of_status(status: &str) -> Self {
        match status.split([' ', '/']).next().unwrap_or("") {
            // `UP 1/3` is on its way down.
            "UP" if status.contains('/') => Self::Warn,
            "UP" | "OPEN" => Self::Good,
            "DOWN" => Self::Bad,
            "DRAIN" | "MAINT" | "NOLB" | "STOP" | "FULL" | "WAITING" => Self::Warn,
            _ => Self::Plain,
        }
    }
}

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    on: bool,
}

impl Palette {
    /// No colours.
    pub const PLAIN: Self = Self { on: false };

    /// By flag, then `NO_COLOR`, then `CLICOLOR_FORCE`, then the terminal.
    pub fn detect(terminal: bool, no_color: bool) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty() && v != "0");
        let no = no_color || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|t| t == "dumb");
        Self { on: !no && (set("CLICOLOR_FORCE") || (terminal && !dumb)) }
    }

    /// Whether colours are on.
    pub fn is_on(self) -> bool {
        self.on
    }

    /// A word in its tone.
    pub fn tone(self, word: &str, tone: Tone) -> String {
        match tone {
            Tone::Good => self.paint(word, "32"),
            Tone::Warn => self.paint(word, "33"),
            Tone::Bad => self.paint(word, "31"),
            Tone::Plain => word.to_owned(),
        }
    }

    /// `error:`.
    pub fn error(self, word: &str) -> String {
        self.paint(word, "1;31")
    }

    /// `warning:`.
    pub fn warning(self, word: &str) -> String {
        self.paint(word, "1;33")
    }

    /// `hint:`.
    pub fn note(self, word: &str) -> String {
        self.paint(word, "1;36")
    }

    /// What is not as it was.
    pub fn changed(self, word: &str) -> String {
        self.paint(word, "7")
    }

    /// A heading.
    pub fn bold(self, word: &str) -> String {
        self.paint(word, "1")
    }

    /// What may come, and is not there.
    pub fn faint(self, word: &str) -> String {
        self.paint(word, "2")
    }

    fn paint(self, word: &str, code: &str) -> String {
        if self.on { format!("\x1b[{code}m{word}\x1b[0m") } else { word.to_owned() }
    }
}
