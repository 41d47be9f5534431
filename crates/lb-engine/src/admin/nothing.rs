//! Lists of what a configuration cannot contain: peers, caches and resolvers are refused when it is read, so these
//! lists are empty and no name is in them.

use lb_admin::{Reply, Request};

/// `show cache`.
pub(super) fn caches() -> Reply {
    Reply::Empty
}

/// `show peers [dict|-] [section]`.
pub(super) fn peers(request: &Request) -> Result<Reply, Reply> {
    let section = match request.arg(0) {
        "dict" | "-" => request.arg(1),
        section => section,
    };
    if section.is_empty() { Ok(Reply::Empty) } else { Err(Reply::err("No such peers")) }
}

/// `show resolvers [section]`.
pub(super) fn resolvers(request: &Request) -> Result<Reply, Reply> {
    match request.arg(0) {
        "" => Ok(Reply::Empty),
        _ => Err(Reply::err("Can't find that resolvers section")),
    }
}
