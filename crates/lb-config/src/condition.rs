//! Conditions of `.if`, `.elif` and `-cc`.
//!
//! `&&` binds tighter than `||`; `!`, parentheses and integers work. The whole text is always parsed,
//! so a fault is reported even in a branch whose value does not matter.

/// The version that `version_atleast()` and `version_before()` compare with: the branch of HAProxy whose
/// documented behaviour is implemented.
pub const COMPATIBLE_VERSION: &str = "3.5.0";

/// Features that `feature()` knows as present, by HAProxy's names.
pub const FEATURES: &[&str] = &["ACCEPT4", "EPOLL", "GETADDRINFO", "PRCTL", "SYSTEMD", "THREAD"];

/// Options that `enabled()` knows as enabled.
const ENABLED: &[&str] = &["EPOLL", "GETADDRINFO", "REUSEPORT"];

/// Why a condition could not be evaluated. `Display` is HAProxy's sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// Byte of the expression.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
    /// What to do, where it is known.
    pub help: Option<String>,
}

type Evaluate = fn(&[String], &dyn Fn(&str) -> bool) -> bool;

struct Predicate {
    name: &'static str,
    arity: usize,
    evaluate: Evaluate,
}

const PREDICATES: &[Predicate] = &[
    Predicate { name: "awslc_api_atleast", arity: 1, evaluate: |_, _| false },
    Predicate { name: "awslc_api_before", arity: 1, evaluate: |_, _| false },
    Predicate { name: "defined", arity: 1, evaluate: |a, defined| defined(arg(a, 0)) },
    Predicate { name: "enabled", arity: 1, evaluate: |a, _| ENABLED.contains(&arg(a, 0)) },
    Predicate { name: "feature", arity: 1, evaluate: |a, _| FEATURES.contains(&arg(a, 0)) },
    Predicate { name: "fips_mode", arity: 0, evaluate: |_, _| false },
    // Without TLS there is no library whose name or version could match.
    Predicate { name: "openssl_version_atleast", arity: 1, evaluate: |_, _| false },
    Predicate { name: "openssl_version_before", arity: 1, evaluate: |_, _| false },
    Predicate { name: "ssllib_name_startswith", arity: 1, evaluate: |_, _| false },
    Predicate { name: "streq", arity: 2, evaluate: |a, _| arg(a, 0) == arg(a, 1) },
    Predicate { name: "strneq", arity: 2, evaluate: |a, _| arg(a, 0) != arg(a, 1) },
    Predicate { name: "strstr", arity: 2, evaluate: |a, _| arg(a, 0).contains(arg(a, 1)) },
    Predicate { name: "version_atleast", arity: 1, evaluate: |a, _| own_version() >= version(arg(a, 0)) },
    Predicate { name: "version_before", arity: 1, evaluate: |a, _| own_version() < version(arg(a, 0)) },
];

fn arg(args: &[String], i: usize) -> &str {
    args.get(i).map_or("", String::as_str)
}

/// Branch, then the stage inside it: development (0), candidate (1), release (2), and its number.
fn version(text: &str) -> (u32, u32, u8, u32) {
    let digits = |s: &str| -> (u32, usize) {
        let end = s.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(s.len());
        (s.get(..end).and_then(|d| d.parse().ok()).unwrap_or(0), end)
    };
    let (major, end) = digits(text);
    let rest = text.get(end..).unwrap_or_default().strip_prefix('.').unwrap_or_default();
    let (minor, end) = digits(rest);
    let rest = rest.get(end..).unwrap_or_default();
    let stages = [("-dev", 0), ("-rc", 1), (".", 2)];
    let stage = stages.iter().find_map(|(p, stage)| rest.strip_prefix(p).map(|n| (*stage, digits(n).0)));
    let (stage, number) = stage.unwrap_or((2, 0));
    (major, minor, stage, number)
}

fn own_version() -> (u32, u32, u8, u32) {
    version(COMPATIBLE_VERSION)
}

/// How deep parentheses and negations may nest.
const MAX_DEPTH: usize = 64;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    defined: &'a dyn Fn(&str) -> bool,
}

