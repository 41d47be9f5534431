//! One line into words: quotes, escapes, comments and variables.
//!
//! The rules are those of the manual's section "Quoting and escaping"; corner cases (an unknown escape
//! keeps its backslash, a lone one at the end of a line too) are as a running HAProxy shows them.

use std::ops::Range;

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    /// Its value, quotes and escapes undone, variables replaced.
    pub text: String,
    /// Where it stands in the raw line, in bytes.
    pub span: Range<usize>,
    /// The value held bytes that are not UTF-8; they were replaced.
    pub lossy: bool,
}

/// Why a line could not be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LexError {
    /// Byte of the raw line.
    pub at: usize,
    /// What is wrong.
    pub message: &'static str,
    /// What to do.
    pub help: Option<&'static str>,
}

/// How a variable is looked up. `Err`: no variable may be called so.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Names a pseudo-variable may have.
const PSEUDO: [&str; 3] = [".FILE", ".LINE", ".SECTION"];

#[derive(Clone, Copy, PartialEq)]
enum Quote {
    None,
    Double,
    Single,
}

struct Lexer<'a> {
    raw: &'a [u8],
    at: usize,
    quote: Quote,
    /// Where the open quote stands.
    opened_at: usize,
    /// Value of the word being read, and where it began.
    word: Vec<u8>,
    start: Option<usize>,
    words: Vec<Word>,
    vars: &'a Lookup<'a>,
}

