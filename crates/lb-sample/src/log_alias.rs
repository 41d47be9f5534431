//! The `%` aliases of log formats: one table, and how each kind of field is written.

use crate::fetch::request::path;
use crate::log_encode::Encoding;
use crate::record::LogRecord;
use crate::secure::Wire;
use crate::{Context, Sample, SampleError, Side, StreamNumber, WallTime, date};
use std::net::{IpAddr, SocketAddr};

/// What the text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// A log line: missing text is `-`.
    Log,
    /// A header or the like: missing text is empty.
    Value,
    /// What is encoded afterwards: as it is, nothing when it is missing.
    Encoded,
}

/// What the value of an alias is, where the encoding tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A number.
    Number,
    /// A text of the proxy's own.
    Text,
    /// A text out of a message.
    Message,
}

/// `%{+Q,+X,+E,+json,+cbor,+bin}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    quote: bool,
    pub hexadecimal: bool,
    escape: bool,
    /// How values are encoded.
    pub encoding: Encoding,
    /// CBOR stays binary.
    pub binary: bool,
}

impl Flags {
    /// With the changes written between braces.
    pub(crate) fn changed(mut self, words: &str) -> Result<Self, SampleError> {
        for word in words.split(',').map(str::trim).filter(|w| !w.is_empty()) {
            let (on, name) = match word.split_at_checked(1) {
                Some(("+", name)) => (true, name),
                Some(("-", name)) => (false, name),
                _ => (true, word),
            };
            match name {
                "Q" => self.quote = on,
                "X" => self.hexadecimal = on,
                "E" => self.escape = on,
                "json" => self.encode(Encoding::Json, on),
                "cbor" => self.encode(Encoding::Cbor, on),
                "bin" => self.binary = on,
                _ => {
                    let help = "flags are Q (quotes), X (hexadecimal), E (escaping), json, cbor and bin, each after '+' \
                                or '-'";
                    return Err(SampleError::new(format!("unknown log-format flag '{word}'")).help(help));
                }
            }
        }
        Ok(self)
    }

    fn encode(&mut self, encoding: Encoding, on: bool) {
        if on {
            self.encoding = encoding;
        } else if self.encoding == encoding {
            self.encoding = Encoding::Plain;
        }
    }

    /// Without what only decorates text: for a value that is encoded afterwards.
    pub(crate) fn bare(self) -> Self {
        Self { quote: false, escape: false, ..self }
    }

    /// Writes an expression's value.
    pub(crate) fn write_sample(self, sample: Option<Sample<'_>>, output: Output, out: &mut Vec<u8>) {
        let Some(sample) = sample else { return self.missing(output, out) };
        sample.with_text(|text| {
            // Text ends at a NUL, which no line may hold.
            let text = memchr::memchr(0, text).and_then(|end| text.get(..end)).unwrap_or(text);
            match output {
                Output::Log => self.text(text, Escape::Controls, output, out),
                // Quotes are for logs only: seen on a running HAProxy.
                Output::Value => Self { quote: false, ..self }.bytes(text, Escape::Percent, out),
                Output::Encoded => out.extend_from_slice(text),
            }
        });
    }

    /// A field of text: `-` or `""` when empty in a log.
    fn text(self, text: &[u8], escape: Escape, output: Output, out: &mut Vec<u8>) {
        if text.is_empty() {
            return self.missing(output, out);
        }
        let escape = if output == Output::Encoded { Escape::None } else { escape };
        self.quoted(out, |out| self.bytes(text, escape, out));
    }

    fn missing(self, output: Output, out: &mut Vec<u8>) {
        match output {
            Output::Log if self.quote => out.extend_from_slice(b"\"\""),
            Output::Log => out.push(b'-'),
            Output::Value | Output::Encoded => {}
        }
    }

    fn quoted(self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if self.quote {
            out.push(b'"');
        }
        write(out);
        if self.quote {
            out.push(b'"');
        }
    }

    fn bytes(self, text: &[u8], escape: Escape, out: &mut Vec<u8>) {
        for &b in text {
            if escape.applies(b) {
                let digits = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0').to_ascii_uppercase() as u8;
                out.push(if escape == Escape::Percent { b'%' } else { b'#' });
                out.extend([digits(b >> 4), digits(b & 15)]);
            } else {
                if self.escape && matches!(b, b'"' | b'\\' | b']') {
                    out.push(b'\\');
                }
                out.push(b);
            }
        }
    }

