//! What this connection may do, and who else may connect.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use lb_client::{Address, Error, Line};
use lb_model::Level;

use super::{Findings, Node, Severity, several};
use crate::fault::Fault;

/// Whether the connection can act.
pub fn level(node: &Node<'_>, found: &mut Findings) -> Result<(), Fault> {
    let client = &node.ctx.client;
    let address = client.address().to_string();
    match client.level()? {
        Level::Admin if client.is_read_only() => {
            let what = "the socket has level admin, and read-only settings keep lbctl from using it";
            found.add(Severity::Note, "level", &address, what, "leave out --read-only, or 'read-only' in the settings");
        }
        Level::Admin => found.ok("level", "this socket has level admin: it can look and act"),
        level => {
            let missing = match level {
                Level::User => "nor see sessions and errors",
                _ => "but see sessions and errors",
            };
            let what = format!("this socket has level {level}: it cannot drain or change servers, {missing}");
            found.add(Severity::Warning, "level", &address, what, other_socket(node)?);
        }
    }
    Ok(())
}

/// The command with a socket of level admin, where this node lists one.
fn other_socket(node: &Node<'_>) -> Result<String, Fault> {
    let admin = sockets_of(node)?.into_iter().find(|(address, level)| {
        *level == Level::Admin && matches!(address.parse(), Ok(Address::Unix(path)) if path.exists())
    });
    Ok(match admin.and_then(|(address, _)| address.parse::<Address>().ok()) {
        Some(address) => format!("lbctl -s {address} doctor"),
        None => "'level admin' on its 'stats socket' line, then a reload".to_owned(),
    })
}

/// Address and level of each admin socket, as `show cli sockets` lists them.
fn sockets_of(node: &Node<'_>) -> Result<Vec<(String, Level)>, Fault> {
    let answer = node.ctx.client.ask(&Line::raw("show cli sockets").map_err(Error::from)?)?;
    let text = answer.text();
    let rows = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        Some((words.next()?.to_owned(), Level::parse(words.next()?)?))
    });
    Ok(rows.collect())
}

/// Who may connect to the admin sockets.
pub fn sockets(node: &Node<'_>, found: &mut Findings) -> Result<(), Fault> {
    let here = matches!(node.ctx.client.address().socket(), Address::Unix(_));
    let sockets = sockets_of(node)?;
    for (address, level) in &sockets {
        match address.parse() {
            Ok(Address::Unix(path)) if here => file(&path, *level, found),
            Ok(Address::Tcp { host, port }) if *level > Level::User => {
                let local = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
                let who = if local { "every user of this host" } else { "everybody who reaches that address" };
                let severity = if local { Severity::Warning } else { Severity::Error };
                let what = format!("{who} has level {level}, without any authentication");
                let cure =
                    format!("a UNIX socket with 'mode 660' in place of port {port}, or 'level user' on its line");
                found.add(severity, "sockets", address, what, cure);
            }
            _ => {}
        }
    }
    found.ok("sockets", format!("{}, none of them open to everybody", several(sockets.len(), "admin socket")));
    Ok(())
}

fn file(path: &Path, level: Level, found: &mut Findings) {
    let place = path.display().to_string();
    let Ok(metadata) = std::fs::metadata(path) else {
        if std::fs::symlink_metadata(path).is_err() && path.is_absolute() {
            let what = "the process listens there, and yet the file is gone: nobody can connect";
            found.add(Severity::Warning, "sockets", &place, what, "a reload makes it again");
        }
        return;
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o002 != 0 && reachable(path) {
        let severity = if level == Level::Admin { Severity::Error } else { Severity::Warning };
        let severity = if level == Level::User { Severity::Note } else { severity };
        let what = format!("mode {mode:o}: every user of this host has level {level}");
        found.add(
            severity,
            "sockets",
            &place,
            what,
            format!("chmod o-w {place}; and 'mode 660' on its 'stats socket' line"),
        );
    }
}

/// Whether every user may pass the directories above.
fn reachable(path: &Path) -> bool {
    let above = path.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
    above.into_iter().all(|dir| std::fs::metadata(dir).is_ok_and(|m| m.mode() & 0o001 != 0))
}