/// Cuts `raw` into words.
pub(crate) fn tokenize(raw: &[u8], vars: &Lookup<'_>) -> Result<Vec<Word>, LexError> {
    let mut lexer =
        Lexer { raw, at: 0, quote: Quote::None, opened_at: 0, word: Vec::new(), start: None, words: Vec::new(), vars };
    lexer.run()?;
    Ok(lexer.words)
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.raw.get(self.at + ahead).copied()
    }

    fn run(&mut self) -> Result<(), LexError> {
        while let Some(byte) = self.peek(0) {
            match (self.quote, byte) {
                // A carriage return ends the line, so that files edited elsewhere still work.
                (Quote::None, b'#' | b'\r') => break,
                (Quote::None, b' ' | b'\t') => self.end_word(),
                (Quote::None, b'"') => self.open(Quote::Double),
                (Quote::None, b'\'') => self.open(Quote::Single),
                (Quote::Double, b'"') | (Quote::Single, b'\'') => {
                    self.quote = Quote::None;
                    self.at += 1;
                }
                (Quote::None | Quote::Double, b'\\') => self.escape()?,
                (Quote::Double, b'$') => self.variable()?,
                _ => self.literal(byte, 1),
            }
        }
        if self.quote != Quote::None {
            return Err(LexError {
                at: self.opened_at,
                message: "unmatched quote",
                help: Some("close the quote, or put a backslash before it if it is part of the text"),
            });
        }
        self.end_word();
        Ok(())
    }

    fn literal(&mut self, byte: u8, consumed: usize) {
        self.start.get_or_insert(self.at);
        self.word.push(byte);
        self.at += consumed;
    }

    fn open(&mut self, quote: Quote) {
        self.start.get_or_insert(self.at);
        self.opened_at = self.at;
        self.quote = quote;
        self.at += 1;
    }

    /// Ends the word being read, if any, and steps over the delimiter.
    fn end_word(&mut self) {
        if let Some(start) = self.start.take() {
            let bytes = std::mem::take(&mut self.word);
            let (text, lossy) = match String::from_utf8(bytes) {
                Ok(text) => (text, false),
                Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), true),
            };
            self.words.push(Word { text, span: start..self.at, lossy });
        }
        self.at += 1;
    }

    fn escape(&mut self) -> Result<(), LexError> {
        let literal = match self.peek(1) {
            Some(b @ (b'\\' | b' ' | b'"' | b'\'' | b'#' | b'\t')) => b,
            Some(b'$') if self.quote == Quote::Double => b'$',
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => {
                let digit = |at| self.peek(at).and_then(|b| char::from(b).to_digit(16));
                let (Some(high), Some(low)) = (digit(2), digit(3)) else {
                    return Err(LexError {
                        at: self.at,
                        message: "truncated or invalid hexadecimal sequence",
                        help: Some("two hexadecimal digits follow \\x, as in \\x0a"),
                    });
                };
                self.literal((high * 16 + low) as u8, 4);
                return Ok(());
            }
            _ => {
                self.literal(b'\\', 1);
                return Ok(());
            }
        };
        self.literal(literal, 2);
        Ok(())
    }

    /// `$NAME`, `${NAME}`, `${NAME-default}`, `${NAME[*]}` inside double quotes.
    fn variable(&mut self) -> Result<(), LexError> {
        let dollar = self.at;
        self.start.get_or_insert(dollar);
        let braced = self.peek(1) == Some(b'{');
        let from = dollar + if braced { 2 } else { 1 };
        let rest = self.raw.get(from..).unwrap_or_default();
        let dot = usize::from(rest.first() == Some(&b'.'));
        let length = dot + rest.iter().skip(dot).take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        let name = String::from_utf8_lossy(rest.get(..length).unwrap_or_default()).into_owned();
        let first = rest.get(dot).copied().unwrap_or_default();
        if !(first.is_ascii_alphabetic() || first == b'_') || (dot == 1 && !PSEUDO.contains(&name.as_str())) {
            return Err(LexError {
                at: from,
                message: "forbidden first char in environment variable name",
                help: Some(
                    "a name is made of letters, digits and '_' and begins with no digit; \
                     only .FILE, .LINE and .SECTION begin with a dot; a dollar sign is written \\$",
                ),
            });
        }
        self.at = from + length;
        let value = (self.vars)(&name);
        if !braced {
            self.word.extend_from_slice(value.unwrap_or_default().as_bytes());
            return Ok(());
        }
        let split = self.raw.get(self.at..).is_some_and(|r| r.starts_with(b"[*]"));
        if split {
            self.at += 3;
        }
        let mut default = None;
        if self.peek(0) == Some(b'-') {
            let text = self.raw.get(self.at + 1..).unwrap_or_default();
            let end = text.iter().position(|b| *b == b'}').unwrap_or(text.len());
            default = text.get(..end).map(<[u8]>::to_vec);
            self.at += 1 + end;
        }
        if self.peek(0) != Some(b'}') {
            return Err(LexError {
                at: dollar + 1,
                message: "unmatched brace in environment variable name",
                help: Some("write \"${NAME}\" or \"${NAME-default}\""),
            });
        }
        self.at += 1;
        let value = value.map(String::into_bytes).or(default);
        if split {
            self.spread(value.as_deref(), dollar);
        } else {
            self.word.extend_from_slice(&value.unwrap_or_default());
        }
        Ok(())
    }

    /// Adds a value as separate words; what stands around it joins the first and the last one.
    fn spread(&mut self, value: Option<&[u8]>, dollar: usize) {
        let parts: Vec<&[u8]> =
            value.unwrap_or_default().split(|b| *b == b' ').filter(|part| !part.is_empty()).collect();
        let quote_only = self.word.is_empty() && self.raw.get(self.at) == Some(&b'"');
        if parts.is_empty() && quote_only {
            // Nothing at all: `"${X[*]}"` is then no argument rather than an empty one.
            self.start = None;
            self.quote = Quote::None;
            self.at += 1;
            return;
        }
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                let resume = self.at;
                self.end_word();
                self.at = resume;
                self.start = Some(dollar);
            }
            self.word.extend_from_slice(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/root".into()),
            "L" => Some("p q".into()),
            "E" => Some(String::new()),
            ".LINE" => Some("7".into()),
            _ => None,
        }
    }

    fn words(raw: &str) -> Vec<String> {
        tokenize(raw.as_bytes(), &vars).unwrap().into_iter().map(|w| w.text).collect()
    }

    /// Left: a line; right: its words as a running HAProxy prints them back.
    const SEEN: &[(&str, &[&str])] = &[
        (r"a\d\.b", &[r"a\d\.b"]),
        (r#""a\d\.b\'c\ d""#, &[r"a\d\.b'c d"]),
        (r"'a\d\.b'", &[r"a\d\.b"]),
        ("$HOME", &["$HOME"]),
        ("${HOME}", &["${HOME}"]),
        (r#""$HOME-x $HOMEX""#, &["/root-x "]),
        (r"abc\", &[r"abc\"]),
        (r#""a\"b\$c\\d\x41""#, &[r#"a"b$c\dA"#]),
        (r#"\"a\'b\#c\$d\x41\ e\z"#, &[r#""a'b#c\$dA e\z"#]),
        (r#""x${NOPE-d e f}y""#, &["xd e fy"]),
        (r#""x${NOPE-}y""#, &["xy"]),
        (r#""${NOPE-a}b}""#, &["ab}"]),
        (r#""${E-unused}x""#, &["x"]),
        (r#"a"b c"d'e f'"#, &["ab cde f"]),
        ("a#b", &["a"]),
        ("a b\r", &["a", "b"]),
        (r#""a\ttab""#, &["a\ttab"]),
        (r#""${L[*]}""#, &["p", "q"]),
        (r#"x"${L[*]}"y z"#, &["xp", "qy", "z"]),
        (r#"a "${NOPE[*]}" b"#, &["a", "b"]),
        (r#"a "" b"#, &["a", "", "b"]),
        (r#""$.LINE ${.LINE}""#, &["7 7"]),
        ("  \t# nothing", &[]),
    ];

    #[test]
    fn as_seen() {
        for (raw, expected) in SEEN {
            assert_eq!(words(raw), *expected, "{raw}");
        }
    }

    #[test]
    fn refused() {
        for (raw, at, message) in [
            (r#"a "bc"#, 2, "unmatched quote"),
            ("a 'bc", 2, "unmatched quote"),
            (r#""${1x}""#, 3, "forbidden first char in environment variable name"),
            (r#""$""#, 2, "forbidden first char in environment variable name"),
            (r#""${.FOO}""#, 3, "forbidden first char in environment variable name"),
            (r#""${X""#, 2, "unmatched brace in environment variable name"),
            (r#""${X Y}""#, 2, "unmatched brace in environment variable name"),
            (r"a \x4", 2, "truncated or invalid hexadecimal sequence"),
        ] {
            let error = tokenize(raw.as_bytes(), &vars).unwrap_err();
            assert_eq!((error.at, error.message), (at, message), "{raw}");
        }
    }

    #[test]
    fn spans_cover_the_quotes() {
        let found = tokenize(br#" ab "c d" e"#, &vars).unwrap();
        assert_eq!(found.iter().map(|w| w.span.clone()).collect::<Vec<_>>(), [1..3, 4..9, 10..11]);
    }
}