    fn number(self, n: i64, out: &mut Vec<u8>) {
        Sample::Int(n).with_text(|text| out.extend_from_slice(text));
    }

    /// A number that the flag X shows with so many hexadecimal digits.
    fn either(self, n: i64, width: usize, out: &mut Vec<u8>) {
        if self.hexadecimal {
            date::put(out, format_args!("{n:0width$X}"));
        } else {
            self.number(n, out);
        }
    }

    /// An address; `missing` stands for a UNIX socket's.
    fn address(self, address: Option<SocketAddr>, missing: &[u8], output: Output, out: &mut Vec<u8>) {
        match address.map(|a| a.ip()) {
            None => self.text(missing, Escape::None, output, out),
            // As observed, digits are not quoted.
            Some(IpAddr::V4(ip)) if self.hexadecimal => date::put(out, format_args!("{:08X}", u32::from(ip))),
            Some(IpAddr::V6(ip)) if self.hexadecimal => date::put(out, format_args!("{:032X}", u128::from(ip))),
            Some(ip) => self.quoted(out, |out| Sample::Ip(ip).with_text(|text| out.extend_from_slice(text))),
        }
    }

    fn port(self, address: Option<SocketAddr>, missing: Option<i64>, output: Output, out: &mut Vec<u8>) {
        match address.map(|a| i64::from(a.port())).or(missing) {
            Some(port) => self.either(port, 4, out),
            None => self.missing(output, out),
        }
    }
}

/// Which bytes are written as two hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    None,
    /// `#XX` for control characters, so that no value can end a log line or forge another.
    Controls,
    /// `#XX` for all that is not printable ASCII, `"` and `#`.
    Request,
    /// The same and `{`, `|`, `}`, which delimit captured headers.
    Header,
    /// `%XX` for control characters but the tab.
    Percent,
}

impl Escape {
    fn applies(self, b: u8) -> bool {
        let unprintable = !(32..127).contains(&b);
        match self {
            Self::None => false,
            Self::Controls => b < 32 || b == 127,
            // A header may hold a tab: seen on a running HAProxy.
            Self::Percent => (b < 32 && b != b'\t') || b == 127,
            Self::Request => unprintable || matches!(b, b'"' | b'#'),
            Self::Header => unprintable || matches!(b, b'"' | b'#' | b'{' | b'|' | b'}'),
        }
    }
}

/// What a writer of an alias has at hand.
struct Field<'a> {
    flags: Flags,
    output: Output,
    ctx: &'a dyn Context,
    record: &'a LogRecord,
}

macro_rules! aliases {
    ($( $variant:ident $name:literal $http:literal $kind:ident $text:literal => |$f:ident, $out:ident| $write:expr; )*) => {
        /// An alias.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Alias {
            $( #[doc = $text] $variant, )*
        }

        impl Alias {
            #[cfg(test)]
            const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            pub(crate) fn find(name: &str) -> Option<Self> {
                match name { $( $name => Some(Self::$variant), )* _ => None }
            }

            pub(crate) const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            pub(crate) fn names() -> impl Iterator<Item = &'static str> {
                [ $( $name, )* ].into_iter()
            }

            /// Whether it exists in HTTP mode only.
            pub(crate) const fn is_http(self) -> bool {
                match self { $( Self::$variant => $http, )* }
            }

            /// Whether it is an address of the server's connection.
            pub(crate) const fn is_back_address(self) -> bool {
                matches!(self, Self::BackendSourceIp | Self::BackendSourcePort | Self::ServerIp | Self::ServerPort)
            }

            /// What its value is.
            pub(crate) const fn kind(self) -> Kind {
                match self { $( Self::$variant => Kind::$kind, )* }
            }

            /// Appends the field.
            pub(crate) fn write(
                self, flags: Flags, output: Output, ctx: &dyn Context, record: &LogRecord, out: &mut Vec<u8>,
            ) {
                let field = Field { flags, output, ctx, record };
                match self { $( Self::$variant => { let ($f, $out) = (&field, out); $write } )* }
            }
        }
    };
}

