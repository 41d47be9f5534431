//! Candidates from the node, for the shell's completion.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use lb_client::{Address, Client};

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

/// The node that the command line being completed is about.
fn node() -> Option<Client> {
    let words: Vec<String> = std::env::args().skip_while(|w| w != "--").skip(1).collect();
    let address = socket_of(&words)
        .or_else(|| std::env::var("LBCTL_SOCKET").ok())
        .and_then(|text| text.parse::<Address>().ok())
        .or_else(|| crate::context::usual_socket().ok())?;
    Some(Client::new(address).with_timeout(PATIENCE))
}

/// The socket named in a command line's words.
fn socket_of(words: &[String]) -> Option<String> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "-s" || word == "--socket" {
            return words.next().cloned();
        }
        let glued = word.strip_prefix("--socket=").or_else(|| {
            let rest = word.strip_prefix("-s")?;
            (!word.starts_with("--") && !rest.is_empty()).then(|| rest.strip_prefix('=').unwrap_or(rest))
        });
        if let Some(address) = glued {
            return Some(address.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::socket_of;

    #[test]
    fn the_socket_of_a_command_line() {
        let of = |line: &str| socket_of(&line.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("lbctl -s /a drain").as_deref(), Some("/a"));
        assert_eq!(of("lbctl -s/a drain").as_deref(), Some("/a"));
        assert_eq!(of("lbctl drain --socket=tcp://h:1 a/b").as_deref(), Some("tcp://h:1"));
        assert_eq!(of("lbctl --some drain a/b"), None);
    }
}
