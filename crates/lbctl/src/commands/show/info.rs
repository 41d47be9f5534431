//! `lbctl show info`.

use super::Names;
use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;
use crate::output::{Cell, Sheet};
use crate::target::glob;

/// What one node has.
///
/// # Errors
/// That of the exchange, or when a key is not there.
pub fn sheet(names: &Names, ctx: &Context) -> Result<Sheet, Fault> {
    let info = ctx.client.info()?;
    if let Some(missing) = names.names.iter().find(|p| !info.iter().any(|(key, _)| glob(p, key))) {
        return Err(Fault::new(Exit::NotFound, format!("the process tells nothing called '{missing}'"))
            .hint("'lbctl show info -o name' lists what there is"));
    }
    let pairs = info.iter().filter(|(key, _)| names.want(key)).map(|(key, value)| (key.to_owned(), cell(value)));
    Ok(Sheet::pairs(pairs.collect()))
}

/// Numbers are numbers in JSON.
fn cell(value: &str) -> Cell {
    match value.parse::<u64>() {
        Ok(number) if number.to_string() == value => Cell::Number(number),
        _ => Cell::text(Some(value)),
    }
}
