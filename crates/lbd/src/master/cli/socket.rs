//! The sockets of `-S`.

use crate::config;
use crate::engine::abstract_name;
use crate::sys;
use lb_config::model::{ListenAddress, StatsSocket};
use lb_model::Level;
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

/// One listening socket of the master's command line.
#[derive(Debug)]
pub struct CommandSocket {
    /// As given.
    pub name: String,
    /// Highest level of its connections.
    pub level: Level,
    /// The socket.
    pub fd: OwnedFd,
}

/// Opens the socket that an argument of `-S` describes: an address and, after commas, options as a
/// `stats socket` line has them. The level is admin unless an option says otherwise.
pub fn open(argument: &str) -> Result<CommandSocket, String> {
    let name = argument.split(',').next().unwrap_or_default().to_owned();
    let described = config::admin_socket(&argument.replace(',', " "))?;
    let fail = |error: io::Error| format!("cannot bind socket ({error}) for [{name}]");
    let fd = listen(&described).map_err(fail)?;
    Ok(CommandSocket { level: described.level, fd, name: name.clone() })
}

fn listen(socket: &StatsSocket) -> io::Result<OwnedFd> {
    let fd = match &socket.address {
        ListenAddress::Ip { ip, port } => TcpListener::bind((*ip, *port))?.into(),
        ListenAddress::Unix(path) => listen_path(path, socket)?.into(),
        ListenAddress::Abstract(name) => {
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(abstract_name(name))?)?.into()
        }
        ListenAddress::Fd(number) | ListenAddress::Sockpair(number) => sys::duplicate(*number)?,
    };
    sys::unblock(&fd)?;
    Ok(fd)
}

/// Binds beside the path and renames over it: at no moment does a client find a socket there that
/// nobody serves, or one with the wrong mode.
fn listen_path(path: &Path, socket: &StatsSocket) -> io::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let _ = std::fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    let prepare = || {
        if socket.uid.is_some() || socket.gid.is_some() {
            std::os::unix::fs::chown(&beside, socket.uid, socket.gid)?;
        }
        if let Some(mode) = socket.mode {
            std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(mode))?;
        }
        std::fs::rename(&beside, path)
    };
    prepare().inspect_err(|_| drop(std::fs::remove_file(&beside)))?;
    Ok(listener)
}
