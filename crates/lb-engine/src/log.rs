//! Log lines on their way out: syslog envelopes over UDP, UNIX datagrams and descriptors. A target that is slow or
//! gone costs a dropped line, which is counted, never a wait.

use crate::clock::Clock;
use crate::ring::{Ring, Rings};
use crate::trace::Sink;
use lb_config::model::{self, LogSink, LogTarget, LogWire};
use lb_model::Severity;
use lb_sample::WallTime;
use nix::sys::socket::{MsgFlags, send};
use socket2::SockRef;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixDatagram;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The sockets lines are sent from, and the words of the envelope.
#[derive(Debug)]
pub struct Logger {
    v4: Option<UdpSocket>,
    v6: Option<UdpSocket>,
    unix: Option<UnixDatagram>,
    descriptors: BTreeMap<i32, Descriptor>,
    tag: String,
    host: Option<String>,
    pid: u32,
    clock: Clock,
    dropped: AtomicU64,
    rings: Rings,
    /// Standard output and error, for traces: opened when first asked for, as a daemon must not hold those of its starter.
    standard: [OnceLock<Option<Descriptor>>; 2],
}

impl Logger {
    /// A logger; `tag` and `host` go in each envelope. `descriptors` are those that targets name: they are opened anew
    /// here, which is before the process changes its root.
    pub fn new(
        clock: Clock,
        tag: String,
        host: Option<String>,
        descriptors: impl Iterator<Item = i32>,
        rings: &[model::Ring],
    ) -> Self {
        let udp = |address: &str| {
            let socket = UdpSocket::bind(address).ok()?;
            socket.set_nonblocking(true).ok()?;
            Some(socket)
        };
        let unix = UnixDatagram::unbound().ok().filter(|s| s.set_nonblocking(true).is_ok());
        Self {
            v4: udp("0.0.0.0:0"),
            v6: udp("[::]:0"),
            unix,
            descriptors: descriptors.filter_map(|fd| Some((fd, Descriptor::open(fd)?))).collect(),
            tag,
            host,
            pid: std::process::id(),
            clock,
            dropped: AtomicU64::new(0),
            rings: Rings::new(rings),
            standard: [OnceLock::new(), OnceLock::new()],
        }
    }

    /// The rings.
    pub fn rings(&self) -> &Rings {
        &self.rings
    }

    /// Writes a trace's line as it is. `false`: it is lost.
    pub fn write_raw(&self, sink: &Sink, line: &[u8]) -> bool {
        match sink {
            Sink::None => true,
            Sink::Fd(fd) => {
                let standard = usize::try_from(*fd - 1).ok().and_then(|at| self.standard.get(at));
                let opened = standard.and_then(|own| own.get_or_init(|| Descriptor::open(*fd)).as_ref());
                opened.is_some_and(|descriptor| descriptor.write(&[line, b"\n"].concat()))
            }
            Sink::Ring(name) => self.rings.find(name).map(|ring| ring.push(line)).is_some(),
        }
    }

    /// Lines that could not be sent, those that servers of rings did not get included.
    pub fn dropped(&self) -> u64 {
        let fed = self.rings.iter().filter(|ring| !ring.servers.is_empty());
        self.dropped.load(Relaxed) + fed.map(Ring::dropped).sum::<u64>()
    }

    /// Sends a line to every target that wants its severity.
    pub fn send(&self, targets: &[LogTarget], severity: Severity, tag: Option<&str>, message: &[u8]) {
        for target in targets.iter().filter(|target| self.wants(target, severity)) {
            self.put(target, severity, tag, b"", message);
        }
    }

    /// Whether a target wants a line of this severity, which counts for its sampling.
    pub fn wants(&self, target: &LogTarget, severity: Severity) -> bool {
        severity <= target.max_level && target.sample.as_ref().is_none_or(|sample| sample.takes_next())
    }

