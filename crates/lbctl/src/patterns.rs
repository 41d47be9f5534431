//! Maps and lists of ACLs on a node: found by name, read, changed and read again.

use lb_client::{Client, Error, Line, LineError};

use crate::exit::Exit;
use crate::fault::Fault;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Keys and values.
    Map,
    /// Patterns alone.
    Acl,
}

impl Kind {
    /// The wire's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Acl => "acl",
        }
    }
}

/// A map or list of one node.
pub struct Patterns<'a> {
    client: &'a Client,
    kind: Kind,
    /// As commands name it: its file, or `#id` where it has none.
    name: String,
}

/// How much of a payload goes into one command: the engine's buffer (`tune.bufsize`, 16 kB) holds the line too.
const CHUNK: usize = 8 << 10;

impl<'a> Patterns<'a> {
    /// One that `show map` or `show acl` lists.
    pub fn of(client: &'a Client, kind: Kind, id: &str, file: &str) -> Self {
        let name = if file.is_empty() { format!("#{id}") } else { file.to_owned() };
        Self { client, kind, name }
    }

    /// Finds one by its file, the end of its file's path, or `#id`.
    ///
    /// # Errors
    /// [`Exit::NotFound`] when there is none, [`Exit::Usage`] when several have that name.
    pub fn find(client: &'a Client, kind: Kind, wanted: &str) -> Result<Self, Fault> {
        let word = kind.word();
        let answer = client.ask_ok(&Line::words(["show", word]).map_err(Error::from)?)?;
        let text = answer.text().into_owned();
        let all = parse_list(&text);
        let exact: Vec<&(String, String)> =
            all.iter().filter(|(id, file)| file == wanted || wanted.strip_prefix('#') == Some(id)).collect();
        let found = if exact.is_empty() {
            let tail = format!("/{wanted}");
            all.iter().filter(|(_, file)| file.ends_with(&tail)).collect()
        } else {
            exact
        };
        match found.as_slice() {
            [(id, file)] => Ok(Self::of(client, kind, id, file)),
            [] => {
                let files: Vec<&str> = all.iter().map(|(_, f)| f.as_str()).filter(|f| !f.is_empty()).collect();
                let near = crate::target::nearest(wanted, files.iter().copied());
                let near = near.map(|n| format!("did you mean '{n}'? ")).unwrap_or_default();
                let fault =
                    Fault::new(Exit::NotFound, format!("no {word} is named '{wanted}' on {}", client.address()));
                Err(fault.hint(format!("{near}'lbctl show {word}s' lists what there is")))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|(_, f)| f.as_str()).collect();
                Err(Fault::usage(format!("'{wanted}' may be {}", names.join(" or "))).hint("write the whole path"))
            }
        }
    }

    /// As commands name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command about it: `verb map NAME rest`.
    ///
    /// # Errors
    /// When a word cannot be carried.
    pub fn line(&self, verb: &str, rest: &[&str]) -> Result<Line, Fault> {
        let words = [verb, self.kind.word(), &self.name].into_iter().chain(rest.iter().copied());
        Ok(Line::words(words).map_err(Error::from)?)
    }

    /// The value of a key, or nothing; a pattern's value is empty.
    ///
    /// # Errors
    /// Those of the exchange.
    pub fn value(&self, key: &str) -> Result<Option<String>, Fault> {
        let answer = self.client.ask_ok(&self.line("show", &[])?)?;
        Ok(parse_entries(&answer.text()).find(|(k, _)| *k == key).map(|(_, v)| v.to_owned()))
    }

    /// Keys and values; a pattern's value is empty.
    ///
    /// # Errors
    /// Those of the exchange.
    pub fn entries(&self) -> Result<Vec<(String, String)>, Fault> {
        let answer = self.client.ask_ok(&self.line("show", &[])?)?;
        Ok(parse_entries(&answer.text()).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
    }

    /// The command that makes a key's value what is wished (nothing: the key goes), from what it is.
    ///
    /// # Errors
    /// When a word cannot be carried.
    pub fn change(&self, key: &str, now: Option<&str>, wished: Option<&str>) -> Result<Option<Line>, Fault> {
        let line = match (now, wished) {
            (now, wished) if now == wished => return Ok(None),
            (_, None) => self.line("del", &[key])?,
            (None, Some(_)) if self.kind == Kind::Acl => self.line("add", &[key])?,
            (None, Some(value)) => self.line("add", &[key, value])?,
            (Some(_), Some(value)) => self.line("set", &[key, value])?,
        };
        Ok(Some(line))
    }

    /// Replaces everything at once: readers see the former or the latter. Nothing is changed when a line is refused.
    ///
    /// # Errors
    /// The refusal of a line, and those of the exchange.
    pub fn replace(&self, lines: &[String]) -> Result<(), Fault> {
        let word = self.kind.word();
        let answer = self.client.ask_ok(&self.line("prepare", &[])?)?;
        let text = answer.text().into_owned();
        let Some(version) = text.trim().rsplit(' ').next().and_then(|v| v.parse::<u32>().ok()) else {
            return Err(Fault::new(Exit::Refused, format!("'prepare {word}' answered '{}'", text.trim())));
        };
        let at = format!("@{version}");
        // What comes with each pattern in a chain, some escapes included.
        let overhead = if self.kind == Kind::Acl { self.name.len() + 40 } else { 0 };
        let filled = chunks(lines, overhead).into_iter().try_for_each(|chunk| {
            let line = self.add(&at, &chunk).map_err(Error::from)?;
            self.client.ask_ok(&line).map(drop).map_err(Fault::from)
        });
        let last = if filled.is_ok() { "commit" } else { "clear" };
        let ended = Line::words([last, word, &at, &self.name]).map_err(Error::from)?;
        let ended = self.client.ask_ok(&ended).map(drop).map_err(Fault::from);
        filled.and(ended)
    }
}

