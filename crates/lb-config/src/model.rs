//! The checked configuration: what the parser yields and the engine runs. Immutable after start.
//!
//! Everything here is resolved: names point to existing proxies, inheritance from `defaults` is
//! applied, addresses are parsed. The engine needs no text.

mod effect;
mod forwarding;
mod log;
mod table;
mod way;

pub use crate::captures::{Capture, Captures};
pub use crate::compression::{Coding, Compression};
pub use crate::dynamic::{DefaultServers, NamedDefaults};
pub use crate::mailers::{EmailAlert, Mailer, Mailers};
pub use crate::process::{Capability, CloseSpread, CpuMap, ProcessSettings, UnixBind};
pub use crate::resolvers::{Hold, Nameserver, Resolution, Resolvers};
pub use crate::stats_page::{StatsPage, StatsRule, StatsVerdict};
pub use effect::{AddressPart, Effect, NumberValue, TimeValue, TimeoutKind};
pub use forwarding::{ForwardFor, Forwarded, HeaderNames, KeepAlive, Node, NodePort, UseServer, UsedServer};
pub use log::{
    DoLog, LogLevel, LogProfile, LogSink, LogStep, LogSteps, LogTarget, LogWire, OnStep, ProfileRef, Ring, RingServer,
    Sampling,
};
pub use table::{Count, CountChange, Number, StickRule, StickTable, TableIdx, TableRef, Track};
pub use way::{Announce, Extension, NodeKey, SocketOptions, Source, UseSrc};

pub use crate::retry_on::RetryOn;
pub use crate::runtime::{Profiling, RuntimeSettings};
pub use crate::traces::TraceLine;
use lb_check::rules::RuleSet;
use lb_model::hash::HashFunction;
use lb_model::{Compat, Level, Mode, ProxyKind};
use lb_sample::{Acl, Condition, Expr, LogFormat, PatternSet, PatternSets, ProcessVars, Rewrite, VarAction};
pub use lb_tls::Named;
use lb_tls::{Bundle, Ciphers, Crl, Offer, ServerSettings, Trust, Versions};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Index of a proxy in [`Config::proxies`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProxyIdx(pub usize);

/// Where something was declared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// File as given on the command line.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
}

/// A whole configuration.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The `global` section(s), merged.
    pub global: Global,
    /// Frontends, backends and listens in declaration order.
    pub proxies: Vec<Proxy>,
    /// Stick tables in declaration order.
    pub tables: Vec<StickTable>,
    /// Names of `peers` sections.
    pub peers: Vec<Arc<str>>,
    /// Variables of the process, with the values that the global section gives them.
    pub vars: Arc<ProcessVars>,
    /// Pattern files, maps and the patterns of `acl` lines.
    pub patterns: Arc<PatternSets>,
    /// `resolvers` sections; the one named `default` is always there.
    pub resolvers: Vec<Resolvers>,
    /// Files that TLS settings name.
    pub tls: TlsFiles,
    /// Tuning words accepted without effect, each once, for one notice at start-up.
    pub ignored_tuning: Vec<String>,
    /// The checks of `healthcheck` sections, by name.
    pub healthchecks: BTreeMap<String, CheckMethod>,
    /// The `ring` sections.
    pub rings: Vec<Ring>,
    /// The lines of `traces` sections.
    pub traces: Vec<TraceLine>,
    /// The `defaults` sections with a name, for backends that come at run time.
    pub defaults: Vec<NamedDefaults>,
}

/// What the files that TLS settings name hold, by the names they are known by.
#[derive(Debug, Clone, Default)]
pub struct TlsFiles {
    /// Certificates with their keys.
    pub certificates: BTreeMap<String, Arc<Bundle>>,
    /// `crt-list`s.
    pub lists: BTreeMap<String, Vec<CrtLine>>,
    /// `ca-file`s.
    pub trusts: BTreeMap<String, Arc<Trust>>,
    /// `crl-file`s.
    pub crls: BTreeMap<String, Arc<Crl>>,
    /// `ssl-default-server-…`.
    pub server_defaults: ServerTlsDefaults,
    /// `ssl-server-verify none`: servers are trusted where their lines say nothing else.
    pub trust_servers: bool,
}

/// What connections to servers are secured with where their lines say nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerTlsDefaults {
    /// `ssl-default-server-options`: versions.
    pub versions: Versions,
    /// `ssl-default-server-ciphers`.
    pub ciphers: String,
    /// `ssl-default-server-ciphersuites`.
    pub ciphersuites: String,
}

/// A line of a `crt-list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrtLine {
    /// Its number, from 1.
    pub number: u32,
    /// The certificate's file, as it is known.
    pub file: String,
    /// What stands between the brackets.
    pub options: String,
    /// Names that choose it.
    pub filters: Vec<String>,
}

/// TLS of a listener.
#[derive(Debug, Clone)]
pub struct BindTls {
    /// Its certificates, those of the line first.
    pub offers: Vec<Offer>,
    /// `strict-sni`: only known names are answered.
    pub strict_sni: bool,
    /// The line's settings.
    pub settings: Arc<ServerSettings>,
}

