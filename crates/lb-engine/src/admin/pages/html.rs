//! The status page: plain HTML that says everything without scripts; the script keeps it live, filters and asks before
//! servers are changed. Nothing is loaded from elsewhere.

use super::super::stat_values::{BackendRow, FrontendRow, Viewer};
use super::act::ACTIONS;
use super::cells::{COLUMNS, Row, grouped};
use super::{Gone, Tray, frame, walk};
use crate::control::{Control, short_time};
use crate::orders::StatusView;
use crate::shared::ProxyState;
use lb_config::model::StatsPage;
use lb_stats::{ObjectKind, StatField as F, StatSource};
use std::io::Write as _;
use std::time::Duration;

/// Buttons beside each server: those asked for most, and what each is asked to confirm.
const QUICK: &[(&str, &str)] = &[("ready", "Ready"), ("drain", "Drain"), ("maint", "Maint")];

/// Writes the page.
pub(super) async fn write(control: &Control, view: &StatusView, tray: &mut Tray<'_>) -> Result<(), Gone> {
    let shared = control.shared;
    let Some(page) = shared.proxies.get(view.proxy).and_then(|proxy| proxy.config.get().stats.as_ref()) else {
        return Ok(());
    };
    frame::head(control, page, view, &mut tray.batch);
    for proxy in walk::proxies(control, &view.scope) {
        open_table(control, proxy, page, view, &mut tray.batch);
        for place in walk::places(proxy) {
            if let Some(shown) = walk::row(control, place, view) {
                let has_form = view.admin && proxy.config.get().kind.has_backend();
                row(&shown, page, has_form, &mut tray.batch);
            }
            tray.step().await?;
        }
        close_table(control, proxy, page, view, &mut tray.batch);
        tray.step().await?;
    }
    frame::foot(&mut tray.batch);
    Ok(())
}

fn open_table(control: &Control, proxy: &'static ProxyState, page: &StatsPage, view: &StatusView, out: &mut Vec<u8>) {
    let config = proxy.config.get();
    let name = escaped(&config.name);
    let balance = if page.legends && config.kind.has_backend() {
        let backends = control.backends();
        let viewer = Viewer::new(control, &backends, true);
        let algorithm = BackendRow::new(&viewer, proxy.index, false)
            .map(|row| super::cells::plain(&row.value(F::Algo)))
            .filter(|algorithm| !matches!(algorithm.as_str(), "" | "unknown"));
        algorithm.map(|algorithm| format!(", balance {}", escaped(&algorithm))).unwrap_or_default()
    } else {
        String::new()
    };
    put(
        out,
        &format!(
            "<section aria-labelledby=\"p-{name}\" data-proxy=\"{name}\">\n<h2 id=\"p-{name}\">{name} <small>{}, {}{balance}</small></h2>\n",
            config.kind.as_str(),
            config.mode.as_str()
        ),
    );
    if let Some(description) = config.description.as_deref().filter(|_| page.description.is_some() || page.legends) {
        put(out, &format!("<p class=\"description\">{}</p>\n", escaped(description)));
    }
    let has_form = view.admin && config.kind.has_backend();
    if has_form {
        let address = view.address(&page.uri, None);
        put(
            out,
            &format!(
                "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"b\" value=\"#{}\">\n",
                escaped(&address),
                config.id
            ),
        );
    }
    put(
        out,
        &format!(
            "<div class=\"scroll\" role=\"region\" aria-label=\"Table of {name}\" tabindex=\"0\"><table><thead><tr>\
             <th scope=\"col\">Name</th><th scope=\"col\">State</th><th scope=\"col\">Since</th>"
        ),
    );
    if has_form {
        put(out, "<th scope=\"col\" class=\"change\">Change</th>");
    }
    for column in COLUMNS {
        put(out, &format!("<th scope=\"col\" title=\"{}\">{}</th>", column.meaning, column.heading));
    }
    put(out, "</tr></thead><tbody>\n");
}

fn close_table(control: &Control, proxy: &'static ProxyState, page: &StatsPage, view: &StatusView, out: &mut Vec<u8>) {
    let config = proxy.config.get();
    let name = escaped(&config.name);
    put(out, "</tbody></table></div>\n");
    if view.admin && config.kind.has_backend() {
        put(
            out,
            &format!(
                "<p class=\"act\"><label>With the servers chosen in {name}: <select name=\"action\"><option value=\"\">choose an action</option>"
            ),
        );
        for action in ACTIONS.iter().filter(|action| !action.meaning.is_empty()) {
            put(out, &format!("<option value=\"{}\">{}</option>", action.name, action.meaning));
        }
        put(out, "</select></label> <button type=\"submit\">Apply</button></p>\n</form>\n");
    }
    if page.modules {
        modules(control, proxy, out);
    }
    put(out, "</section>\n");
}

