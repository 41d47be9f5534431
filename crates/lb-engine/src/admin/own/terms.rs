//! The words after a complete command that only this program understands: `for <time>` and `if-unchanged <revision>`.
//!
//! As HAProxy accepts any words there and ignores them, so does this program with all others.

use lb_admin::{CommandId, Reply, Request};
use lb_model::{TimeUnit, parse_time};
use std::time::Duration;

/// What the words ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Terms {
    /// The change ends after this time.
    pub time: Option<Duration>,
    /// The change is made only to servers that nobody changed since.
    pub revision: Option<u64>,
}

/// How many arguments a command has before those words.
fn complete(request: &Request) -> usize {
    match request.id {
        CommandId::SetServer => 3,
        CommandId::SetWeight | CommandId::SetMaxconnServer => 2,
        _ => 1,
    }
}

impl Terms {
    /// Takes the words off a command.
    ///
    /// # Errors
    /// The answer when they cannot be meant.
    pub fn cut(request: &mut Request) -> Result<Self, Reply> {
        let mut terms = Self::default();
        let own = request.id.command().word_count();
        let fewest = own + complete(request);
        while let Some(at) = request.words.len().checked_sub(2).filter(|at| *at >= fewest) {
            let word = |index: usize| request.words.get(index).map_or("", String::as_str);
            let value = word(at + 1);
            match word(at) {
                "for" => terms.time = Some(time(value)?),
                "if-unchanged" => terms.revision = Some(revision(value)?),
                _ => break,
            }
            request.words.truncate(at);
        }
        if terms.time.is_some() && !leasable(request) {
            return Err(Reply::err(
                "'for' goes with 'set server … state', 'set server … weight' and 'disable server'.",
            ));
        }
        Ok(terms)
    }
}

fn leasable(request: &Request) -> bool {
    match request.id {
        CommandId::SetServer => matches!(request.arg(1), "state" | "weight"),
        CommandId::DisableServer | CommandId::EnableServer | CommandId::SetWeight => true,
        _ => false,
    }
}

/// No longer than what a timer counts; a year is for ever here.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

fn time(text: &str) -> Result<Duration, Reply> {
    let time = parse_time(text, TimeUnit::Secs).ok().filter(|time| !time.is_zero() && *time <= LONGEST);
    time.ok_or_else(|| Reply::err(format!("'for' expects a time such as 30m, not '{text}'.")))
}

fn revision(text: &str) -> Result<u64, Reply> {
    let complaint =
        || Reply::err(format!("'if-unchanged' expects a number that 'show servers revisions' shows, not '{text}'."));
    text.parse().map_err(|_| complaint())
}

#[cfg(test)]
mod tests {
    use super::*;
    use lb_admin::{Anon, find};
    use lb_model::Level;

    fn cut(line: &str) -> (String, Result<Terms, String>) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let id = find(&words).unwrap().id;
        let (level, anon) = (Level::Admin, Anon::OFF);
        let mut request = Request { id, words, payload: None, level, expert: false, experimental: false, anon };
        let terms = Terms::cut(&mut request).map_err(|reply| format!("{reply:?}"));
        (request.words.join(" "), terms)
    }

    #[test]
    fn words_at_the_end() {
        let terms = |time: Option<u64>, revision| Terms { time: time.map(Duration::from_secs), revision };
        for (line, left, expected) in [
            ("set server a/b state drain", "set server a/b state drain", terms(None, None)),
            ("set server a/b state drain for 30m", "set server a/b state drain", terms(Some(1800), None)),
            ("set server a/b weight 5 if-unchanged 7 for 5", "set server a/b weight 5", terms(Some(5), Some(7))),
            ("set weight a/b 5 for 1h if-unchanged 7", "set weight a/b 5", terms(Some(3600), Some(7))),
            ("disable server a/b for 1s", "disable server a/b", terms(Some(1), None)),
            ("enable health a/b if-unchanged 9", "enable health a/b", terms(None, Some(9))),
            ("set server a/b agent-send for", "set server a/b agent-send for", terms(None, None)),
            ("set server a/b state ready extra junk", "set server a/b state ready extra junk", terms(None, None)),
            ("set server a/b addr ::1 port 5 if-unchanged 1", "set server a/b addr ::1 port 5", terms(None, Some(1))),
        ] {
            assert_eq!(cut(line), (left.to_owned(), Ok(expected)), "{line}");
        }
    }

    #[test]
    fn words_that_cannot_be_meant() {
        for (line, complaint) in [
            ("set server a/b state drain for ever", "'for' expects a time such as 30m, not 'ever'"),
            ("set server a/b state drain for 0", "'for' expects a time"),
            ("set server a/b state drain for 9999d", "'for' expects a time"),
            ("set server a/b state drain if-unchanged x", "'if-unchanged' expects a number"),
            ("set server a/b check-port 5 for 5m", "'for' goes with"),
            ("set maxconn server a/b 5 for 5m", "'for' goes with"),
        ] {
            let told = cut(line).1.unwrap_err();
            assert!(told.contains(complaint), "{line}: {told}");
        }
    }
}
