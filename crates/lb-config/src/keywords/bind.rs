//! Parameters of `bind` and `stats socket` lines.

use super::Status;
use super::Status::{Gone, NotYet, Supported, Tuning};
use crate::bind::{self, BindHandler};
use crate::socket::bind as socket;

/// A parameter and how many words follow it.
pub(crate) struct BindRow {
    pub name: &'static str,
    pub arguments: usize,
    pub status: Status<BindHandler>,
    /// Belongs to TLS: it is obeyed when all was read.
    pub tls: bool,
    /// Where a supported one has its effect.
    pub acts: Acts,
}

/// On which lines a parameter has an effect. On the others it is read, checked and named as ignored.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acts {
    Everywhere,
    OnBind,
    OnStatsSocket,
}

const fn row(name: &'static str, arguments: usize, status: Status<BindHandler>) -> BindRow {
    BindRow { name, arguments, status, tls: false, acts: Acts::Everywhere }
}

const fn on(acts: Acts, row: BindRow) -> BindRow {
    BindRow { acts, ..row }
}

const fn secure(name: &'static str, arguments: usize) -> BindRow {
    BindRow { name, arguments, status: Supported(bind::secure), tls: true, acts: Acts::OnBind }
}

pub(crate) const BIND: &[BindRow] = &[
    row("accept-netscaler-cip", 1, NotYet),
    on(Acts::OnBind, row("accept-proxy", 0, Supported(bind::accept_proxy))),
    row("allow-0rtt", 0, Tuning),
    secure("alpn", 1),
    on(Acts::OnBind, row("backlog", 1, Supported(bind::backlog))),
    secure("ca-file", 1),
    secure("ca-ignore-err", 1),
    row("ca-sign-file", 1, NotYet),
    row("ca-sign-pass", 1, NotYet),
    secure("ca-verify-file", 1),
    on(Acts::OnBind, row("cc", 1, Supported(socket::cc))),
    secure("ciphers", 1),
    secure("ciphersuites", 1),
    row("client-sigalgs", 1, Tuning),
    secure("crl-file", 1),
    secure("crt", 1),
    secure("crt-ignore-err", 1),
    secure("crt-list", 1),
    row("curves", 1, Tuning),
    secure("default-crt", 1),
    on(Acts::OnBind, row("defer-accept", 0, Supported(socket::defer_accept))),
    row("ecdhe", 1, Tuning),
    row("ech", 1, NotYet),
    on(Acts::OnStatsSocket, row("expose-fd", 1, Supported(bind::expose_fd))),
    secure("force-sslv3", 0),
    secure("force-tlsv10", 0),
    secure("force-tlsv11", 0),
    secure("force-tlsv12", 0),
    secure("force-tlsv13", 0),
    row("generate-certificates", 0, NotYet),
    row("gid", 1, Supported(bind::gid)),
    row("group", 1, Supported(bind::group)),
    on(Acts::OnBind, row("guid-prefix", 1, Supported(bind::guid_prefix))),
    on(Acts::OnBind, row("id", 1, Supported(bind::id))),
    on(Acts::OnBind, row("idle-ping", 1, Supported(socket::idle_ping))),
    on(Acts::OnBind, row("interface", 1, Supported(socket::interface))),
    row("ktls", 1, Tuning),
    row("label", 1, Tuning),
    on(Acts::OnStatsSocket, row("level", 1, Supported(bind::level))),
    row("maxconn", 1, Supported(bind::maxconn)),
    row("mode", 1, Supported(bind::mode)),
    on(Acts::OnBind, row("mss", 1, Supported(socket::mss))),
    on(Acts::OnBind, row("name", 1, Supported(bind::name))),
    on(Acts::OnBind, row("namespace", 1, Supported(socket::namespace))),
    row("nbconn", 1, NotYet),
    row("nice", 1, Tuning),
    secure("no-alpn", 0),
    secure("no-ca-names", 0),
    secure("no-sslv3", 0),
    secure("no-strict-sni", 0),
    secure("no-tls-tickets", 0),
    secure("no-tlsv10", 0),
    secure("no-tlsv11", 0),
    secure("no-tlsv12", 0),
    secure("no-tlsv13", 0),
    row("npn", 1, Tuning),
    secure("ocsp-update", 1),
    secure("prefer-client-ciphers", 0),
    row("process", 1, Gone("'process' is not supported anymore. Use 'thread' instead.")),
    on(Acts::OnBind, row("proto", 1, Supported(socket::proto))),
    row("quic-cc-algo", 1, NotYet),
    row("quic-force-retry", 0, NotYet),
    row("quic-socket", 1, NotYet),
    on(Acts::OnStatsSocket, row("severity-output", 1, Supported(bind::severity_output))),
    row("shards", 1, Tuning),
    row("sigalgs", 1, Tuning),
    secure("ssl", 0),
    secure("ssl-max-ver", 1),
    secure("ssl-min-ver", 1),
    secure("strict-sni", 0),
    on(Acts::OnBind, row("tcp-md5sig", 1, Supported(socket::tcp_md5sig))),
    row("tcp-ss", 1, NotYet),
    on(Acts::OnBind, row("tcp-ut", 1, Supported(socket::tcp_ut))),
    on(Acts::OnBind, row("tfo", 0, Supported(socket::tfo))),
    row("thread", 1, Tuning),
    row("tls-ticket-keys", 1, NotYet),
    secure("tls-tickets", 0),
    on(Acts::OnBind, row("transparent", 0, Supported(socket::transparent))),
    row("uid", 1, Supported(bind::uid)),
    row("user", 1, Supported(bind::user)),
    row("v4v6", 0, Supported(bind::v4v6)),
    row("v6only", 0, Supported(bind::v6only)),
    secure("verify", 1),
];