/// TLS towards a server.
#[derive(Debug, Clone, Default)]
pub struct ServerTls {
    /// `ssl`: traffic is secured.
    pub enabled: bool,
    /// `ssl` or `check-ssl` was said: securing can be switched on at run time.
    pub prepared: bool,
    /// `verify required`.
    pub verify: bool,
    /// `ca-file`.
    pub ca_file: Option<Named<Trust>>,
    /// `crl-file`.
    pub crl_file: Option<Named<Crl>>,
    /// `crt`.
    pub crt: Option<Named<Bundle>>,
    /// `verifyhost`.
    pub verifyhost: Option<String>,
    /// `sni`.
    pub sni: Option<Expr>,
    /// `no-sni-auto`: without `sni`, no name is sent; else it is that of the `Host` field.
    pub no_sni_auto: bool,
    /// `alpn`.
    pub alpn: Vec<Vec<u8>>,
    /// Versions that may be spoken.
    pub versions: Versions,
    /// Suites that may be used.
    pub ciphers: Ciphers,
    /// `no-ssl-reuse`.
    pub no_reuse: bool,
    /// Health checks are secured.
    pub check: bool,
    /// `check-sni`.
    pub check_sni: Option<String>,
    /// `no-check-sni-auto`: without `check-sni`, no name is sent; else it is that of the check's `Host` field.
    pub no_check_sni_auto: bool,
    /// `check-alpn`.
    pub check_alpn: Vec<Vec<u8>>,
}

/// Process-wide settings.
#[derive(Debug, Clone, Default)]
pub struct Global {
    /// `external-check`: programs may be run as health checks.
    pub external_check: bool,
    /// `external-check preserve-env`: they get this process's environment.
    pub external_check_env: bool,
    /// Data threads; `None`: one per available CPU.
    pub nbthread: Option<usize>,
    /// Most concurrent client connections; `None`: from the descriptor limit.
    pub maxconn: Option<u32>,
    /// `ulimit-n`.
    pub ulimit_n: Option<u64>,
    /// `stats socket` lines.
    pub stats_sockets: Vec<StatsSocket>,
    /// `stats timeout`: idle limit of admin connections. Default 10 s.
    pub stats_timeout: Option<Duration>,
    /// `stats maxconn`: most admin connections per socket. Default 10.
    pub stats_maxconn: Option<u32>,
    /// `tune.stick-counters`; default 3.
    pub stick_counters: Option<usize>,
    /// `log` lines of the global section.
    pub logs: Vec<LogTarget>,
    /// `log-tag`; default `haproxy`'s place is taken by the program's name.
    pub log_tag: Option<String>,
    /// `log-send-hostname [name]`: `Some("")` means the system's name.
    pub log_send_hostname: Option<String>,
    /// `daemon`.
    pub daemon: bool,
    /// `quiet`: no messages during start.
    pub quiet: bool,
    /// `zero-warning`: a warning refuses the start.
    pub zero_warning: bool,
    /// `pidfile`.
    pub pidfile: Option<PathBuf>,
    /// `user`/`uid`.
    pub uid: Option<u32>,
    /// `group`/`gid`.
    pub gid: Option<u32>,
    /// `chroot`.
    pub chroot: Option<PathBuf>,
    /// `node`.
    pub node: Option<String>,
    /// `description`.
    pub description: Option<String>,
    /// `hard-stop-after`.
    pub hard_stop_after: Option<Duration>,
    /// `tune.bufsize`; default 16384.
    pub bufsize: Option<usize>,
    /// `tune.maxrewrite`; default 1024.
    pub maxrewrite: Option<usize>,
    /// `tune.http.maxhdr`; default 101.
    pub maxhdr: Option<usize>,
    /// `maxsslconn`.
    pub max_ssl_connections: Option<u32>,
    /// `maxsslrate`; 0: none.
    pub max_ssl_rate: u32,
    /// `spread-checks`, percent 0 to 50.
    pub spread_checks: u32,
    /// `max-spread-checks`.
    pub max_spread_checks: Option<Duration>,
    /// `setenv`, `presetenv` results and `unsetenv` removals, in order.
    pub environment: Vec<(String, Option<String>)>,
    /// Processors, limits, capabilities, reloads.
    pub process: ProcessSettings,
    /// What outlives the process.
    pub state: StateFiles,
    /// What may be changed at run time, as it begins.
    pub runtime: RuntimeSettings,
    /// `compat`: whether the Runtime API has commands of this program's own.
    pub compat: Compat,
}

/// Files through which states and counters outlive the process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StateFiles {
    /// `server-state-file`.
    pub servers: Option<PathBuf>,
    /// `server-state-save`: how often the process itself writes `servers`; `None`: never.
    pub save: Option<Duration>,
    /// `server-state-base`: the directory of state files whose path is not absolute.
    pub base: Option<PathBuf>,
    /// `stats-file`: the counters of a former process, as `dump stats-file` told them.
    pub stats: Option<PathBuf>,
}

impl StateFiles {
    /// Where a state file is.
    pub fn locate(&self, path: &Path) -> PathBuf {
        // An absolute path replaces the base.
        self.base.as_ref().map_or_else(|| path.to_owned(), |base| base.join(path))
    }
}

