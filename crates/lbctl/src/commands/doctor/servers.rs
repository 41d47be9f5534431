//! Servers: whether the two tables that tell of them agree, whether checks tell the truth, who is out and why.

use std::collections::{BTreeMap, HashMap};

use lb_client::ServerState;
use lb_model::{AdminState, OpState};
use lb_stats::{ObjectKind, StatField, StatTable};

use super::{Findings, Node, Severity, several};
use crate::context::Context;
use crate::fault::Fault;

type Statuses = HashMap<(String, String), (String, Option<u64>)>;

fn statuses(table: &StatTable) -> Statuses {
    let servers = table.rows().filter(|r| r.kind() == Some(ObjectKind::Server));
    let row = |r: lb_stats::StatRow<'_>| {
        let status = r.get(StatField::Status).unwrap_or("").to_owned();
        ((r.proxy().to_owned(), r.name().to_owned()), (status, r.number(StatField::Weight)))
    };
    servers.map(row).collect()
}

/// Servers of which `show stat` and `show servers state` say different things.
///
/// The two are read one after the other: what differs is read once more before it is told.
pub fn columns(node: &Node<'_>, found: &mut Findings) -> Result<(), Fault> {
    let mut told = disagreements(&node.states, &statuses(&node.stat));
    if !told.is_empty() {
        let states = node.ctx.client.servers_state(None)?;
        let again = disagreements(&states, &statuses(&node.ctx.client.stat()?));
        told.retain(|(name, _)| again.iter().any(|(other, _)| other == name));
    }
    for (name, what) in told {
        let cure = node.ctx.suggest(&format!("explain {name}"));
        found.add(Severity::Error, "columns", &name, what, cure);
    }
    let (mut seen, mut twice) = (HashMap::new(), Vec::new());
    for state in &node.states {
        let times: &mut u32 = seen.entry(&state.name).or_default();
        *times += 1;
        if *times == 2 {
            twice.push(state.name.to_string());
        }
    }
    for name in twice {
        let what = "several servers have this name: commands reach the first only";
        found.add(Severity::Error, "columns", &name, what, "other names in the configuration, then a reload");
    }
    found.ok(
        "columns",
        format!("'show stat' and 'show servers state' agree on {}", several(node.states.len(), "server")),
    );
    Ok(())
}

fn disagreements(states: &[ServerState], statuses: &Statuses) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut left: BTreeMap<(&str, &str), ()> = statuses.keys().map(|(b, s)| ((b.as_str(), s.as_str()), ())).collect();
    for state in states {
        let name = state.name.to_string();
        left.remove(&(state.name.backend.as_str(), state.name.server.as_str()));
        let Some((status, _)) = statuses.get(&(state.name.backend.clone(), state.name.server.clone())) else {
            found.push((name, "'show servers state' has it, 'show stat' has not".to_owned()));
            continue;
        };
        if let Some(what) = disagreement(state, status) {
            found.push((name, format!("'show stat' says {status}, while 'show servers state' says that it is {what}")));
        }
    }
    found.extend(left.keys().map(|(backend, server)| {
        (format!("{backend}/{server}"), "'show stat' has it, 'show servers state' has not".to_owned())
    }));
    found
}

/// What a state is, when the status word does not say so.
fn disagreement(state: &ServerState, status: &str) -> Option<String> {
    let word = status.split(' ').next().unwrap_or("");
    let agrees = match word {
        "MAINT" => state.admin.in_maint(),
        // An agent drains without any administrative state.
        "DRAIN" => !state.admin.in_maint() && (state.admin.in_drain() || state.weight == 0 || status.contains("agent")),
        // A drained server that is down is shown as down.
        "DOWN" => !state.admin.in_maint() && state.op == OpState::Stopped,
        "UP" | "NOLB" | "no" => !state.admin.in_maint() && !state.admin.in_drain() && state.op != OpState::Stopped,
        _ => true,
    };
    (!agrees).then(|| state.words())
}

/// Checks that are configured and yet tell nothing.
pub fn checks(node: &Node<'_>, found: &mut Findings) {
    let mut unchecked: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let tracking = |state: &ServerState| {
        let name = |r: &lb_stats::StatRow<'_>| r.proxy() == state.name.backend && r.name() == state.name.server;
        node.stat.rows().find(name).and_then(|r| r.get(StatField::Tracked)).is_some_and(|t| !t.is_empty())
    };
    for state in &node.states {
        let name = state.name.to_string();
        let (without, of) = unchecked.entry(&state.name.backend).or_default();
        *of += 1;
        let out = state.admin.in_maint();
        if state.has_check && !state.checked && !out {
            let what = format!("its check is disabled: it stays {} whatever happens to it", state.words());
            found.add(Severity::Warning, "checks", &name, what, node.ctx.suggest(&format!("health {name} enable")));
        } else if !state.has_check && !out && !tracking(state) {
            *without += 1;
        }
        if state.has_agent && !state.agent_enabled && !out {
            let what = "its agent is disabled: what it says is not asked for";
            found.add(Severity::Warning, "checks", &name, what, node.ctx.suggest(&format!("agent {name} enable")));
        }
    }
    for (backend, (without, of)) in unchecked.into_iter().filter(|(_, (without, _))| *without > 0) {
        let what = format!("nothing checks {without} of its {of} servers: they count as up whatever happens to them");
        found.add(Severity::Note, "checks", backend, what, "'check' on their 'server' lines, then a reload");
    }
    found.ok("checks", "every server is checked, or follows one that is");
}

