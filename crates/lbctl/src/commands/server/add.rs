//! `lbctl server add`.

use lb_client::{Act, AdminWish, Client, Error, ErrorKind, Line, ServerName};

use super::host_port;
use crate::apply::{Report, apply, note_change};
use crate::commands::ready::bring_back;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::lines::{Told, on_nodes, send};

/// Arguments.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "The server begins in maintenance: --ready brings it into service, after its checks where it has some. \
                        It lasts until the engine is reloaded.\n\nExamples:\n  lbctl server add app/web9 10.0.0.9:80\n  lbctl \
                        server add app/web9 10.0.0.9:80 --check --ready -- weight 50 inter 1s"
)]
pub struct Args {
    /// The server's name: backend/server
    pub name: ServerName,
    /// Its address
    #[arg(value_name = "ADDRESS:PORT")]
    pub address: String,
    /// With health checks
    #[arg(long)]
    pub check: bool,
    /// Bring it into service
    #[arg(long)]
    pub ready: bool,
    /// Further words of the server line
    #[arg(last = true, value_name = "KEYWORD")]
    pub keywords: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// When another server has that name, or the node refuses.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    on_nodes(ctx, |one, report| add(args, one, report))
}

fn add(args: &Args, ctx: &Context, report: &mut Report) -> Result<(), Fault> {
    let name = args.name.to_string();
    if let Some(there) = find(&ctx.client, &args.name)? {
        let (host, port) = host_port(&args.address);
        let same = there.address.as_deref() == Some(host.as_str()) && port.is_none_or(|p| p == there.port);
        if !same {
            let at = format!("{}:{}", there.address.unwrap_or_default(), there.port);
            return Err(Fault::new(Exit::Refused, format!("there is a server {name} already, at {at}"))
                .hint(format!("to move it: {}", ctx.suggest(&format!("server addr {name} {}", args.address)))));
        }
        report.done(ctx, &name, "add", "already", "there", None)?;
    } else {
        let mut words = vec!["add", "server", &name, &args.address];
        if args.check {
            words.push("check");
        }
        words.extend(args.keywords.iter().map(String::as_str));
        let line = Line::words(words).map_err(Error::from)?;
        let told = Told { object: &name, action: "add", plan: "add it", state: "added, in maintenance" };
        if !send(ctx, report, &line, &told)? {
            return Ok(());
        }
        note_change(ctx, &name, "server", "absent", "there");
    }
    // A check of a server added at run time rests until it is told to begin.
    let state = ctx.client.server_state(&args.name)?;
    if args.check && !state.checked {
        let line = Line::words(["enable", "health", &name]).map_err(Error::from)?;
        let told = Told { object: &name, action: "enable", plan: "enable its checks", state: "checks enabled" };
        send(ctx, report, &line, &told)?;
    }
    if !args.ready {
        return Ok(());
    }
    let state = ctx.client.server_state(&args.name)?;
    if args.check {
        bring_back(true, ctx, &[state], report).map(drop)
    } else {
        apply(ctx, report, &Act::State(AdminWish::Ready), &[state]).map(drop)
    }
}

/// The server, if it is there.
///
/// # Errors
/// Those of the exchange; that the backend is not there.
pub fn find(client: &Client, name: &ServerName) -> Result<Option<lb_client::ServerState>, Fault> {
    match client.servers_state(Some(&name.backend)) {
        Ok(servers) => Ok(servers.into_iter().find(|s| s.name == *name)),
        // A backend without servers is one all the same.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Fault::from(error).hint("'lbctl show backends' lists what there is"))
        }
        Err(error) => Err(error.into()),
    }
}
