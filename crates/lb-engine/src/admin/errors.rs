//! `show errors`: the last invalid request and response of each proxy, in the form HAProxy dumps them.

use super::dump::{Dump, PIECE};
use super::resolve::{self, loose_integer};
use crate::control::Control;
use crate::log::request_time;
use crate::shared::{Capture, lock};
use lb_admin::{Reply, Request, text};
use std::io::Write as _;
use std::sync::Mutex;

type Slot = Mutex<Option<Capture>>;

/// Columns a line of a dump takes for contents.
const COLUMNS: usize = 70;

/// `show errors [<proxy>|<id>] [request|response]`.
pub(super) fn show(control: &Control, request: &Request) -> Result<Dump, Reply> {
    let name = request.arg(0);
    let only = match name {
        "" => None,
        name => match resolve::proxy(control, name, |_| true) {
            Some(proxy) => Some(proxy.index),
            None => match u32::try_from(loose_integer(name)) {
                Ok(id) if id > 0 => {
                    Some(control.shared.proxies.live().find(|p| p.config.id == id).map_or(usize::MAX, |p| p.index))
                }
                _ => return Err(Reply::err(text::NO_SUCH_PROXY)),
            },
        },
    };
    let (requests, responses) = match request.arg(1) {
        "request" => (true, false),
        "response" => (false, true),
        _ => (true, true),
    };
    Ok(Dump::Errors(ErrorsDump { only, requests, responses, next: None }))
}

/// `show errors` in progress.
#[derive(Debug)]
pub(super) struct ErrorsDump {
    only: Option<usize>,
    requests: bool,
    responses: bool,
    /// The next proxy; `None`: the heading.
    next: Option<usize>,
}

impl ErrorsDump {
    pub(super) fn next(&mut self, control: &Control, out: &mut Vec<u8>) -> bool {
        let shared = control.shared;
        let mut at = match self.next {
            Some(at) => at,
            None => {
                let events = shared.proxies.live().filter_map(latest_event).max().map_or(0, |event| event + 1);
                let now = request_time(&shared.clock.wall_at(shared.clock.now_us()));
                // Writing to a vector cannot fail.
                let _ = writeln!(out, "Total events captured on [{now}] : {events}");
                0
            }
        };
        while let Some(proxy) = shared.proxies.get(at).filter(|_| out.len() < PIECE) {
            if self.only.is_none_or(|only| only == at) {
                let capture = |slot: &Slot, wanted: bool| wanted.then(|| lock(slot).clone()).flatten();
                if let Some(capture) = capture(&proxy.captures.request, self.requests) {
                    write_capture(control, &capture, true, out);
                }
                if let Some(capture) = capture(&proxy.captures.response, self.responses) {
                    write_capture(control, &capture, false, out);
                }
            }
            at += 1;
        }
        self.next = Some(at);
        at < shared.proxies.len()
    }
}

fn latest_event(proxy: &crate::shared::ProxyState) -> Option<u64> {
    let event = |slot: &Slot| lock(slot).as_ref().map(|capture| capture.event);
    event(&proxy.captures.request).max(event(&proxy.captures.response))
}

fn write_capture(control: &Control, capture: &Capture, is_request: bool, out: &mut Vec<u8>) {
    let proxies = &control.shared.proxies;
    let name = |index: usize| proxies.get(index).map_or(("<NONE>", -1), |p| (&*p.config.name, i64::from(p.config.id)));
    let (frontend, frontend_id) = name(capture.frontend);
    let (backend, backend_id) = capture.backend.map_or(("<NONE>", -1), name);
    let when = request_time(&control.shared.clock.wall_at(capture.at_us));
    let server = capture.server.as_deref().unwrap_or("<NONE>");
    let server_id = capture
        .backend
        .and_then(|index| proxies.get(index)?.servers.live().find(|s| *s.config().name == *server))
        .map_or(-1, |s| i64::from(s.config().id));
    let source = capture.source.map_or_else(|| "unix".to_owned(), |source| source.to_string());
    let (size, len) = (control.shared.limits.bufsize, capture.bytes.len());
    // Writing to a vector cannot fail.
    let _ = if is_request {
        write!(
            out,
            " \n[{when}] frontend {frontend} (#{frontend_id}): invalid request\n  \
             backend {backend} (#{backend_id})"
        )
    } else {
        write!(
            out,
            " \n[{when}] backend {backend} (#{backend_id}): invalid response\n  \
             frontend {frontend} (#{frontend_id})"
        )
    };
    let _ = write!(
        out,
        ", server {server} (#{server_id}), event #{}, src {source}\n  \
         buffer starts at 0 (including 0 out), {} free,\n  \
         len {len}, wraps at {size}, error at position {}\n  \
         {} :\n  \n",
        capture.event,
        size.saturating_sub(len),
        capture.position,
        capture.reason,
    );
    write_bytes(&capture.bytes, out);
}

/// Bytes in lines: each ends after a line feed or when it is full, and begins with its offset.
fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    let mut continued = false;
    while !rest.is_empty() {
        let offset = bytes.len() - rest.len();
        let _ = write!(out, "  {offset:05}{} ", if continued { '+' } else { ' ' });
        let mut columns = 0;
        continued = true;
        while let Some((&byte, tail)) = rest.split_first() {
            let start = out.len();
            write_byte(byte, out);
            columns += out.len() - start;
            if columns > COLUMNS && columns > out.len() - start {
                out.truncate(start);
                break;
            }
            rest = tail;
            if byte == b'\n' {
                continued = false;
                break;
            }
        }
        out.push(b'\n');
    }
}

fn write_byte(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b' '..=b'~' => out.push(byte),
        // Writing to a vector cannot fail.
        _ => drop(write!(out, "\\x{byte:02X}")),
    }
}

#[cfg(test)]
mod tests {
    use super::write_bytes;

    #[test]
    fn lines_as_observed() {
        let mut bytes = b"GET /x?".to_vec();
        bytes.extend(b"abcdefghij".repeat(12));
        bytes.extend(b" HTTP/1.1\r\nX: a\x01\xffb\t\"\\c\r\nbad header");
        bytes.extend([b'y'; 90]);
        bytes.extend(b"\r\n\r\n");
        let mut out = Vec::new();
        write_bytes(&bytes, &mut out);
        // Written without an indentation that could be taken for the lines' own.
        assert_eq!(String::from_utf8(out).unwrap(), DUMPED);
    }

    const DUMPED: &str = r#"  00000  GET /x?abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabc
  00070+ defghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij HTTP/1.1\r\n
  00138  X: a\x01\xFFb\t"\\c\r\n
  00151  bad headeryyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy
  00221+ yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n
  00253  \r\n
"#;
}
