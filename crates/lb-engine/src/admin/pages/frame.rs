//! What stands around the tables of the status page: title, facts, links, filters, explanations, the question.

use super::cells::COLUMNS;
use super::html::{escaped, put};
use super::{act, facts};
use crate::control::Control;
use crate::orders::StatusView;
use lb_config::model::StatsPage;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The states that the page may be filtered by: class and word.
const STATES: &[(&str, &str)] =
    &[("out", "out of service"), ("up", "up"), ("drain", "draining"), ("down", "down"), ("maint", "in maintenance")];

/// What the words of the state column mean.
const MEANINGS: &[(&str, &str)] = &[
    ("UP", "Takes new sessions. UP 1/3: checks began to fail, one more failure brings it down."),
    ("no check", "Takes new sessions; nobody looks whether it works."),
    ("DOWN", "Takes none. DOWN 1/2: checks began to pass. DOWN (agent): its agent says so."),
    ("DRAIN", "Finishes its sessions and takes none but of clients that are bound to it."),
    ("NOLB", "Its check asked for no new clients."),
    (
        "MAINT",
        "Taken out, not checked. MAINT (via …): the server it tracks is. MAINT (resolution): its name has no address.",
    ),
];

/// Everything before the tables.
pub(super) fn head(control: &Control, page: &StatsPage, view: &StatusView, out: &mut Vec<u8>) {
    let node = page.node.as_deref().map(|node| format!(" on {}", escaped(node))).unwrap_or_default();
    let version =
        if page.shows_version { format!(" {}", escaped(super::super::process::VERSION)) } else { String::new() };
    let refresh = match (page.refresh, view.still) {
        (Some(period), false) => {
            format!("<noscript><meta http-equiv=\"refresh\" content=\"{}\"></noscript>\n", period.as_secs().max(1))
        }
        _ => String::new(),
    };
    let events = if view.still { String::new() } else { escaped(&view.address(&page.uri, Some("events"))) };
    put(
        out,
        &format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
             {refresh}<title>Statistics Report{node}</title>\n<style>\n{STYLE}</style>\n</head>\n\
             <body data-events=\"{events}\">\n<header>\n<div class=\"title\"><h1>Statistics Report{version}{node}</h1>\n"
        ),
    );
    links(page, view, out);
    let own = page.description.as_deref();
    let global = control.shared.config.global.description.as_deref();
    if let Some(description) = own.and_then(|own| if own.is_empty() { global } else { Some(own) }) {
        put(out, &format!("<p class=\"description\">{}</p>\n", escaped(description)));
    }
    put(out, "<dl class=\"facts\">\n");
    for fact in facts::facts(control, &view.scope) {
        put(
            out,
            &format!(
                "<div data-state=\"{}\"><dt>{}</dt><dd>{}</dd></div>\n",
                fact.class,
                fact.name,
                escaped(&fact.text)
            ),
        );
    }
    put(out, "</dl>\n");
    put(
        out,
        "<div class=\"tools\"><label>Filter <input id=\"filter\" type=\"search\" placeholder=\"name, state or reason\"></label>\n\
              <label>Show <select id=\"state\"><option value=\"\">all states</option>",
    );
    for (class, word) in STATES {
        put(out, &format!("<option value=\"{class}\">{word}</option>"));
    }
    put(
        out,
        "</select></label>\n<span id=\"count\"></span> <span id=\"live\" data-state=\"\">Not live</span></div>\n\
         <p id=\"outcome\" class=\"outcome\" role=\"status\">",
    );
    put(out, view.outcome.as_deref().and_then(act::outcome).unwrap_or_default());
    put(out, "</p>\n");
    explanations(out);
    put(out, "</header>\n<main>\n");
}

fn links(page: &StatsPage, view: &StatusView, out: &mut Vec<u8>) {
    let all = StatusView { up_only: false, no_maint: false, still: false, outcome: None, ..view.clone() };
    let up = StatusView { up_only: true, ..all.clone() };
    let still = StatusView { still: true, up_only: view.up_only, no_maint: view.no_maint, ..all.clone() };
    put(out, "<nav aria-label=\"Forms of this page\">");
    for (address, word) in [
        (view.address(&page.uri, Some("csv")), "CSV"),
        (view.address(&page.uri, Some("json")), "JSON"),
        (view.address(&page.uri, Some("typed")), "Typed lines"),
        (all.address(&page.uri, None), "All servers"),
        (up.address(&page.uri, None), "Without those that are down"),
        (still.address(&page.uri, None), "Hold still"),
    ] {
        put(out, &format!("<a href=\"{}\">{word}</a> ", escaped(&address)));
    }
    put(out, "</nav></div>\n");
}

fn explanations(out: &mut Vec<u8>) {
    put(out, "<details class=\"help\"><summary>What the states and columns mean</summary>\n<dl>");
    let columns = COLUMNS.iter().map(|column| (column.heading, column.meaning));
    for (word, meaning) in MEANINGS.iter().copied().chain([("Since", "Time in this state")]).chain(columns) {
        put(out, &format!("<div><dt>{word}</dt><dd>{meaning}</dd></div>\n"));
    }
    put(out, "</dl></details>\n");
}

/// Everything after the tables.
pub(super) fn foot(out: &mut Vec<u8>) {
    put(
        out,
        "</main>\n<dialog id=\"confirm\" aria-labelledby=\"confirm-title\" aria-describedby=\"confirm-text\">\
         <form method=\"dialog\"><h2 id=\"confirm-title\"></h2><p id=\"confirm-text\"></p>\
         <p class=\"choice\"><button value=\"no\">Cancel</button> <button value=\"yes\" class=\"go\">Do it</button></p></form></dialog>\n",
    );
    put(out, &format!("<script>\n{SCRIPT}</script>\n</body>\n</html>\n"));
}
