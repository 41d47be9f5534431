//! `show servers revisions`.

use crate::admin::resolve;
use crate::control::Control;
use lb_admin::{Reply, Request, text};
use std::fmt::Write;

/// The last change of each server.
pub(super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let only = match request.arg(0) {
        "" => None,
        name => Some(resolve::backend(control, name).ok_or_else(|| Reply::err(text::CANNOT_FIND_BACKEND))?.index),
    };
    let mut answer = "# be_name/srv_name revision last change\n".to_owned();
    let backends = control.shared.proxies.live().filter(|p| p.config.kind.has_backend());
    for proxy in backends.filter(|proxy| only.is_none_or(|index| index == proxy.index)) {
        for server in proxy.servers.live() {
            let names =
                format!("{}/{}", request.anon.name(&proxy.config.name), request.anon.name(&server.config().name));
            let change = control.last_change(proxy.index, server.index);
            let revision = control.revision(proxy.index, server.index);
            let how = change.map_or_else(|| "-".to_owned(), |change| control.change_text(&change));
            // Writing to a string cannot fail.
            let _ = writeln!(answer, "{names} {revision} {how}");
        }
    }
    Ok(Reply::Raw(answer.into_bytes()))
}
