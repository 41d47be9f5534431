//! Leases: servers taken out for a time, so that one that is forgotten comes back.
//!
//! A lease is a record of this host; `lbctl lease reap`, run by a timer or with `--watch`, puts back what
//! has expired, unless somebody changed it meanwhile.

use lb_client::AdminWish;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::fault::Fault;
use crate::store;

/// The file in the state directory.
const FILE: &str = "leases.json";

/// A server that is out until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// The node's name.
    pub node: String,
    /// The node's admin socket.
    pub address: String,
    /// The server.
    pub server: String,
    /// The state to put it back to.
    pub before: String,
    /// When, in seconds since 1970.
    pub until: u64,
    /// Who.
    pub user: String,
    /// Why.
    pub message: Option<String>,
}

fn path() -> Result<std::path::PathBuf, Fault> {
    Ok(store::directory("")?.join(FILE))
}

fn same(lease: &Lease, address: &str, server: &str) -> bool {
    lease.address == address && lease.server == server
}

/// Every lease, in the order they end.
///
/// # Errors
/// When the file cannot be read.
pub fn all() -> Result<Vec<Lease>, Fault> {
    let mut leases: Vec<Lease> = store::read(&path()?)?.unwrap_or_default();
    leases.sort_by_key(|l| l.until);
    Ok(leases)
}

/// Takes a lease, or lengthens the one there is: that keeps the state to put back to.
///
/// # Errors
/// When the file cannot be written.
pub fn take(ctx: &Context, server: &str, before: AdminWish, until: u64) -> Result<(), Fault> {
    let address = ctx.address();
    let lease = Lease {
        node: ctx.node_name(),
        address: address.clone(),
        server: server.to_owned(),
        before: before.as_str().to_owned(),
        until,
        user: crate::journal::user(),
        message: ctx.operation.message().map(str::to_owned),
    };
    store::update(&path()?, |leases: &mut Vec<Lease>| {
        match leases.iter_mut().find(|l| same(l, &address, server)) {
            Some(known) => *known = Lease { before: known.before.clone(), ..lease },
            None => leases.push(lease),
        }
        Ok(())
    })
}

/// Ends a lease, if there is one.
///
/// # Errors
/// When the file cannot be written.
pub fn end(address: &str, server: &str) -> Result<(), Fault> {
    let path = path()?;
    // Most servers have none, and most hosts have no file.
    if !path.exists() {
        return Ok(());
    }
    store::update(&path, |leases: &mut Vec<Lease>| {
        leases.retain(|l| !same(l, address, server));
        Ok(())
    })
}
