//! The status page: plain HTML that says everything without scripts; the script keeps it live, filters and asks before
//! servers are changed. Nothing is loaded from elsewhere.

use super::super::info;
use super::super::stat_values::{BackendRow, FrontendRow, ServerRow, Viewer};
use super::{Gone, Tray};
use crate::control::Control;
use crate::orders::StatusView;
use crate::shared::ProxyState;
use lb_config::model::StatsPage;
use lb_model::{OpState, human_delay};
use lb_stats::{InfoField, InfoSource, ObjectKind, StatField as F, StatSource, Value};
use std::io::Write as _;
use std::time::Duration;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A column of the tables: its heading, what it means, and the fields it shows, apart from each other by strokes.
struct Column {
    heading: &'static str,
    meaning: &'static str,
    fields: &'static [F],
}

const fn column(heading: &'static str, meaning: &'static str, fields: &'static [F]) -> Column {
    Column { heading, meaning, fields }
}

const COLUMNS: &[Column] = &[
    column("Weight", "Share of new sessions, relative to the others", &[F::Weight]),
    column("Queue", "Requests that wait: now / most", &[F::Qcur, F::Qmax]),
    column("Sessions", "Open sessions: now / most / limit", &[F::Scur, F::Smax, F::Slim]),
    column("Total", "Sessions since the start", &[F::Stot]),
    column("Per second", "New sessions per second: now / most", &[F::Rate, F::RateMax]),
    column("Bytes in", "Bytes received from clients", &[F::Bin]),
    column("Bytes out", "Bytes sent to clients", &[F::Bout]),
    column("Denied", "Refused by rules: requests / responses", &[F::Dreq, F::Dresp]),
    column("Errors", "Failures: of requests / of connections / of responses", &[F::Ereq, F::Econ, F::Eresp]),
    column("Retried", "Connections tried again / sent to another server", &[F::Wretr, F::Wredis]),
    column(
        "Check",
        "Last health check: status / code / milliseconds",
        &[F::CheckStatus, F::CheckCode, F::CheckDuration],
    ),
    column("Seconds", "Seconds since the state changed / spent down", &[F::Lastchg, F::Downtime]),
];

/// The actions of the form, in the order shown.
const ACTIONS: &[(&str, &str)] = &[
    ("ready", "Ready: take new sessions"),
    ("drain", "Drain: finish sessions, take no new ones"),
    ("maint", "Maintenance: out, checks stop"),
    ("shutdown", "Kill sessions"),
    ("ehlth", "Health checks on"),
    ("dhlth", "Health checks off"),
    ("hrunn", "Health: up"),
    ("hnolb", "Health: stopping"),
    ("hdown", "Health: down"),
    ("eagent", "Agent checks on"),
    ("dagent", "Agent checks off"),
    ("arunn", "Agent: up"),
    ("adown", "Agent: down"),
];

/// Buttons beside each server: those asked for most.
const QUICK: &[(&str, &str)] = &[("ready", "Ready"), ("drain", "Drain"), ("maint", "Maint")];

