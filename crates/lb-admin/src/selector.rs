//! Selectors: several servers named by one word, such as `app/web[1-3],api/*`.
//!
//! A selector is a list of `backend/server` patterns. In a pattern `*` stands for any text, `?` for any one character,
//! and `[1-3,7]` for a number from that list; with leading zeros (`[01-12]`) the number has as many digits. None of
//! these characters can be part of a name, so a word without them is an ordinary name.

/// Why a word is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// One of the patterns names no backend and server.
    #[error("'{0}' is no selector: each pattern of the list is backend/server.")]
    NotAPair(String),
    /// What stands between brackets is no list of numbers.
    #[error("'[{0}]' is no list of numbers such as [1-3,7].")]
    Numbers(String),
    /// A bracket has no counterpart.
    #[error("'{0}' opens a list of numbers and does not close it.")]
    Open(String),
}

/// A list of patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pairs: Vec<Pair>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    text: String,
    backend: Pattern,
    server: Pattern,
}

type Pattern = Vec<Part>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Byte(u8),
    /// `?`.
    One,
    /// `*`.
    Any,
    /// `[1-3,7]`.
    Number(Vec<Range>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: u64,
    last: u64,
    /// How many digits, where it matters.
    digits: Option<usize>,
}

impl Selector {
    /// Reads a word. `None`: it is an ordinary name.
    ///
    /// # Errors
    /// When it has the characters of a selector and cannot be read as one.
    pub fn parse(word: &str) -> Option<Result<Self, SelectorError>> {
        word.contains(['*', '?', '[', ',']).then(|| {
            let pairs = split(word).into_iter().map(Pair::parse).collect::<Result<_, _>>()?;
            Ok(Self { pairs })
        })
    }

    /// Whether a server is selected.
    pub fn matches(&self, backend: &str, server: &str) -> bool {
        self.pairs.iter().any(|pair| pair.matches(backend, server))
    }

    /// The patterns that select none of these servers.
    pub fn idle(&self, servers: &[(&str, &str)]) -> Vec<&str> {
        let selects = |pair: &&Pair| servers.iter().any(|(backend, server)| pair.matches(backend, server));
        self.pairs.iter().filter(|pair| !selects(pair)).map(|pair| pair.text.as_str()).collect()
    }
}

impl Pair {
    fn parse(text: &str) -> Result<Self, SelectorError> {
        match text.split_once('/') {
            Some((backend, server)) if !backend.is_empty() && !server.is_empty() => {
                Ok(Self { text: text.to_owned(), backend: pattern(backend)?, server: pattern(server)? })
            }
            _ => Err(SelectorError::NotAPair(text.to_owned())),
        }
    }

    fn matches(&self, backend: &str, server: &str) -> bool {
        matches(&self.backend, backend.as_bytes()) && matches(&self.server, server.as_bytes())
    }
}

/// Cuts at commas outside brackets.
fn split(word: &str) -> Vec<&str> {
    let mut depth = 0_u32;
    word.split(|c| {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .collect()
}

fn pattern(text: &str) -> Result<Pattern, SelectorError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '*' => parts.push(Part::Any),
            '?' => parts.push(Part::One),
            '[' => {
                let (list, after) = rest.split_once(']').ok_or_else(|| SelectorError::Open(text.to_owned()))?;
                let ranges: Option<Vec<Range>> = list.split(',').map(range).collect();
                parts.push(Part::Number(ranges.ok_or_else(|| SelectorError::Numbers(list.to_owned()))?));
                rest = after;
            }
            c => parts.extend(c.to_string().bytes().map(Part::Byte)),
        }
    }
    Ok(parts)
}

fn range(text: &str) -> Option<Range> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let padded = first.len() > 1 && first.starts_with('0');
    let range = Range { first: number(first)?, last: number(last)?, digits: padded.then_some(first.len()) };
    (range.first <= range.last).then_some(range)
}