aliases! {
    BytesRead "B" false Number "Bytes sent to the client." => |f, out| f.early(f.record.bytes_read as i64, out);
    RequestCookie "CC" true Message "Captured request cookie." => |f, out| f.text(f.ctx.captured_cookie(Side::Request), out);
    ResponseCookie "CS" true Message "Captured response cookie." => |f, out| f.text(f.ctx.captured_cookie(Side::Response), out);
    Hostname "H" false Text "The machine's name." => |f, out| f.name(f.ctx.hostname(), out);
    HttpMethod "HM" true Message "Method." => |f, out| f.request(f.ctx.method(), out);
    HttpPath "HP" true Message "Target without query." => |f, out| f.request(f.ctx.uri().map(before_query), out);
    HttpPathOnly "HPO" true Message "Path without host nor query." => |f, out| f.request(path(f.ctx).or(f.ctx.uri()), out);
    HttpQuery "HQ" true Message "Query with its question mark." => |f, out| f.query(out);
    HttpUri "HU" true Message "Target." => |f, out| f.request(f.ctx.uri(), out);
    HttpVersion "HV" true Message "Version." => |f, out| f.version(out);
    UniqueId "ID" false Text "Unique id." => |f, out| f.name(f.ctx.unique_id(), out);
    Origin "OG" false Text "Where the line was made." => |f, out| f.name(Some(f.record.origin), out);
    Status "ST" false Number "Status." => |f, out| f.flags.number(i64::from(f.record.status), out);
    GmtDate "T" false Text "Date of accept, GMT." => |f, out| date::gmt(f.record.accepted, out);
    ActiveTime "Ta" true Number "First byte of the request to the end." => |f, out| f.early(f.record.active_ms, out);
    ConnectTime "Tc" false Number "Connecting." => |f, out| f.flags.number(f.record.connect_ms, out);
    DataTime "Td" false Number "Transferring data." => |f, out| f.flags.number(f.record.data_ms, out);
    HandshakeTime "Th" false Number "Handshakes." => |f, out| f.flags.number(f.record.handshake_ms, out);
    IdleTime "Ti" true Number "Idle before the request." => |f, out| f.flags.number(f.record.idle_ms, out);
    LocalDate "Tl" false Text "Date of accept, local with offset." => |f, out| date::local_offset(f.record.accepted, out);
    RequestTime "TR" true Number "Receiving the request." => |f, out| f.flags.number(f.record.request_ms, out);
    QueryTime "Tq" true Number "Th + Ti + TR." => |f, out| f.flags.number(f.record.query_ms(), out);
    ResponseTime "Tr" true Number "Waiting for the response." => |f, out| f.flags.number(f.record.response_ms, out);
    Timestamp "Ts" false Number "Unix time of accept." => |f, out| f.flags.either(f.record.accepted.unix_secs, 0, out);
    TotalTime "Tt" false Number "Accept to end." => |f, out| f.early(f.record.total_ms, out);
    UserTime "Tu" false Number "Accept to end, idle time left out." => |f, out| f.early(f.record.user_ms, out);
    QueueTime "Tw" false Number "In queues." => |f, out| f.flags.number(f.record.queue_ms, out);
    BytesUploaded "U" false Number "Bytes from the client." => |f, out| f.flags.number(f.record.bytes_uploaded as i64, out);
    ActiveConnections "ac" false Number "Connections." => |f, out| f.count(f.record.active_connections, out);
    Backend "b" false Text "Backend; the frontend without one." => |f, out| f.backend(out);
    BackendConnections "bc" false Number "Connections of the backend." => |f, out| f.count(f.record.backend_connections, out);
    BackendSourceIp "bi" false Text "Own address." => |f, out| f.flags.address(f.ctx.back_src(), b"", f.output, out);
    BackendSourcePort "bp" false Number "Own port." => |f, out| f.flags.port(f.ctx.back_src(), None, f.output, out);
    BackendQueue "bq" false Number "Passed in the backend's queue." => |f, out| f.count(f.record.backend_queue, out);
    ClientIp "ci" false Text "Client." => |f, out| f.flags.address(f.ctx.src(), b"unix", f.output, out);
    ClientPort "cp" false Number "Client's port." => |f, out| f.flags.port(f.ctx.src(), f.listener(), f.output, out);
    Frontend "f" false Text "Frontend." => |f, out| f.name(f.ctx.frontend_name(), out);
    FrontendConnections "fc" false Number "Connections of the frontend." => |f, out| f.count(f.record.frontend_connections, out);
    FrontendIp "fi" false Text "Address connected to." => |f, out| f.flags.address(f.ctx.dst(), b"unix", f.output, out);
    FrontendPort "fp" false Number "Port connected to." => |f, out| f.flags.port(f.ctx.dst(), f.listener(), f.output, out);
    FrontendTransport "ft" false Text "Frontend, `~` for TLS." => |f, out| f.frontend_transport(out);
    LogCounter "lc" false Number "Lines logged by the frontend." => |f, out| f.flags.either(f.record.log_counter as i64, 4, out);
    RequestHeaders "hr" false Message "Captured request headers." => |f, out| f.headers(Side::Request, out);
    RequestHeaderList "hrl" false Message "The same, one by one." => |f, out| f.header_list(Side::Request, out);
    ResponseHeaders "hs" false Message "Captured response headers." => |f, out| f.headers(Side::Response, out);
    ResponseHeaderList "hsl" false Message "The same, one by one." => |f, out| f.header_list(Side::Response, out);
    Milliseconds "ms" false Number "Milliseconds of accept." => |f, out| f.milliseconds(f.record.accepted, out);
    Pid "pid" false Number "Process." => |f, out| f.flags.either(f.ctx.number(StreamNumber::Pid).unwrap_or(0), 4, out);
    Request "r" true Message "Request line." => |f, out| f.request_line(out);
    Retries "rc" false Number "Connect retries." => |f, out| f.retries(out);
    RequestCounter "rt" false Number "Number of the request." => |f, out| f.flags.either(f.record.request_counter as i64, 4, out);
    Server "s" false Text "Server." => |f, out| f.name(Some(f.ctx.server_name().as_deref().unwrap_or(f.record.no_server)), out);
    ServerConnections "sc" false Number "Connections of the server." => |f, out| f.count(f.record.server_connections, out);
    ServerIp "si" false Text "Server's address." => |f, out| f.flags.address(f.ctx.back_dst(), b"", f.output, out);
    ServerPort "sp" false Number "Server's port." => |f, out| f.flags.port(f.ctx.back_dst(), None, f.output, out);
    ServerQueue "sq" false Number "Passed in the server's queue." => |f, out| f.count(f.record.server_queue, out);
    SslCiphers "sslc" false Text "Cipher." => |f, out| f.text(f.ctx.secured(Wire::Front).map(|s| s.cipher.as_bytes()), out);
    SslVersion "sslv" false Text "Version of TLS." => |f, out| f.text(f.ctx.secured(Wire::Front).map(|s| s.protocol.as_bytes()), out);
    LocalMillis "t" false Text "Date of accept." => |f, out| date::local_millis(f.record.accepted, out);
    RequestMillis "tr" true Text "Date of the request." => |f, out| date::local_millis(f.record.requested, out);
    RequestGmt "trg" true Text "Date of the request, GMT." => |f, out| date::gmt(f.record.requested, out);
    RequestLocal "trl" true Text "Date of the request, local." => |f, out| date::local_offset(f.record.requested, out);
    Termination "ts" false Text "How the session ended." => |f, out| f.termination(out);
    TerminationCookie "tsc" true Text "The same with the cookie's state." => |f, out| f.termination_cookie(out);
}

