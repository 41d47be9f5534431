//! `lbctl cert`: certificates in the engine's memory.

use std::path::{Path, PathBuf};

use lb_client::{Error, Line};

use super::read_file;
use crate::apply::{Report, note_change};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::lines::{Told, accepted, on_nodes, send};

/// What to do with a certificate.
#[derive(Debug, Clone, clap::Subcommand)]
#[command(
    after_help = "A certificate is named as 'show ssl cert' names it: the path in the configuration. The file on the \
                        engine's host is not touched. The PEM file holds the key and the certificates.\n\nExamples:\n  lbctl \
                        cert set /etc/ssl/site.pem new-site.pem\n  lbctl cert new /etc/ssl/shop.pem shop.pem"
)]
pub enum What {
    /// Replace a certificate at once
    #[command(after_help = "Example:\n  lbctl cert set /etc/ssl/site.pem new-site.pem")]
    Set {
        /// Its name on the node
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::certificates))]
        name: String,
        /// The PEM file, - for standard input
        file: PathBuf,
    },
    /// Store a certificate that no line uses yet
    #[command(after_help = "Example:\n  lbctl cert new /etc/ssl/shop.pem shop.pem")]
    New {
        /// Its name on the node
        name: String,
        /// The PEM file, - for standard input
        file: PathBuf,
    },
    /// Remove a certificate that no line uses
    #[command(after_help = "Example:\n  lbctl cert del /etc/ssl/shop.pem")]
    Del {
        /// Its name on the node
        #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::certificates))]
        name: String,
    },
}

/// Runs it.
///
/// # Errors
/// When the file cannot be read, or the node refuses the certificate, which then stays as it was.
pub fn run(what: &What, ctx: &Context) -> Result<(), Fault> {
    match what {
        What::Set { name, file } => {
            let pem = read_pem(file)?;
            on_nodes(ctx, |one, report| store(one, report, name, &pem, false))
        }
        What::New { name, file } => {
            let pem = read_pem(file)?;
            on_nodes(ctx, |one, report| store(one, report, name, &pem, true))
        }
        What::Del { name } => on_nodes(ctx, |one, report| {
            let told = Told { object: name, action: "del", plan: "remove it", state: "removed" };
            if send(one, report, &line(&["del"], name)?, &told)? {
                note_change(one, name, "certificate", "there", "removed");
            }
            Ok(())
        }),
    }
}

/// The PEM without the empty lines that would end the payload.
fn read_pem(file: &Path) -> Result<String, Fault> {
    let text = read_file(file)?;
    let pem: Vec<&str> = text.lines().map(str::trim_end).filter(|l| !l.is_empty()).collect();
    if !pem.iter().any(|l| l.starts_with("-----BEGIN ")) {
        return Err(Fault::usage(format!("{} holds no PEM", file.display()))
            .hint("it must hold the private key and the certificates, each between BEGIN and END lines"));
    }
    Ok(pem.join("\n"))
}

fn line(verb: &[&str], name: &str) -> Result<Line, Fault> {
    Ok(Line::words(verb.iter().copied().chain(["ssl", "cert", name])).map_err(Error::from)?)
}

fn store(ctx: &Context, report: &mut Report, name: &str, pem: &str, new: bool) -> Result<(), Fault> {
    let set = line(&["set"], name)?.payload(pem).map_err(Error::from)?;
    let steps = [new.then(|| line(&["new"], name)).transpose()?, Some(set), Some(line(&["commit"], name)?)];
    if ctx.dry_run.is_some() {
        for step in steps.iter().flatten() {
            report.planned(ctx, name, "cert", &format!("send '{}'", step.shown()), Some(step))?;
        }
        return Ok(());
    }
    let done = steps.iter().flatten().try_for_each(|step| accepted(&ctx.client, step));
    match done {
        Ok(()) => {
            note_change(ctx, name, "certificate", "", "replaced");
            report.done(ctx, name, "cert", "done", if new { "stored" } else { "replaced" }, None)
        }
        Err(mut fault) => {
            // What was begun is taken back; that nothing was begun is no failure.
            if accepted(&ctx.client, &line(&["abort"], name)?).is_ok() && fault.exit == Exit::Refused {
                fault = fault.hint("the certificate stays as it was; does the file hold its key and the certificates?");
            }
            report.failed(ctx, name, "cert", &fault);
            Ok(())
        }
    }
}