/// Writes the page.
pub(super) async fn write(control: &Control, view: &StatusView, tray: &mut Tray<'_>) -> Result<(), Gone> {
    let shared = control.shared;
    let Some(page) = shared.proxies.get(view.proxy).and_then(|proxy| proxy.config.get().stats.as_ref()) else {
        return Ok(());
    };
    head(control, page, view, &mut tray.batch);
    let proxies: Vec<&'static ProxyState> = shared.proxies.live().collect();
    for proxy in proxies {
        let config = proxy.config.get();
        if config.disabled || !view.scope.shows(&config.name) {
            continue;
        }
        open_table(proxy, page, view, &mut tray.batch);
        if config.kind.has_frontend() {
            let backends = control.backends();
            let viewer = Viewer::new(control, &backends, true);
            row(&FrontendRow { viewer: &viewer, proxy }, view, &mut tray.batch);
        }
        if config.kind.has_backend() {
            let servers: Vec<usize> = proxy.servers.live().map(|server| server.index).collect();
            for index in servers {
                {
                    let backends = control.backends();
                    let viewer = Viewer::new(control, &backends, true);
                    if let Some(server) = ServerRow::new(&viewer, proxy.index, index) {
                        let health = server.health();
                        let hidden = view.up_only && health.op() == OpState::Stopped
                            || view.no_maint && health.admin().in_maint();
                        if !hidden {
                            row(&server, view, &mut tray.batch);
                        }
                    }
                }
                tray.step().await?;
            }
            let backends = control.backends();
            let viewer = Viewer::new(control, &backends, true);
            if let Some(backend) = BackendRow::new(&viewer, proxy.index, false) {
                row(&backend, view, &mut tray.batch);
            }
        }
        close_table(proxy, view, &mut tray.batch);
        tray.step().await?;
    }
    put(&mut tray.batch, &format!("</main>\n{DIALOG}<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
    Ok(())
}

const DIALOG: &str = "<dialog id=\"confirm\" aria-labelledby=\"confirm-text\"><p id=\"confirm-text\"></p>\
     <form method=\"dialog\"><button value=\"no\">Cancel</button> <button value=\"yes\" class=\"go\">Do it</button></form></dialog>\n";

fn head(control: &Control, page: &StatsPage, view: &StatusView, out: &mut Vec<u8>) {
    let source = info::Source::new(control);
    let fact = |field| plain(&source.value(field));
    let global = &control.shared.config.global;
    let node = page.node.as_deref().map(|node| format!(" on {}", escaped(node))).unwrap_or_default();
    let version =
        if page.shows_version { format!(" {}", escaped(super::super::process::VERSION)) } else { String::new() };
    let live = if view.still { "off" } else { "on" };
    let refresh = match (page.refresh, view.still) {
        (Some(period), false) => {
            format!("<noscript><meta http-equiv=\"refresh\" content=\"{}\"></noscript>\n", period.as_secs().max(1))
        }
        _ => String::new(),
    };
    let uri = escaped(&page.uri);
    let uptime = human_delay(Duration::from_secs(control.now().as_secs()));
    put(
        out,
        &format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
             {refresh}<title>Statistics Report{node}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body data-uri=\"{uri}\" data-live=\"{live}\">\n<header>\n<h1>Statistics Report{version}{node}</h1>\n"
        ),
    );
    let description =
        page.description.as_deref().map(|own| if own.is_empty() { global.description.as_deref() } else { Some(own) });
    if let Some(description) = description.flatten() {
        put(out, &format!("<p class=\"description\">{}</p>\n", escaped(description)));
    }
    put(
        out,
        &format!(
            "<p>Process {pid}, up {uptime}. Connections: {conns} of {limit}, {rate} new per second. \
             Requests since the start: {requests}. Idle: {idle} %.</p>\n\
             <nav aria-label=\"Forms of this page\"><a href=\"{uri};csv\">CSV</a> <a href=\"{uri};json\">JSON</a> \
             <a href=\"{uri};typed\">Typed lines</a> <a href=\"{uri}\">All servers</a> <a href=\"{uri};up\">Servers that are up</a> \
             <a href=\"{uri};norefresh\">Hold still</a></nav>\n\
             <div class=\"tools\"><label>Filter <input id=\"filter\" type=\"search\" placeholder=\"name or state\"></label>\n\
             <label><input id=\"trouble\" type=\"checkbox\"> only what is out</label>\n\
             <span id=\"live\" role=\"status\">Not live</span></div>\n",
            pid = fact(InfoField::Pid),
            conns = fact(InfoField::CurrConns),
            limit = fact(InfoField::Maxconn),
            rate = fact(InfoField::ConnRate),
            requests = fact(InfoField::CumReq),
            idle = fact(InfoField::IdlePct),
        ),
    );
    if let Some(text) = view.outcome.as_deref().and_then(outcome) {
        put(out, &format!("<p class=\"outcome\" role=\"alert\">{text}</p>\n"));
    }
    put(out, "</header>\n<main>\n");
}

/// How the last action went, from the word in the address.
fn outcome(word: &str) -> Option<&'static str> {
    Some(match word {
        "DONE" => "The action was carried out.",
        "NONE" => "Nothing was changed: no server was chosen.",
        "PART" => "Some of the servers were changed; the others refused.",
        "ERRP" => {
            "Nothing was changed: the request names an unknown backend, server or action, or all servers refused."
        }
        "EXCD" => "Nothing was changed: the request is too large. Choose fewer servers.",
        "DENY" => "Nothing was changed: you are not allowed to.",
        _ => return None,
    })
}