/// Servers that are out or down, and those whose state a reload changes.
pub fn servers(node: &Node<'_>, found: &mut Findings) {
    let statuses = statuses(&node.stat);
    for state in &node.states {
        let name = state.name.to_string();
        let has = |bits| state.admin.intersects(bits);
        let suggest = |command: &str| node.ctx.suggest(command);
        let (explain, ready) = (format!("explain {name}"), format!("ready {name}"));
        let status = statuses.get(&(state.name.backend.clone(), state.name.server.clone()));
        if has(AdminState::RESOLUTION_MAINT) {
            let what = "its name does not resolve: it takes no traffic";
            found.add(Severity::Error, "servers", &name, what, suggest(&format!("server addr {name} ADDRESS")));
        } else if has(AdminState::INHERITED_MAINT) {
            found.add(
                Severity::Note,
                "servers",
                &name,
                "it is in maintenance with the server it tracks",
                suggest(&explain),
            );
        } else if has(AdminState::CONFIG_MAINT) && has(AdminState::FORCED_MAINT) {
            found.add(
                Severity::Note,
                "servers",
                &name,
                "'disabled' in the configuration keeps it out",
                suggest(&ready),
            );
        } else if has(AdminState::FORCED_MAINT) {
            found.add(Severity::Note, "servers", &name, "an operator put it into maintenance", suggest(&ready));
        } else if has(AdminState::DRAIN) {
            let why = if has(AdminState::FORCED_DRAIN) {
                "an operator drains it"
            } else {
                "it drains with the server it tracks"
            };
            let down = if state.op == OpState::Stopped { "; it is down as well" } else { "" };
            let cure = suggest(if has(AdminState::FORCED_DRAIN) { &ready } else { &explain });
            found.add(Severity::Note, "servers", &name, format!("{why}{down}"), cure);
        } else if state.op == OpState::Stopped {
            let word = status.map_or("DOWN", |(status, _)| status.as_str());
            found.add(Severity::Warning, "servers", &name, format!("it is {word}"), suggest(&explain));
        }
        if has(AdminState::CONFIG_MAINT) && !has(AdminState::FORCED_MAINT) {
            let what = "it serves although the configuration says 'disabled': a reload takes it out again";
            found.add(Severity::Warning, "servers", &name, what, "take 'disabled' off its 'server' line");
        }
        if has(AdminState::NAME_SET) {
            let what = "its host name was set at run time: a reload forgets it, unless a state file keeps it";
            found.add(Severity::Note, "servers", &name, what, suggest("diff"));
        }
        if state.weight == 0 && state.initial_weight > 0 && !state.admin.in_drain() && !state.admin.in_maint() {
            let what =
                "its weight is 0: it gets no new clients and yet is not drained, and 'ready' does not bring it back";
            let cure = suggest(&format!("weight {name} {}", state.initial_weight));
            found.add(Severity::Warning, "servers", &name, what, cure);
        }
    }
    found.ok("servers", format!("{}, none of them out or down", several(node.states.len(), "server")));
}

/// Servers that are out on one node and in on another.
pub fn disagreeing_nodes(ctx: &Context, nodes: &[(String, Vec<ServerState>)], found: &mut Findings) {
    let mut words: BTreeMap<String, Vec<(&str, String)>> = BTreeMap::new();
    for (node, states) in nodes {
        for state in states {
            words.entry(state.name.to_string()).or_default().push((node, state.words()));
        }
    }
    for (name, told) in words {
        let differs = told.windows(2).any(|pair| matches!(pair, [(_, a), (_, b)] if a != b));
        if differs || told.len() < nodes.len() {
            let mut what: Vec<String> = told.iter().map(|(node, words)| format!("{words} on {node}")).collect();
            let without = nodes.iter().filter(|(node, _)| told.iter().all(|(n, _)| n != node));
            what.extend(without.map(|(node, _)| format!("not there on {node}")));
            found.add(Severity::Warning, "nodes", &name, what.join(", "), ctx.suggest(&format!("explain {name}")));
        }
    }
    found.ok("nodes", "all nodes have the same servers in the same states");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(admin: u8, op: u8) -> ServerState {
        let text = format!(
            "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
             srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
             srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port\n\
             3 app 4 web4 127.0.0.1 {op} {admin} 1 50 1 1 0 0 14 0 0 0 - 23993\n\n"
        );
        ServerState::parse_all(&text).unwrap().remove(0)
    }

    #[test]
    fn words_and_masks() {
        let told = |admin, op, status| disagreement(&state(admin, op), status);
        for (admin, op, status) in [
            (0, 2, "UP"),
            (0, 2, "no check"),
            (0, 3, "NOLB 1/2"),
            (0, 0, "DOWN 1/2"),
            (8, 0, "DOWN"),
            (8, 2, "DRAIN"),
            (0, 2, "DRAIN (agent)"),
            (1, 0, "MAINT"),
            (2, 0, "MAINT (via app/web1)"),
            (32, 0, "MAINT (resolution)"),
            (4, 2, "UP 1/3"),
        ] {
            assert_eq!(told(admin, op, status), None, "{admin} {op} {status}");
        }
        assert_eq!(told(8, 2, "UP").as_deref(), Some("draining"));
        assert_eq!(told(0, 2, "MAINT").as_deref(), Some("ready and running"));
        assert_eq!(told(1, 0, "DOWN").as_deref(), Some("in maintenance"));
        assert_eq!(told(0, 0, "UP").as_deref(), Some("ready and down"));
    }
}