    /// Sends a line to one target that wants it; `data` is the structured part of RFC 5424, and may be empty.
    pub fn put(&self, target: &LogTarget, severity: Severity, tag: Option<&str>, data: &[u8], message: &[u8]) {
        let now = self.clock.wall_at(self.clock.now_us());
        let mut line = Vec::with_capacity(message.len() + data.len() + 64);
        // More severe lines than the minimum are sent as the minimum.
        let level = severity.max(target.min_level);
        let tag = tag.unwrap_or(&self.tag);
        if let LogSink::Ring(name) = &target.sink {
            // A ring has a form and a length of its own.
            let Some(ring) = self.rings.find(name) else {
                self.dropped.fetch_add(1, Relaxed);
                return;
            };
            self.envelope(ring.format, (target.facility, level), tag, data, &now, &mut line);
            line.extend_from_slice(message);
            ring.push(&line);
            return;
        }
        self.envelope(target.format, (target.facility, level), tag, data, &now, &mut line);
        line.extend_from_slice(message);
        line.truncate(target.max_len);
        line.push(b'\n');
        if !self.deliver(&target.sink, &line) {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    fn envelope(
        &self,
        format: LogWire,
        (facility, level): (u8, Severity),
        tag: &str,
        data: &[u8],
        now: &WallTime,
        out: &mut Vec<u8>,
    ) {
        let priority = u32::from(facility) * 8 + u32::from(level.number());
        let host = self.host.as_deref();
        let format = match (format, host) {
            (LogWire::Usual, Some(_)) => LogWire::Rfc3164,
            (LogWire::Usual, None) => LogWire::Local,
            (said, _) => said,
        };
        // Writing to a vector cannot fail.
        let _ = match format {
            LogWire::Raw => Ok(()),
            LogWire::Short => write!(out, "<{}>", level.number()),
            LogWire::Timed => write!(out, "<{}>{} ", level.number(), iso_time(now)),
            LogWire::Priority => write!(out, "<{priority}>"),
            LogWire::Iso => write!(out, "{} ", iso_time(now)),
            LogWire::Local | LogWire::Usual => write!(out, "<{priority}>{} {tag}[{}]: ", bsd_time(now), self.pid),
            LogWire::Rfc3164 => {
                let host = host.unwrap_or("localhost");
                write!(out, "<{priority}>{} {host} {tag}[{}]: ", bsd_time(now), self.pid)
            }
            LogWire::Rfc5424 => {
                let host = host.unwrap_or("-");
                let data = if data.is_empty() { &b"-"[..] } else { data };
                let head = write!(out, "<{priority}>1 {} {host} {tag} {} - ", iso_time(now), self.pid);
                out.extend_from_slice(data);
                out.push(b' ');
                head
            }
        };
    }

    fn deliver(&self, sink: &LogSink, line: &[u8]) -> bool {
        match sink {
            LogSink::Udp(ip, port) => {
                let socket = if ip.is_ipv4() { &self.v4 } else { &self.v6 };
                socket.as_ref().is_some_and(|s| s.send_to(line, SocketAddr::new(*ip, *port)).is_ok())
            }
            LogSink::Unix(path) => self.unix.as_ref().is_some_and(|s| s.send_to(line, path).is_ok()),
            LogSink::Abstract(name) => self.unix.as_ref().is_some_and(|socket| {
                let address = crate::listen::abstract_address(name);
                address.is_ok_and(|address| SockRef::from(socket).send_to(line, &address).is_ok())
            }),
            // Rings were served before.
            LogSink::Ring(_) => false,
            LogSink::Fd(fd) => self.descriptors.get(fd).is_some_and(|d| d.write(line)),
        }
    }
}

/// A descriptor lines are written to. No write waits: a reader that stalls costs lines.
#[derive(Debug)]
enum Descriptor {
    /// A pipe or a terminal, opened anew so that it can be made non-blocking for us alone.
    Own(File),
    /// A socket.
    Socket(BorrowedFd<'static>),
    /// A file or device that never blocks.
    Plain(BorrowedFd<'static>),
}

impl Descriptor {
    fn open(fd: i32) -> Option<Self> {
        let inherited = crate::sys::log_descriptor(fd)?;
        let path = format!("/proc/self/fd/{fd}");
        let kind = std::fs::metadata(&path).ok()?.file_type();
        if kind.is_socket() {
            return Some(Self::Socket(inherited));
        }
        if kind.is_fifo() || kind.is_char_device() {
            let own = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(&path);
            return own.ok().map(Self::Own);
        }
        Some(Self::Plain(inherited))
    }

    fn write(&self, line: &[u8]) -> bool {
        let written = match self {
            Self::Own(file) => nix::unistd::write(file.as_fd(), line),
            Self::Plain(fd) => nix::unistd::write(fd, line),
            Self::Socket(fd) => send(fd.as_raw_fd(), line, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL),
        };
        written.is_ok_and(|n| n == line.len())
    }
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `Nov 20 23:12:54`, local time.
fn bsd_time(t: &WallTime) -> String {
    let (_, month, day, secs) = civil(t.unix_secs + i64::from(t.utc_offset_secs));
    let name = MONTHS.get(month - 1).copied().unwrap_or("???");
    format!("{name} {day:2} {:02}:{:02}:{:02}", secs / 3_600, secs / 60 % 60, secs % 60)
}

/// `2026-11-20T23:12:54.123456+00:00`.
pub(crate) fn iso_time(t: &WallTime) -> String {
    let (year, month, day, secs) = civil(t.unix_secs + i64::from(t.utc_offset_secs));
    let offset = t.utc_offset_secs.abs();
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}{}{:02}:{:02}",
        secs / 3_600,
        secs / 60 % 60,
        secs % 60,
        t.micros,
        if t.utc_offset_secs < 0 { '-' } else { '+' },
        offset / 3_600,
        offset / 60 % 60
    )
}

/// Year, month, day and seconds of the day of a count of seconds since 1970 (proleptic Gregorian calendar).
pub fn civil(secs: i64) -> (i64, usize, u32, u32) {
    let days = secs.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as usize, day as u32, secs.rem_euclid(86_400) as u32)
}

/// `20/Nov/2026:23:12:55.696`, as `show errors` prints times.
pub fn request_time(t: &WallTime) -> String {
    let (year, month, day, secs) = civil(t.unix_secs + i64::from(t.utc_offset_secs));
    let name = MONTHS.get(month - 1).copied().unwrap_or("???");
    format!("{day:02}/{name}/{year}:{:02}:{:02}:{:02}.{:03}", secs / 3_600, secs / 60 % 60, secs % 60, t.micros / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let t = WallTime { unix_secs: 1_795_216_374, micros: 462_000, utc_offset_secs: 0 };
        assert_eq!(bsd_time(&t), "Nov 20 23:12:54");
        assert_eq!(iso_time(&t), "2026-11-20T23:12:54.462000+00:00");
        assert_eq!(request_time(&t), "20/Nov/2026:23:12:54.462");
        let leap = WallTime { unix_secs: 1_709_164_800, micros: 0, utc_offset_secs: 0 };
        assert_eq!(bsd_time(&leap), "Feb 29 00:00:00");
    }
}