fn open_table(proxy: &ProxyState, page: &StatsPage, view: &StatusView, out: &mut Vec<u8>) {
    let config = proxy.config.get();
    let name = escaped(&config.name);
    let kind = config.kind.as_str();
    put(
        out,
        &format!(
            "<section aria-labelledby=\"p-{name}\" data-proxy=\"{name}\">\n<h2 id=\"p-{name}\">{name} <small>{kind}, {}</small></h2>\n",
            config.mode.as_str()
        ),
    );
    if let Some(description) = config.description.as_deref().filter(|_| page.description.is_some() || page.legends) {
        put(out, &format!("<p>{}</p>\n", escaped(description)));
    }
    if view.admin && config.kind.has_backend() {
        put(
            out,
            &format!(
                "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"b\" value=\"#{}\">\n",
                escaped(&page.uri),
                config.id
            ),
        );
    }
    put(
        out,
        &format!(
            "<div class=\"scroll\" role=\"region\" aria-label=\"Table of {name}\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Name</th><th scope=\"col\">State</th>"
        ),
    );
    for column in COLUMNS {
        put(out, &format!("<th scope=\"col\"><abbr title=\"{}\">{}</abbr></th>", column.meaning, column.heading));
    }
    put(out, if view.admin { "<th scope=\"col\">Change</th></tr></thead><tbody>\n" } else { "</tr></thead><tbody>\n" });
}

fn close_table(proxy: &ProxyState, view: &StatusView, out: &mut Vec<u8>) {
    let config = proxy.config.get();
    put(out, "</tbody></table></div>\n");
    if view.admin && config.kind.has_backend() {
        let name = escaped(&config.name);
        put(
            out,
            &format!(
                "<p class=\"act\"><label>With the servers chosen in {name}: <select name=\"action\"><option value=\"\">nothing</option>"
            ),
        );
        for (action, meaning) in ACTIONS {
            put(out, &format!("<option value=\"{action}\">{meaning}</option>"));
        }
        put(out, "</select></label> <button type=\"submit\">Apply</button></p>\n</form>\n");
    }
    put(out, "</section>\n");
}

fn row(source: &impl StatSource, view: &StatusView, out: &mut Vec<u8>) {
    let kind = source.kind();
    let proxy = escaped(&plain(&source.value(F::Pxname)));
    let name = escaped(&plain(&source.value(F::Svname)));
    let status = plain(&source.value(F::Status));
    let state = status.split(' ').next().unwrap_or_default().to_ascii_lowercase();
    put(
        out,
        &format!(
            "<tr data-row=\"{proxy},{name}\" data-kind=\"{}\" data-state=\"{}\"><th scope=\"row\">{name}</th>\
             <td class=\"state\"><span data-f=\"status\">{}</span>",
            kind.word().to_ascii_lowercase(),
            escaped(&state),
            escaped(&status)
        ),
    );
    if kind == ObjectKind::Server {
        put(
            out,
            &format!(
                "<span class=\"why\"><span data-f=\"check_desc\">{}</span> <span data-f=\"last_chk\">{}</span> \
                 <span data-f=\"agent_desc\">{}</span></span>",
                escaped(&plain(&source.value(F::CheckDesc))),
                escaped(&plain(&source.value(F::LastChk))),
                escaped(&plain(&source.value(F::AgentDesc)))
            ),
        );
    }
    put(out, "</td>");
    for column in COLUMNS {
        put(out, "<td>");
        let fields = column.fields.iter().filter(|field| field.kinds().contains(kind));
        for (index, field) in fields.enumerate() {
            let stroke = if index > 0 { " / " } else { "" };
            let value = escaped(&plain(&source.value(*field)));
            put(out, &format!("{stroke}<span data-f=\"{}\">{value}</span>", field.name()));
        }
        put(out, "</td>");
    }
    if view.admin {
        put(out, "<td class=\"change\">");
        if kind == ObjectKind::Server {
            put(
                out,
                &format!(
                    "<input type=\"checkbox\" name=\"s\" value=\"{name}\" aria-label=\"Choose {name} of {proxy}\">"
                ),
            );
            for (action, word) in QUICK {
                put(
                    out,
                    &format!(
                        " <button type=\"button\" class=\"quick\" hidden data-action=\"{action}\" aria-label=\"{word} {name} of {proxy}\">{word}</button>"
                    ),
                );
            }
        }
        put(out, "</td>");
    }
    put(out, "</tr>\n");
}

/// A value as text.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Empty => String::new(),
        Value::U32(n) => n.to_string(),
        Value::S32(n) => n.to_string(),
        Value::U64(n) => n.to_string(),
        Value::Flt(x) => format!("{x:.0}"),
        Value::Str(text) => text.to_string(),
        Value::Status(word) => word.to_string(),
        Value::Addr(address) => address.to_string(),
    }
}

/// Text for HTML, also within quotes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

fn put(out: &mut Vec<u8>, text: &str) {
    // Writing to a vector cannot fail.
    let _ = out.write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escaped("<a href=\"x\">'&'</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
    }

    #[test]
    fn every_outcome_has_its_words() {
        for word in ["DONE", "NONE", "PART", "ERRP", "EXCD", "DENY"] {
            assert!(outcome(word).is_some(), "{word}");
        }
        assert_eq!(outcome("<script>"), None);
    }
}