/// An admin socket.
#[derive(Debug, Clone)]
pub struct StatsSocket {
    /// Where to listen.
    pub address: ListenAddress,
    /// Highest level of its connections; default operator.
    pub level: Level,
    /// `mode`, octal, of a UNIX socket.
    pub mode: Option<u32>,
    /// Owner of a UNIX socket.
    pub uid: Option<u32>,
    /// Group of a UNIX socket.
    pub gid: Option<u32>,
    /// `severity-output`.
    pub severity_output: SeverityOutput,
    /// `expose-fd listeners`: a successor may fetch the listening sockets there.
    pub expose_fd_listeners: bool,
    /// `maxconn` on the line.
    pub maxconn: Option<u32>,
    /// `name`.
    pub name: Option<String>,
    /// It stays open while the process stops: a master asks its former workers there.
    pub until_end: bool,
    /// Where declared.
    pub place: Place,
}

/// How answers show their severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SeverityOutput {
    /// Not shown.
    #[default]
    None,
    /// `[3]:`.
    Number,
    /// `[err]:`.
    String,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// IPv4 or IPv6; a port range is expanded to several binds by the parser.
    Ip {
        /// `0.0.0.0` for `*`.
        ip: IpAddr,
        /// TCP port.
        port: u16,
    },
    /// A UNIX socket's path.
    Unix(PathBuf),
    /// A name in Linux's abstract namespace, without the leading NUL.
    Abstract(String),
    /// An inherited, already listening descriptor.
    Fd(i32),
    /// An inherited UNIX socket, connected to whoever hands over connections on it.
    Sockpair(i32),
}

/// An address to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectAddress {
    /// IPv4 or IPv6.
    Ip(IpAddr),
    /// A UNIX socket's path.
    Unix(PathBuf),
    /// A name in Linux's abstract namespace.
    Abstract(String),
    /// An inherited UNIX socket; the peer gets one end of a new pair of sockets for each connection.
    Sockpair(i32),
}

/// A frontend, a backend, or both.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Its name.
    pub name: Arc<str>,
    /// Numeric id (`iid`): from `id`, else the lowest free one from 2 up, as HAProxy assigns.
    pub id: u32,
    /// `guid`: a name that is the same in every process.
    pub guid: Option<Arc<str>>,
    /// The id is from `id`.
    pub forced_id: bool,
    /// Something of the configuration names it: it is there for as long as the process.
    pub referenced: bool,
    /// Which section declared it.
    pub kind: ProxyKind,
    /// TCP or HTTP.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// `be-unpublished`: no rule leads here until it is published.
    pub unpublished: bool,
    /// `description`.
    pub description: Option<String>,
    /// Listening addresses.
    pub binds: Vec<Bind>,
    /// `maxconn` of the frontend; `None`: the global limit.
    pub maxconn: Option<u32>,
    /// `source`: for servers without one of their own.
    pub source: Option<Source>,
    /// `fullconn` of the backend.
    pub fullconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `rate-limit sessions`; 0 means none.
    pub rate_limit_sessions: u32,
    /// Named ACLs.
    pub acls: Vec<Acl>,
    /// `force-be-switch`: where one of these holds, rules may lead to unpublished backends.
    pub force_switch: Vec<Condition>,
    /// `use-server` rules in order.
    pub use_server: Vec<UseServer>,
    /// `http-send-name-header`.
    pub name_header: Option<String>,
    /// `max-keep-alive-queue`: beyond so many waiting requests the last server is not preferred; `None`: always.
    pub max_keep_alive_queue: Option<u32>,
    /// `clitcpka-cnt`, `clitcpka-idle`, `clitcpka-intvl`.
    pub client_probes: KeepAlive,
    /// `srvtcpka-cnt`, `srvtcpka-idle`, `srvtcpka-intvl`.
    pub server_probes: KeepAlive,
    /// `use_backend` rules in order; names resolved.
    pub use_backend: Vec<UseBackend>,
    /// `default_backend`, resolved. A `listen` section's is itself when it has servers.
    pub default_backend: Option<ProxyIdx>,
    /// `http-request` rules of this proxy that this engine knows.
    pub http_request: Vec<HttpRule>,
    /// `http-response` rules.
    pub http_response: Vec<HttpRule>,
    /// `http-after-response` rules.
    pub http_after_response: Vec<HttpRule>,
    /// `tcp-request` rules of all stages.
    pub tcp_request: Vec<TcpRule>,
    /// `tcp-request inspect-delay`.
    pub inspect_delay: Option<Duration>,
    /// The table the section declares.
    pub table: Option<TableIdx>,
    /// `stick` rules.
    pub stick_rules: Vec<StickRule>,
    /// Load balancing.
    pub balance: Balance,
    /// Servers in declaration order.
    pub servers: Vec<Arc<Server>>,
    /// What its `default-server` lines say, for servers that come at run time.
    pub default_servers: DefaultServers,
    /// Session persistence by cookie.
    pub cookie: Option<Cookie>,
    /// `dynamic-cookie-key`.
    pub dynamic_cookie_key: Option<String>,
    /// `force-persist` and `ignore-persist`, in order.
    pub persist_rules: Vec<PersistRule>,
    /// All timeouts; `None`: infinite.
    pub timeouts: Timeouts,
    /// `retry-on`; default `conn-failure`.
    pub retry_on: RetryOn,
    /// `retries`; default 3.
    pub retries: u32,
    /// `option redispatch [interval]`: `Some(-1)` (the default interval) redispatches on the last retry.
    pub redispatch: Option<i32>,
    /// `http-reuse`.
    pub http_reuse: HttpReuse,
    /// `hash-type consistent` instead of map-based.
    pub consistent_hash: bool,
    /// The function that `hash-type` names, and whether its output is spread.
    pub hash_function: Option<(HashFunction, bool)>,
    /// The check all servers of this backend use.
    pub check: CheckMethod,
    /// Switches.
    pub options: Options,
    /// `compression`.
    pub compression: Compression,
    /// What is sent in place of the default pages, by status.
    pub error_pages: Vec<(u16, ErrorPage)>,
    /// Some proxy has pages that are made for each request.
    pub makes_pages: bool,
    /// Log targets (`log global` is resolved).
    pub logs: Vec<LogTarget>,
    /// The line logged for each session; `None`: the plain connection line.
    pub log_format: Option<Arc<LogFormat>>,
    /// `log-format-sd`: the structured data of RFC 5424.
    pub log_format_sd: Option<Arc<LogFormat>>,
    /// `error-log-format`: the line for connections on which there was no session.
    pub error_log_format: Option<Arc<LogFormat>>,
    /// `log-steps`: when lines are logged; `None`: at the end.
    pub log_steps: LogSteps,
    /// Lines about sessions are made of formats: the proxy's, or those of a target's profile.
    pub logs_sessions: bool,
    /// One of its formats shows an address of the server's connection.
    pub logs_back_address: bool,
    /// `log-tag`.
    pub log_tag: Option<String>,
    /// What log lines keep of messages.
    pub captures: Captures,
    /// `email-alert`.
    pub email_alert: Option<EmailAlert>,
    /// `monitor-uri`: requests for exactly this are answered here and not logged.
    pub monitor_uri: Option<String>,
    /// `monitor fail`: when one of them holds, the answer is 503.
    pub monitor_fail: Vec<Condition>,
    /// `unique-id-format`.
    pub unique_id: Option<Arc<LogFormat>>,
    /// `unique-id-header`.
    pub unique_id_header: Option<String>,
    /// `load-server-state-from-file`.
    pub load_state: LoadState,
    /// `server-state-file-name`; `None`: the proxy's name.
    pub state_file: Option<PathBuf>,
    /// `stats …`: the status page served here.
    pub stats: Option<StatsPage>,
    /// Where declared.
    pub place: Place,
}