/// Evaluates a condition whose words are already unquoted and joined by single spaces. `defined` says
/// whether an environment variable exists. An empty condition is false.
///
/// # Errors
/// [`ConditionError`] when the text is no condition.
pub fn evaluate(text: &str, defined: &dyn Fn(&str) -> bool) -> Result<bool, ConditionError> {
    if text.trim().is_empty() {
        return Ok(false);
    }
    let mut parser = Parser { text, at: 0, depth: 0, defined };
    let value = parser.any_of()?;
    parser.spaces();
    match parser.rest().chars().next() {
        None => Ok(value),
        Some(c) => {
            Err(parser.fault(format!("unexpected character '{c}' at the end of conditional expression '{text}'")))
        }
    }
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn fault(&self, message: String) -> ConditionError {
        ConditionError { offset: self.at, message, help: None }
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn any_of(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.all_of()?;
        loop {
            self.spaces();
            if !self.eat("||") {
                return Ok(value);
            }
            value |= self.all_of()?;
        }
    }

    fn all_of(&mut self) -> Result<bool, ConditionError> {
        let mut value = self.term()?;
        loop {
            self.spaces();
            if !self.eat("&&") {
                return Ok(value);
            }
            value &= self.term()?;
        }
    }

    fn term(&mut self) -> Result<bool, ConditionError> {
        self.spaces();
        let start = self.at;
        let unparsable =
            |p: &Self| ConditionError { offset: start, message: String::new(), help: None }.with_text(p.text, start);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.fault("conditional expression nested too deeply".into()));
        }
        let value = if self.eat("!") {
            self.spaces();
            if self.rest().is_empty() {
                return Err(unparsable(self));
            }
            !self.term()?
        } else if self.eat("(") {
            let value = self.any_of()?;
            self.spaces();
            if !self.eat(")") {
                let text = self.text.get(start..).unwrap_or_default();
                let message = format!("expected ')' after conditional expression '{text}'");
                return Err(ConditionError { offset: start, message, help: None });
            }
            value
        } else if self.rest().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+')) {
            let end = self.rest().bytes().skip(1).take_while(u8::is_ascii_digit).count() + 1;
            let number = self.rest().get(..end).unwrap_or_default();
            if !number.bytes().any(|b| b.is_ascii_digit()) {
                return Err(unparsable(self));
            }
            self.at += end;
            number.bytes().any(|b| matches!(b, b'1'..=b'9'))
        } else {
            self.predicate().unwrap_or_else(|| Err(unparsable(self)))?
        };
        self.depth -= 1;
        Ok(value)
    }

    /// `None` when no known predicate stands here.
    fn predicate(&mut self) -> Option<Result<bool, ConditionError>> {
        let rest = self.rest();
        let end = rest.bytes().position(|b| !(b.is_ascii_alphanumeric() || b == b'_')).unwrap_or(rest.len());
        let name = rest.get(..end)?;
        let predicate = PREDICATES.iter().find(|p| p.name == name)?;
        self.at += end;
        let open = self.at;
        let args = if self.eat("(") {
            match self.arguments(predicate, open) {
                Ok(args) => args,
                Err(error) => return Some(Err(error)),
            }
        } else {
            Vec::new()
        };
        if args.len() < predicate.arity && !(predicate.arity == 1 && args.is_empty() && self.at > open) {
            let message = format!(
                "missing arguments (got {}/{}), type 'string' expected in argument {} of predicate '{name}' \
                 used in conditional expression",
                args.len(),
                predicate.arity,
                args.len(),
            );
            let help = Some(format!("'{name}' takes {} argument(s) in parentheses", predicate.arity));
            return Some(Err(ConditionError { offset: open, message, help }));
        }
        Some(Ok((predicate.evaluate)(&args, self.defined)))
    }

    /// Arguments up to the closing parenthesis. They have their own quotes; spaces belong to them.
    fn arguments(&mut self, predicate: &Predicate, open: usize) -> Result<Vec<String>, ConditionError> {
        let mut args: Vec<String> = Vec::new();
        let mut current = String::new();
        let mut quote = None;
        let mut chars = self.rest().char_indices();
        let inside = |number: usize| {
            format!("in argument {number} of predicate '{}' used in conditional expression", predicate.name)
        };
        while let Some((i, c)) = chars.next() {
            match (quote, c) {
                (None, ')') => {
                    self.at += i + 1;
                    if !(args.is_empty() && current.is_empty()) {
                        args.push(current);
                    }
                    return Ok(args);
                }
                (None, ',') if args.len() + 1 >= predicate.arity => {
                    let rest = self.rest().get(i..).unwrap_or_default();
                    let message = format!("expected ')' before '{rest}' {}", inside(args.len().max(1)));
                    return Err(ConditionError { offset: self.at + i, message, help: None });
                }
                (None, ',') => args.push(std::mem::take(&mut current)),
                (None, '"' | '\'') => quote = Some(c),
                (Some(q), c) if c == q => quote = None,
                (None | Some('"'), '\\') => current.extend(chars.next().map(|(_, c)| c)),
                (_, c) => current.push(c),
            }
        }
        let message = format!("expected ')' {}", inside(args.len() + 1));
        Err(ConditionError { offset: open, message, help: Some("close the parenthesis".into()) })
    }
}

