//! `set anon …`: the keys of the anonymized mode. The mode itself belongs to the connection.

use crate::control::Control;
use lb_admin::{Anon, Reply, Request};

const OUT_OF_RANGE: &str = "A key is a number from 0 to 4294967295.";

/// `set anon global-key`. Zero takes the key back. Connections in the mode keep the key they have.
pub(super) fn set_global_key(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let key = parse(request.arg(0))?;
    control.admin.anon_key.set((key != 0).then_some(key));
    Ok(Reply::Empty)
}

/// The mode that `set anon on` chooses: with the key it names, the global one, or one at random.
pub(super) fn on(control: &Control, request: &Request) -> Result<Anon, Reply> {
    let key = match request.arg(0) {
        "" => control.admin.anon_key.get().unwrap_or_else(|| control.random()),
        key => parse(key)?,
    };
    Ok(Anon::with_key(key))
}

fn parse(text: &str) -> Result<u32, Reply> {
    text.parse().map_err(|_| Reply::err(OUT_OF_RANGE))
}
