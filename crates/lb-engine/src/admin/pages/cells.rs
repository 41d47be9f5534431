//! What a row of the status page shows, as text. The page and its live changes are both made of this, so that nothing is
//! formatted twice.

use super::super::stat_values::{BackendRow, FrontendRow, ServerRow, Viewer};
use crate::control::{Control, short_time};
use crate::shared::ProxyState;
use lb_check::{Named, likely_cause};
use lb_model::OpState;
use lb_stats::{ObjectKind, StatField as F, StatSource, Value};
use std::time::Duration;

/// A column: its heading, what it means, and how its text is made of fields.
pub(super) struct Column {
    pub(super) heading: &'static str,
    pub(super) meaning: &'static str,
    fields: &'static [F],
    /// Between two values that are there.
    between: &'static str,
    format: fn(&Value<'_>) -> String,
    /// After the last value.
    unit: &'static str,
}

const fn column(heading: &'static str, meaning: &'static str, fields: &'static [F]) -> Column {
    Column { heading, meaning, fields, between: " / ", format: grouped, unit: "" }
}

const fn bytes(heading: &'static str, meaning: &'static str, fields: &'static [F]) -> Column {
    Column { heading, meaning, fields, between: " / ", format: in_bytes, unit: "" }
}

/// The columns after the state, those looked at most first.
pub(super) const COLUMNS: &[Column] = &[
    column("Weight", "Share of new sessions, relative to the other servers; of a backend: the sum", &[F::Weight]),
    Column {
        between: ", ",
        format: plain,
        unit: " ms",
        ..column(
            "Check",
            "Last health check: its status, the server's code if it gave one, the time it took",
            &[F::CheckStatus, F::CheckCode, F::CheckDuration],
        )
    },
    column("Queue", "Requests that wait for a server: now / most so far", &[F::Qcur, F::Qmax]),
    column("Sessions", "Open sessions: now / most so far / limit, where there is one", &[F::Scur, F::Smax, F::Slim]),
    column("Total", "Sessions since the start", &[F::Stot]),
    column("Rate", "New sessions per second: now / most so far", &[F::Rate, F::RateMax]),
    bytes("In", "Bytes received from clients", &[F::Bin]),
    bytes("Out", "Bytes sent to clients", &[F::Bout]),
    column("Denied", "Refused by rules: requests / responses", &[F::Dreq, F::Dresp]),
    column(
        "Errors",
        "Failures, as far as they apply: of requests / of connections to servers / of responses",
        &[F::Ereq, F::Econ, F::Eresp],
    ),
    column("Retries", "Connections tried again / sent to another server", &[F::Wretr, F::Wredis]),
    Column {
        format: in_time,
        ..column("Downtime", "Time spent down; servers have it if they are checked", &[F::Downtime])
    },
];

/// A row: whose it is, its state, and the texts of [`COLUMNS`].
#[derive(Debug)]
pub(super) struct Row {
    pub(super) proxy: String,
    pub(super) name: String,
    pub(super) kind: ObjectKind,
    /// The state's colour: a word of the style sheet.
    pub(super) class: &'static str,
    pub(super) status: String,
    /// Why it is in its state, if that is not the usual one.
    pub(super) why: String,
    /// Seconds in this state.
    pub(super) since: Option<u64>,
    pub(super) cells: Vec<String>,
    /// Address and cookie, for those who may know them.
    pub(super) legend: String,
}

impl Row {
    pub(super) fn of_frontend(viewer: &Viewer<'_>, proxy: &'static ProxyState) -> Self {
        Self::new(&FrontendRow { viewer, proxy })
    }

    pub(super) fn of_backend(viewer: &Viewer<'_>, proxy: usize) -> Option<Self> {
        let mut row = Self::new(&BackendRow::new(viewer, proxy, false)?);
        if row.class == "down" {
            "none of its servers may take new sessions".clone_into(&mut row.why);
        }
        Some(row)
    }

    /// The server of that place, if the view shows it.
    pub(super) fn of_server(control: &Control, place: (usize, usize), view: &Wanted) -> Option<Self> {
        // Looked up before the servers are borrowed: the ledger may take note of what it finds changed.
        let change = control.last_change(place.0, place.1);
        let backends = control.backends();
        let viewer = Viewer::new(control, &backends, true);
        let source = ServerRow::new(&viewer, place.0, place.1)?;
        let health = source.health();
        if view.up_only && health.op() == OpState::Stopped || view.no_maint && health.admin().in_maint() {
            return None;
        }
        let mut row = Self::new(&source);
        let has_weight = !matches!(source.value(F::Weight), Value::U32(0));
        if matches!(row.class, "up" | "plain") && has_weight {
            return Some(row);
        }
        let own = backends.get(place.0)?.servers.get(place.1)?;
        let config = control.shared.proxies.get(place.0)?.servers.get(place.1)?.config();
        let tracked = config.track.and_then(|(proxy, server)| control.server_name(proxy.0, server));
        let failing = health.op() == OpState::Stopped && !health.admin().in_maint() && !health.check().health().is_up();
        let cause = likely_cause(health.check().last(), &own.trace).filter(|_| failing);
        let mut why = match &cause {
            Some(cause) => vec![format!("its health checks fail: {cause}")],
            None => health.explain(&Named { server: &row.name, tracked: tracked.as_deref() }).why,
        };
        if let Some(change) = change.filter(|_| health.admin().in_maint() || health.admin().in_drain()) {
            why.push(format!("'{}' by {}", change.what, change.by));
        }
        for (about, text) in [("check", source.value(F::LastChk)), ("agent", source.value(F::AgentDesc))] {
            if row.class == "down" && cause.is_none() && !text.is_empty() {
                why.push(format!("{about}: {}", plain(&text)));
            }
        }
        row.why = one_line(&why.join("; "));
        Some(row)
    }

