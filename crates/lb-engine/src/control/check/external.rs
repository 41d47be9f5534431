//! Checks by a program (`option external-check`).

use super::world::CheckWorld;
use crate::shared::Target;
use crate::sys::unblock_signals;
use lb_check::probe::Verdict;
use lb_check::schedule::CheckTimeouts;
use lb_config::model::{ExternalCheck, ListenAddress};
use lb_model::{CheckStatus, Mode};
use std::process::Stdio;
use std::sync::atomic::Ordering::Relaxed;
use tokio::process::Command;

/// What a program that cannot be started ends with, as a shell's child would.
const NOT_STARTED: i32 = 255;
/// What stands for the exit status of a program that a signal ended.
const BY_SIGNAL: i32 = -1;
/// What stands for an address or a port that does not exist.
const NOT_USED: &str = "NOT_USED";

/// Runs the program: its exit status is the verdict. It is killed when time is up; as observed, that is the time for a
/// connection.
pub(super) async fn run(program: &ExternalCheck, world: &CheckWorld, limits: CheckTimeouts) -> Verdict {
    let failed = |code| Verdict { status: CheckStatus::ProcError, code, info: String::new() };
    let mut child = match command(program, world).spawn() {
        Ok(child) => child,
        Err(error) => {
            let (backend, server) = (&world.backend.config.name, &world.server.config().name);
            let what = &program.command;
            world.control.warn(&format!("Failed to run {what} to check server {backend}/{server}: {error}."));
            return failed(NOT_STARTED);
        }
    };
    match tokio::time::timeout(limits.connect, child.wait()).await {
        // Dropping the child kills it.
        Err(_) => Verdict::bare(CheckStatus::ProcTimeout),
        Ok(Err(_)) => failed(0),
        Ok(Ok(status)) => match status.code() {
            Some(0) => Verdict::bare(CheckStatus::ProcOk),
            Some(code) => failed(code),
            None => failed(BY_SIGNAL),
        },
    }
}

/// The program with its arguments and environment: `<proxy_address> <proxy_port> <server_address> <server_port>`.
fn command(program: &ExternalCheck, world: &CheckWorld) -> Command {
    let config = world.backend.config.get();
    let server = world.server.config();
    let (proxy_address, proxy_port) = match config.binds.first().map(|bind| &bind.address) {
        Some(ListenAddress::Ip { ip, port, .. }) => (ip.to_string(), port.to_string()),
        Some(ListenAddress::Unix(path)) => (path.display().to_string(), NOT_USED.to_owned()),
        _ => (NOT_USED.to_owned(), NOT_USED.to_owned()),
    };
    // The server's own, wherever other checks of it would go.
    let (address, port) = match world.server.target() {
        Target::Ip(address) => (address.ip().to_string(), address.port().to_string()),
        Target::Unix(path) => (path.display().to_string(), NOT_USED.to_owned()),
        Target::Abstract(name) => (format!("abns@{name}"), NOT_USED.to_owned()),
        Target::Sockpair(fd) => (format!("sockpair@{fd}"), NOT_USED.to_owned()),
    };
    let mut command = Command::new(&program.command);
    if !world.control.shared.config.global.external_check_env {
        command.env_clear();
    }
    let shown = |text: &str| if text == NOT_USED { String::new() } else { text.to_owned() };
    let number = |n: u32| n.to_string();
    command
        .args([&proxy_address, &proxy_port, &address, &port])
        .env("HAPROXY_PROXY_ADDR", shown(&proxy_address))
        .env("HAPROXY_PROXY_ID", number(config.id))
        .env("HAPROXY_PROXY_NAME", &*config.name)
        .env("HAPROXY_PROXY_PORT", shown(&proxy_port))
        .env("HAPROXY_SERVER_ADDR", &address)
        .env("HAPROXY_SERVER_CURCONN", number(world.server.sessions.get()))
        .env("HAPROXY_SERVER_ID", number(server.id))
        .env("HAPROXY_SERVER_MAXCONN", number(world.server.maxconn.load(Relaxed)))
        .env("HAPROXY_SERVER_NAME", &*server.name)
        .env("HAPROXY_SERVER_PORT", shown(&port))
        .env("HAPROXY_SERVER_PROTO", if config.mode == Mode::Http { "h1" } else { "tcp" })
        .env("HAPROXY_SERVER_SSL", if server.tls.as_ref().is_some_and(|tls| tls.enabled) { "1" } else { "0" })
        .env("PATH", program.path.as_deref().unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    unblock_signals(command.as_std_mut());
    command
}
