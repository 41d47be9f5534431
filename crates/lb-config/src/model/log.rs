//! What is logged, when, how and to whom.

use super::ConnectAddress;
use lb_model::Severity;
use lb_sample::LogFormat;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

macro_rules! steps {
    ($( $variant:ident $name:literal $origin:literal $logged:literal $text:literal )*) => {
        /// A moment at which a line is logged.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum LogStep {
            $( #[doc = $text] $variant, )*
        }

        impl LogStep {
            /// All of them.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// Its name in configurations.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What `%OG` says of its lines.
            pub const fn origin(self) -> &'static str {
                match self { $( Self::$variant => $origin, )* }
            }

            /// Whether `log-steps` knows it.
            pub const fn is_in_log_steps(self) -> bool {
                match self { $( Self::$variant => $logged, )* }
            }
        }
    };
}

steps! {
    Accept "accept" "txn_accept" true "A session or an exchange begins."
    Request "request" "txn_request" true "The request is read and judged."
    Connect "connect" "txn_connect" true "The server is reached."
    Response "response" "txn_response" true "The response's head is there."
    Close "close" "txn_close" true "The end."
    Error "error" "sess_error" false "There was no session."
    HttpRequest "http-req" "http-req" true "A rule of `http-request`."
    HttpResponse "http-res" "http-res" true "A rule of `http-response`."
    HttpAfterResponse "http-after-res" "http-after-res" true "A rule of `http-after-response`."
    TcpConnection "tcp-req-conn" "tcp-req-conn" true "A rule of `tcp-request connection`."
    TcpSession "tcp-req-sess" "tcp-req-sess" true "A rule of `tcp-request session`."
    TcpContent "tcp-req-cont" "tcp-req-cont" true "A rule of `tcp-request content`."
    TcpResponse "tcp-res-cont" "tcp-res-cont" true "A rule of `tcp-response content`."
    QuicInitial "quic-init" "quic-init" false "A rule of `quic-initial`."
}

/// `log-steps`: a set of steps, empty when nothing was said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogSteps(u16);

impl LogSteps {
    /// With one more.
    pub const fn with(self, step: LogStep) -> Self {
        Self(self.0 | 1 << step as u16)
    }

    /// Whether it is in the set.
    pub const fn has(self, step: LogStep) -> bool {
        self.0 & (1 << step as u16) != 0
    }

    /// Nothing was said.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A `log-profile` section.
#[derive(Debug, Clone, Default)]
pub struct LogProfile {
    /// Its name.
    pub name: String,
    /// `log-tag`.
    pub tag: Option<String>,
    /// `on` lines. No step is there twice.
    pub on: Vec<(LogStep, OnStep)>,
    /// `on any`: for the steps without a line of their own.
    pub any: Option<OnStep>,
}

impl LogProfile {
    /// What it says of a step.
    pub fn at(&self, step: LogStep) -> Option<&OnStep> {
        self.on.iter().find(|(known, _)| *known == step).map(|(_, on)| on).or(self.any.as_ref())
    }
}

/// A profile by its name, which may stand further down; there need be none.
#[derive(Debug, Clone, Default)]
pub struct ProfileRef(Arc<OnceLock<LogProfile>>);

impl ProfileRef {
    /// The profile.
    pub fn get(&self) -> Option<&LogProfile> {
        self.0.get()
    }

    /// Says which it is, once.
    pub(crate) fn set(&self, profile: LogProfile) {
        let _ = self.0.set(profile);
    }
}

/// What a profile says of a step.
#[derive(Debug, Clone, Default)]
pub struct OnStep {
    /// `drop`: nothing is logged.
    pub drop: bool,
    /// `format`, in place of the proxy's.
    pub format: Option<Arc<LogFormat>>,
    /// `sd`, in place of the proxy's.
    pub sd: Option<Arc<LogFormat>>,
}

/// `do-log [profile <name>]`.
#[derive(Debug, Clone)]
pub struct DoLog {
    /// Where its rule stands.
    pub step: LogStep,
    /// The profile, in place of the targets' own.
    pub profile: Option<ProfileRef>,
}

/// What `set-log-level` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// This level, however the exchange ends.
    Always(Severity),
    /// No line.
    Silent,
}

