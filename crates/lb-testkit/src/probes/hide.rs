//! What varies between two runs of the recorded configuration: hidden as `*`.

use crate::Normaliser;
use serde_json::Value;
use std::collections::BTreeSet;

/// Columns and keys that hold times, rates, sizes of the process, or traces of the checks' progress.
pub const VARYING: &[&str] = &[
    // show stat
    "lastchg",
    "downtime",
    "check_duration",
    "lastsess",
    "ctime",
    "rtime",
    "qtime",
    "ttime",
    "ctime_max",
    "rtime_max",
    "agent_duration",
    "used_conn_cur",
    "need_conn_est",
    "srv_icur",
    "h1_open_connections",
    "h1_open_streams",
    "h1_total_connections",
    "h1_total_streams",
    "h1_bytes_in",
    "h1_bytes_out",
    "chkfail",
    "chkdown",
    // show info
    "Version",
    "Release_date",
    "Pid",
    "Uptime",
    "Uptime_sec",
    "PoolAlloc_MB",
    "PoolUsed_MB",
    "Ulimit-n",
    "Maxsock",
    "CumConns",
    "CumReq",
    "Tasks",
    "Run_queue",
    "Idle_pct",
    "node",
    "Jobs",
    "TotalBytesOut",
    "BytesOutRate",
    "Build info",
    "PoolAlloc_bytes",
    "PoolUsed_bytes",
    "Start_time_sec",
    "TotalWarnings",
    "BootTime_ms",
    "CurrStreams",
    "CumStreams",
    "PatternsAdded",
    "ConnRate",
    "MaxConnRate",
    "SessRate",
    "MaxSessRate",
    "Maxpipes",
    // show servers state, show servers conn
    "srv_time_since_last_change",
    "used_max",
    "need_est",
    "used_cur",
];

/// Columns that follow from checks, which for all servers but `web01` were under way when the answers were taken.
const CHECKED: &[&str] = &[
    "status",
    "check_status",
    "check_code",
    "check_duration",
    "agent_duration",
    "last_chk",
    "check_desc",
    "check_health",
    "agent_status",
    "agent_code",
    "last_agt",
    "agent_desc",
    "agent_health",
    "weight",
    "act",
    "bck",
    "uweight",
    "agg_server_status",
    "agg_server_check_status",
    "agg_check_status",
    "srv_op_state",
    "srv_check_status",
    "srv_check_result",
    "srv_check_health",
    "srv_check_state",
    "srv_agent_state",
];

/// Whether a cell depends on how far the checks of an object had come.
fn is_unsettled(object: &str, column: &str) -> bool {
    !["web01", "FRONTEND", "web05"].contains(&object) && CHECKED.contains(&column)
}

/// Whether a cell of an object is hidden.
fn is_hidden(object: &str, column: &str) -> bool {
    // 3.5-dev5 starts servers without a `default-server` line at health 0, an evident fault.
    VARYING.contains(&column) || is_unsettled(object, column) || column == "srv_check_health"
}