impl Patterns<'_> {
    /// One command line for many entries. Only maps take a payload: patterns are a chain of commands.
    fn add(&self, version: &str, lines: &str) -> Result<Line, LineError> {
        let begin = ["add", self.kind.word(), version, &self.name];
        if self.kind == Kind::Map {
            return Line::words(begin)?.payload(lines);
        }
        let one = |pattern: &str| Line::words(begin.iter().copied().chain([pattern]));
        let mut patterns = lines.lines();
        let first = one(patterns.next().unwrap_or(""))?;
        patterns.try_fold(first, |line, pattern| Ok(line.chain(&one(pattern)?)))
    }
}

/// Every name that [`Patterns::find`] takes on a node: whole paths, and their ends where these are enough.
pub fn names(client: &Client, kind: Kind) -> Vec<String> {
    let answer = Line::words(["show", kind.word()]).ok().and_then(|line| client.ask_ok(&line).ok());
    let Some(answer) = answer else { return Vec::new() };
    let all = parse_list(&answer.text());
    let end = |file: &str| file.rsplit('/').next().unwrap_or(file).to_owned();
    let ends: Vec<String> = all.iter().map(|(_, file)| end(file)).collect();
    let mut names = Vec::new();
    for ((id, file), end) in all.iter().zip(&ends) {
        if file.is_empty() {
            names.push(format!("#{id}"));
            continue;
        }
        names.push(file.clone());
        if end != file && ends.iter().filter(|other| *other == end).count() == 1 {
            names.push(end.clone());
        }
    }
    names
}

/// Ids and files of `show map` and `show acl`.
pub fn parse_list(text: &str) -> Vec<(String, String)> {
    let parse = |line: &str| {
        let (id, rest) = line.split_once(" (")?;
        let (file, _) = rest.split_once(')')?;
        id.bytes().all(|b| b.is_ascii_digit()).then(|| (id.to_owned(), file.to_owned()))
    };
    text.lines().filter_map(parse).collect()
}

/// Keys and values of `show map NAME`: `0x… key value`.
fn parse_entries(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let (pointer, rest) = line.split_once(' ')?;
        pointer.starts_with("0x").then(|| rest.split_once(' ').unwrap_or((rest, "")))
    })
}

/// Lines in payloads of a bounded size.
fn chunks(lines: &[String], overhead: usize) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for line in lines {
        match chunks.last_mut() {
            Some(chunk) if chunk.len() + line.len() + (chunk.lines().count() + 1) * overhead < CHUNK => {
                chunk.push('\n');
                chunk.push_str(line);
            }
            _ => chunks.push(line.clone()),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let list = "# id (file) description\n4 (/etc/h.map) pattern loaded from file '/etc/h.map' used by map\n1 () acl 'src' file 'h' line 12. curr_ver=0\n\n";
        assert_eq!(parse_list(list), [("4".into(), "/etc/h.map".into()), ("1".into(), String::new())]);
        let entries: Vec<_> = parse_entries("0x5 a.com app\n0x6 b.com two words\n0x7 10.0.0.0/8\n\n").collect();
        assert_eq!(entries, [("a.com", "app"), ("b.com", "two words"), ("10.0.0.0/8", "")]);
        let lines: Vec<String> = (0..3000).map(|n| format!("key{n} value")).collect();
        let chunks = chunks(&lines, 0);
        assert!(chunks.len() > 3 && chunks.iter().all(|c| c.len() <= CHUNK));
        assert_eq!(chunks.join("\n"), lines.join("\n"));
    }
}
