//! `lbctl show`: one file for each thing that is shown.

mod backends;
mod certs;
pub mod checks;
mod errors;
mod frontends;
mod info;
mod patterns;
mod servers;
mod sessions;
mod stat;
mod tables;

use std::io::Write;
use std::time::Duration;

use clap::Subcommand;

use crate::commands::raw;
use crate::context::Context;
use crate::exit::Exit;
use crate::fan;
use crate::fault::Fault;
use crate::interrupt::Interrupt;
use crate::output::{Format, Held, RowWriter, Shape, Sheet};
use crate::patterns::{Kind, Patterns};
use crate::target::{Target, TargetError, glob};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  lbctl show servers --filter status=DOWN --sort -since_seconds\n  lbctl show servers \
                        --columns server,status,check_says\n  lbctl show backends --watch 1s\n  lbctl show certs -o yaml"
)]
pub struct Args {
    /// Which rows and columns.
    #[command(flatten)]
    shape: Shape,
    /// Of what.
    #[command(subcommand)]
    what: Show,
}

/// What to show.
#[derive(Debug, Subcommand)]
pub enum Show {
    /// Servers: status, weight, sessions, checks
    Servers(servers::Args),
    /// Backends: status, servers up, sessions, queue
    #[command(after_help = "Examples:\n  lbctl show backends\n  lbctl show backends 'app*' -o json")]
    Backends(Names),
    /// Frontends: status, sessions, rates
    #[command(after_help = "Examples:\n  lbctl show frontends\n  lbctl show frontends --sort -rate")]
    Frontends(Names),
    /// Every statistics column
    Stat(stat::Args),
    /// The process
    #[command(after_help = "Examples:\n  lbctl show info\n  lbctl show info CurrConns Maxconn -o json")]
    Info(Names),
    /// Sessions, and which server each holds (operator level)
    Sessions(sessions::Args),
    /// Stick tables, or the entries of one
    Tables(tables::Args),
    /// Maps, or the entries of one
    Maps(patterns::Maps),
    /// Lists of ACL patterns, or the entries of one
    Acls(patterns::Acls),
    /// Certificates, until when they are good, and what they are for
    Certs(certs::Args),
    /// Health checks: what the last one said, how many failed
    Checks(checks::Args),
    /// The last invalid requests and responses (operator level); tables show them as the node draws them
    Errors(errors::Args),
}

/// Names to show, all without any.
#[derive(Debug, clap::Args)]
pub struct Names {
    /// Names, with * and ?
    #[arg(value_name = "NAME", add = clap_complete::engine::ArgValueCompleter::new(crate::complete::shown))]
    pub names: Vec<String>,
}

impl Names {
    /// Whether a name is asked for.
    fn want(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|pattern| glob(pattern, name))
    }

    /// Fails when a pattern has matched nothing.
    fn check(&self, what: &str, found: &[String]) -> Result<(), Fault> {
        let missing = self.names.iter().find(|pattern| !found.iter().any(|name| glob(pattern, name)));
        match missing {
            None => Ok(()),
            Some(name) => {
                let list = format!("'lbctl show {what}s -o name' lists what there is");
                Err(Fault::new(crate::exit::Exit::NotFound, format!("no {what} is named '{name}'")).hint(list))
            }
        }
    }
}

/// A target, or a backend alone.
///
/// # Errors
/// When it is neither.
pub fn loose(text: &str) -> Result<Target, TargetError> {
    Target::parse_loose(text)
}

/// Runs it.
///
/// # Errors
/// That of the exchange, or when something asked for is not there.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let shape = &args.shape;
    if shape.times.is_some() && shape.watch.is_none() {
        return Err(Fault::usage("--times is how often --watch looks").hint("lbctl show servers --watch 1s --times 5"));
    }
    match shape.watch {
        Some(every) => watch(args, ctx, every),
        None => once(args, ctx),
    }
}

fn once(args: &Args, ctx: &Context) -> Result<(), Fault> {
    if let Some(line) = wire(&args.what, ctx, &args.shape)? {
        return raw::send(ctx, &line);
    }
    if let Some(end) = stream(args, ctx) {
        return end;
    }
    let (sheet, end) = look(args, ctx);
    if let Some(sheet) = sheet {
        sheet.print(ctx)?;
    }
    end
}

/// Writes long lists as they come, where neither their order nor other nodes are to be waited for: memory holds none
/// of it.
fn stream(args: &Args, ctx: &Context) -> Option<Result<(), Fault>> {
    let one = ctx.nodes.first().filter(|_| ctx.nodes.len() == 1).map(|node| ctx.on(node))?;
    if one.node.is_some() || ctx.terminal || !ctx.format.is_data() || args.shape.is_given() {
        return None;
    }
    let rows = match &args.what {
        Show::Servers(servers) if servers.targets.is_empty() => servers::stream,
        Show::Stat(stat) if stat.targets.is_empty() => stat::stream,
        _ => return None,
    };
    let write = || {
        let mut held = Held::new(std::io::stdout().lock());
        let mut writer = RowWriter::new(ctx.format, &mut held);
        let keys = rows(&one, &mut |keys, row| writer.row(keys, row))?;
        writer.end(&keys)?;
        Ok(held.release()?)
    };
    Some(write())
}