    fn new(source: &impl StatSource) -> Self {
        let kind = source.kind();
        let status = plain(&source.value(F::Status));
        let text = |column: &Column| {
            let values = column.fields.iter().filter(|field| field.kinds().contains(kind)).map(|f| source.value(*f));
            let texts: Vec<String> = values.filter(|value| !value.is_empty()).map(|v| (column.format)(&v)).collect();
            let has_last = column.fields.last().is_some_and(|field| !source.value(*field).is_empty());
            let unit = if has_last && !texts.is_empty() { column.unit } else { "" };
            texts.join(column.between) + unit
        };
        let mut legend = plain(&source.value(F::Addr));
        let cookie = plain(&source.value(F::Cookie));
        if !cookie.is_empty() {
            legend = format!("{legend}, cookie {cookie}");
        }
        Self {
            proxy: plain(&source.value(F::Pxname)),
            name: plain(&source.value(F::Svname)),
            kind,
            class: class(&status),
            why: String::new(),
            since: match source.value(F::Lastchg) {
                Value::U32(seconds) => Some(u64::from(seconds)),
                _ => None,
            },
            cells: COLUMNS.iter().map(text).collect(),
            legend: legend.trim_start_matches([',', ' ']).to_owned(),
            status,
        }
    }
}

/// Which servers are left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) up_only: bool,
    pub(super) no_maint: bool,
}

/// The colour of a status as `show stat` words it.
fn class(status: &str) -> &'static str {
    let partly = status.contains('/') && !status.contains("via");
    match status.split(' ').next().unwrap_or_default() {
        "UP" if partly => "waning",
        "DOWN" if partly => "rising",
        "UP" | "OPEN" => "up",
        "DOWN" | "STOP" => "down",
        "MAINT" => "maint",
        "DRAIN" | "NOLB" | "PAUSED" | "FULL" => "drain",
        _ => "plain",
    }
}

/// A value as it is.
pub(super) fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Empty => String::new(),
        Value::U32(n) => n.to_string(),
        Value::S32(n) => n.to_string(),
        Value::U64(n) => n.to_string(),
        Value::Flt(x) => format!("{x:.0}"),
        Value::Str(text) => one_line(text),
        Value::Status(word) => word.to_string(),
        Value::Addr(address) => address.to_string(),
    }
}

fn number(value: &Value<'_>) -> Option<u64> {
    match value {
        Value::U32(n) => Some(u64::from(*n)),
        Value::U64(n) => Some(*n),
        _ => None,
    }
}

/// Digits in groups of three, apart by narrow blanks.
pub(super) fn grouped(value: &Value<'_>) -> String {
    let text = plain(value);
    if number(value).is_none() {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 6);
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Bytes with three digits that count.
fn in_bytes(value: &Value<'_>) -> String {
    let Some(mut n) = number(value) else { return plain(value) };
    if n < 1_000 {
        return format!("{n} B");
    }
    for unit in ["kB", "MB", "GB", "TB", "PB", "EB"] {
        // Tenths of this unit, without floating point.
        let tenths = n / 100;
        n /= 1_000;
        if n < 1_000 {
            return if n < 100 { format!("{n}.{} {unit}", tenths % 10) } else { format!("{n} {unit}") };
        }
    }
    format!("{n} ZB")
}

fn in_time(value: &Value<'_>) -> String {
    number(value).map_or_else(String::new, |seconds| short_time(Duration::from_secs(seconds)))
}

/// Text of others on one line, without what would end a cell.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        let bytes = [0, 999, 1_000, 1_690, 99_999, 123_456, 5_000_000_000].map(|n| in_bytes(&Value::U64(n)));
        assert_eq!(bytes, ["0 B", "999 B", "1.0 kB", "1.6 kB", "99.9 kB", "123 kB", "5.0 GB"]);
        assert_eq!(grouped(&Value::U32(1_234_567)), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped(&Value::U32(123)), "123");
        assert_eq!(in_time(&Value::U32(3_700)), "1h1m");
        assert_eq!(in_bytes(&Value::U64(u64::MAX)), "18.4 EB");
    }

    #[test]
    fn states_have_colours() {
        let classes =
            ["UP", "UP 1/3", "DOWN 1/2", "DOWN (agent)", "MAINT (via a/b)", "no check", "UP (UNPUB)"].map(class);
        assert_eq!(classes, ["up", "waning", "rising", "down", "maint", "plain", "up"]);
    }

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!(one_line("a\tb\nc"), "a b c");
    }
}
