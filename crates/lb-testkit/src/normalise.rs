//! Replaces what may differ between two runs by placeholders, so that the rest can be compared byte for byte.

use regex::Regex;

/// An ordered list of replacements.
#[derive(Debug, Clone, Default)]
pub struct Normaliser {
    rules: Vec<(Regex, String)>,
}

impl Normaliser {
    /// No replacement.
    pub fn new() -> Normaliser {
        Normaliser::default()
    }

    /// What differs between any two runs: pointers, pids in log headers, dates, versions.
    pub fn standard() -> Normaliser {
        Normaliser::new()
            .rule(r"0x[0-9a-f]{5,}", "<pointer>")
            .rule(r"(?i)(version:? )\d+\.\d+\S*( \d{4}/\d\d/\d\d)?", "$1<version>")
            .rule(r"(?m)^\d+\.\d+(\.\d+|-dev\d+)[-+~0-9a-z]*$", "<version>")
            .rule(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(\.\d+)?( [-+]\d{4})?", "<date>")
            .rule(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d", "<date>")
            .rule(r"([a-z]+)\[\d+\]:", "$1[<pid>]:")
    }

    /// Adds a replacement by regular expression; `$1` in `with` refers to a group.
    ///
    /// # Panics
    /// When the expression is wrong.
    #[must_use]
    #[expect(clippy::expect_used, reason = "expressions are written in tests, not read")]
    pub fn rule(mut self, expression: &str, with: &str) -> Normaliser {
        self.rules.push((Regex::new(expression).expect("a valid expression"), with.to_owned()));
        self
    }

    /// Adds a replacement of a literal text, not within a longer word or number.
    #[must_use]
    pub fn literal(self, text: &str, with: &str) -> Normaliser {
        let edge = |end: Option<char>| if end.is_some_and(|c| c.is_ascii_alphanumeric()) { r"\b" } else { "" };
        let expression =
            format!("{}{}{}", edge(text.chars().next()), regex::escape(text), edge(text.chars().next_back()));
        self.rule(&expression, &with.replace('$', "$$"))
    }

    /// The text with all replacements made, in order.
    pub fn apply(&self, text: &str) -> String {
        self.rules
            .iter()
            .fold(text.to_owned(), |text, (expression, with)| expression.replace_all(&text, with.as_str()).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Normaliser;

    #[test]
    fn standard_rules_hide_what_varies() {
        let n = Normaliser::standard().literal("8080", "<front>");
        assert_eq!(n.apply("0x7f12345678ab: fe 8080 18080"), "<pointer>: fe <front> 18080");
        assert_eq!(n.apply("HAProxy version 2.6.12-1+deb12u4 2026/10/17 x"), "HAProxy version <version> x");
        assert_eq!(n.apply("3.5-dev5"), "<version>");
        assert_eq!(n.apply("127.0.0.1"), "127.0.0.1");
        assert_eq!(n.apply("[20/Nov/2026:22:54:01.123] fe"), "[<date>] fe");
        assert_eq!(n.apply("<134>Nov 20 22:54:01 haproxy[123]: x"), "<134><date> haproxy[<pid>]: x");
    }
}
