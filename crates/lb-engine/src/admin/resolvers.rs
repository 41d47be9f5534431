//! `show resolvers`, and the name servers' part of `show stat`.

use crate::control::{Control, Counts};
use lb_admin::{Reply, Request};
use std::fmt::Write as _;

/// What is counted of a name server, in the order shown. Aliases are followed within an answer, and sockets are asked one
/// question each: nothing can be wrong with an alias alone, and no answer comes too late for its socket.
pub(super) fn columns(counts: &Counts) -> [(&'static str, u64); 15] {
    [
        ("sent", counts.sent.get()),
        ("snd_error", counts.send_error.get()),
        ("valid", counts.valid.get()),
        ("update", counts.update.get()),
        ("cname", 0),
        ("cname_error", 0),
        ("any_err", 0),
        ("nx", counts.nx.get()),
        ("timeout", counts.timeout.get()),
        ("refused", counts.refused.get()),
        ("other", counts.other.get()),
        ("invalid", counts.invalid.get()),
        ("too_big", 0),
        ("truncated", counts.truncated.get()),
        ("outdated", 0),
    ]
}

/// `show resolvers [section]`.
pub(super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let wanted = request.arg(0);
    let mut out = String::new();
    let mut found = wanted.is_empty();
    for section in control.names.sections() {
        if !wanted.is_empty() && section.config.name != wanted {
            continue;
        }
        found = true;
        // Writing to a string cannot fail.
        let _ = writeln!(out, "Resolvers section {}", section.config.name);
        for (server, counts) in section.config.nameservers.iter().zip(&section.counts) {
            let _ = writeln!(out, " nameserver {}:", server.name);
            for (name, count) in columns(counts) {
                let _ = writeln!(out, "  {:<12} {count}", format!("{name}:"));
            }
        }
    }
    match found {
        true => Ok(Reply::Raw(out.into_bytes())),
        false => Err(Reply::err("Can't find that resolvers section")),
    }
}

/// `show stat domain resolvers`.
pub(super) fn table(control: &Control) -> Reply {
    let mut out = "# id,pid,".to_owned();
    for (name, _) in columns(&Counts::default()) {
        let _ = write!(out, "{},", if name == "snd_error" { "send_error" } else { name });
    }
    out.push('\n');
    for section in control.names.sections() {
        for (server, counts) in section.config.nameservers.iter().zip(&section.counts) {
            let _ = write!(out, "{},{},", server.name, section.config.name);
            for (_, count) in columns(counts) {
                let _ = write!(out, "{count},");
            }
            out.push('\n');
        }
    }
    Reply::Raw(out.into_bytes())
}