/// Where log lines go.
#[derive(Debug, Clone)]
pub struct LogTarget {
    /// Destination.
    pub sink: LogSink,
    /// Wire form.
    pub format: LogWire,
    /// Facility, 0 to 23.
    pub facility: u8,
    /// Least severe level sent (`log … <max level>`); default debug.
    pub max_level: Severity,
    /// Most severe level used (`log … <max> <min level>`); default emerg.
    pub min_level: Severity,
    /// `len`: longest line; default 1024.
    pub max_len: usize,
    /// `sample`: which lines are sent; `None`: all.
    pub sample: Option<Arc<Sampling>>,
    /// `profile`: what is logged to it instead of the proxy's formats.
    pub profile: Option<ProfileRef>,
}

impl LogTarget {
    /// Whether it is a ring.
    pub fn is_ring(&self) -> bool {
        matches!(self.sink, LogSink::Ring(_))
    }
}

/// `sample <ranges>:<size>`: of so many lines, those with these numbers.
#[derive(Debug)]
pub struct Sampling {
    /// First and last number of each range, from 1.
    pub ranges: Vec<(u32, u32)>,
    /// After so many lines the count starts again.
    pub size: u32,
    /// Lines so far.
    pub seen: AtomicU32,
}

impl Sampling {
    /// Counts a line; whether it is one of those to be sent.
    pub fn takes_next(&self) -> bool {
        let number = self.seen.fetch_add(1, Relaxed) % self.size.max(1) + 1;
        self.ranges.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }
}

/// Memory that keeps the latest log lines and trace events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring {
    /// Its name, for `ring@name` and `show events`.
    pub name: String,
    /// `description`; by default its name.
    pub description: String,
    /// `format` of log lines in it, whatever the `log` line says.
    pub format: LogWire,
    /// `maxlen`: bytes of a line at most.
    pub max_len: usize,
    /// `size`: bytes of all lines at most.
    pub size: usize,
    /// Who gets all that is put in.
    pub servers: Vec<RingServer>,
    /// `timeout connect`.
    pub connect_timeout: Option<Duration>,
    /// `timeout server`: how long a server may take nothing of what waits for it.
    pub server_timeout: Option<Duration>,
}

impl Ring {
    /// A ring without servers, with the documented sizes.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: name.to_owned(),
            format: LogWire::Usual,
            max_len: 1_024,
            size: 16_384,
            servers: Vec::new(),
            connect_timeout: None,
            server_timeout: None,
        }
    }
}

/// `server` of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingServer {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub address: ConnectAddress,
    /// Its port; 0 of a UNIX socket.
    pub port: u16,
    /// `log-proto octet-count`: each line is preceded by its length; else each ends in a line feed (RFC 6587).
    pub octet_count: bool,
}

/// A log destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogSink {
    /// Syslog over UDP; port 514 by default.
    Udp(IpAddr, u16),
    /// UNIX datagram socket (`/dev/log`).
    Unix(PathBuf),
    /// Datagram socket in Linux's abstract namespace.
    Abstract(String),
    /// A ring, by name.
    Ring(String),
    /// An open descriptor: `stdout` is 1, `stderr` is 2, `fd@N` is N.
    Fd(i32),
}

/// A log line's envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogWire {
    /// What is meant when nothing is said: [`Self::Local`], or [`Self::Rfc3164`] with `log-send-hostname`.
    Usual,
    /// BSD syslog without the host name.
    Local,
    /// BSD syslog.
    Rfc3164,
    /// Newer syslog.
    Rfc5424,
    /// The message only.
    Raw,
    /// `<3>` level then message.
    Short,
    /// Level, timestamp and message as for systemd.
    Timed,
    /// The time in ISO 8601's form, then the message.
    Iso,
    /// Priority, then the message.
    Priority,
}
