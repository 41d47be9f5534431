//! Candidates from the node, for the shell's completion.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use lb_client::Client;

use crate::cli::Globals;
use crate::context::Context;
use crate::settings::Settings;

/// A shell waits for the answer: a node that does not answer at once completes nothing.
const PATIENCE: Duration = Duration::from_millis(500);

/// Servers' names that begin with what is typed.
pub fn targets(current: &OsStr) -> Vec<CompletionCandidate> {
    let Some(typed) = current.to_str() else { return Vec::new() };
    let Some(client) = node() else { return Vec::new() };
    let servers = client.servers_state(None).unwrap_or_default();
    let names = servers.iter().map(|s| s.name.to_string()).filter(|name| name.starts_with(typed));
    names.map(CompletionCandidate::new).collect()
}

/// Names of contexts that begin with what is typed.
pub fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let (Some(typed), Ok(settings)) = (current.to_str(), Settings::load()) else { return Vec::new() };
    settings.contexts.into_keys().filter(|name| name.starts_with(typed)).map(CompletionCandidate::new).collect()
}

/// The node that the command line being completed is about; of a context, the first.
fn node() -> Option<Client> {
    let words: Vec<String> = std::env::args().skip_while(|w| w != "--").skip(1).collect();
    let mut globals = Globals::default();
    match (value_of(&words, "-s", "--socket"), value_of(&words, "-c", "--context")) {
        (Some(socket), _) => globals.sockets = vec![socket.parse().ok()?],
        (None, context) => globals.context = context,
    }
    Some(Context::new(&globals).ok()?.client.with_timeout(PATIENCE))
}

/// The value of an option in a command line's words.
fn value_of(words: &[String], short: &str, long: &str) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == short || word == long {
            return words.next().cloned();
        }
        let glued = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')).or_else(|| {
            let rest = word.strip_prefix(short)?;
            (!word.starts_with("--") && !rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest))
        });
        if let Some(value) = glued {
            return Some(value.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::value_of;

    #[test]
    fn options_of_a_command_line() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let of = |line: &str| value_of(&words(line), "-s", "--socket");
        assert_eq!(of("lbctl -s /a drain").as_deref(), Some("/a"));
        assert_eq!(of("lbctl -s/a drain").as_deref(), Some("/a"));
        assert_eq!(of("lbctl drain --socket=tcp://h:1 a/b").as_deref(), Some("tcp://h:1"));
        assert_eq!(of("lbctl --some drain a/b"), None);
        assert_eq!(value_of(&words("lbctl -c prod drain"), "-c", "--context").as_deref(), Some("prod"));
    }
}
