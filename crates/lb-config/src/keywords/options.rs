//! Options: what follows the keyword `option`.

use super::Status::{Gone, NotYet, Supported, Tuning};
use super::{DB, DF, DFB, Keyword, Scope, Status};
use crate::checks;
use crate::forwarding;
use crate::options::{self, OptionHandler};

const fn row(name: &'static str, scope: Scope, status: Status<OptionHandler>) -> Keyword<OptionHandler> {
    Keyword { name, scope, status }
}

pub(crate) const OPTIONS: &[Keyword<OptionHandler>] = &[
    row("abortonclose", DFB, Supported(options::abortonclose)),
    row("accept-invalid-http-request", DF, NotYet),
    row("accept-invalid-http-response", DB, NotYet),
    row("accept-unsafe-violations-in-http-request", DF, NotYet),
    row("accept-unsafe-violations-in-http-response", DB, NotYet),
    row("allbackups", DB, Supported(|x| x.switch(|o| &mut o.allbackups))),
    row("checkcache", DB, NotYet),
    row("clitcpka", DF, Supported(|x| x.switch(|o| &mut o.clitcpka))),
    row("contstats", DF, Tuning),
    row("disable-h2-upgrade", DF, Tuning),
    row("dontlog-normal", DF, Supported(|x| x.switch(|o| &mut o.dontlog_normal))),
    row("dontlognull", DF, Supported(|x| x.switch(|o| &mut o.dontlognull))),
    row("external-check", DB, Supported(checks::option_external_check)),
    row(
        "forceclose",
        DFB,
        Gone(
            "option 'forceclose' is not supported any more since HAProxy 2.0, please just remove it, or use 'option httpclose' if absolutely needed.",
        ),
    ),
    row("forwarded", DB, Supported(forwarding::forwarded)),
    row("forwardfor", DFB, Supported(forwarding::forwardfor)),
    row("h1-case-adjust-bogus-client", DF, NotYet),
    row("h1-case-adjust-bogus-server", DB, NotYet),
    row("http-buffer-request", DFB, Supported(|x| x.switch(|o| &mut o.buffer_request))),
    row("http-drop-request-trailers", DB, NotYet),
    row("http-drop-response-trailers", DF, NotYet),
    row("http-ignore-probes", DF, Supported(|x| x.switch(|o| &mut o.http_ignore_probes))),
    row("http-keep-alive", DFB, Supported(options::http_keep_alive)),
    // Nothing is held back for more to come.
    row("http-no-delay", DFB, Supported(options::always)),
    row("http-pretend-keepalive", DB, Supported(|x| x.switch(|o| &mut o.pretend_keepalive))),
    row("http-restrict-req-hdr-names", DFB, Supported(forwarding::header_names)),
    row("http-server-close", DFB, Supported(options::http_server_close)),
    row(
        "http-tunnel",
        DFB,
        Gone(
            "option 'http-tunnel' is not supported any more since HAProxy 2.1, please just remove it, it shouldn't be needed.",
        ),
    ),
    row("http-use-proxy-header", DF, NotYet),
    row("http_proxy", DFB, Gone("option 'http_proxy' is not supported any more since HAProxy 2.5.")),
    row("httpchk", DB, Supported(checks::option_httpchk)),
    row("httpclose", DFB, Supported(options::httpclose)),
    row("httplog", DFB, Supported(options::httplog)),
    row("httpslog", DF, Supported(options::httpslog)),
    row("idle-close-on-response", DF, Supported(|x| x.switch(|o| &mut o.idle_close_on_response))),
    row("independent-streams", DFB, Tuning),
    row("ldap-check", DB, Supported(checks::option_ldap_check)),
    row("log-health-checks", DB, Supported(|x| x.switch(|o| &mut o.log_health_checks))),
    row("log-separate-errors", DF, Supported(|x| x.switch(|o| &mut o.log_separate_errors))),
    row("logasap", DF, Supported(|x| x.switch(|o| &mut o.logasap))),
    row("mysql-check", DB, Supported(checks::option_mysql_check)),
    row("nolinger", DFB, Supported(|x| x.switch(|o| &mut o.nolinger))),
    row("originalto", DFB, Supported(forwarding::originalto)),
    row("persist", DB, Supported(|x| x.switch(|o| &mut o.persist))),
    row("pgsql-check", DB, Supported(checks::option_pgsql_check)),
    row("prefer-last-server", DB, Supported(|x| x.switch(|o| &mut o.prefer_last_server))),
    row("redis-check", DB, Supported(checks::option_redis_check)),
    row("redispatch", DB, Supported(options::redispatch)),
    row("smtpchk", DB, Supported(checks::option_smtpchk)),
    row("socket-stats", DF, Supported(|x| x.switch(|o| &mut o.socket_stats))),
    row("splice-auto", DFB, Tuning),
    row("splice-request", DFB, Tuning),
    row("splice-response", DFB, Tuning),
    row("spop-check", DB, Supported(checks::option_spop_check)),
    row("srvtcpka", DB, Supported(|x| x.switch(|o| &mut o.srvtcpka))),
    row("ssl-hello-chk", DB, Supported(checks::option_ssl_hello_chk)),
    row("tcp-check", DB, Supported(checks::option_tcp_check)),
    row("tcp-smart-accept", DF, Tuning),
    row("tcp-smart-connect", DB, Tuning),
    row("tcpka", DFB, Supported(options::tcpka)),
    row("tcplog", DFB, Supported(options::tcplog)),
    row(
        "transparent",
        DB,
        Gone("support for option 'transparent' was removed in version 3.5. Use a server with address 0.0.0.0 instead."),
    ),
    row("use-small-buffers", DFB, Tuning),
];