/// Where the states of a backend's servers are read from at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LoadState {
    /// Nowhere.
    #[default]
    None,
    /// `server-state-file` of the global section.
    Global,
    /// The backend's own file.
    Local,
}

/// One `bind` address.
#[derive(Debug, Clone)]
pub struct Bind {
    /// Where to listen.
    pub address: ListenAddress,
    /// `name`.
    pub name: Option<String>,
    /// `id`; else assigned from 1 up.
    pub id: u32,
    /// `guid-prefix` with the listener's place on its line: a name that is the same in every process.
    pub guid: Option<Arc<str>>,
    /// `maxconn` of this listener.
    pub maxconn: Option<u32>,
    /// `backlog`.
    pub backlog: Option<u32>,
    /// `mode`, octal, of a UNIX socket.
    pub mode: Option<u32>,
    /// Owner of a UNIX socket.
    pub uid: Option<u32>,
    /// Group of a UNIX socket.
    pub gid: Option<u32>,
    /// `v6only`.
    pub v6only: bool,
    /// `accept-proxy`: connections begin with a PROXY header.
    pub accept_proxy: bool,
    /// What the kernel is told of the socket.
    pub socket: SocketOptions,
    /// `ssl`: how its connections are secured.
    pub tls: Option<Arc<BindTls>>,
    /// Where declared.
    pub place: Place,
}

/// A `use_backend` rule.
#[derive(Debug, Clone)]
pub struct UseBackend {
    /// Target.
    pub backend: BackendChoice,
    /// `if`/`unless` part; `None`: always.
    pub condition: Option<Condition>,
}

/// How a `use_backend` rule names its backend.
#[derive(Debug, Clone)]
pub enum BackendChoice {
    /// By its name.
    Named(ProxyIdx),
    /// By a format that yields the name. A name that no backend has leads to the default backend.
    Computed(Arc<LogFormat>),
}

impl BackendChoice {
    /// The backend, when the rule always means the same.
    pub fn fixed(&self) -> Option<ProxyIdx> {
        match self {
            Self::Named(index) => Some(*index),
            Self::Computed(_) => None,
        }
    }
}

/// An `http-request` or `http-response` rule.
#[derive(Debug, Clone)]
pub struct HttpRule {
    /// What to do.
    pub action: HttpAction,
    /// When.
    pub condition: Option<Condition>,
}