/// The answer with everything hidden that varies.
pub fn varying(answer: &str) -> String {
    let general = Normaliser::new()
        .rule(r"0x[0-9a-f]{5,}", "<pointer>")
        .rule(r" exp=[0-9]{2,}", " exp=<time>")
        .rule(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d\.\d{3}\]", "[<date>]")
        .rule(r"(?m)^\d+\.\d+(\.\d+|-dev\d+)[-+~0-9a-z]*$", "<version>")
        .rule(r"\[\d+:\d\d:\d\d:\d\d\]> ", "[<uptime>]> ")
        // Numbers of maps follow those of ACLs, of which HAProxy has some of its own.
        .rule(r"(?m)^\d+ (\(.*) at file '[^']*' line \d+", "<id> $1 at <place>")
        // Summaries of commands and descriptions of fields are each program's own words.
        .rule(r"(?m)^(  [a-z@].*?)\s*: \S.*$", "$1 : <summary>")
        .rule(r#"(?m)^([A-Z]\..*:|\d+\..*:|[A-Za-z].*: .*:)"[^"]*"$"#, "$1<description>");
    let mut table = None;
    let text = general.apply(answer);
    let lines: Vec<String> = text.split('\n').filter_map(|line| hide_line(line, &mut table)).collect();
    lines.join("\n")
}

/// A table being read: its separator and columns.
type Table = Option<(char, Vec<String>)>;

fn hide_line(line: &str, table: &mut Table) -> Option<String> {
    if let Some(header) = line.strip_prefix("# ") {
        let separator = if header.contains(',') { ',' } else { ' ' };
        let columns = header.split(separator).map(ToOwned::to_owned).collect();
        *table = Some((separator, columns));
        return Some(line.to_owned());
    }
    if line.is_empty() {
        *table = None;
        return Some(String::new());
    }
    if let Some((separator, columns)) = table {
        return Some(hide_row(line, *separator, columns));
    }
    if line.starts_with("[{") || line.starts_with("[[") {
        return Some(hide_json(line));
    }
    match typed(line) {
        // A value that a check has not produced yet has no line at all.
        Some((object, name, _)) if is_unsettled(object, name) => None,
        Some((object, name, start)) if is_hidden(object, name) => Some(format!("{start}:*")),
        _ => Some(hide_key(line).unwrap_or_else(|| line.to_owned())),
    }
}

fn hide_row(line: &str, separator: char, columns: &[String]) -> String {
    let cells: Vec<&str> = line.split(separator).collect();
    // The object's name: `svname`, `srv_name`, or after the slash in `bkname/svname`.
    let name_at = columns.iter().position(|c| ["svname", "srv_name", "bkname/svname"].contains(&c.as_str()));
    let object = name_at.and_then(|at| cells.get(at)).map_or("", |name| name.rsplit('/').next().unwrap_or(name));
    let hidden = |(cell, column): (&&str, &String)| {
        if is_hidden(object, column) { "*".to_owned() } else { (*cell).to_owned() }
    };
    let mut row: Vec<String> = cells.iter().zip(columns).map(hidden).collect();
    row.extend(cells.iter().skip(columns.len()).map(|cell| (*cell).to_owned()));
    row.join(&separator.to_string())
}

/// Object, field and all but the value of `S.3.1.23.lastchg.1:MGPV:u32:0` or `0.Name.1:POSV:str:HAProxy`.
fn typed(line: &str) -> Option<(&'static str, &str, String)> {
    let mut parts = line.splitn(4, ':');
    let (path, tags, kind, _value) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let steps: Vec<&str> = path.split('.').collect();
    let (object, name) = match steps.as_slice() {
        [kind, proxy, id, _, name, _] => (object_name(kind, proxy, id), *name),
        [_, name, _] => ("FRONTEND", *name),
        _ => return None,
    };
    Some((object, name, format!("{path}:{tags}:{kind}")))
}

/// Names of the recorded configuration's objects by kind and ids.
fn object_name(kind: &str, proxy: &str, id: &str) -> &'static str {
    match (kind, proxy, id) {
        ("F", ..) | ("Frontend", ..) => "FRONTEND",
        ("S" | "Server", "3", "1") => "web01",
        ("S" | "Server", "3", "5") => "web05",
        _ => "other",
    }
}

/// `Uptime: 0d 0h00m01s`.
fn hide_key(line: &str) -> Option<String> {
    let (key, _) = line.split_once(": ")?;
    VARYING.contains(&key).then(|| format!("{key}: *"))
}

fn hide_json(line: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(line) else { return line.to_owned() };
    hide_json_fields(&mut value);
    value.to_string().replace("},{", "},\n{")
}

fn hide_json_fields(value: &mut Value) {
    if let Some(items) = value.as_array_mut() {
        items.retain(|item| {
            let (object, name) = json_field(item);
            !is_unsettled(object, name)
        });
        items.iter_mut().for_each(hide_json_fields);
        return;
    }
    let (object, name) = json_field(value);
    if is_hidden(object, name)
        && let Some(shown) = value.pointer_mut("/value/value")
    {
        *shown = Value::from("*");
    }
}

/// Object and field of one element of a JSON answer.
fn json_field(value: &Value) -> (&'static str, &str) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let named = |key: &str| value.get(key).map(text).unwrap_or_default();
    let object = match value.get("objType") {
        Some(kind) => object_name(&text(kind), &named("proxyId"), &named("id")),
        None => "FRONTEND",
    };
    (object, value.pointer("/field/name").and_then(Value::as_str).unwrap_or_default())
}

/// The command in one line of a list of commands: `  show stat [desc…]* : <summary>`.
pub fn listed_command(line: &str) -> Option<&str> {
    line.strip_prefix("  ")?.split_once(" : ").map(|(syntax, _)| syntax.trim_end())
}

/// The text without the lines of commands that are not in `known`. A list of `near` matches keeps only its fixed
/// end, since a shorter list of commands lets others rise into it.
pub fn unknown_commands(text: &str, known: &BTreeSet<String>, near: bool) -> String {
    text.split('\n')
        .filter(|line| match listed_command(line) {
            Some(command) if near => matches!(command.split(' ').next(), Some("help" | "prompt" | "quit")),
            Some(command) => known.contains(command),
            None => true,
        })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::varying;

    #[test]
    fn what_varies_is_hidden_by_object_and_column() {
        assert_eq!(
            varying("# pxname,svname,status,lastchg,\napp,web01,UP,7,\napp,web02,DOWN,8,"),
            "# pxname,svname,status,lastchg,\napp,web01,UP,*,\napp,web02,*,*,"
        );
        assert_eq!(varying("S.3.1.23.lastchg.1:MGPV:u32:5"), "S.3.1.23.lastchg.1:MGPV:u32:*");
        assert_eq!(varying("Uptime: 0d 0h00m01s\nMaxconn: 100"), "Uptime: *\nMaxconn: 100");
        assert_eq!(varying("  show stat [x]* : own words"), "  show stat [x]* : <summary>");
    }
}
