//! `lbctl explain`: in plain words why a server is in its state, since when, and what would change it.
//!
//! `lbd` explains its servers itself and knows who changed them; of HAProxy it is read from its tables.

use std::io::Write;

use lb_client::{Client, Line, ServerName, ServerState};
use lb_model::{AdminState, OpState, human_time};
use lb_stats::{StatField, StatTable};

use super::Targets;
use crate::context::Context;
use crate::fan;
use crate::fault::Fault;
use crate::output::{Cell, Sheet};

/// Arguments.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  lbctl explain app/web1\n  lbctl explain 'app/*' -o json")]
pub struct Args {
    /// The servers.
    #[command(flatten)]
    targets: Targets,
}

/// What is known of a server.
#[derive(Debug, Default)]
struct Told {
    server: String,
    status: String,
    since: Option<u64>,
    because: Vec<String>,
    check: Option<String>,
    traffic: String,
    cures: Vec<String>,
}

/// Runs it.
///
/// # Errors
/// That of the exchange, or when a target means no server.
pub fn run(args: &Args, ctx: &Context) -> Result<(), Fault> {
    let selection = args.targets.selection()?;
    if ctx.format.is_data() {
        return fan::show(ctx, |one| {
            let servers = selection.resolve(&one.client)?;
            let rows = servers.iter().map(|s| Ok(row(&read(one, s)?))).collect::<Result<Vec<_>, Fault>>()?;
            let keys = ["server", "status", "since_seconds", "because", "check", "traffic", "would_change_it"];
            Ok(Sheet::dynamic(keys.map(str::to_owned).to_vec(), rows))
        });
    }
    let mut exits = Vec::new();
    let mut first = true;
    for (one, outcome) in fan::each(ctx, |one| texts(one, &selection.resolve(&one.client)?)) {
        let mut out = std::io::stdout().lock();
        match outcome {
            Err(fault) if one.node.is_none() => return Err(fault),
            Err(fault) => {
                one.tell(&fault);
                exits.push(Some(fault.exit));
            }
            Ok(texts) => {
                for text in texts {
                    let gap = if first { "" } else { "\n" };
                    write!(out, "{gap}{}{text}", one.prefix())?;
                    first = false;
                }
                exits.push(None);
            }
        }
    }
    fan::verdict(&exits)
}

fn texts(one: &Context, servers: &[ServerState]) -> Result<Vec<String>, Fault> {
    servers
        .iter()
        .map(|server| match of_engine(&one.client, &server.name)? {
            Some(text) => Ok(text),
            None => Ok(text(&read(one, server)?)),
        })
        .collect()
}

/// The engine's own explanation, where it has one.
fn of_engine(client: &Client, server: &ServerName) -> Result<Option<String>, Fault> {
    let line = Line::words(["explain", "server", &server.to_string()]).map_err(lb_client::Error::from)?;
    let text = client.ask(&line)?.text().into_owned();
    let own = text.starts_with(&format!("{server} is "));
    Ok(own.then(|| format!("{}\n", text.trim_end())))
}

fn read(one: &Context, state: &ServerState) -> Result<Told, Fault> {
    let table = one.client.stat_of(state)?;
    Ok(tell(one, state, &table))
}

