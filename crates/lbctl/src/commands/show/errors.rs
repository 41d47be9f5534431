//! `lbctl show errors`: the captures are pictures of bytes, printed as the node draws them.

use crate::commands::raw;
use crate::context::Context;
use crate::fault::Fault;

/// Runs it.
///
/// # Errors
/// That of the exchange, or a refusal.
pub fn run(ctx: &Context) -> Result<(), Fault> {
    raw::send(ctx, "show errors")
}
