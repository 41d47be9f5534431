//! `lbctl show stat`: every column by its wire name, also those of versions to come.

use lb_stats::StatRow;

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Format, Sheet, TakeRow, Tone};
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
    let usual: Vec<&str> = NAMES.iter().chain(USUAL).copied().collect();
    let every = ctx.format.is_data() || ctx.format == Format::Expanded;
    let mut known = vec![false; args.targets.len()];
    let mut rows = Vec::new();
    let all = ctx.client.each_stat(&mut |row| {
        let mut wanted = known.is_empty();
        for (target, known) in args.targets.iter().zip(&mut known) {
            let matches = target.matches(row.proxy(), row.name());
            (wanted, *known) = (wanted || matches, *known || matches);
        }
        if wanted {
            rows.push(match every {
                _ if ctx.format == Format::Name => vec![name(row)],
                true => named(row.columns()).map(|(at, column)| cell(row.cell(at), column)).collect(),
                false => usual.iter().map(|column| cell(row.get_named(column), column)).collect(),
            });
        }
        true
    })?;
    if let Some((missing, _)) = args.targets.iter().zip(known).find(|(_, known)| !known) {
        return Err(Fault::new(Exit::NotFound, format!("no row matches '{missing}'"))
            .hint("'lbctl show stat -o name' lists the rows"));
    }
    if ctx.format == Format::Name {
        return Ok(Sheet::dynamic(vec!["name".to_owned()], rows));
    }
    let columns = match every {
        true => named(&all).map(|(_, column)| column.to_owned()).collect(),
        false => usual.iter().map(|column| (*column).to_owned()).collect(),
    };
    Ok(Sheet::dynamic(columns, rows).usually(&usual))
}

/// Passes every row on as it comes, in a data format.
///
/// # Errors
/// That of the exchange, or of `take`.
pub fn stream(ctx: &Context, take: &mut TakeRow<'_>) -> Result<Vec<String>, Fault> {
    let mut keys: Vec<String> = Vec::new();
    let mut cells = Vec::new();
    let mut end = Ok(());
    let all = ctx.client.each_stat(&mut |row| {
        cells.clear();
        if ctx.format == Format::Name {
            cells.push(name(row));
        } else {
            if keys.is_empty() {
                keys = named(row.columns()).map(|(_, column)| column.to_owned()).collect();
            }
            cells.extend(named(row.columns()).map(|(at, column)| cell(row.cell(at), column)));
        }
        end = take(&keys, &cells);
        end.is_ok()
    })?;
    end.map(|()| named(&all).map(|(_, column)| column.to_owned()).collect())
}

/// The columns that have a name, and where they are: a column called `-` stands between the core's and the modules'
/// columns and is always empty.
fn named(columns: &[String]) -> impl Iterator<Item = (usize, &str)> {
    let all = columns.iter().map(String::as_str).enumerate();
    all.filter(|(_, name)| !matches!(*name, "" | "-"))
}

fn name(row: StatRow<'_>) -> Cell {
    Cell::Text(format!("{}/{}", row.proxy(), row.name()))
}

fn cell(text: Option<&str>, column: &str) -> Cell {
    let Some(text) = text else { return Cell::Empty };
    match text.parse::<u64>() {
        Ok(number) if !NAMES.contains(&column) => Cell::Number(number),
        _ if column == "status" => Cell::Toned(text.to_owned(), Tone::of_status(text)),
        _ => Cell::Text(text.to_owned()),
    }
}
