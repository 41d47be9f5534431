//! Every row of `tests/data/check-rules.txt`: the first check's status, and the words of its log line, as a running HAProxy
//! gave them.

use crate::support::{HEAD, both};
use anyhow::{Context, Result, bail};
use lb_testkit::{Engine, Launch, Mode, Normaliser, Origin, SyslogSink, free_port, until};
use std::collections::BTreeMap;

/// A row of the table.
#[derive(Default)]
struct Row {
    name: String,
    lines: Vec<String>,
    server: String,
    origins: Vec<String>,
    expected: Vec<String>,
}

fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for line in include_str!("../data/check-rules.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            rows.push(Row { name: name.trim_end_matches(']').to_owned(), ..Row::default() });
            continue;
        }
        let Some(row) = rows.last_mut() else { continue };
        if let Some(script) = line.strip_prefix('@') {
            row.origins.push(script.trim().to_owned());
        } else if let Some(words) = line.strip_prefix('>') {
            row.expected.push(words.trim().to_owned());
        } else if let Some(words) = line.strip_prefix("server:") {
            row.server = words.trim().to_owned();
        } else {
            row.lines.push(line.to_owned());
        }
    }
    rows
}

/// A row's backend, and its origins with their ports.
struct Running {
    config: String,
    ports: Vec<u16>,
    _origins: Vec<Origin>,
}

fn prepare(index: usize, row: &Row) -> Result<Running> {
    let (mut ports, mut origins) = (Vec::new(), Vec::new());
    for script in &row.origins {
        if script == "refuse" {
            ports.push(free_port());
        } else {
            let origin = Origin::with(Mode::Script(script.clone()))?;
            ports.push(origin.address().port());
            origins.push(origin);
        }
    }
    let mut text: String = row.lines.iter().map(|line| format!("    {line}\n")).collect();
    let first = ports.first().context("a row has an origin")?;
    let words = row.server.replace("{noport}", "");
    let port = if row.server.contains("{noport}") { String::new() } else { format!(":{first}") };
    text.push_str(&format!("    server s1 127.0.0.1{port} check inter 30s rise 1 fall 1 {words}\n"));
    for (number, port) in ports.iter().enumerate() {
        text = text.replace(&format!("{{p{}}}", number + 1), &port.to_string());
    }
    Ok(Running { config: format!("backend b{index}\n{text}"), ports, _origins: origins })
}

/// The status and the log line's words of each row's first check.
fn results(engine: &Engine, rows: &[Row]) -> Result<Vec<Vec<String>>> {
    let log = SyslogSink::udp()?;
    let running: Vec<Running> = rows.iter().enumerate().map(|(i, row)| prepare(i, row)).collect::<Result<_>>()?;
    let head = HEAD.replace(
        "    maxconn 500",
        "    maxconn 500\n    max-spread-checks 2s\n    external-check\n    insecure-fork-wanted\n    log {log} local0",
    );
    let backends: String = running.iter().map(|r| r.config.as_str()).collect();
    let config = format!(
        "{head}    log global\n    option log-health-checks\n    default-server inter 30s\nlisten fe\n    \
         bind 127.0.0.1:{{port:fe}}\n{backends}"
    );
    let program = Launch::new(engine)?.set("log", log.address()).start(&config)?;
    let hide = Normaliser::new()
        .rule(r", check duration: \d+ms", "")
        // An error of some other call, left over, is sometimes told beside it.
        .rule(r"(SOCKS4 Proxy [a-z ]+) \([A-Z].*?\)", "$1")
        // 3.x names the error before it describes it.
        .rule(r"[A-Z]+ returned by OS \((.*?)\)", "$1");
    let mut seen: BTreeMap<usize, String> = BTreeMap::new();
    until("the first check of every row", || {
        for message in log.messages() {
            let Some(rest) = message.strip_prefix("Health check for server b") else { continue };
            let Some((index, words)) = rest.split_once("/s1 ") else { continue };
            let Ok(index) = index.parse() else { continue };
            seen.entry(index).or_insert_with(|| hide.apply(words));
        }
        (seen.len() == rows.len()).then_some(())
    })
    .with_context(|| {
        let missing = rows.iter().enumerate().filter(|(i, _)| !seen.contains_key(i));
        format!("nothing of {:?}", missing.map(|(_, row)| &row.name).collect::<Vec<_>>())
    })?;
    let stat = program.admin().ask("show stat")?;
    let column = |name: &str| stat.lines().next()?.trim_start_matches("# ").split(',').position(|c| c == name);
    let status = column("check_status").context("check_status")?;
    let mut all = Vec::new();
    for (index, running) in running.iter().enumerate() {
        let line = stat.lines().find(|line| line.starts_with(&format!("b{index},s1,"))).context("a server's row")?;
        let mut words = seen.remove(&index).unwrap_or_default();
        for (number, port) in running.ports.iter().enumerate() {
            words = words.replace(&format!("port {port}"), &format!("port {{p{}}}", number + 1));
        }
        all.push(vec![line.split(',').nth(status).unwrap_or_default().to_owned(), words]);
    }
    Ok(all)
}

#[test]
fn every_row_of_the_table_ends_as_seen() {
    let rows = rows();
    assert!(rows.len() >= 350);
    both(|engine| {
        let mut wrong = Vec::new();
        for (row, seen) in rows.iter().zip(results(engine, &rows)?) {
            if seen != row.expected {
                wrong.push(format!("[{}]\n  expected {:?}\n  seen     {seen:?}", row.name, row.expected));
            }
        }
        if !wrong.is_empty() {
            bail!("{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
        }
        Ok(())
    });
}