/// Actions of HTTP rules.
#[derive(Debug, Clone)]
pub enum HttpAction {
    /// Stop evaluating.
    Allow,
    /// Track a key in a stick table.
    Track(Track),
    /// Change a tracked entry.
    Count(Count),
    /// `deny`: answer so, and count the request as denied.
    Deny(Reply),
    /// `tarpit`: the same after a while.
    Tarpit(Reply),
    /// `reject`: close without an answer.
    Reject,
    /// `silent-drop`: the connection ends without a word.
    SilentDrop,
    /// `auth [realm …]`: answer 401, asking for a name and a password under this realm; `None`: the proxy's name.
    Auth(Option<Arc<str>>),
    /// `redirect location|prefix|scheme`.
    Redirect(Redirect),
    /// `set-header name fmt`.
    SetHeader(String, Arc<LogFormat>),
    /// `add-header name fmt`.
    AddHeader(String, Arc<LogFormat>),
    /// `del-header name [-m …]`.
    DelHeader(FieldName),
    /// `set-method`, `set-path`, `set-pathq`, `set-query`, `set-uri`, `replace-path`, `replace-pathq`, `replace-uri`.
    SetLine(LineEdit),
    /// `replace-header`, `replace-value`.
    ReplaceField(FieldEdit),
    /// `return status <n> [content-type …] [string …]`.
    Return(Reply),
    /// `set-var`, `set-var-fmt`, `unset-var`.
    Var(VarAction),
    /// `capture`.
    Capture(Capture),
    /// `set-log-level`.
    LogLevel(LogLevel),
    /// `strict-mode`: whether an edit that does not fit is an error.
    StrictMode(bool),
    /// `set-status <n> [reason <text>]` of responses.
    SetStatus(u16, Option<Arc<str>>),
    /// Changes of the session.
    Effect(Effect),
    /// `normalize-uri`.
    Normalize(lb_http::Normalizer),
    /// `early-hint`: a field of an interim response.
    EarlyHint(String, Arc<LogFormat>),
    /// `pause`: the rules go on after this time.
    Pause(TimeValue),
    /// `wait-for-body`: the rules go on when so many bytes of the body are there, at the latest after this time.
    WaitForBody(Duration, Option<u64>),
    /// `use-service prometheus-exporter`.
    Metrics,
    /// `add-acl`, `del-acl`, `set-map`, `del-map`.
    Pattern(PatternAction),
    /// `do-log`: a line at this point.
    Log(Box<DoLog>),
}

/// A place for a part of a message that log lines keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureSlot {
    /// The field whose last line is kept; `None`: only rules put something there.
    pub header: Option<String>,
    /// How many bytes are kept.
    pub len: usize,
}

/// Which fields are meant.
#[derive(Debug, Clone)]
pub enum FieldName {
    /// Those of this name, whatever its case.
    Is(String),
    /// Those whose name begins so.
    Begins(String),
    /// Those whose name ends so.
    Ends(String),
    /// Those whose name holds this.
    Holds(String),
    /// Those whose name matches.
    Matches(Rewrite),
}

impl FieldName {
    /// Whether a field of this name is meant.
    pub fn means(&self, name: &[u8]) -> bool {
        let same =
            |part: Option<&[u8]>, text: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(text.as_bytes()));
        match self {
            Self::Is(text) => name.eq_ignore_ascii_case(text.as_bytes()),
            Self::Begins(text) => same(name.get(..text.len()), text),
            Self::Ends(text) => same(name.len().checked_sub(text.len()).and_then(|at| name.get(at..)), text),
            Self::Holds(text) => {
                text.is_empty() || name.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
            }
            Self::Matches(pattern) => pattern.matches(&name.to_ascii_lowercase()),
        }
    }
}

/// A change of the request line.
#[derive(Debug, Clone)]
pub struct LineEdit {
    /// What is changed.
    pub part: LinePart,
    /// Changed only where this matches, groups being put into the value.
    pub rewrite: Option<Rewrite>,
    /// The format of the value.
    pub value: Arc<LogFormat>,
}

/// Parts of a request line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinePart {
    /// The method.
    Method,
    /// The path, without the query.
    Path,
    /// Path and query.
    PathQuery,
    /// The query, without the question mark.
    Query,
    /// The whole target.
    Uri,
}

/// A change of header fields.
#[derive(Debug, Clone)]
pub struct FieldEdit {
    /// The fields' name.
    pub name: String,
    /// What their values must match.
    pub rewrite: Rewrite,
    /// The format of the value.
    pub value: Arc<LogFormat>,
    /// Values between commas are taken one by one (`replace-value`).
    pub each: bool,
}

/// A change of a set of patterns.
#[derive(Debug, Clone)]
pub struct PatternAction {
    /// What is done.
    pub verb: PatternVerb,
    /// The set.
    pub set: PatternSet,
    /// The format of the key.
    pub key: Arc<LogFormat>,
    /// The format of the value, for `set-map`.
    pub value: Option<Arc<LogFormat>>,
}

/// Kinds of changes of a set of patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternVerb {
    /// `add-acl`: adds the key unless it is known.
    AddAcl,
    /// `del-acl`.
    DelAcl,
    /// `set-map`: gives the key a value, adding it where it is not known.
    SetMap,
    /// `del-map`.
    DelMap,
}

