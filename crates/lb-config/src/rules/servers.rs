//! Rules that choose a server or lift what keeps from a backend: `use-server`, `force-be-switch`.

use super::{ActionCx, condition};
use crate::cx::Cx;
use crate::diagnostic::Severity;
use crate::line::{Done, Line, fault};
use crate::model::{UseServer, UsedServer};
use crate::proxy::{ProxyDraft, Switch};
use crate::suggest::nearest;
use lb_sample::Place;
use std::sync::Arc;

/// `use-server <name> [if|unless <condition>]`.
pub(crate) fn use_server(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'use-server' expects a server name.")?;
    if line.has(2) && !matches!(line.word(2), "if" | "unless") {
        let message =
            format!("unexpected keyword '{}' after server rule, only 'if' and 'unless' are allowed.", line.word(2));
        return Err(fault(2, message));
    }
    let computed = match name.contains('%') {
        true => Some(ActionCx { p, cx, line, next: 1, place: Place::BackendContent }.format("expects a server.")?),
        false => None,
    };
    let condition = condition(p, cx, line, 2, Place::BackendContent);
    let (condition, failed) = match condition {
        Ok(condition) => (condition, Ok(())),
        Err(fault) => (None, Err(fault.within("error detected while parsing switching rule : "))),
    };
    p.used_servers.push(Switch { backend: name.to_owned(), computed, site: line.site(1), condition });
    failed
}

/// `force-be-switch if|unless <condition>`.
pub(crate) fn force_switch(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if !p.has_frontend() {
        return Err(fault(0, "'force-be-switch' only available in frontend or listen section."));
    }
    if !matches!(line.word(1), "if" | "unless") {
        return Err(fault(1, "'force-be-switch' requires either 'if' or 'unless' followed by a condition."));
    }
    let condition = condition(p, cx, line, 1, Place::UseBackend)
        .map_err(|fault| fault.within("error detected while parsing a 'force-be-switch' rule : "))?;
    p.proxy.force_switch.extend(condition);
    Ok(())
}

/// The rules with their servers found.
pub(crate) fn settle(draft: &ProxyDraft, cx: &mut Cx<'_>) -> Vec<UseServer> {
    let mut rules = Vec::with_capacity(draft.used_servers.len());
    for rule in &draft.used_servers {
        let known = || draft.servers.iter().map(|server| &*server.server.name);
        let server = match &rule.computed {
            Some(format) => UsedServer::Computed(Arc::clone(format)),
            None => match known().position(|name| *name == *rule.backend) {
                Some(index) => UsedServer::Named(index),
                None => {
                    let message = format!(
                        "backend '{}' : unable to find server '{}' referenced in a 'use-server' rule.",
                        draft.proxy.name, rule.backend
                    );
                    let help = nearest(&rule.backend, known()).map(|near| format!("did you mean '{near}'?"));
                    cx.sink.push(Severity::Alert, &rule.site, message, help);
                    continue;
                }
            },
        };
        rules.push(UseServer { server, condition: rule.condition.clone() });
    }
    rules
}
