//! Keywords of `defaults`, `frontend`, `listen` and `backend`.

use super::Status::{Gone, NotYet, Supported, Tuning};
use super::{DB, DF, DFB, FB, Keyword, NB, NFB, Scope, Status};
use crate::log_format;
use crate::proxy::{self, ProxyHandler};
use crate::rules::servers;
use crate::server::way;
use crate::{
    balance, bind, captures, checks, compression, errors, forwarding, mailers, monitor, options, retry_on, rules,
    server, state, stats_page, table,
};

const fn row(name: &'static str, scope: Scope, status: Status<ProxyHandler>) -> Keyword<ProxyHandler> {
    Keyword { name, scope, status }
}

pub(crate) const PROXY: &[Keyword<ProxyHandler>] = &[
    row("acl", NFB, Supported(rules::acl)),
    row("appsession", DFB, Gone("'appsession' is not supported anymore since HAProxy 1.6.")),
    row("backlog", DF, Supported(proxy::backlog)),
    row("balance", DB, Supported(balance::balance)),
    row("be-unpublished", FB, Supported(proxy::unpublished)),
    row("bind", Scope::F, Supported(bind::bind)),
    row(
        "bind-process",
        DFB,
        Gone("'bind-process' is not supported anymore. Use the 'thread' argument of 'bind' lines instead."),
    ),
    row(
        "block",
        DFB,
        Gone(
            "The 'block' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny' which uses the exact same syntax.",
        ),
    ),
    row("capture", Scope::F, Supported(captures::capture)),
    row("clitcpka-cnt", DF, Supported(proxy::keep_alive)),
    row("clitcpka-idle", DF, Supported(proxy::keep_alive)),
    row("clitcpka-intvl", DF, Supported(proxy::keep_alive)),
    row(
        "clitimeout",
        DFB,
        Gone("the 'clitimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout client'."),
    ),
    row("compression", DFB, Supported(compression::compression)),
    row(
        "contimeout",
        DFB,
        Gone("the 'contimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout connect'."),
    ),
    row("cookie", DB, Supported(balance::cookie)),
    row("declare", Scope::F.and(Scope::STRICT), Supported(captures::declare)),
    row("default-server", DB.and(Scope::STRICT), Supported(server::default_server)),
    row("default_backend", DF, Supported(proxy::default_backend)),
    row("description", FB, Supported(proxy::description)),
    row("disabled", DFB, Supported(proxy::disabled)),
    row(
        "dispatch",
        Scope::B,
        Gone("support for 'dispatch' was removed in version 3.5. Use a 'server' line with the same address instead."),
    ),
    row("dynamic-cookie-key", DB, Supported(proxy::dynamic_cookie_key)),
    row("email-alert", DFB, Supported(mailers::email_alert)),
    row("enabled", DFB, Supported(proxy::enabled)),
    row("error-log-format", DFB, Supported(log_format::error_log_format)),
    row("errorfile", DFB, Supported(errors::errorfile)),
    row("errorfiles", DFB, Supported(errors::errorfiles)),
    row("errorloc", DFB, Supported(errors::errorloc)),
    row("errorloc302", DFB, Supported(errors::errorloc)),
    row("errorloc303", DFB, Supported(errors::errorloc)),
    row("external-check", DB, Supported(checks::external_check)),
    row("filter", FB, Supported(compression::filter)),
    row("filter-sequence", FB, NotYet),
    row("force-be-switch", FB, Supported(servers::force_switch)),
    row("force-persist", Scope::B, Supported(rules::persist)),
    row("fullconn", DB, Supported(proxy::fullconn)),
    row("grace", DFB, Gone("the 'grace' keyword is not supported any more since HAProxy version 2.5.")),
    row("guid", FB, Supported(proxy::guid)),
    row("hash-balance-factor", DB, NotYet),
    row("hash-preserve-affinity", DB, NotYet),
    row("hash-type", DB, Supported(balance::hash_type)),
    row("http-after-response", NFB, Supported(rules::http_after_response)),
    row("http-check", DB, Supported(checks::http_check)),
    row("http-error", DFB, Supported(errors::http_error)),
    row("http-request", NFB, Supported(rules::http_request)),
    row("http-response", NFB, Supported(rules::http_response)),
    row("http-reuse", DB, Supported(proxy::http_reuse)),
    row("http-send-name-header", DB, Supported(forwarding::name_header)),
    row("id", FB, Supported(proxy::id)),
    row("ignore-persist", Scope::B, Supported(rules::persist)),
    row("load-server-state-from-file", DB, Supported(state::load_server_state)),
    row("log", DFB, Supported(proxy::log)),
    row("log-format", DF, Supported(log_format::log_format)),
    row("log-format-sd", DFB, Supported(log_format::log_format_sd)),
    row("log-steps", DF, Supported(log_format::log_steps)),
    row("log-tag", DFB, Supported(proxy::log_tag)),
    row("max-keep-alive-queue", DB, Supported(proxy::max_keep_alive_queue)),
    row("max-session-srv-conns", DF, Tuning),
    row("maxconn", DF, Supported(proxy::maxconn)),
    row("mode", DFB, Supported(proxy::mode)),
    row("monitor", Scope::F, Supported(monitor::fail)),
    row(
        "monitor-net",
        DFB,
        Gone(
            "'monitor-net' doesn't exist anymore. Please use 'http-request return status 200 if { src <network> }' instead.",
        ),
    ),
    row("monitor-uri", DFB, Supported(monitor::uri)),
    row("option", DFB, Supported(options::option)),
    row("persist", DB, NotYet),
    row("quic-initial", Scope::F, NotYet),
    row("rate-limit", DF, Supported(proxy::rate_limit)),
    row("redirect", FB, Supported(rules::redirect)),
    row(
        "redispatch",
        DFB,
        Gone("keyword 'redispatch' directive is not supported anymore since HAProxy 2.1. Use 'option redispatch'."),
    ),
    row(
        "reqadd",
        DFB,
        Gone(
            "The 'reqadd' directive is not supported anymore since HAProxy 2.1. Use 'http-request add-header' instead.",
        ),
    ),
    row(
        "reqallow",
        DFB,
        Gone(
            "The 'reqallow' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqdel",
        DFB,
        Gone(
            "The 'reqdel' directive is not supported anymore since HAProxy 2.1. Use 'http-request del-header' instead.",
        ),
    ),
    row(
        "reqdeny",
        DFB,
        Gone(
            "The 'reqdeny' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqiallow",
        DFB,
        Gone(
            "The 'reqiallow' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqidel",
        DFB,
        Gone(
            "The 'reqidel' directive is not supported anymore since HAProxy 2.1. Use 'http-request del-header' instead.",
        ),
    ),
    row(
        "reqideny",
        DFB,
        Gone(
            "The 'reqideny' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqipass",
        DFB,
        Gone(
            "The 'reqipass' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqirep",
        DFB,
        Gone(
            "The 'reqirep' directive is not supported anymore since HAProxy 2.1. Use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header' instead.",
        ),
    ),
    row(
        "reqitarpit",
        DFB,
        Gone(
            "The 'reqitarpit' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqpass",
        DFB,
        Gone(
            "The 'reqpass' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row(
        "reqrep",
        DFB,
        Gone(
            "The 'reqrep' directive is not supported anymore since HAProxy 2.1. Use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header' instead.",
        ),
    ),
    row(
        "reqtarpit",
        DFB,
        Gone(
            "The 'reqtarpit' directive is not supported anymore since HAProxy 2.1. Use 'http-request deny', 'http-request allow' or 'http-request tarpit' instead.",
        ),
    ),
    row("retries", DB, Supported(proxy::retries)),
    row("retry-on", DB, Supported(retry_on::read)),
    row(
        "rspadd",
        DFB,
        Gone(
            "The 'rspadd' directive is not supported anymore since HAProxy 2.1. Use 'http-response add-header' instead.",
        ),
    ),
    row(
        "rspdel",
        DFB,
        Gone(
            "The 'rspdel' directive is not supported anymore since HAProxy 2.1. Use 'http-response del-header' instead.",
        ),
    ),
    row(
        "rspdeny",
        DFB,
        Gone("The 'rspdeny' directive is not supported anymore since HAProxy 2.1. Use 'http-response deny' instead."),
    ),
    row(
        "rspidel",
        DFB,
        Gone(
            "The 'rspidel' directive is not supported anymore since HAProxy 2.1. Use 'http-response del-header' instead.",
        ),
    ),
    row(
        "rspideny",
        DFB,
        Gone("The 'rspideny' directive is not supported anymore since HAProxy 2.1. Use 'http-response deny' instead."),
    ),
    row(
        "rspirep",
        DFB,
        Gone(
            "The 'rspirep' directive is not supported anymore since HAProxy 2.1. Use 'http-response replace-header' instead.",
        ),
    ),
    row(
        "rsprep",
        DFB,
        Gone(
            "The 'rsprep' directive is not supported anymore since HAProxy 2.1. Use 'http-response replace-header' instead.",
        ),
    ),
    row("server", Scope::B.and(Scope::STRICT), Supported(server::server)),
    row("server-state-file-name", DB, Supported(state::server_state_file_name)),
    row("server-template", Scope::B.and(Scope::STRICT), Supported(server::server_template)),
    row("source", DB, Supported(way::backend_source)),
    row("srvtcpka-cnt", DB, Supported(proxy::keep_alive)),
    row("srvtcpka-idle", DB, Supported(proxy::keep_alive)),
    row("srvtcpka-intvl", DB, Supported(proxy::keep_alive)),
    row(
        "srvtimeout",
        DFB,
        Gone("the 'srvtimeout' directive is not supported anymore since HAProxy 2.1. Use 'timeout server'."),
    ),
    row("ssl-f-use", Scope::F, NotYet),
    row("stats", DFB, Supported(stats_page::stats)),
    row("stick", Scope::B, Supported(table::stick)),
    row("stick-table", FB, Supported(table::stick_table)),
    row("tcp-check", DB, Supported(checks::tcp_check)),
    row("tcp-request", NFB, Supported(rules::tcp_request)),
    row("tcp-response", NB, NotYet),
    row("timeout", DFB, Supported(proxy::timeout)),
    row(
        "transparent",
        DB,
        Gone("support for 'transparent' was removed in version 3.5. Use a server with address 0.0.0.0 instead."),
    ),
    row("unique-id-format", DFB, Supported(captures::unique_id_format)),
    row("unique-id-header", DFB, Supported(captures::unique_id_header)),
    row("use-fcgi-app", Scope::B, NotYet),
    row("use-server", Scope::B, Supported(servers::use_server)),
    row("use_backend", Scope::F, Supported(rules::use_backend)),
];
