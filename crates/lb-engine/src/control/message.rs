//! What the control thread tells people: a line in the log, and one on standard error as HAProxy writes it.

use super::Control;
use crate::shared::ProxyState;
use lb_config::model::LogTarget;
use lb_model::Severity;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;

/// Bytes a pipe that is ready takes without blocking.
const MAX_LINE: usize = 4_096;

impl Control {
    /// Tells a line to a proxy's log and to standard error.
    pub(super) fn tell_proxy(&self, proxy: &'static ProxyState, severity: Severity, text: &str) {
        self.tell(&proxy.config.logs, proxy.config.log_tag.as_deref(), severity, text);
    }

    /// Tells a line to these log targets and to standard error.
    pub(super) fn tell(&self, targets: &[LogTarget], tag: Option<&str>, severity: Severity, text: &str) {
        self.shared.logger.send(targets, severity, tag, text.as_bytes());
        self.warn(text);
    }

    /// Tells a line to standard error only.
    pub(super) fn warn(&self, text: &str) {
        self.print("WARNING", text);
    }

    /// Tells what an operator did, on standard error only.
    pub(crate) fn notice(&self, text: &str) {
        self.print("NOTICE", text);
    }

    /// Something of the configuration has no effect.
    pub(crate) fn warning(&self, text: &str) {
        self.print("WARNING", text);
    }

    /// A backend lost its last usable server. The two forms differ in their quotes.
    pub(super) fn tell_no_server(&self, proxy: &'static ProxyState) {
        let config = proxy.config.get();
        let line = lb_check::no_server_available(&config.name);
        self.shared.logger.send(&config.logs, Severity::Emerg, config.log_tag.as_deref(), line.as_bytes());
        self.print("ALERT", &format!("backend '{}' has no server available!", config.name));
    }

    fn print(&self, word: &str, text: &str) {
        if self.shared.config.global.quiet {
            return;
        }
        let mut line = format!("{:<10} ({}) : {text}", format!("[{word}]"), std::process::id());
        line.push('\n');
        write_if_ready(line.as_bytes());
    }
}

/// A standard error that nobody reads must not stop the control thread: the line is dropped then.
fn write_if_ready(line: &[u8]) {
    let stderr = std::io::stderr();
    let target = stderr.as_fd();
    let mut polled = [PollFd::new(target, PollFlags::POLLOUT)];
    if matches!(poll(&mut polled, PollTimeout::ZERO), Ok(1..)) {
        // Nothing is left to tell anybody when standard error fails.
        let _ = nix::unistd::write(target, line.get(..MAX_LINE).unwrap_or(line));
    }
}
