//! `lbctl show info`.

use super::Names;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Sheet};
use crate::target::glob;

/// Runs it.
///
/// # Errors
/// That of the exchange, or when a key is not there.
pub fn run(names: &Names, ctx: &Context) -> Result<(), Fault> {
    let info = ctx.client.info()?;
    if let Some(missing) = names.names.iter().find(|p| !info.iter().any(|(key, _)| glob(p, key))) {
        return Err(Fault::new(Exit::NotFound, format!("the process tells nothing called '{missing}'"))
            .hint("'lbctl show info -o name' lists what there is"));
    }
    let pairs = info.iter().filter(|(key, _)| names.want(key)).map(|(key, value)| (key.to_owned(), cell(value)));
    Sheet::pairs(ctx.format, pairs.collect()).print(ctx)
}

/// Numbers are numbers in JSON.
fn cell(value: &str) -> Cell {
    match value.parse::<u64>() {
        Ok(number) if number.to_string() == value => Cell::Number(number),
        _ => Cell::text(Some(value)),
    }
}
