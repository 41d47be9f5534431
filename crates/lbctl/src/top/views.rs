//! The views: which columns each has, all of them of `show stat`.

use std::time::Duration;

use lb_stats::{StatField, StatRow};

/// What the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Status, weight, sessions, checks.
    Status,
    /// Rates and bytes.
    Traffic,
    /// Requests and the classes of their answers.
    Http,
    /// What went wrong.
    Errors,
    /// A command line.
    Line,
    /// Who holds the server that is marked.
    Holders,
}

impl View {
    /// In the order of their keys.
    pub const ALL: [Self; 6] = [Self::Status, Self::Traffic, Self::Http, Self::Errors, Self::Line, Self::Holders];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Traffic => "traffic",
            Self::Http => "http",
            Self::Errors => "errors",
            Self::Line => "command",
            Self::Holders => "holders",
        }
    }

    /// The one after it; the command line, where keys are letters, is left out.
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|view| *view == self).unwrap_or(0);
        let mut after = Self::ALL.iter().cycle().skip(at + 1).filter(|view| **view != Self::Line);
        after.next().copied().unwrap_or(self)
    }

    /// Its columns behind the name.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Status | Self::Line | Self::Holders => STATUS,
            Self::Traffic => TRAFFIC,
            Self::Http => HTTP,
            Self::Errors => ERRORS,
        }
    }
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    /// As it is.
    Is,
    /// `1.2M`.
    Bytes,
    /// `3m5s`.
    Time,
}

/// A column.
pub struct Column {
    /// Its heading.
    pub heading: &'static str,
    /// How many letters wide.
    pub width: u16,
    /// Summed up, where it is more than one.
    fields: &'static [StatField],
    how: As,
}

const fn column(heading: &'static str, width: u16, fields: &'static [StatField], how: As) -> Column {
    Column { heading, width, fields, how }
}

use As::{Bytes, Is, Time};
use StatField as F;

const STATUS: &[Column] = &[
    column("STATUS", 12, &[F::Status], Is),
    column("WEIGHT", 6, &[F::Weight], Is),
    column("SESS", 6, &[F::Scur], Is),
    column("QUEUE", 6, &[F::Qcur], Is),
    column("RATE", 6, &[F::Rate], Is),
    column("TOTAL", 8, &[F::Stot], Is),
    column("ERRORS", 6, &[F::Ereq, F::Econ, F::Eresp], Is),
    column("CHECK", 8, &[F::CheckStatus], Is),
    column("SINCE", 8, &[F::Lastchg], Time),
];

const TRAFFIC: &[Column] = &[
    column("STATUS", 12, &[F::Status], Is),
    column("RATE", 8, &[F::Rate], Is),
    column("MAX", 8, &[F::RateMax], Is),
    column("LIMIT", 8, &[F::RateLim], Is),
    column("TOTAL", 10, &[F::Stot], Is),
    column("PICKED", 10, &[F::Lbtot], Is),
    column("IN", 8, &[F::Bin], Bytes),
    column("OUT", 8, &[F::Bout], Bytes),
];

const HTTP: &[Column] = &[
    column("STATUS", 12, &[F::Status], Is),
    column("RATE", 6, &[F::ReqRate], Is),
    column("MAX", 6, &[F::ReqRateMax], Is),
    column("REQUESTS", 9, &[F::ReqTot], Is),
    column("1XX", 7, &[F::Hrsp1xx], Is),
    column("2XX", 9, &[F::Hrsp2xx], Is),
    column("3XX", 7, &[F::Hrsp3xx], Is),
    column("4XX", 7, &[F::Hrsp4xx], Is),
    column("5XX", 7, &[F::Hrsp5xx], Is),
    column("OTHER", 7, &[F::HrspOther], Is),
];

const ERRORS: &[Column] = &[
    column("STATUS", 12, &[F::Status], Is),
    column("REQ", 6, &[F::Ereq], Is),
    column("CONN", 6, &[F::Econ], Is),
    column("RESP", 6, &[F::Eresp], Is),
    column("RETRY", 6, &[F::Wretr], Is),
    column("REDISP", 6, &[F::Wredis], Is),
    column("DENIED", 7, &[F::Dreq, F::Dresp], Is),
    column("CHECKS", 7, &[F::Chkfail], Is),
    column("DOWNS", 6, &[F::Chkdown], Is),
    column("DOWNTIME", 9, &[F::Downtime], Time),
];

impl Column {
    /// What stands in it for a row.
    pub fn cell(&self, row: &StatRow<'_>) -> String {
        let number = self.fields.iter().filter_map(|field| row.number::<u64>(*field)).reduce(u64::saturating_add);
        match (self.how, number) {
            (As::Time, Some(seconds)) => lb_model::human_time(Duration::from_secs(seconds)),
            (As::Bytes, Some(bytes)) => short(bytes),
            (_, Some(number)) => number.to_string(),
            (_, None) => match self.fields {
                [StatField::CheckStatus] => {
                    crate::commands::show::checks::result(row, StatField::CheckStatus).unwrap_or_default()
                }
                [field] => row.get(*field).unwrap_or("").to_owned(),
                _ => String::new(),
            },
        }
    }
}

/// `999`, `1.0k`, `12.3M`: a thousand at a time.
fn short(bytes: u64) -> String {
    let steps = [(1_000_000_000_000, 'T'), (1_000_000_000, 'G'), (1_000_000, 'M'), (1_000, 'k')];
    match steps.iter().find(|(size, _)| bytes >= *size) {
        Some((size, letter)) => format!("{}.{}{letter}", bytes / size, bytes % size * 10 / size),
        None => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let told = [0, 999, 1000, 12_345, 9_999_999, 1_500_000_000, 2_000_000_000_000].map(short);
        assert_eq!(told, ["0", "999", "1.0k", "12.3k", "9.9M", "1.5G", "2.0T"]);
    }

    #[test]
    fn views_follow_each_other() {
        let mut view = View::Status;
        let seen: Vec<&str> = (0..5)
            .map(|_| {
                view = view.next();
                view.title()
            })
            .collect();
        assert_eq!(seen, ["traffic", "http", "errors", "holders", "status"]);
    }
}
