//! What is wrong with a configuration, where, and how it is shown.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// How bad a finding is, in the words HAProxy prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing with `-dD` only.
    Diag,
    /// Worth knowing.
    Notice,
    /// Accepted, but probably not what was meant.
    Warning,
    /// The configuration is refused.
    Alert,
}

impl Severity {
    /// The label, padded as HAProxy pads it so that the process ids line up.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Alert => "[ALERT]   ",
            Self::Warning => "[WARNING] ",
            Self::Notice => "[NOTICE]  ",
            Self::Diag => "[DIAG]    ",
        }
    }

    const fn color(self) -> &'static str {
        match self {
            Self::Alert => "\x1b[1;31m",
            Self::Warning => "\x1b[1;33m",
            Self::Notice => "\x1b[1;36m",
            Self::Diag => "\x1b[1;35m",
        }
    }
}

/// A piece of a source line.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    /// File as given on the command line.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// The whole line, without its end.
    pub raw: Arc<[u8]>,
    /// Bytes of `raw` meant.
    pub span: Range<usize>,
}

impl Site {
    /// Of what no file says.
    pub fn nowhere() -> Self {
        Self { file: Arc::from(""), line: 0, raw: Arc::from(&b""[..]), span: 0..0 }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// File as given on the command line; `None` when no line is to blame.
    pub file: Option<Arc<str>>,
    /// Line, from 1; 0 without a file.
    pub line: u32,
    /// Columns of [`Self::source_line`] to underline, in characters from 0.
    pub columns: Range<usize>,
    /// What is wrong, worded as HAProxy words it where it has the same finding. Further lines explain.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line as written.
    pub source_line: Option<String>,
}

impl Diagnostic {
    pub(crate) fn at(severity: Severity, site: &Site, message: String) -> Self {
        let clamp = |at: usize| site.raw.get(..at.min(site.raw.len())).unwrap_or_default();
        let columns_before = |at: usize| String::from_utf8_lossy(clamp(at)).chars().count();
        let start = columns_before(site.span.start);
        Self {
            severity,
            file: Some(Arc::clone(&site.file)),
            line: site.line,
            columns: start..columns_before(site.span.end).max(start + 1),
            message,
            help: None,
            source_line: Some(String::from_utf8_lossy(&site.raw).into_owned()),
        }
    }

    pub(crate) fn nowhere(severity: Severity, message: String) -> Self {
        Self { severity, file: None, line: 0, columns: 0..0, message, help: None, source_line: None }
    }
}

/// The widest piece of a source line that is shown.
const WINDOW: usize = 120;

/// A diagnostic as printed on the standard error: the first line in HAProxy's shape, then the source
/// line with the token underlined, then the help. Ends with a newline.
pub fn render(diagnostic: &Diagnostic, pid: u32, color: bool) -> String {
    let (on, off) = if color { (diagnostic.severity.color(), "\x1b[0m") } else { ("", "") };
    let mut out = String::new();
    let message = printable(&diagnostic.message);
    let mut message = message.lines();
    let first = message.next().unwrap_or_default();
    let _ = write!(out, "{on}{}{off} ({pid}) : config : ", diagnostic.severity.label());
    if let Some(file) = &diagnostic.file {
        let _ = write!(out, "parsing [{file}:{}] : ", diagnostic.line);
    }
    let _ = writeln!(out, "{first}");
    for more in message {
        let _ = writeln!(out, "   | {more}");
    }
    if let Some(source) = &diagnostic.source_line {
        let (text, underline) = excerpt(source, &diagnostic.columns);
        let _ = writeln!(out, "   |   {text}");
        let _ = writeln!(out, "   |   {on}{underline}{off}");
    }
    if let Some(help) = &diagnostic.help {
        let _ = writeln!(out, "   | help: {}", printable(help));
    }
    out
}

/// A text without control characters, which could steer the terminal it is printed on.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// The part of `source` around `columns` and the line that underlines it.
fn excerpt(source: &str, columns: &Range<usize>) -> (String, String) {
    let indent = source.chars().take_while(|c| c.is_whitespace()).count().min(columns.start);
    let shown: Vec<char> = source.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let from = if columns.end.saturating_sub(indent) <= WINDOW { indent } else { columns.start.saturating_sub(20) };
    let to = shown.len().min(from + WINDOW);
    let (before, after) = (if from > indent { "..." } else { "" }, if to < shown.len() { "..." } else { "" });
    let body: String = shown.get(from.min(to)..to).unwrap_or_default().iter().collect();
    let pad = before.len() + columns.start.saturating_sub(from);
    let width = columns.end.min(to.max(columns.start + 1)).saturating_sub(columns.start).max(1);
    (format!("{before}{body}{after}"), format!("{}{}", " ".repeat(pad), "^".repeat(width)))
}

/// Where findings are gathered.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    /// All findings, in the order they were made.
    pub found: Vec<Diagnostic>,
}

impl Sink {
    pub fn push(&mut self, severity: Severity, site: &Site, message: impl Into<String>, help: Option<String>) {
        self.found.push(Diagnostic { help, ..Diagnostic::at(severity, site, message.into()) });
    }

    pub fn alert(&mut self, site: &Site, message: impl Into<String>) {
        self.push(Severity::Alert, site, message, None);
    }

    pub fn warning(&mut self, site: &Site, message: impl Into<String>) {
        self.push(Severity::Warning, site, message, None);
    }

    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Alert)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn site(raw: &str, span: Range<usize>) -> Site {
        Site { file: "a.cfg".into(), line: 3, raw: raw.as_bytes().into(), span }
    }

    #[test]
    fn shapes() {
        let mut d = Diagnostic::at(Severity::Alert, &site("\tfoo bar", 1..4), "unknown keyword 'foo'".into());
        d.help = Some("remove it".into());
        let warning = Diagnostic::nowhere(Severity::Warning, "one\ntwo".into());
        expect![[r#"
            [ALERT]    (7) : config : parsing [a.cfg:3] : unknown keyword 'foo'
               |   foo bar
               |   ^^^
               | help: remove it
            [WARNING]  (7) : config : one
               | two
        "#]]
        .assert_eq(&(render(&d, 7, false) + &render(&warning, 7, false)));
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let warning = Diagnostic::nowhere(Severity::Warning, "unknown keyword '\u{1b}[2J\t\r'".into());
        assert!(render(&warning, 7, false).ends_with("unknown keyword '\u{fffd}[2J\u{fffd}\u{fffd}'\n"));
    }

    #[test]
    fn a_long_line_is_shown_around_the_fault() {
        let raw = format!(" acl a path {} oops {}", "x".repeat(300), "y".repeat(300));
        let at = 1 + 11 + 300 + 1;
        let shown = render(&Diagnostic::at(Severity::Alert, &site(&raw, at..at + 4), "m".into()), 1, false);
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[2].find('^').unwrap();
        assert_eq!(&lines[1][caret..caret + 4], "oops");
        assert!(lines[1].len() < 140, "{}", lines[1].len());
    }

    #[test]
    fn bytes_that_are_no_text_do_not_shift_the_underline() {
        let site = Site { file: "f".into(), line: 1, raw: b"\xffab\0 x"[..].into(), span: 1..3 };
        let shown = render(&Diagnostic::at(Severity::Alert, &site, "m".into()), 1, false);
        assert!(shown.contains("\u{fffd}ab  x\n   |    ^^\n"), "{shown}");
    }
}
