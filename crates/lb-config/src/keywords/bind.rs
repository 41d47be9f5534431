//! Parameters of `bind` and `stats socket` lines.

use super::Status;
use super::Status::{Gone, NotYet, Supported, Tuning};
use crate::bind::{self, BindHandler};

/// A parameter and how many words follow it.
pub(crate) struct BindRow {
    pub name: &'static str,
    pub arguments: usize,
    pub status: Status<BindHandler>,
    /// Belongs to TLS: a line's complaint about all of it is one.
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
    Nowhere,
}

const fn row(name: &'static str, arguments: usize, status: Status<BindHandler>) -> BindRow {
    BindRow { name, arguments, status, tls: false, acts: Acts::Everywhere }
}

const fn on(acts: Acts, row: BindRow) -> BindRow {
    BindRow { acts, ..row }
}

const fn tls(name: &'static str, arguments: usize) -> BindRow {
    BindRow { name, arguments, status: NotYet, tls: true, acts: Acts::Everywhere }
}

pub(crate) const BIND: &[BindRow] = &[
    row("accept-netscaler-cip", 1, NotYet),
    row("accept-proxy", 0, NotYet),
    tls("allow-0rtt", 0),
    tls("alpn", 1),
    on(Acts::OnBind, row("backlog", 1, Supported(bind::backlog))),
    tls("ca-file", 1),
    tls("ca-ignore-err", 1),
    tls("ca-sign-file", 1),
    tls("ca-sign-pass", 1),
    tls("ca-verify-file", 1),
    row("cc", 1, Tuning),
    tls("ciphers", 1),
    tls("ciphersuites", 1),
    tls("client-sigalgs", 1),
    tls("crl-file", 1),
    tls("crt", 1),
    tls("crt-ignore-err", 1),
    tls("crt-list", 1),
    tls("curves", 1),
    tls("default-crt", 1),
    row("defer-accept", 0, Tuning),
    tls("ecdhe", 1),
    tls("ech", 1),
    on(Acts::Nowhere, row("expose-fd", 1, Supported(bind::expose_fd))),
    tls("force-sslv3", 0),
    tls("force-tlsv10", 0),
    tls("force-tlsv11", 0),
    tls("force-tlsv12", 0),
    tls("force-tlsv13", 0),
    tls("generate-certificates", 0),
    row("gid", 1, Supported(bind::gid)),
    row("group", 1, Supported(bind::group)),
    row("guid-prefix", 1, NotYet),
    on(Acts::OnBind, row("id", 1, Supported(bind::id))),
    row("idle-ping", 1, NotYet),
    row("interface", 1, NotYet),
    tls("ktls", 1),
    row("label", 1, Tuning),
    on(Acts::OnStatsSocket, row("level", 1, Supported(bind::level))),
    row("maxconn", 1, Supported(bind::maxconn)),
    row("mode", 1, Supported(bind::mode)),
    row("mss", 1, Tuning),
    on(Acts::OnBind, row("name", 1, Supported(bind::name))),
    row("namespace", 1, NotYet),
    row("nbconn", 1, NotYet),
    row("nice", 1, Tuning),
    tls("no-alpn", 0),
    tls("no-ca-names", 0),
    tls("no-sslv3", 0),
    tls("no-strict-sni", 0),
    tls("no-tls-tickets", 0),
    tls("no-tlsv10", 0),
    tls("no-tlsv11", 0),
    tls("no-tlsv12", 0),
    tls("no-tlsv13", 0),
    tls("npn", 1),
    tls("ocsp-update", 1),
    tls("prefer-client-ciphers", 0),
    row("process", 1, Gone("'process' is not supported anymore. Use 'thread' instead.")),
    row("proto", 1, NotYet),
    row("quic-cc-algo", 1, NotYet),
    row("quic-force-retry", 0, NotYet),
    row("quic-socket", 1, NotYet),
    on(Acts::OnStatsSocket, row("severity-output", 1, Supported(bind::severity_output))),
    row("shards", 1, Tuning),
    tls("sigalgs", 1),
    tls("ssl", 0),
    tls("ssl-max-ver", 1),
    tls("ssl-min-ver", 1),
    tls("strict-sni", 0),
    row("tcp-md5sig", 1, NotYet),
    row("tcp-ss", 1, NotYet),
    row("tcp-ut", 1, Tuning),
    row("tfo", 0, Tuning),
    row("thread", 1, Tuning),
    tls("tls-ticket-keys", 1),
    tls("tls-tickets", 0),
    row("transparent", 0, NotYet),
    row("uid", 1, Supported(bind::uid)),
    row("user", 1, Supported(bind::user)),
    row("v4v6", 0, Supported(bind::v4v6)),
    row("v6only", 0, Supported(bind::v6only)),
    tls("verify", 1),
];
