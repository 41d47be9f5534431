//! The HTTP check's request.

/// What `option httpchk` and `http-check send` ask to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// Method.
    pub method: String,
    /// Target.
    pub uri: String,
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub version: String,
    /// Headers in order.
    pub headers: Vec<(String, String)>,
    /// Body, possibly empty.
    pub body: Vec<u8>,
}

impl Default for HttpRequest {
    fn default() -> Self {
        Self {
            method: "OPTIONS".into(),
            uri: "/".into(),
            version: "HTTP/1.0".into(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }
}

/// What `http-check send-state` tells the server of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerState<'a> {
    /// Operational status with progress, drain and maintenance aside: `UP`, `UP 1/3`, `NOLB`.
    pub status: &'a str,
    /// The server's address.
    pub address: &'a str,
    /// The server's port.
    pub port: u16,
    /// Backend's name.
    pub backend: &'a str,
    /// Server's name.
    pub server: &'a str,
    /// The node's name.
    pub node: &'a str,
    /// The server's weight.
    pub weight: u32,
    /// Weight of all usable servers.
    pub total_weight: u32,
    /// Sessions on the server.
    pub sessions: usize,
    /// Sessions on the backend.
    pub total_sessions: usize,
    /// Requests in the server's queue.
    pub queued: usize,
}

impl std::fmt::Display for ServerState<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = self;
        write!(f, "{}; address={}; port={}; ", s.status, s.address, s.port)?;
        write!(f, "name={}/{}; node={}; weight={}/{}; ", s.backend, s.server, s.node, s.weight, s.total_weight)?;
        write!(f, "scur={}/{}; qcur={}", s.sessions, s.total_sessions, s.queued)
    }
}

/// The bytes of a check's request, with the text of `send-state` when there is one. As observed on the wire: header names in lower case, the
/// length of a body added, `connection: close` with HTTP/1.1 unless the headers ask otherwise,
/// the authority of an absolute target replaced by `Host`. No `Host` is ever added.
pub fn request(request: &HttpRequest, state: Option<&str>) -> Vec<u8> {
    let host = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host"));
    let uri = match host {
        Some((_, host)) => with_authority(&request.uri, host),
        None => request.uri.clone(),
    };
    let mut out = format!("{} {uri} {}\r\n", request.method, request.version);
    let mut close = request.version != "HTTP/1.0";
    for (name, value) in &request.headers {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            // The body decides, not the configuration.
            "content-length" | "transfer-encoding" => (),
            "connection" => close &= value.to_ascii_lowercase().contains("close"),
            _ => push_header(&mut out, &name, value),
        }
    }
    if let Some(state) = state {
        push_header(&mut out, "x-haproxy-server-state", state);
    }
    if !request.body.is_empty() {
        push_header(&mut out, "content-length", &request.body.len().to_string());
    }
    if close {
        push_header(&mut out, "connection", "close");
    }
    out.push_str("\r\n");
    let mut bytes = out.into_bytes();
    bytes.extend_from_slice(&request.body);
    bytes
}

/// Adds a header; line ends in a value would start another one and become blanks.
fn push_header(out: &mut String, name: &str, value: &str) {
    out.push_str(name);
    out.push_str(": ");
    out.extend(value.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }));
    out.push_str("\r\n");
}

/// `http://old/path` with another authority; other targets as they are.
fn with_authority(uri: &str, host: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let path = rest.find(['/', '?']).map_or("", |i| rest.split_at(i).1);
    format!("{scheme}://{host}{path}")
}
