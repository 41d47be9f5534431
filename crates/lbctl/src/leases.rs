//! Leases: servers taken out for a time, so that one that is forgotten comes back.
//!
//! A lease is a record of this host, or in etcd where the context names one; `lbctl lease reap`, run by a timer or with `--watch`, puts back what
//! has expired, unless somebody changed it meanwhile.

use lb_client::AdminWish;
use serde::{Deserialize, Serialize};

use crate::context::Context;
use crate::etcd::Etcd;
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
    /// The states that whoever took it puts the server into: in another one it is somebody else's.
    pub ours: Vec<String>,
    /// When, in seconds since 1970.
    pub until: u64,
    /// Who.
    pub user: String,
    /// Why.
    pub message: Option<String>,
}

/// Where leases are kept.
#[derive(Debug, Clone, Copy)]
pub enum Leases<'a> {
    /// In a file of this host.
    Host,
    /// Where the operators' machines agree. There a node is known by its name: each reaches it in its own way.
    Etcd(&'a Etcd),
}

impl<'a> Leases<'a> {
    /// Those of a context.
    pub fn of(ctx: &'a Context) -> Self {
        ctx.etcd.as_ref().map_or(Self::Host, Self::Etcd)
    }

    /// Every lease, in the order they end.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn all(self) -> Result<Vec<Lease>, Fault> {
        let mut leases: Vec<Lease> = match self {
            Self::Host => store::read(&path()?)?.unwrap_or_default(),
            Self::Etcd(etcd) => {
                etcd.list("lease/")?.iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
            }
        };
        leases.sort_by_key(|l| l.until);
        Ok(leases)
    }

    /// Takes a lease, or lengthens the one there is: that keeps the state to put back to.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn take(
        self,
        ctx: &Context,
        server: &str,
        before: AdminWish,
        ours: &[AdminWish],
        until: u64,
    ) -> Result<(), Fault> {
        let lease = Lease {
            node: ctx.node_name(),
            address: ctx.address(),
            server: server.to_owned(),
            before: before.as_str().to_owned(),
            ours: ours.iter().map(|wish| wish.as_str().to_owned()).collect(),
            until,
            user: crate::journal::user(),
            message: ctx.operation.message().map(str::to_owned),
        };
        match self {
            Self::Host => store::update(&path()?, |leases: &mut Vec<Lease>| {
                match leases.iter_mut().find(|l| same(l, &lease.address, server)) {
                    Some(known) => *known = Lease { before: known.before.clone(), ..lease },
                    None => leases.push(lease),
                }
                Ok(())
            }),
            Self::Etcd(etcd) => {
                let name = name(&lease.node, server);
                let known = etcd.list(&name)?.iter().find_map(|text| serde_json::from_str::<Lease>(text).ok());
                let known = known.filter(|l| l.server == server);
                let lease = Lease { before: known.map_or(lease.before, |l| l.before), ..lease };
                etcd.put(&name, &serde_json::to_string(&lease)?)
            }
        }
    }

    /// Ends the lease on a server of the node that is worked on, if there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(self, ctx: &Context, server: &str) -> Result<(), Fault> {
        if let Self::Etcd(etcd) = self {
            return etcd.remove(&name(&ctx.node_name(), server));
        }
        let path = path()?;
        // Most servers have none, and most hosts have no file.
        if !path.exists() {
            return Ok(());
        }
        let address = ctx.address();
        store::update(&path, |leases: &mut Vec<Lease>| {
            leases.retain(|l| !same(l, &address, server));
            Ok(())
        })
    }
}

fn path() -> Result<std::path::PathBuf, Fault> {
    Ok(store::directory("")?.join(FILE))
}

fn name(node: &str, server: &str) -> String {
    format!("lease/{node}/{server}")
}

fn same(lease: &Lease, address: &str, server: &str) -> bool {
    lease.address == address && lease.server == server
}
