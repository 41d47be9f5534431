//! `lbctl show stat`: every column by its wire name, also those of versions to come.

use lb_stats::StatRow;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Format, Sheet, Tone};
use crate::target::Target;

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Tables show the columns named by --columns, or a few that matter most; other formats all.\n\n\
                        Examples:\n  lbctl show stat\n  lbctl show stat app -o json\n  lbctl show stat --columns \
                        status,scur,qcur,lastchg")]
pub struct Args {
    /// Proxies, or rows as proxy/name (name is FRONTEND, BACKEND or a server); * and ? on either side
    #[arg(
        value_name = "TARGET",
        value_parser = super::loose,
        add = clap_complete::engine::ArgValueCompleter::new(crate::complete::loose_targets)
    )]
    pub targets: Vec<Target>,
}

/// Columns of the table unless others are asked for.
const USUAL: &[&str] = &["status", "weight", "scur", "smax", "qcur", "rate", "stot", "bin", "bout", "econ", "eresp"];

/// Columns whose numbers are names, not counts.
pub const NAMES: &[&str] = &["pxname", "svname"];

/// What one node has.
///
/// # Errors
/// That of the exchange, or [`Exit::NotFound`] for a row or column that is not there.
pub fn sheet(args: &Args, ctx: &Context) -> Result<Sheet, Fault> {
    let (all, table) = ctx.client.stat_with_columns()?;
    if let Some(missing) = args.targets.iter().find(|t| !table.rows().any(|r| t.matches(r.proxy(), r.name()))) {
        return Err(Fault::new(Exit::NotFound, format!("no row matches '{missing}'"))
            .hint("'lbctl show stat -o name' lists the rows"));
    }
    // A column called `-` stands between the core's and the modules' columns and is always empty.
    let columns: Vec<String> = all.into_iter().filter(|c| c != "-").collect();
    let usual: Vec<&str> = NAMES.iter().chain(USUAL).copied().collect();
    let every = ctx.format.is_data() || ctx.format == Format::Expanded;
    let columns = if every { columns } else { usual.iter().map(|c| (*c).to_owned()).collect() };
    let wanted =
        |row: &StatRow<'_>| args.targets.is_empty() || args.targets.iter().any(|t| t.matches(row.proxy(), row.name()));
    if ctx.format == Format::Name {
        let names = table.rows().filter(wanted).map(|r| vec![Cell::Text(format!("{}/{}", r.proxy(), r.name()))]);
        return Ok(Sheet::dynamic(vec!["name".to_owned()], names.collect()));
    }
    let rows = table.rows().filter(wanted).map(|row| columns.iter().map(|c| cell(&row, c)).collect());
    Ok(Sheet::dynamic(columns.clone(), rows.collect()).usually(&usual))
}

fn cell(row: &StatRow<'_>, column: &str) -> Cell {
    let Some(text) = row.get_named(column) else { return Cell::Empty };
    match text.parse::<u64>() {
        Ok(number) if !NAMES.contains(&column) => Cell::Number(number),
        _ if column == "status" => Cell::Toned(text.to_owned(), Tone::of_status(text)),
        _ => Cell::Text(text.to_owned()),
    }
}