impl Field<'_> {
    /// An encoding escapes by rules of its own.
    fn escape(&self, usual: Escape) -> Escape {
        if self.output == Output::Encoded { Escape::None } else { usual }
    }

    fn text(&self, text: Option<&[u8]>, out: &mut Vec<u8>) {
        self.flags.text(text.unwrap_or_default(), Escape::Controls, self.output, out);
    }

    fn name(&self, name: Option<&str>, out: &mut Vec<u8>) {
        self.text(name.map(str::as_bytes), out);
    }

    fn count(&self, n: u32, out: &mut Vec<u8>) {
        self.flags.number(i64::from(n), out);
    }

    /// A number that is not final when the line is logged before the end.
    fn early(&self, n: i64, out: &mut Vec<u8>) {
        if self.record.early {
            out.push(b'+');
        }
        self.flags.number(n, out);
    }

    /// A part of the request, which a bad request has not.
    fn request(&self, text: Option<&[u8]>, out: &mut Vec<u8>) {
        self.flags.text(text.unwrap_or(b"<BADREQ>"), Escape::Request, self.output, out);
    }

    fn request_line(&self, out: &mut Vec<u8>) {
        if let Some(line) = self.ctx.logged_request() {
            return self.request(Some(line), out);
        }
        let (Some(method), Some(uri)) = (self.ctx.method(), self.ctx.uri()) else { return self.request(None, out) };
        self.flags.quoted(out, |out| {
            for text in [method, b" ", uri, b" ", version_name(self.ctx)] {
                self.flags.bytes(text, self.escape(Escape::Request), out);
            }
        });
    }

    /// The query may be missing from a good request: that prints nothing without quotes.
    fn query(&self, out: &mut Vec<u8>) {
        match self.ctx.uri() {
            None => self.request(None, out),
            Some(uri) => {
                let query = memchr::memchr(b'?', uri).and_then(|at| uri.get(at..)).unwrap_or_default();
                self.flags.quoted(out, |out| self.flags.bytes(query, self.escape(Escape::Request), out));
            }
        }
    }

    fn version(&self, out: &mut Vec<u8>) {
        self.request(self.ctx.uri().map(|_| version_name(self.ctx)), out);
    }

    fn backend(&self, out: &mut Vec<u8>) {
        self.name(self.ctx.backend_name().or(self.ctx.frontend_name()), out);
    }

    fn frontend_transport(&self, out: &mut Vec<u8>) {
        let name = self.ctx.frontend_name().unwrap_or_default().as_bytes();
        let encrypted = self.ctx.number(StreamNumber::FrontEncrypted).is_some_and(|n| n != 0);
        self.flags.quoted(out, |out| {
            self.flags.bytes(name, Escape::Controls, out);
            if encrypted {
                out.push(b'~');
            }
        });
    }

    /// What stands for the port on a UNIX socket.
    fn listener(&self) -> Option<i64> {
        self.ctx.number(StreamNumber::ListenerId)
    }

    fn retries(&self, out: &mut Vec<u8>) {
        if self.record.redispatched {
            out.push(b'+');
        }
        self.count(self.record.retries, out);
    }

    fn milliseconds(&self, time: WallTime, out: &mut Vec<u8>) {
        let millis = time.micros / 1000;
        if self.flags.hexadecimal {
            date::put(out, format_args!("{millis:X}"));
        } else {
            date::put(out, format_args!("{millis:03}"));
        }
    }

    fn termination(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.record.termination.to_string().as_bytes());
    }

    fn termination_cookie(&self, out: &mut Vec<u8>) {
        self.termination(out);
        date::put(out, format_args!("{}{}", self.record.cookie.client, self.record.cookie.server));
    }

    /// `{a|b}`; nothing when nothing is captured or the message never came.
    fn headers(&self, side: Side, out: &mut Vec<u8>) {
        let count = self.ctx.captured_header_count(side);
        if count == 0 {
            return;
        }
        let escape = self.escape(Escape::Header);
        self.flags.quoted(out, |out| {
            for index in 0..count {
                out.push(if index == 0 { b'{' } else { b'|' });
                self.flags.bytes(self.ctx.captured_header(side, index).unwrap_or_default(), escape, out);
            }
            out.push(b'}');
        });
    }

    /// Each header on its own, separated by spaces.
    fn header_list(&self, side: Side, out: &mut Vec<u8>) {
        for index in 0..self.ctx.captured_header_count(side) {
            if index > 0 {
                out.push(b' ');
            }
            let value = self.ctx.captured_header(side, index).unwrap_or_default();
            self.flags.text(value, Escape::Header, self.output, out);
        }
    }
}

fn before_query(uri: &[u8]) -> &[u8] {
    uri.get(..memchr::memchr(b'?', uri).unwrap_or(uri.len())).unwrap_or_default()
}

fn version_name(ctx: &dyn Context) -> &'static [u8] {
    match ctx.version(Side::Request) {
        Some((1, 0)) => b"HTTP/1.0",
        Some((2, _)) => b"HTTP/2.0",
        Some((3, _)) => b"HTTP/3.0",
        _ => b"HTTP/1.1",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique() {
        let names: BTreeSet<_> = Alias::names().collect();
        assert_eq!(names.len(), Alias::ALL.len());
        for alias in Alias::ALL {
            assert_eq!(Alias::find(alias.name()), Some(*alias));
        }
    }
}
