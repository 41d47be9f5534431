//! The node's own commands, as its `help` lists them: so completion fits any version and level.
//! What `help` does not spell out, such as the words after `set server`, the table of `lb-admin` knows.

/// One word of a command's usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// One of these words.
    Words(Vec<String>),
    /// `backend/server`.
    Server,
    /// A backend.
    Backend,
    /// A frontend.
    Frontend,
    /// Anything.
    Any,
}

/// What may follow on a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Next {
    /// Words.
    pub words: Vec<String>,
    /// Names of servers.
    pub servers: bool,
    /// Names of backends.
    pub backends: bool,
    /// Names of frontends.
    pub frontends: bool,
}

/// The commands of a node.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    usages: Vec<Vec<Slot>>,
}

impl Catalog {
    /// Reads the answer to `help`: `  words <arguments> : summary`.
    pub fn parse(help: &str) -> Self {
        let told = help.lines().filter_map(|line| {
            let line = line.strip_prefix("  ")?;
            Some(line.split_once(": ").map_or(line, |(usage, _)| usage))
        });
        Self { usages: told.map(slots).filter(|s| !s.is_empty()).collect() }
    }

    /// What may come after these words.
    pub fn next(&self, typed: &[&str]) -> Next {
        let mut next = Next::default();
        for usage in &self.usages {
            let fits = usage.len() > typed.len() && usage.iter().zip(typed).all(|(slot, word)| fits(slot, word));
            if !fits {
                continue;
            }
            match usage.get(typed.len()) {
                Some(Slot::Words(words)) => next.words.extend(words.iter().cloned()),
                Some(Slot::Server) => next.servers = true,
                Some(Slot::Backend) => next.backends = true,
                Some(Slot::Frontend) => next.frontends = true,
                Some(Slot::Any) | None => {}
            }
        }
        next.words.sort();
        next.words.dedup();
        next
    }
}

fn fits(slot: &Slot, word: &str) -> bool {
    match slot {
        Slot::Words(words) => words.iter().any(|w| w == word),
        Slot::Server => word.contains('/'),
        _ => true,
    }
}

fn slots(usage: &str) -> Vec<Slot> {
    usage.split_whitespace().take_while(|word| !word.starts_with('(')).map(slot).collect()
}

fn slot(word: &str) -> Slot {
    if word.contains("<bk>/<srv>") || word.contains("<backend>/<server>") {
        return Slot::Server;
    }
    match word.trim_matches(['[', ']', '*']) {
        "<backend>" | "<bk>" | "<px>" => return Slot::Backend,
        "<frontend>" => return Slot::Frontend,
        _ => {}
    }
    if word.contains('<') {
        return Slot::Any;
    }
    let bare = word.trim_end_matches([':', '*']);
    let inner = bare.trim_matches(['[', ']', '{', '}']);
    if bare == inner && !inner.contains('|') {
        return Slot::Words(vec![inner.to_owned()]);
    }
    // A single word in brackets names an argument (`[id]`), alternatives are words.
    if !inner.contains('|') && bare.starts_with('[') && !inner.starts_with('-') && inner != "cli" && inner != "all" {
        return Slot::Any;
    }
    Slot::Words(inner.split('|').map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    const HELP: &str = "The following commands are valid at this level:\n\
        \x20 add acl [@<ver>] <acl> <pattern>        : add an acl entry\n\
        \x20 disable agent                           : disable agent checks\n\
        \x20 enable server  (DEPRECATED)             : enable a disabled server\n\
        \x20 set server <bk>/<srv> [opts]            : change a server's state\n\
        \x20 set severity-output [none|number|string]: set presence of severity level\n\
        \x20 show servers conn [<backend>]           : dump server connections status\n\
        \x20 show sess [id]                          : report the list of current sessions\n\
        \x20 show stat [desc|json|no-maint|typed|up]*: report counters\n\
        \x20 disable frontend <frontend>             : temporarily disable\n\
        \x20 set timeout [cli] <delay>               : change a timeout setting\n\n";

    fn check(typed: &str, expected: &Expect) {
        let words: Vec<&str> = typed.split_whitespace().collect();
        let next = Catalog::parse(HELP).next(&words);
        let mut told = next.words.join(" ");
        told.push_str(if next.servers { " SERVERS" } else { "" });
        told.push_str(if next.backends { " BACKENDS" } else { "" });
        told.push_str(if next.frontends { " FRONTENDS" } else { "" });
        expected.assert_eq(&told);
    }

    #[test]
    fn what_comes_next() {
        check("", &expect!["add disable enable set show"]);
        check("show", &expect!["servers sess stat"]);
        check("show stat", &expect!["desc json no-maint typed up"]);
        check("show servers conn", &expect![" BACKENDS"]);
        check("show sess", &expect![""]);
        check("set", &expect!["server severity-output timeout"]);
        check("set severity-output", &expect!["none number string"]);
        check("set server", &expect![" SERVERS"]);
        check("set timeout", &expect!["cli"]);
        check("disable frontend", &expect![" FRONTENDS"]);
    }
}
