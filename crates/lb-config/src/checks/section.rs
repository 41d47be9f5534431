//! `healthcheck` sections: checks that servers use by name, in place of their backend's.

use super::{Kind, http_check, tcp_check};
use crate::cx::Cx;
use crate::keywords::{OPTIONS, Status};
use crate::line::{Done, Fault, Line, fault};
use crate::model::CheckMethod;
use crate::options::OptionCx;
use crate::proxy::ProxyDraft;
use lb_model::is_valid_name;

/// What `type` may say: the names of the options.
const TYPES: [&str; 9] = [
    "tcp-check",
    "httpchk",
    "ssl-hello-chk",
    "smtpchk",
    "pgsql-check",
    "redis-check",
    "mysql-check",
    "ldap-check",
    "spop-check",
];

/// A section being read.
pub(crate) struct HealthCheckDraft {
    pub name: String,
    /// Rules and options are read as those of a backend.
    pub draft: ProxyDraft,
    /// The argument of `type`.
    kind: Option<String>,
}

impl HealthCheckDraft {
    /// Begins a section: `healthcheck <name>`.
    pub fn open(line: &Line, known: &[Self]) -> Result<Self, Fault> {
        let name = line.need(1, "missing name for healthcheck section.")?;
        if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
            return Err(fault(1, format!("character '{bad}' is not permitted in 'healthcheck' name '{name}'.")));
        }
        line.ends_after(1, "healthcheck")?;
        if let Some(first) = known.iter().find(|check| check.name == name) {
            let site = &first.draft.site;
            let message = format!("healthcheck section '{name}' already defined at {}:{}.", site.file, site.line);
            return Err(fault(1, message));
        }
        Ok(Self { name: name.to_owned(), draft: ProxyDraft::documented(line.site(1)), kind: None })
    }

    /// Reads a line.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        match line.word(0) {
            "type" => self.kind(line, cx),
            rules @ ("tcp-check" | "http-check") => {
                let other = match self.draft.check.kind {
                    Kind::Connect => None,
                    Kind::Http => (rules == "tcp-check").then_some("HTTP"),
                    Kind::Tcp | Kind::Probe(_) | Kind::External => (rules == "http-check").then_some("TCP"),
                };
                if let Some(kind) = other {
                    let message = format!("unable to configure '{rules}' rule for '{kind}' healthcheck");
                    return Err(fault(0, message));
                }
                if rules == "tcp-check" {
                    tcp_check(&mut self.draft, cx, line)
                } else {
                    http_check(&mut self.draft, cx, line)
                }
            }
            other => Err(fault(0, format!("unknown keyword '{other}' in 'healthcheck' section"))
                .help("a healthcheck section has one 'type' line, and 'tcp-check' or 'http-check' rules")),
        }
    }

    /// `type <kind> …`: what follows is as after `option`.
    fn kind(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        if self.kind.is_some() {
            return Err(fault(0, "healthcheck type already defined."));
        }
        let kind = line.word(1);
        let row = OPTIONS.iter().find(|row| row.name == kind && TYPES.contains(&kind));
        let Some(Status::Supported(handler)) = row.map(|row| &row.status) else {
            let types: Vec<String> = TYPES.iter().map(|name| format!("'{name}'")).collect();
            return Err(fault(1, format!("unknown healthcheck type '{kind}' (expects {}).", types.join(", "))));
        };
        self.kind = Some(kind.to_owned());
        handler(&mut OptionCx { p: &mut self.draft, cx, line, on: true })
    }

    /// The check as a whole.
    pub fn method(&self) -> CheckMethod {
        self.draft.check.method()
    }
}