fn tell(one: &Context, state: &ServerState, table: &StatTable) -> Told {
    let name = state.name.to_string();
    let Some(stat) = table.rows().find(|r| r.name() == state.name.server) else {
        return Told { server: name, status: state.words(), ..Told::default() };
    };
    let mut told = Told {
        server: name.clone(),
        status: stat.get(StatField::Status).unwrap_or("").to_owned(),
        since: stat.number(StatField::Lastchg),
        ..Told::default()
    };
    let number = |field| stat.number::<u64>(field).unwrap_or(0);
    let (health, rise, fall) =
        (number(StatField::CheckHealth), number(StatField::CheckRise), number(StatField::CheckFall));
    let tracked = stat.get(StatField::Tracked).filter(|t| !t.is_empty());
    let master = tracked.unwrap_or("the server it tracks");
    let mut say = |why: String, cure: String| {
        told.because.push(why);
        told.cures.push(cure);
    };
    let admin = state.admin;
    let has = |bits| admin.intersects(bits);
    if has(AdminState::FORCED_MAINT) {
        let why = match has(AdminState::CONFIG_MAINT) {
            true => "the configuration says 'disabled', and nobody has made it ready since",
            false => "an operator put it into maintenance",
        };
        say(why.to_owned(), one.suggest(&format!("ready {name}")));
    }
    if has(AdminState::INHERITED_MAINT) {
        say(format!("{master}, which it tracks, is in maintenance"), one.suggest(&format!("ready {master}")));
    }
    if has(AdminState::RESOLUTION_MAINT) {
        say("its name does not resolve".to_owned(), one.suggest(&format!("server addr {name} ADDRESS")));
    }
    if has(AdminState::FORCED_DRAIN) {
        let why = "an operator drains it: no new clients, those it has may finish";
        say(why.to_owned(), one.suggest(&format!("ready {name}")));
    }
    if has(AdminState::INHERITED_DRAIN) {
        say(format!("{master}, which it tracks, drains"), one.suggest(&format!("ready {master}")));
    }
    if state.weight == 0 && state.initial_weight > 0 {
        let cure = one.suggest(&format!("weight {name} {}", state.initial_weight));
        say("its weight is 0, and so it gets no new clients".to_owned(), cure);
    }
    let agent = stat.get(StatField::AgentStatus).filter(|_| told.status.ends_with("(agent)"));
    if agent.is_some() {
        let said = stat.get(StatField::LastAgt).map(|s| format!(" (\"{s}\")")).unwrap_or_default();
        say(format!("its agent says so{said}"), "another word of its agent".to_owned());
    }
    if !admin.in_maint() {
        match (state.op, tracked) {
            (OpState::Stopped, Some(tracked)) => {
                say(format!("{tracked}, which it tracks, is down"), one.suggest(&format!("explain {tracked}")));
            }
            (OpState::Stopped, None) if state.checked => {
                let left = rise.saturating_sub(health).max(1);
                say("its checks fail".to_owned(), format!("{left} more checks in a row that pass (rise {rise})"));
            }
            (OpState::Stopped, None) if agent.is_none() => {
                say("it was forced down".to_owned(), one.suggest(&format!("health {name} up")));
            }
            (OpState::Starting, _) => say("it starts slowly".to_owned(), "time ('slowstart')".to_owned()),
            (OpState::Stopping, _) => {
                say("its check asks for no new clients".to_owned(), "a check that passes without condition".to_owned());
            }
            (OpState::Running, _) if state.checked && health + 1 < rise + fall && health >= rise => {
                let left = health + 1 - rise;
                say("checks have failed, not yet enough of them".to_owned(), {
                    format!("{left} more that fail put it down (fall {fall}), one that passes makes it whole")
                });
            }
            _ => {}
        }
    }
    if told.because.is_empty() {
        let why = match (state.checked, tracked) {
            (_, Some(tracked)) => format!("{tracked}, which it tracks, is up"),
            (true, None) => "its checks pass".to_owned(),
            (false, None) => "nothing checks it: it counts as up whatever happens to it".to_owned(),
        };
        told.because.push(why);
        told.cures.push(one.suggest(&format!("drain {name}")));
    }
    if stat.get(StatField::Bck) == Some("1") {
        told.because.push("it is a backup: it serves while no other server of its backend does".to_owned());
    }
    told.check = super::show::checks::result(&stat, StatField::CheckStatus).map(|status| {
        let code = stat.get(StatField::CheckCode).map(|c| format!(", code {c}")).unwrap_or_default();
        let says = stat.get(StatField::LastChk).map(|s| format!(", \"{s}\"")).unwrap_or_default();
        let time = stat.get(StatField::CheckDuration).map(|d| format!(", in {d} ms")).unwrap_or_default();
        format!("{status}{code}{says}{time}")
    });
    told.traffic = format!("{} sessions, {} queued", number(StatField::Scur), number(StatField::Qcur));
    told
}

/// As lbd has it, so that both read alike.
fn text(told: &Told) -> String {
    let mut text = format!("{} is {}.\n", told.server, told.status);
    let mut line = |key: &str, value: &str| text.push_str(&format!("{:<12} {value}\n", format!("{key}:")));
    if let Some(seconds) = told.since {
        line("since", &human_time(std::time::Duration::from_secs(seconds)));
    }
    told.because.iter().for_each(|why| line("because", why));
    if let Some(check) = &told.check {
        line("check", check);
    }
    line("traffic", &told.traffic);
    told.cures.iter().for_each(|cure| line("would change it", cure));
    text
}

fn row(told: &Told) -> Vec<Cell> {
    vec![
        Cell::Text(told.server.clone()),
        Cell::Text(told.status.clone()),
        told.since.map_or(Cell::Empty, Cell::Seconds),
        Cell::text(Some(&told.because.join("; "))),
        Cell::text(told.check.as_deref()),
        Cell::text(Some(&told.traffic)),
        Cell::text(Some(&told.cures.join("; "))),
    ]
}