/// What modules count (`stats show-modules`), those that counted something.
fn modules(control: &Control, proxy: &'static ProxyState, out: &mut Vec<u8>) {
    let kind = proxy.config.get().kind;
    let backends = control.backends();
    let viewer = Viewer::new(control, &backends, true);
    let frontend = kind.has_frontend().then_some(FrontendRow { viewer: &viewer, proxy });
    let backend = BackendRow::new(&viewer, proxy.index, false).filter(|_| kind.has_backend());
    let name = escaped(&proxy.config.get().name);
    put(
        out,
        &format!(
            "<details class=\"modules\"><summary>Counters of modules in {name}</summary>\
             <div class=\"scroll\" role=\"region\" aria-label=\"Counters of modules in {name}\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">Counter</th>"
        ),
    );
    for (_, heading) in [(frontend.is_some(), "FRONTEND"), (backend.is_some(), "BACKEND")].iter().filter(|(is, _)| *is)
    {
        put(out, &format!("<th scope=\"col\">{heading}</th>"));
    }
    put(out, "<th scope=\"col\" class=\"text\">Meaning</th></tr></thead><tbody>\n");
    for field in F::ALL.iter().filter(|field| **field >= F::FIRST_MODULE_FIELD) {
        let values = [
            frontend.as_ref().map(|row| grouped(&row.value(*field))),
            backend.as_ref().map(|row| grouped(&row.value(*field))),
        ];
        if values.iter().flatten().all(String::is_empty) {
            continue;
        }
        put(out, &format!("<tr><th scope=\"row\">{}</th>", field.name()));
        for value in values.iter().flatten() {
            put(out, &format!("<td>{value}</td>"));
        }
        put(out, &format!("<td class=\"text\">{}</td></tr>\n", escaped(field.description())));
    }
    put(out, "</tbody></table></div></details>\n");
}

fn row(row: &Row, page: &StatsPage, has_form: bool, out: &mut Vec<u8>) {
    let (proxy, name) = (escaped(&row.proxy), escaped(&row.name));
    let is_server = row.kind == ObjectKind::Server;
    let kind = row.kind.word().to_ascii_lowercase();
    put(
        out,
        &format!(
            "<tr data-row=\"{proxy},{name}\" data-kind=\"{kind}\" data-state=\"{}\"><th scope=\"row\">",
            row.class
        ),
    );
    if has_form && is_server {
        put(
            out,
            &format!(
                "<label><input type=\"checkbox\" name=\"s\" value=\"{name}\" aria-label=\"Choose {name} of {proxy}\"> {name}</label>"
            ),
        );
    } else {
        put(out, &name);
    }
    if page.legends && !row.legend.is_empty() {
        put(out, &format!("<span class=\"legend\">{}</span>", escaped(&row.legend)));
    }
    let since = row.since.map_or_else(String::new, |seconds| {
        format!("<time data-seconds=\"{seconds}\">{}</time>", short_time(Duration::from_secs(seconds)))
    });
    put(
        out,
        &format!(
            "</th><td class=\"state\"><span class=\"badge\">{}</span><span class=\"why\">{}</span></td><td class=\"since\">{since}</td>",
            escaped(&row.status),
            escaped(&row.why)
        ),
    );
    if has_form {
        put(out, "<td class=\"change\">");
        for (action, word) in QUICK.iter().filter(|_| is_server) {
            put(
                out,
                &format!(
                    "<button type=\"button\" class=\"quick\" hidden data-action=\"{action}\" aria-label=\"{word} {name} of {proxy}\">{word}</button>"
                ),
            );
        }
        put(out, "</td>");
    }
    for cell in &row.cells {
        put(out, &format!("<td data-cell>{}</td>", escaped(cell)));
    }
    put(out, "</tr>\n");
}

/// Text for HTML, also within quotes.
pub(super) fn escaped(text: &str) -> String {
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

pub(super) fn put(out: &mut Vec<u8>, text: &str) {
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
    fn every_button_is_an_action() {
        assert!(QUICK.iter().all(|(name, _)| ACTIONS.iter().any(|action| action.name == *name)));
    }
}
