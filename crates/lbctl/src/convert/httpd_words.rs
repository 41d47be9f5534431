//! Apache httpd's syntax: a directive a line, sections in angle brackets.

/// A directive or a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directive {
    pub(super) line: usize,
    /// In lower case: httpd does not care.
    pub(super) name: String,
    pub(super) words: Vec<String>,
    pub(super) text: String,
    pub(super) block: Vec<Directive>,
}

impl Directive {
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// The directives of its block that have a name, in lower case.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.block.iter().filter(move |inner| inner.name == name)
    }

    pub(super) fn one<'a>(&'a self, name: &'a str) -> Option<&'a Self> {
        self.all(name).last()
    }
}

/// Reads a text as the block of a directive without a name.
pub(super) fn read(text: &str) -> Result<Directive, String> {
    let root = Directive { line: 0, name: String::new(), words: Vec::new(), text: String::new(), block: Vec::new() };
    let mut open = vec![root];
    let mut joined = String::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(begin) = line.strip_suffix('\\') {
            joined.push_str(begin);
            continue;
        }
        joined.push_str(line);
        let line = std::mem::take(&mut joined);
        let line = line.trim();
        let at = index + 1;
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(end) = line.strip_prefix("</") {
            let end = end.trim_end_matches('>').trim().to_lowercase();
            let Some(section) = open.pop().filter(|section| section.name == end && !open.is_empty()) else {
                return Err(format!("line {at}: </{end}> closes no section"));
            };
            let Some(outer) = open.last_mut() else { return Err(format!("line {at}: </{end}> closes no section")) };
            match section.name.as_str() {
                // Everything there is is taken: the modules that matter here have no other counterpart.
                "ifmodule" | "ifdefine" | "ifversion" => outer.block.extend(section.block),
                _ => outer.block.push(section),
            }
        } else if let Some(begin) = line.strip_prefix('<') {
            open.push(directive(at, begin.trim_end_matches('>'), line));
        } else if let Some(outer) = open.last_mut() {
            outer.block.push(directive(at, line, line));
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(root), true) => Ok(root),
        (Some(section), false) => Err(format!("line {}: <{}> is not closed", section.line, section.name)),
        (None, _) => Err("there is no text".to_owned()),
    }
}

fn directive(line: usize, words: &str, text: &str) -> Directive {
    let mut words = split(words);
    let name = if words.is_empty() { String::new() } else { words.remove(0).to_lowercase() };
    Directive { line, name, words, text: text.to_owned(), block: Vec::new() }
}

fn split(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(first) = chars.next() {
        if first.is_whitespace() {
            continue;
        }
        let mut word = String::new();
        if matches!(first, '"' | '\'') {
            while let Some(c) = chars.next().filter(|c| *c != first) {
                match (c, chars.peek()) {
                    ('\\', Some(next)) if *next == first || *next == '\\' => word.extend(chars.next()),
                    _ => word.push(c),
                }
            }
        } else {
            word.push(first);
            while let Some(c) = chars.next_if(|c| !c.is_whitespace()) {
                word.push(c);
            }
        }
        found.push(word);
    }
    found
}
