//! `lbctl show errors`: the captures are pictures of bytes, printed as the node draws them; programs read what
//! each was about.

use lb_client::{Error, Line};

use crate::context::Context;
use crate::fault::Fault;
use crate::output::{Cell, Column, Sheet, Shown};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lbctl show errors\n  lbctl show errors -o json")]
pub struct Args {}

#[derive(Debug, Default, PartialEq, Eq)]
struct Capture {
    at: String,
    proxy: String,
    kind: String,
    backend: String,
    server: String,
    source: String,
    position: Option<u64>,
}

const COLUMNS: &[Column<Capture>] = &[
    Column { key: "at", heading: "AT", shown: Shown::Always, value: |c| Cell::text(Some(&c.at)) },
    Column { key: "proxy", heading: "PROXY", shown: Shown::Always, value: |c| Cell::text(Some(&c.proxy)) },
    Column { key: "error", heading: "ERROR", shown: Shown::Always, value: |c| Cell::text(Some(&c.kind)) },
    Column { key: "backend", heading: "BACKEND", shown: Shown::Always, value: |c| Cell::text(Some(&c.backend)) },
    Column { key: "server", heading: "SERVER", shown: Shown::Always, value: |c| Cell::text(Some(&c.server)) },
    Column { key: "source", heading: "CLIENT", shown: Shown::Always, value: |c| Cell::text(Some(&c.source)) },
    Column { key: "position", heading: "AT BYTE", shown: Shown::Always, value: |c| Cell::number(c.position) },
];

/// What one node has.
///
/// # Errors
/// That of the exchange.
pub fn sheet(ctx: &Context) -> Result<Sheet, Fault> {
    let answer = ctx.client.ask_ok(&Line::raw("show errors").map_err(Error::from)?)?;
    Ok(Sheet::of(ctx.format, COLUMNS, &parse(&answer.text())))
}

/// `[date] frontend fe (#2): invalid request`, then indented lines of `name value, name value`.
fn parse(text: &str) -> Vec<Capture> {
    let mut captures: Vec<Capture> = Vec::new();
    for line in text.lines() {
        if let Some((at, rest)) = line.strip_prefix('[').and_then(|l| l.split_once("] ")) {
            let (proxy, kind) = rest.split_once(": ").unwrap_or((rest, ""));
            let proxy = proxy.split(' ').nth(1).unwrap_or(proxy);
            captures.push(Capture {
                at: at.to_owned(),
                proxy: proxy.to_owned(),
                kind: kind.to_owned(),
                ..Capture::default()
            });
        } else if let (Some(capture), true) = (captures.last_mut(), line.starts_with("  ")) {
            for part in line.split(", ") {
                let mut words = part.split_whitespace();
                let (name, value) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                match name {
                    "backend" if capture.backend.is_empty() => capture.backend = value.to_owned(),
                    "server" if capture.server.is_empty() => capture.server = value.to_owned(),
                    "src" if capture.source.is_empty() => capture.source = value.to_owned(),
                    _ => {}
                }
                if let Some((_, position)) = part.split_once("error at position ") {
                    capture.position = capture.position.or_else(|| position.trim_end_matches(':').parse().ok());
                }
            }
        }
    }
    captures
}