/// Again and again, with marks at what has changed.
fn watch(args: &Args, ctx: &Context, every: Duration) -> Result<(), Fault> {
    let mut interrupt = Interrupt::new()?;
    let mut before: Option<Sheet> = None;
    let mut left = args.shape.times;
    loop {
        let mut text = Vec::new();
        if let Some(line) = wire(&args.what, ctx, &args.shape)? {
            clear(ctx)?;
            raw::send(ctx, &line)?;
        } else {
            let (sheet, end) = look(args, ctx);
            clear(ctx)?;
            match end {
                // A node that comes back is seen again, where somebody is looking.
                Err(fault) if ctx.terminal => ctx.tell(&fault),
                other => other?,
            }
            if let Some(sheet) = sheet {
                let marked = match &before {
                    Some(before) if !ctx.format.is_data() => sheet.clone().against(before),
                    _ => sheet.clone(),
                };
                marked.write(&ctx.output(), &mut text)?;
                before = Some(sheet);
            }
        }
        {
            let mut out = std::io::stdout().lock();
            out.write_all(&text)?;
            out.flush()?;
        }
        left = left.map(|n| n.saturating_sub(1));
        if left == Some(0) {
            return Ok(());
        }
        if interrupt.sleep(every) {
            // On a terminal Ctrl-C is how one leaves; in a script it is an interruption.
            return if ctx.terminal { Ok(()) } else { Err(Fault::new(Exit::Interrupted, "interrupted")) };
        }
    }
}

/// A screen of its own on a terminal; elsewhere one output follows the other.
fn clear(ctx: &Context) -> Result<(), Fault> {
    if ctx.terminal {
        write!(std::io::stdout().lock(), "\x1b[H\x1b[2J")?;
    }
    Ok(())
}

/// The sheet as it is wished, and the command's end.
fn look(args: &Args, ctx: &Context) -> (Option<Sheet>, Result<(), Fault>) {
    let mut shape = args.shape.clone();
    if let (Show::Stat(_), false) = (&args.what, shape.columns.is_empty()) {
        // Without its names a row says nothing.
        let missing: Vec<String> =
            stat::NAMES.iter().filter(|n| !shape.columns.iter().any(|c| c == *n)).map(|n| (*n).to_owned()).collect();
        shape.columns.splice(0..0, missing);
    }
    if !shape.is_given() {
        return fan::gather(ctx, |one| sheet(&args.what, one));
    }
    // Any column may be asked for, also those that the format leaves out.
    let all = Context { format: Format::Csv, ..ctx.clone() };
    let (found, end) = fan::gather(&all, |one| sheet(&args.what, one));
    match found.map(|sheet| shape.apply(sheet, ctx.format)).transpose() {
        Ok(sheet) => (sheet, end),
        Err(fault) => (None, Err(fault)),
    }
}

/// The servers of one node that targets mean, all without any.
///
/// # Errors
/// That of the exchange, or when a target means no server.
pub fn servers_of(targets: &[Target], one: &Context) -> Result<Sheet, Fault> {
    servers::sheet(&servers::Args { targets: targets.to_vec() }, one)
}

/// What one node shows, with every column.
///
/// # Errors
/// That of the exchange, or when something asked for is not there.
pub fn data(args: &Args, one: &Context) -> Result<Sheet, Fault> {
    sheet(&args.what, &Context { format: Format::Csv, ..one.clone() })
}

fn sheet(what: &Show, one: &Context) -> Result<Sheet, Fault> {
    match what {
        Show::Servers(args) => servers::sheet(args, one),
        Show::Backends(names) => backends::sheet(names, one),
        Show::Frontends(names) => frontends::sheet(names, one),
        Show::Stat(args) => stat::sheet(args, one),
        Show::Info(names) => info::sheet(names, one),
        Show::Sessions(args) => sessions::sheet(args, one),
        Show::Tables(args) => tables::sheet(args.table.as_deref(), one),
        Show::Maps(args) => patterns::sheet(Kind::Map, args.map.as_deref(), one),
        Show::Acls(args) => patterns::sheet(Kind::Acl, args.acl.as_deref(), one),
        Show::Certs(args) => certs::sheet(args.certificate.as_deref(), one),
        Show::Checks(args) => checks::sheet(args, one),
        Show::Errors(_) => errors::sheet(one),
    }
}

/// The node's own command, where its very answer is what is wanted.
///
/// # Errors
/// When a map or list is not there.
fn wire(what: &Show, ctx: &Context, shape: &Shape) -> Result<Option<String>, Fault> {
    let format = ctx.format;
    let drawn = matches!(what, Show::Errors(_)) && !format.is_data() && !shape.is_given();
    if format != Format::Raw && !drawn {
        return Ok(None);
    }
    // The node knows whole paths only.
    let pattern = |kind, name: Option<&String>| {
        name.map(|name| Ok::<_, Fault>(Patterns::find(&ctx.client, kind, name)?.name().to_owned())).transpose()
    };
    let with = |words: &str, name: Option<&String>| name.map_or(words.to_owned(), |name| format!("{words} {name}"));
    Ok(Some(match what {
        Show::Servers(_) | Show::Checks(_) => "show stat -1 4 -1".to_owned(),
        Show::Backends(_) => "show stat -1 2 -1".to_owned(),
        Show::Frontends(_) => "show stat -1 1 -1".to_owned(),
        Show::Stat(_) => "show stat".to_owned(),
        Show::Info(_) => "show info".to_owned(),
        Show::Sessions(_) => "show sess".to_owned(),
        Show::Tables(args) => with("show table", args.table.as_ref()),
        Show::Maps(args) => with("show map", pattern(Kind::Map, args.map.as_ref())?.as_ref()),
        Show::Acls(args) => with("show acl", pattern(Kind::Acl, args.acl.as_ref())?.as_ref()),
        Show::Certs(args) => with("show ssl cert", args.certificate.as_ref()),
        Show::Errors(_) => "show errors".to_owned(),
    }))
}