impl ConditionError {
    fn with_text(mut self, text: &str, from: usize) -> Self {
        let rest = text.get(from..).unwrap_or_default();
        self.message = format!("unparsable conditional expression '{rest}'");
        let word = rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
        self.help = crate::suggest::nearest(word, PREDICATES.iter().map(|p| p.name))
            .map(|near| format!("did you mean '{near}'?"));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<bool, String> {
        evaluate(text, &|name| name == "HOME").map_err(|e| e.message)
    }

    #[test]
    fn values() {
        for (text, expected) in [
            ("", false),
            ("0", false),
            ("1", true),
            ("-1", true),
            ("00", false),
            ("defined(HOME)", true),
            ("defined(NOPE)", false),
            ("defined()", false),
            ("!1", false),
            ("!(0)", true),
            ("! ! 1", true),
            ("1 && 0", false),
            ("1 || 0 && 0", true),
            ("(1 || 0) && 0", false),
            ("(0 || 1) && version_atleast(2.6)", true),
            ("streq(a b,a b)", true),
            ("streq( a,a)", false),
            ("streq(\"a,b\",'a,b')", true),
            ("strneq(a,b)", true),
            ("strstr(abc,bc)", true),
            ("feature(EPOLL) && !feature(OPENSSL)", true),
            ("enabled(EPOLL) && !enabled(SPLICE)", true),
            ("version_atleast(3.5-dev3)", true),
            ("version_before(3.5.1)", true),
            ("version_before(3.5)", false),
            ("ssllib_name_startswith(OpenSSL) || openssl_version_atleast(1.1)", false),
            ("awslc_api_atleast(3) || fips_mode()", false),
        ] {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    /// Sentences as a running HAProxy prints them.
    #[test]
    fn refused() {
        for (text, message) in [
            ("foo", "unparsable conditional expression 'foo'"),
            ("foo(1)", "unparsable conditional expression 'foo(1)'"),
            ("1 || foo", "unparsable conditional expression 'foo'"),
            ("0 && foo", "unparsable conditional expression 'foo'"),
            ("!", "unparsable conditional expression '!'"),
            ("1x", "unexpected character 'x' at the end of conditional expression '1x'"),
            ("1 2", "unexpected character '2' at the end of conditional expression '1 2'"),
            ("defined(X) Y", "unexpected character 'Y' at the end of conditional expression 'defined(X) Y'"),
            ("(1", "expected ')' after conditional expression '(1'"),
            ("defined(X", "expected ')' in argument 1 of predicate 'defined' used in conditional expression"),
            (
                "streq(a)",
                "missing arguments (got 1/2), type 'string' expected in argument 1 of predicate 'streq' \
                 used in conditional expression",
            ),
            (
                "streq(a,b,c)",
                "expected ')' before ',c)' in argument 1 of predicate 'streq' used in conditional expression",
            ),
        ] {
            assert_eq!(value(text), Err(message.into()), "{text}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = "(".repeat(100_000);
        assert!(value(&deep).is_err());
        assert!(value(&"!".repeat(100_000)).is_err());
    }
}
