//! Messages to the operator: `[LEVEL]  (PID) : text` on standard error.
//!
//! The shape is the one that tools grep for in the output of HAProxy 2.6. Every message of the start
//! is also kept for `show startup-logs`. This module does not write to any log target.

use std::cell::{Cell, RefCell};
use std::io::Write;

/// How grave a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// Shown by `-dD` only; never counts as a warning.
    Diag,
    /// For information.
    Notice,
    /// Suspicious; fatal under `-dW`.
    Warning,
    /// The program cannot go on with this.
    Alert,
}

impl Gravity {
    fn label(self) -> &'static str {
        match self {
            Gravity::Diag => "[DIAG]",
            Gravity::Notice => "[NOTICE]",
            Gravity::Warning => "[WARNING]",
            Gravity::Alert => "[ALERT]",
        }
    }
}

/// Writes messages and remembers them.
///
/// Before the first warning or alert the program introduces itself with two notices, its version and
/// its path, so that a pasted excerpt says what wrote it.
#[derive(Debug, Default)]
pub struct Report {
    quiet: Cell<bool>,
    introduced: Cell<bool>,
    warnings: Cell<usize>,
    kept: RefCell<Vec<String>>,
}

impl Report {
    /// Stops writing to standard error (`-q`); messages are still kept and counted.
    pub fn set_quiet(&self, quiet: bool) {
        self.quiet.set(quiet);
    }

    /// Writes an alert.
    pub fn alert(&self, text: &str) {
        self.say(Gravity::Alert, text);
    }

    /// Writes a warning.
    pub fn warning(&self, text: &str) {
        self.say(Gravity::Warning, text);
    }

    /// Writes a notice.
    pub fn notice(&self, text: &str) {
        self.say(Gravity::Notice, text);
    }

    /// Writes one message of any gravity.
    pub fn say(&self, gravity: Gravity, text: &str) {
        self.rendered(gravity, &render(gravity, std::process::id(), text));
    }

    /// Writes a message that already has its label.
    pub fn rendered(&self, gravity: Gravity, rendered: &str) {
        if gravity == Gravity::Warning {
            self.warnings.set(self.warnings.get() + 1);
        }
        if gravity >= Gravity::Warning && !self.introduced.replace(true) {
            self.notice(&format!("lbd version is {}", env!("CARGO_PKG_VERSION")));
            if let Ok(path) = std::env::current_exe() {
                self.notice(&format!("path to executable is {}", path.display()));
            }
        }
        let rendered = rendered.trim_end_matches('\n');
        if !self.quiet.get() {
            // Nobody can be told that standard error is closed.
            let _ = writeln!(std::io::stderr(), "{rendered}");
        }
        self.kept.borrow_mut().push(rendered.to_owned());
    }

    /// How many warnings were said.
    pub fn warnings(&self) -> usize {
        self.warnings.get()
    }

    /// All messages so far, one rendered message each, without the final newline.
    pub fn kept(&self) -> Vec<String> {
        self.kept.borrow().clone()
    }
}

/// `[ALERT]    (42) : first line`, the following lines marked with a bar.
fn render(gravity: Gravity, pid: u32, text: &str) -> String {
    let mut lines = text.trim_end_matches('\n').split('\n');
    let mut rendered = format!("{:<11}({pid}) : {}", gravity.label(), lines.next().unwrap_or_default());
    for line in lines {
        rendered.push_str("\n   | ");
        rendered.push_str(line);
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(gravity: Gravity, text: &str, expected: Expect) {
        expected.assert_eq(&render(gravity, 42, text));
    }

    #[test]
    fn columns_are_those_of_haproxy() {
        check(Gravity::Notice, "a", expect!["[NOTICE]   (42) : a"]);
        check(Gravity::Warning, "a", expect!["[WARNING]  (42) : a"]);
        check(Gravity::Alert, "a", expect!["[ALERT]    (42) : a"]);
    }

    #[test]
    fn further_lines_carry_a_bar() {
        check(
            Gravity::Warning,
            "a\nb\n  c\n",
            expect![[r#"
                [WARNING]  (42) : a
                   | b
                   |   c"#]],
        );
    }

    #[test]
    fn introduces_itself_before_the_first_warning_only() {
        let report = Report::default();
        report.set_quiet(true);
        report.notice("hello");
        assert_eq!(report.kept().len(), 1);
        report.warning("one");
        report.warning("two");
        report.alert("three");
        assert_eq!(report.kept().len(), 6);
        assert_eq!(report.warnings(), 2);
    }
}