/// Whether the whole of `text` fits. Each part is tried at each place once, so that no pattern takes long.
fn matches(pattern: &[Part], text: &[u8]) -> bool {
    let mut places = vec![false; text.len() + 1];
    if let Some(first) = places.first_mut() {
        *first = true;
    }
    for part in pattern {
        let mut after = vec![false; text.len() + 1];
        for (at, _) in places.iter().enumerate().filter(|(_, reached)| **reached) {
            let rest = text.get(at..).unwrap_or_default();
            let mut reach = |length: usize| {
                if let Some(place) = after.get_mut(at + length) {
                    *place = true;
                }
            };
            match part {
                Part::Byte(byte) if rest.first() == Some(byte) => reach(1),
                Part::Byte(_) => {}
                Part::One if rest.is_empty() => {}
                Part::One => reach(1),
                Part::Any => (0..=rest.len()).for_each(reach),
                Part::Number(ranges) => {
                    if let Some(length) = number(ranges, rest) {
                        reach(length);
                    }
                }
            }
        }
        places = after;
    }
    places.last() == Some(&true)
}

/// The length of the digits at the beginning, if they are one of these numbers.
fn number(ranges: &[Range], text: &[u8]) -> Option<usize> {
    let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let value: u64 = std::str::from_utf8(text.get(..length)?).ok()?.parse().ok()?;
    let fits = |range: &Range| {
        (range.first..=range.last).contains(&value) && range.digits.is_none_or(|digits| digits == length)
    };
    ranges.iter().any(fits).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The servers a selector selects.
    fn select(word: &str) -> String {
        let servers = ["app/web1", "app/web2", "app/web3", "app/web12", "app/db", "api/web1", "api/web01", "b.c/x-1"];
        match Selector::parse(word) {
            None => "a name".to_owned(),
            Some(Err(error)) => error.to_string(),
            Some(Ok(selector)) => {
                let selected = |name: &&str| name.split_once('/').is_some_and(|(b, s)| selector.matches(b, s));
                servers.into_iter().filter(selected).collect::<Vec<_>>().join(" ")
            }
        }
    }

    #[test]
    fn patterns() {
        assert_eq!(select("app/web1"), "a name");
        assert_eq!(select("app/*"), "app/web1 app/web2 app/web3 app/web12 app/db");
        assert_eq!(select("*/web1"), "app/web1 api/web1");
        assert_eq!(select("app/web?"), "app/web1 app/web2 app/web3");
        assert_eq!(select("app/web[1-2]"), "app/web1 app/web2");
        assert_eq!(select("app/web[2,10-20]"), "app/web2 app/web12");
        assert_eq!(select("api/web[01-09]"), "api/web01");
        assert_eq!(select("api/web[1]"), "api/web1 api/web01");
        assert_eq!(select("app/web1,b.c/x-1"), "app/web1 b.c/x-1");
        assert_eq!(select("a*/w*b*1"), "app/web1 api/web1 api/web01");
        assert_eq!(select("app/web[1-2],app/d*"), "app/web1 app/web2 app/db");
        assert_eq!(select("nope/*"), "");
    }

    #[test]
    fn faults() {
        assert_eq!(select("app*"), "'app*' is no selector: each pattern of the list is backend/server.");
        assert_eq!(select("app/a,"), "'' is no selector: each pattern of the list is backend/server.");
        assert_eq!(select("app/web[a-b]"), "'[a-b]' is no list of numbers such as [1-3,7].");
        assert_eq!(select("app/web[3-1]"), "'[3-1]' is no list of numbers such as [1-3,7].");
        assert_eq!(select("app/web[]"), "'[]' is no list of numbers such as [1-3,7].");
        assert_eq!(select("app/web[1"), "'web[1' opens a list of numbers and does not close it.");
    }

    #[test]
    fn patterns_that_select_nothing_are_named() {
        let selector = Selector::parse("app/*,nope/x[1]").unwrap().unwrap();
        assert_eq!(selector.idle(&[("app", "web1")]), ["nope/x[1]"]);
    }

    #[test]
    fn no_pattern_takes_long() {
        let selector = Selector::parse(&format!("a/{}b", "*a".repeat(200))).unwrap().unwrap();
        assert!(!selector.matches("a", &"a".repeat(500)));
    }
}
