//! nginx's syntax: directives with words, ended by a semicolon or by a block.

use super::Include;
use std::cell::Cell;

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) words: Vec<String>,
    /// The directives of its block, if it has one.
    pub(super) block: Vec<Directive>,
}

impl Directive {
    /// As it was written, without its block.
    pub(super) fn shown(&self) -> String {
        [std::slice::from_ref(&self.name), &self.words].concat().join(" ")
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// The value of `name=value` among its words.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// The directives of its block that have a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.block.iter().filter(move |inner| inner.name == name)
    }

    pub(super) fn one<'a>(&'a self, name: &'a str) -> Option<&'a Self> {
        self.all(name).last()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    End,
    Open,
    Close,
}

/// Blocks within blocks.
const DEEPEST: usize = 32;

/// Files that are included at most: one that includes itself ends there.
const MOST_FILES: usize = 200;

/// Reads a text.
pub(super) fn read(text: &str, include: Include<'_>) -> Result<Vec<Directive>, String> {
    let left = Cell::new(MOST_FILES);
    let limited = |pattern: &str| {
        left.set(left.get().checked_sub(1)?);
        include(pattern)
    };
    block(&mut tokens(text)?.into_iter().peekable(), 0, &limited)
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<(usize, Token)>>;

fn block(tokens: &mut Tokens, depth: usize, include: Include<'_>) -> Result<Vec<Directive>, String> {
    if depth > DEEPEST {
        return Err("blocks are nested too deeply".to_owned());
    }
    let mut found = Vec::new();
    while let Some((line, token)) = tokens.next() {
        let name = match token {
            Token::Word(name) => name,
            Token::Close if depth > 0 => return Ok(found),
            Token::Close => return Err(format!("line {line}: '}}' closes no block")),
            Token::End | Token::Open => return Err(format!("line {line}: a directive has no name")),
        };
        let mut directive = Directive { line, name, words: Vec::new(), block: Vec::new() };
        loop {
            match tokens.next() {
                Some((_, Token::Word(word))) => directive.words.push(word),
                Some((_, Token::End)) => break,
                Some((_, Token::Open)) => {
                    directive.block = block(tokens, depth + 1, include)?;
                    break;
                }
                Some((_, Token::Close)) | None => {
                    return Err(format!("line {line}: '{}' is not ended by ';' or a block", directive.name));
                }
            }
        }
        match directive.name.as_str() {
            "include" => match include(directive.word(0)) {
                Some(files) => {
                    for (name, text) in files {
                        let inner = self::tokens(&text).and_then(|t| block(&mut t.into_iter().peekable(), 0, include));
                        let more = inner.map_err(|error| format!("{name}: {error}"))?;
                        found.extend(more);
                    }
                }
                None => found.push(directive),
            },
            _ => found.push(directive),
        }
    }
    if depth > 0 {
        return Err("a block is not closed at the end".to_owned());
    }
    Ok(found)
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    let mut line = 1;
    while let Some(c) = chars.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            '#' => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            ';' => found.push((line, Token::End)),
            '{' => found.push((line, Token::Open)),
            '}' => found.push((line, Token::Close)),
            '"' | '\'' => {
                let (start, mut word) = (line, String::new());
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\\') => match chars.next() {
                            Some(escaped) if escaped == c || escaped == '\\' => word.push(escaped),
                            Some('n') => word.push('\n'),
                            Some('r') => word.push('\r'),
                            Some('t') => word.push('\t'),
                            Some(other) => word.extend(['\\', other]),
                            None => {}
                        },
                        Some(inner) => {
                            line += usize::from(inner == '\n');
                            word.push(inner);
                        }
                        None => return Err(format!("line {start}: a quote is not closed")),
                    }
                }
                found.push((start, Token::Word(word)));
            }
            first => {
                let mut word = String::from(first);
                while let Some(next) = chars.peek().copied() {
                    // `${name}` is a part of a word; regular expressions with braces are quoted in nginx.
                    if word.ends_with('$') && next == '{' {
                        word.extend(chars.by_ref().take_while(|c| *c != '}'));
                        word.push('}');
                        continue;
                    }
                    if next.is_whitespace() || matches!(next, ';' | '{' | '}') {
                        break;
                    }
                    word.push(next);
                    chars.next();
                    if next == '\\'
                        && let Some(escaped) = chars.next()
                    {
                        word.push(escaped);
                    }
                }
                found.push((line, Token::Word(word)));
            }
        }
    }
    Ok(found)
}
