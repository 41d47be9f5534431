//! A log line for each command that changed something: who, what, and from which state to which.

use super::{Control, Outcome};
use lb_model::{Compat, Severity};

/// The longest command line shown.
const LONGEST: usize = 512;
/// Commands whose last word is a secret.
const SECRETS: [&str; 4] =
    ["set dynamic-cookie-key backend ", "set ssl tls-key ", "set anon global-key ", "set ssl ocsp-response "];

impl Control {
    /// Tells the log of the global section what a command did, a line for each server. A command about something else
    /// has one line.
    pub fn audit(&self, by: &str, what: &str, servers: &[Outcome]) {
        let global = &self.shared.config.global;
        if global.logs.is_empty() || global.compat == Compat::Strict {
            return;
        }
        let what = harmless(what);
        let tell = |text: String| self.shared.logger.send(&global.logs, Severity::Notice, None, text.as_bytes());
        if servers.is_empty() {
            tell(format!("Admin: {by}: {what}."));
        }
        for Outcome { name, revision, differences } in servers {
            tell(match &**differences {
                "" => format!("Admin: {by}: {what}: {name} unchanged."),
                differences => format!("Admin: {by}: {what}: {name} {differences}, revision {revision}."),
            });
        }
    }
}

/// A command line that cannot make the log lie: on one line, not too long, without secrets.
fn harmless(what: &str) -> String {
    let shown = match what.rsplit_once(' ') {
        Some((before, _)) if SECRETS.iter().any(|secret| what.starts_with(secret)) => format!("{before} ***"),
        _ => what.to_owned(),
    };
    let mut text: String = shown.chars().take(LONGEST).map(|c| if c.is_control() { '?' } else { c }).collect();
    if text.len() < shown.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn lines_are_harmless() {
        assert_eq!(harmless("set server a/b state drain"), "set server a/b state drain");
        assert_eq!(harmless("echo a\nb\x1b[2J"), "echo a?b?[2J");
        assert_eq!(harmless("set dynamic-cookie-key backend app secret"), "set dynamic-cookie-key backend app ***");
        assert_eq!(harmless(&"x".repeat(600)).chars().count(), 513);
    }
}
