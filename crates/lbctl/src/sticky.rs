//! Releasing clients that a stick table or a cookie keeps on a server.
//!
//! A drain lets them come back, and each visit renews the table's entry. The entries of the backend's own table are
//! cleared; clients with a cookie go elsewhere once the server is in maintenance, where what is in flight still finishes.

use lb_client::{Client, Error, ErrorKind, Line, ServerState};

/// Clears the entries of the backend's own table that name the server; gives whether there is such a table.
///
/// # Errors
/// Those of [`Client::ask_ok`], but not that there is no table.
pub fn forget(client: &Client, server: &ServerState) -> Result<bool, Error> {
    let id = server.server_id.to_string();
    let table = server.name.backend.as_str();
    let line = Line::words(["clear", "table", table, "data.server_id", "eq", &id])?;
    match client.ask_ok(&line) {
        Ok(_) => Ok(true),
        // No table, or one that keeps no servers.
        Err(Error::Refused { refusal, .. }) if refusal.kind() != ErrorKind::Denied => Ok(false),
        Err(error) => Err(error),
    }
}
