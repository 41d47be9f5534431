//! `lbctl server`: servers made, moved and removed while the engine runs.

mod add;
mod addr;
mod del;

pub use addr::{move_server, place};

use crate::context::Context;
use crate::fault::Fault;

/// What to do with servers.
#[derive(Debug, Clone, clap::Subcommand)]
#[command(
    after_help = "Examples:\n  lbctl server add app/web9 10.0.0.9:80 --check --ready\n  lbctl server addr app/web1 \
                        10.0.0.7\n  lbctl server del app/web9"
)]
pub enum What {
    /// Add a server to a backend
    Add(add::Args),
    /// Drain, take out and remove servers that were added at run time
    Del(del::Args),
    /// Move a server to another address
    Addr(addr::Args),
}

/// Runs it.
///
/// # Errors
/// When the node refuses, or the state read afterwards disagrees.
pub fn run(what: &What, ctx: &Context) -> Result<(), Fault> {
    match what {
        What::Add(args) => add::run(args, ctx),
        What::Del(args) => del::run(args, ctx),
        What::Addr(args) => addr::run(args, ctx),
    }
}

/// `host:port` in its two parts; brackets around an IPv6 address go.
fn host_port(text: &str) -> (String, Option<u16>) {
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_owned();
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => match port.parse() {
            Ok(port) => (bare(host), Some(port)),
            Err(_) => (text.to_owned(), None),
        },
        _ => (bare(text), None),
    }
}

#[cfg(test)]
mod tests {
    use super::host_port;

    #[test]
    fn addresses() {
        assert_eq!(host_port("10.0.0.1:80"), ("10.0.0.1".into(), Some(80)));
        assert_eq!(host_port("10.0.0.1"), ("10.0.0.1".into(), None));
        assert_eq!(host_port("[::1]:80"), ("::1".into(), Some(80)));
        assert_eq!(host_port("::1"), ("::1".into(), None));
    }
}
