//! `lbctl show certs`.

use lb_client::{Error, ErrorKind, Line};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Format, Sheet, Tone};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lbctl show certs\n  lbctl show certs /etc/ssl/site.pem\n  lbctl show certs --columns \
                        name,not_after -o csv"
)]
pub struct Args {
    /// Show everything about this one
    #[arg(value_name = "CERTIFICATE", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::certificates))]
    pub certificate: Option<String>,
}

/// Key of the sheet, the engine's words, and whether the short table has it.
const DETAILS: &[(&str, &str)] = &[
    ("status", "Status"),
    ("not_after", "notAfter"),
    ("subject", "Subject"),
    ("names", "Subject Alternative Name"),
    ("issuer", "Issuer"),
    ("algorithm", "Algorithm"),
    ("serial", "Serial"),
    ("fingerprint", "SHA1 FingerPrint"),
];

/// What one node has.
///
/// # Errors
/// That of the exchange, or [`Exit::NotFound`] when there is no such certificate.
pub fn sheet(name: Option<&str>, ctx: &Context) -> Result<Sheet, Fault> {
    if let Some(name) = name {
        return Ok(Sheet::pairs(details(ctx, name)?.into_iter().map(|(k, v)| (k, Cell::Text(v))).collect()));
    }
    let answer = ctx.client.ask_ok(&Line::raw("show ssl cert").map_err(Error::from)?)?;
    let text = answer.text();
    // A star marks what a transaction has changed and not yet committed.
    let names = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with(['#', '*']));
    let keys: Vec<String> = ["name"].into_iter().chain(DETAILS.iter().map(|(k, _)| *k)).map(str::to_owned).collect();
    let mut rows = Vec::new();
    for name in names {
        let found = if ctx.format == Format::Name { Vec::new() } else { details(ctx, name)? };
        let value = |word: &str| found.iter().find(|(k, _)| k == word).map(|(_, v)| v.as_str());
        let cell = |(key, word): &(&str, &str)| match (*key, value(word)) {
            ("status", Some(status)) => Cell::Toned(status.to_owned(), Tone::Plain),
            (_, value) => Cell::text(value),
        };
        rows.push([Cell::Text(name.to_owned())].into_iter().chain(DETAILS.iter().map(cell)).collect());
    }
    Ok(Sheet::dynamic(keys, rows).usually(&["name", "status", "not_after", "subject"]).for_format(ctx.format))
}

/// `key: value` lines of one certificate.
fn details(ctx: &Context, name: &str) -> Result<Vec<(String, String)>, Fault> {
    let line = Line::words(["show", "ssl", "cert", name]).map_err(Error::from)?;
    let answer = match ctx.client.ask_ok(&line) {
        // The sentence has no word of its own for this one reason.
        Err(Error::Refused { refusal, .. }) if refusal.kind() != ErrorKind::Denied => {
            return Err(Fault::new(Exit::NotFound, format!("no certificate is named '{name}'"))
                .hint("'lbctl show certs -o name' lists what there is"));
        }
        other => other?,
    };
    let text = answer.text();
    Ok(text.lines().filter_map(|l| l.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned())).collect())
}