/// A redirect.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// How the location is made.
    pub kind: RedirectKind,
    /// The format of the location, prefix or scheme.
    pub target: Arc<LogFormat>,
    /// 301, 302, 303, 307 or 308.
    pub code: u16,
    /// `drop-query`: a `prefix` redirect leaves the query out.
    pub drop_query: bool,
    /// `append-slash`: with `drop-query`, a `/` is added to a path that lacks one at its end.
    pub append_slash: bool,
    /// `keep-query`: a `location` redirect appends the request's query.
    pub keep_query: bool,
    /// `ignore-empty`: an empty target redirects nowhere, the next rule is tried.
    pub ignore_empty: bool,
    /// `set-cookie`, `set-cookie-fmt`, `clear-cookie`.
    pub cookie: Option<RedirectCookie>,
}

/// What a redirect says in `Set-Cookie`.
#[derive(Debug, Clone)]
pub enum RedirectCookie {
    /// Always the same.
    Fixed(Arc<str>),
    /// Made for each request.
    Made(Arc<LogFormat>),
}

/// Kinds of redirects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `location`.
    Location,
    /// `prefix`.
    Prefix,
    /// `scheme`.
    Scheme,
}

/// A response made by the proxy.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// The rest of it.
    pub content: ReplyContent,
    /// Fields (`hdr`).
    pub fields: Vec<(String, Arc<LogFormat>)>,
}

/// What is sent in place of the default page of a status.
#[derive(Debug, Clone)]
pub enum ErrorPage {
    /// A whole response without a word about the connection; empty: nothing is sent.
    Whole(Arc<[u8]>),
    /// A response made for each request (`http-error`).
    Made(Arc<Reply>),
}

/// What a response made by the proxy holds.
#[derive(Debug, Clone)]
pub enum ReplyContent {
    /// The page of its status: a file of the proxy or the default one.
    Page,
    /// The page of its status in an `http-errors` section. Once all was read, none is left.
    Section(Arc<str>),
    /// No body.
    Empty,
    /// A content type and a body.
    Static(String, Arc<[u8]>),
    /// A content type and a body made for each request.
    Format(String, Arc<LogFormat>),
    /// A whole response from a file.
    Whole(Arc<[u8]>),
}

/// A `tcp-request` rule.
#[derive(Debug, Clone)]
pub struct TcpRule {
    /// When it runs.
    pub stage: TcpStage,
    /// What to do.
    pub action: TcpAction,
    /// When.
    pub condition: Option<Condition>,
}

/// When a `tcp-request` rule runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcpStage {
    /// `connection`: at the accept.
    Connection,
    /// `session`: once the client's address is known for good.
    Session,
    /// `content`: when bytes are there.
    Content,
}

/// Actions of `tcp-request` rules.
#[derive(Debug, Clone)]
pub enum TcpAction {
    /// `accept`.
    Accept,
    /// `reject`.
    Reject,
    /// `set-var`, `set-var-fmt`, `unset-var`.
    Var(VarAction),
    /// Track a key in a stick table.
    Track(Track),
    /// Change a tracked entry.
    Count(Count),
    /// `expect-proxy layer4`: the connection begins with a PROXY header.
    ExpectProxy,
    /// `silent-drop`: the connection ends without a word.
    SilentDrop,
    /// `do-log`: a line at this point.
    Log(Box<DoLog>),
    /// Changes of the session.
    Effect(Effect),
    /// `capture`.
    Capture(Capture),
}

/// `force-persist` or `ignore-persist`.
#[derive(Debug, Clone)]
pub struct PersistRule {
    /// A server that is down is used all the same; else persistence does not count.
    pub force: bool,
    /// When.
    pub condition: Condition,
}

/// `balance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    /// `roundrobin`.
    RoundRobin,
    /// `static-rr`.
    StaticRr,
    /// `leastconn`.
    LeastConn,
    /// `first`.
    First,
    /// `random(draws)`. The default, with 2 draws.
    Random(u32),
    /// `source`.
    Source,
    /// `uri`, with `whole`, `len`, `depth`, `path-only`.
    Uri {
        /// Query string included.
        whole: bool,
        /// Most bytes hashed; 0: all.
        len: usize,
        /// Most directories hashed; 0: all.
        depth: usize,
    },
    /// `hdr(name)`.
    Header(String),
    /// `url_param name`.
    UrlParam(String),
}

impl Balance {
    /// The algorithm's name as statistics have it (observed): `random` has none.
    pub const fn shown(&self) -> &'static str {
        match self {
            Self::RoundRobin => "roundrobin",
            Self::StaticRr => "static-rr",
            Self::LeastConn => "leastconn",
            Self::First => "first",
            Self::Random(_) => "unknown",
            Self::Source => "source",
            Self::Uri { .. } => "uri",
            Self::Header(_) => "hdr",
            Self::UrlParam(_) => "url_param",
        }
    }
}

/// `http-reuse`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HttpReuse {
    /// `never`.
    Never,
    /// `safe`, the default.
    #[default]
    Safe,
    /// `aggressive`.
    Aggressive,
    /// `always`.
    Always,
}

