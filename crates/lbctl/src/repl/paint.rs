//! Colours of the line that is being typed. They repeat what the words say; nothing is told by them alone.

use std::ops::Range;

/// What a piece of the line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Words of a command that is known.
    Command,
    /// A word that begins no command.
    Unknown,
    /// An option.
    Option,
    /// In quotes.
    Quoted,
    /// A server that is there.
    Server,
    /// A backslash command.
    Meta,
}

/// The pieces of a line that have a colour. `command` tells how many of a command's first words are known, and
/// whether they are a command or the beginning of one.
pub fn pieces(
    line: &str,
    command: impl Fn(&[&str]) -> usize,
    server: impl Fn(&str) -> bool,
) -> Vec<(Range<usize>, Kind)> {
    let mut found = Vec::new();
    for part in parts(line) {
        let words = words(line, part);
        let texts: Vec<&str> = words.iter().filter_map(|at| line.get(at.clone())).collect();
        let known = command(&texts);
        for (at, (range, text)) in words.iter().zip(&texts).enumerate() {
            let kind = match text.chars().next() {
                Some('\\') if at == 0 => Kind::Meta,
                Some('\'' | '"') => Kind::Quoted,
                _ if at < known => Kind::Command,
                Some('-') if text.len() > 1 => Kind::Option,
                // Whoever is still typing a word has made no mistake.
                _ if at == 0 && line.len() > range.end => Kind::Unknown,
                _ if server(text) => Kind::Server,
                _ => continue,
            };
            found.push((range.clone(), kind));
        }
    }
    found
}

/// The commands of a chain.
fn parts(line: &str) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut begin, mut escaped) = (0, false);
    for (at, c) in line.char_indices() {
        if c == ';' && !escaped {
            parts.push(begin..at);
            begin = at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    parts.push(begin..line.len());
    parts
}

/// Where the words of a part are; blanks in quotes end none.
fn words(line: &str, part: Range<usize>) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let (mut begin, mut quote) = (None, None);
    let text = line.get(part.clone()).unwrap_or("");
    for (at, c) in text.char_indices() {
        let at = part.start + at;
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => {
                quote = Some(c);
                begin.get_or_insert(at);
            }
            (c, None) if c.is_whitespace() => words.extend(begin.take().map(|from| from..at)),
            _ => {
                begin.get_or_insert(at);
            }
        }
    }
    words.extend(begin.map(|from| from..part.end));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> String {
        let command = |words: &[&str]| {
            let known = ["show", "servers", "set", "server"];
            words.iter().take_while(|w| known.contains(w)).count()
        };
        let pieces = pieces(line, command, |word| word == "app/web1");
        pieces.into_iter().map(|(at, kind)| format!("{kind:?}:{}", &line[at])).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn kinds_of_words() {
        assert_eq!(told("show servers -o json"), "Command:show Command:servers Option:-o");
        assert_eq!(told("set server app/web1 state"), "Command:set Command:server Server:app/web1");
        assert_eq!(told("sho"), "");
        assert_eq!(told("shw servers"), "Unknown:shw");
        assert_eq!(told("show; nope x"), "Command:show Unknown:nope");
        assert_eq!(told("\\watch show"), "Meta:\\watch");
        assert_eq!(told("show -m 'a b' ü"), "Command:show Option:-m Quoted:'a b'");
    }
}
