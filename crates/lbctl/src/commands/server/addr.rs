//! `lbctl server addr`.

use lb_client::{Error, Line, ServerName, ServerState};

use super::add::find;
use super::host_port;
use crate::apply::{Report, note_change};
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::lines::{accepted, on_nodes};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Sessions that are there stay where they are. The engine's words about it differ between versions: \
                        the address read afterwards decides.\n\nExamples:\n  lbctl server addr app/web1 10.0.0.7\n  lbctl \
                        server addr app/web1 10.0.0.7:8080"
)]
pub struct Args {
    /// The server: backend/server
    #[arg(add = clap_complete::engine::ArgValueCompleter::new(crate::complete::targets))]
    pub name: ServerName,
    /// Its new address, with the port if that changes
    #[arg(value_name = "ADDRESS[:PORT]")]
    pub address: String,
}

/// Runs it.
///
/// # Errors
/// When the server is not there, or has another address afterwards.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    on_nodes(ctx, |one, report| {
        let Some(before) = find(&one.client, &args.name)? else {
            return Err(Error::NotFound {
                what: "server",
                name: args.name.to_string(),
                address: one.client.address().clone(),
            }
            .into());
        };
        let (host, port) = host_port(&args.address);
        move_server(one, report, &before, &host, port.unwrap_or(before.port))
    })
}

/// Where a server is, as the journal has it.
pub fn place(server: &ServerState) -> String {
    format!("{} {}", server.address.as_deref().unwrap_or(""), server.port)
}

/// Moves a server and believes what is read afterwards.
///
/// # Errors
/// The refusal, or that it is elsewhere afterwards.
pub fn move_server(
    ctx: &Context,
    report: &mut Report,
    before: &ServerState,
    host: &str,
    port: u16,
) -> Result<(), Fault> {
    let name = before.name.to_string();
    let wanted = format!("{host} {port}");
    let shown = wanted.replace(' ', ":");
    if place(before) == wanted {
        return report.done(ctx, &name, "addr", "already", &format!("at {shown}"), None);
    }
    let mut words = vec!["set".to_owned(), "server".into(), name.clone(), "addr".into(), host.to_owned()];
    // A port that stays is not named: it may be one that follows the client's.
    if port != before.port {
        words.extend(["port".to_owned(), port.to_string()]);
    }
    let line = Line::words(&words).map_err(Error::from)?;
    if ctx.dry_run.is_some() {
        return report.planned(ctx, &name, "addr", &format!("move it to {shown}"), Some(&line));
    }
    accepted(&ctx.client, &line)?;
    let after = ctx.client.server_state(&before.name)?;
    if place(&after) != wanted {
        let found = place(&after).replace(' ', ":");
        return Err(Fault::new(Exit::Refused, format!("'{}' was accepted, yet {name} is at {found}", line.as_str()))
            .hint("is the address one that the engine writes in another way? compare with 'lbctl show servers'"));
    }
    note_change(ctx, &name, "address", &place(before), &wanted);
    report.done(ctx, &name, "addr", "done", &format!("at {shown}"), None)
}