/// A `server` line, `default-server` applied.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name.
    pub name: Arc<str>,
    /// Numeric id (`sid`): from `id`, else assigned from 1 up.
    pub id: u32,
    /// `guid`: a name that is the same in every process.
    pub guid: Option<Arc<str>>,
    /// The id is from `id`.
    pub forced_id: bool,
    /// Something of the configuration names it: it is there for as long as the process.
    pub referenced: bool,
    /// Where it listens.
    pub address: ConnectAddress,
    /// Port; 0: the client's destination port.
    pub port: u16,
    /// `+N`/`-N` port offset from the client's destination port; then `port` is unused.
    pub port_offset: Option<i32>,
    /// Host name as configured when it was not an address (resolved at start by the parser's resolver argument).
    pub fqdn: Option<String>,
    /// How the name is resolved while traffic flows; `None`: it is not.
    pub resolution: Option<Arc<Resolution>>,
    /// `weight`, 0 to 256, default 1.
    pub weight: u32,
    /// `maxconn`; 0: unlimited.
    pub maxconn: u32,
    /// `minconn`: the limit of connections while the backend has few; 0: `maxconn` always.
    pub minconn: u32,
    /// `maxqueue`; 0: unlimited.
    pub maxqueue: u32,
    /// `backup`.
    pub backup: bool,
    /// `non-stick`: stick tables do not learn it.
    pub non_stick: bool,
    /// `disabled`: starts in maintenance.
    pub disabled: bool,
    /// `cookie`.
    pub cookie: Option<String>,
    /// `check`.
    pub check: bool,
    /// Check and agent settings.
    pub health: HealthParams,
    /// `healthcheck`: a check of its own; `None`: the backend's.
    pub check_method: Option<CheckMethod>,
    /// `agent-check`.
    pub agent: Option<AgentParams>,
    /// `track backend/server`, resolved to (proxy, server index).
    pub track: Option<(ProxyIdx, usize)>,
    /// `slowstart`.
    pub slowstart: Option<Duration>,
    /// `observe`.
    pub observe: Observe,
    /// `error-limit`; default 10.
    pub error_limit: u32,
    /// `on-error`.
    pub on_error: OnError,
    /// `max-fails`: failures of traffic that put it out; 0: it is not watched for that.
    pub max_fails: u32,
    /// `fail-timeout`: within which time, and for which time; default 10 s.
    pub fail_timeout: Duration,
    /// `on-marked-down shutdown-sessions`.
    pub on_marked_down_shutdown: bool,
    /// `on-marked-up shutdown-backup-sessions`.
    pub on_marked_up_shutdown_backup: bool,
    /// `init-state`.
    pub init_state: InitState,
    /// `send-proxy` and its kin: the header that connections begin with.
    pub announce: Announce,
    /// `set-proxy-v2-tlv-fmt`: more that it says.
    pub proxy_extensions: Vec<Extension>,
    /// `pool-max-conn`; -1: unlimited.
    pub pool_max_conn: i32,
    /// `pool-purge-delay`; default 5 s.
    pub pool_purge_delay: Duration,
    /// `max-reuse`: exchanges on one connection after its first; `None`: unlimited.
    pub max_reuse: Option<u32>,
    /// `source`, of the line or of the backend.
    pub source: Option<Source>,
    /// What the kernel is told of its connections.
    pub socket: Option<Box<SocketOptions>>,
    /// `hash-key`.
    pub node_key: NodeKey,
    /// `pool-conn-name`: what a kept connection may be used again for.
    pub pool_name: Option<Arc<Expr>>,
    /// `strict-maxconn`: idle connections count, too.
    pub strict_maxconn: bool,
    /// `redir`: clients are sent to this place instead.
    pub redir: Option<Arc<str>>,
    /// `socks4`: the proxy that is asked for its connections.
    pub socks4: Option<SocketAddr>,
    /// What connections to it are secured with, when a word of its line is about TLS.
    pub tls: Option<Arc<ServerTls>>,
    /// Where declared.
    pub place: Place,
}

/// Rhythm and thresholds of a server's health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthParams {
    /// `inter`; default 2 s.
    pub inter: Duration,
    /// `fastinter`; `None`: `inter`.
    pub fastinter: Option<Duration>,
    /// `downinter`; `None`: `inter`.
    pub downinter: Option<Duration>,
    /// `rise`; default 2.
    pub rise: u32,
    /// `fall`; default 3.
    pub fall: u32,
    /// `port` of the check.
    pub port: Option<u16>,
    /// `addr` of the check.
    pub addr: Option<IpAddr>,
    /// `check-send-proxy`.
    pub send_proxy: bool,
    /// `check-via-socks4`.
    pub via_socks4: bool,
    /// `check-proto h2`.
    pub http2: bool,
}

impl Default for HealthParams {
    fn default() -> Self {
        Self {
            inter: Duration::from_secs(2),
            fastinter: None,
            downinter: None,
            rise: 2,
            fall: 3,
            port: None,
            addr: None,
            send_proxy: false,
            via_socks4: false,
            http2: false,
        }
    }
}

/// `agent-check` settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentParams {
    /// `agent-port`.
    pub port: u16,
    /// `agent-addr`; `None`: the server's.
    pub addr: Option<IpAddr>,
    /// `agent-inter`; `None`: `inter`.
    pub inter: Option<Duration>,
    /// `agent-send`.
    pub send: Option<String>,
}

