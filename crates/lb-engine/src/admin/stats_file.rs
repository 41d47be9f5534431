//! `dump stats-file`: the counters of all objects that have an identifier, as `stats-file` reads them at start.

use super::dump::{Dump, PIECE};
use super::stat_listener::ListenerRow;
use super::stat_values::{BackendRow, FrontendRow, ServerRow, Viewer};
use crate::control::Control;
use crate::shared::ProxyState;
use crate::slots::Cursor;
use lb_stats::{Block, write_kept_head, write_kept_row};

/// `dump stats-file`.
pub(super) fn dump() -> Dump {
    Dump::StatsFile(StatsFileDump {
        at: At::Begin(Block::Front),
        proxies: Cursor::default(),
        servers: Cursor::default(),
    })
}

/// Where a dump has come.
#[derive(Debug, Clone, Copy)]
enum At {
    Begin(Block),
    /// The next proxy.
    Proxy(Block),
    /// The next server of this one, then the backend itself.
    Server(usize),
    End,
}

/// `dump stats-file` in progress.
#[derive(Debug)]
pub(super) struct StatsFileDump {
    at: At,
    proxies: Cursor,
    servers: Cursor,
}

impl StatsFileDump {
    pub(super) fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        let backends = control.backends();
        let viewer = Viewer::new(control, &backends, true);
        while out.len() < PIECE {
            self.at = match self.at {
                At::Begin(block) => {
                    write_kept_head(block, out);
                    self.proxies = Cursor::default();
                    At::Proxy(block)
                }
                At::Proxy(block) => match (control.shared.proxies.next(&mut self.proxies), block) {
                    (Some(proxy), Block::Front) => {
                        front(&viewer, proxy, out);
                        At::Proxy(block)
                    }
                    (Some(proxy), Block::Back) => {
                        self.servers = Cursor::default();
                        At::Server(proxy.index)
                    }
                    (None, Block::Front) => {
                        out.push(b'\n');
                        At::Begin(Block::Back)
                    }
                    (None, Block::Back) => At::End,
                },
                At::Server(p) => self.server(&viewer, p, out),
                At::End => return false,
            };
        }
        true
    }

    fn server(&mut self, viewer: &Viewer<'_>, p: usize, out: &mut Vec<u8>) -> At {
        let Some(proxy) = viewer.shared.proxies.get(p) else { return At::Proxy(Block::Back) };
        if let Some(server) = proxy.servers.next(&mut self.servers) {
            if let Some(guid) = &server.config().guid
                && let Some(row) = ServerRow::new(viewer, p, server.index)
            {
                write_kept_row(Block::Back, guid, &row, out);
            }
            return At::Server(p);
        }
        let config = proxy.config.get();
        if let Some(guid) = config.guid.as_ref().filter(|_| config.kind.has_backend())
            && let Some(row) = BackendRow::new(viewer, p, false)
        {
            write_kept_row(Block::Back, guid, &row, out);
        }
        At::Proxy(Block::Back)
    }
}

/// A frontend and its listeners.
fn front(viewer: &Viewer<'_>, proxy: &'static ProxyState, out: &mut Vec<u8>) {
    let config = proxy.config.get();
    if let Some(guid) = config.guid.as_ref().filter(|_| config.kind.has_frontend()) {
        write_kept_row(Block::Front, guid, &FrontendRow { viewer, proxy }, out);
    }
    for listener in &proxy.listeners {
        if let Some(guid) = &listener.config.guid {
            write_kept_row(Block::Front, guid, &ListenerRow { viewer, proxy, listener }, out);
        }
    }
}