/// `observe`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Observe {
    /// Not observed.
    #[default]
    None,
    /// `layer4`.
    Layer4,
    /// `layer7`.
    Layer7,
}

/// `on-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnError {
    /// `fastinter`.
    Fastinter,
    /// `fail-check`, the default.
    #[default]
    FailCheck,
    /// `sudden-death`.
    SuddenDeath,
    /// `mark-down`.
    MarkDown,
}

/// `init-state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InitState {
    /// `none`: `UP 1/3`.
    #[default]
    None,
    /// `fully-up`.
    FullyUp,
    /// `up`.
    Up,
    /// `down`.
    Down,
    /// `fully-down`.
    FullyDown,
}

/// `cookie` of a backend.
#[derive(Debug, Clone, Default)]
pub struct Cookie {
    /// Its name.
    pub name: String,
    /// How the cookie is used.
    pub mode: CookieMode,
    /// `indirect`.
    pub indirect: bool,
    /// `nocache`.
    pub nocache: bool,
    /// `postonly`.
    pub postonly: bool,
    /// `preserve`.
    pub preserve: bool,
    /// `dynamic`: servers without a cookie get one made from their address.
    pub dynamic: bool,
    /// `httponly`.
    pub httponly: bool,
    /// `secure`.
    pub secure: bool,
    /// `domain` (repeatable).
    pub domains: Vec<String>,
    /// `attr` (repeatable).
    pub attrs: Vec<String>,
}

/// How the persistence cookie is handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CookieMode {
    /// Only read: the application sets it.
    #[default]
    Passive,
    /// `insert`.
    Insert,
    /// `rewrite`.
    Rewrite,
    /// `prefix`.
    Prefix,
}

/// Timeouts of a proxy; `None`: infinite.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timeouts {
    /// `timeout client`.
    pub client: Option<Duration>,
    /// `timeout server`.
    pub server: Option<Duration>,
    /// `timeout connect`.
    pub connect: Option<Duration>,
    /// `timeout check`.
    pub check: Option<Duration>,
    /// `timeout queue`.
    pub queue: Option<Duration>,
    /// `timeout tunnel`.
    pub tunnel: Option<Duration>,
    /// `timeout http-request`.
    pub http_request: Option<Duration>,
    /// `timeout http-keep-alive`.
    pub http_keep_alive: Option<Duration>,
    /// `timeout client-hs`: the longest TLS handshake of a client; without it, the client timeout.
    pub client_hs: Option<Duration>,
    /// `timeout tarpit`: how long a tarpit lasts; without it, the connect timeout.
    pub tarpit: Option<Duration>,
    /// `timeout client-fin`.
    pub client_fin: Option<Duration>,
    /// `timeout server-fin`.
    pub server_fin: Option<Duration>,
}

/// How the servers of a backend are checked.
#[derive(Debug, Clone)]
pub enum CheckMethod {
    /// By a connection, and what is said on it.
    Rules(Arc<RuleSet>),
    /// By a program (`option external-check`).
    External(Arc<ExternalCheck>),
}

impl Default for CheckMethod {
    fn default() -> Self {
        Self::Rules(Arc::default())
    }
}

impl CheckMethod {
    /// The rules, unless a program checks.
    pub fn rules(&self) -> Option<&RuleSet> {
        match self {
            Self::Rules(rules) => Some(rules),
            Self::External(_) => None,
        }
    }
}

/// A program that checks servers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExternalCheck {
    /// `external-check command`.
    pub command: String,
    /// `external-check path`: what its `PATH` is; `None`: the documented default.
    pub path: Option<String>,
}

/// Switches of a proxy (`option …`).
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `forwardfor`.
    pub forwardfor: Option<ForwardFor>,
    /// `originalto`.
    pub originalto: Option<ForwardFor>,
    /// `forwarded`.
    pub forwarded: Option<Arc<Forwarded>>,
    /// `http-restrict-req-hdr-names`.
    pub header_names: HeaderNames,
    /// `http-pretend-keepalive`: servers are not told that their connection ends.
    pub pretend_keepalive: bool,
    /// `prefer-last-server`.
    pub prefer_last_server: bool,
    /// `http-buffer-request`: rules see bodies.
    pub buffer_request: bool,
    /// `idle-close-on-response`: idle clients stay while the process stops.
    pub idle_close_on_response: bool,
    /// `httpclose`.
    pub httpclose: bool,
    /// `http-server-close`.
    pub http_server_close: bool,
    /// `dontlognull`.
    pub dontlognull: bool,
    /// `socket-stats`.
    pub socket_stats: bool,
    /// `dontlog-normal`.
    pub dontlog_normal: bool,
    /// `log-health-checks`.
    pub log_health_checks: bool,
    /// `logasap`.
    pub logasap: bool,
    /// `log-separate-errors`.
    pub log_separate_errors: bool,
    /// `persist`.
    pub persist: bool,
    /// `allbackups`.
    pub allbackups: bool,
    /// `abortonclose`.
    pub abortonclose: bool,
    /// `tcpka`, client side.
    pub clitcpka: bool,
    /// `tcpka`, server side.
    pub srvtcpka: bool,
    /// `nolinger`.
    pub nolinger: bool,
    /// `http-ignore-probes`.
    pub http_ignore_probes: bool,
}
