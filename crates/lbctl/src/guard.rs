//! Guards: what must still hold once the servers are out, judged before anything is changed.

use std::str::FromStr;

use lb_client::ServerState;
use lb_stats::{ObjectKind, StatField, StatRow, StatTable};

use crate::context::Context;
use crate::exit::Exit;
use crate::fault::Fault;

/// Guards of a command that takes servers out.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Guards {
    /// Refuse when fewer servers of the backend, or a smaller share such as 50%, would be up
    #[arg(long, value_name = "N|%")]
    pub min_up: Option<Least>,
    /// Refuse when the sessions would fill more than this share of the remaining servers' maxconn
    #[arg(long, value_name = "%", value_parser = percent)]
    pub max_peer_load: Option<u64>,
}

/// A number of servers, or a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// So many.
    Number(u64),
    /// So many of a hundred, rounded up.
    Percent(u64),
}

impl FromStr for Least {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let what = "this is a whole number, or a percentage such as 50%";
        match text.strip_suffix('%') {
            Some(share) => share.parse().ok().filter(|p| *p <= 100).map(Self::Percent).ok_or(what),
            None => text.parse().map(Self::Number).map_err(|_| what),
        }
    }
}

impl Least {
    /// How many of `total` it is.
    pub fn of(self, total: u64) -> u64 {
        match self {
            Self::Number(n) => n,
            Self::Percent(p) => (total * p).div_ceil(100),
        }
    }
}

impl std::fmt::Display for Least {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Percent(p) => write!(f, "{p}%"),
        }
    }
}

fn percent(text: &str) -> Result<u64, &'static str> {
    text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| "this is a percentage such as 80%")
}

/// Whether a server takes new clients, as its row tells: `UP 1/3` still does.
pub fn serves(row: &StatRow<'_>) -> bool {
    let status = row.get(StatField::Status).unwrap_or("");
    (status.starts_with("UP") || status == "no check") && row.number::<u64>(StatField::Weight) != Some(0)
}

impl Guards {
    /// Judges them for servers of one node that are to be taken out.
    ///
    /// # Errors
    /// [`Exit::Guard`], with what would be left.
    pub fn check(&self, ctx: &Context, out: &[ServerState]) -> Result<(), Fault> {
        if self.min_up.is_none() && self.max_peer_load.is_none() {
            return Ok(());
        }
        let table = ctx.client.server_stat()?;
        let mut backends: Vec<&str> = out.iter().map(|s| s.name.backend.as_str()).collect();
        backends.sort_unstable();
        backends.dedup();
        backends.into_iter().try_for_each(|backend| self.judge(&table, backend, out))
    }

    fn judge(&self, table: &StatTable, backend: &str, out: &[ServerState]) -> Result<(), Fault> {
        let leaves = |row: &StatRow<'_>| out.iter().any(|s| s.name.backend == backend && s.name.server == row.name());
        // Backups serve only when nobody else does: they are no peers.
        let rows: Vec<StatRow<'_>> = table
            .rows()
            .filter(|r| r.kind() == Some(ObjectKind::Server) && r.proxy() == backend)
            .filter(|r| r.get(StatField::Bck) != Some("1"))
            .collect();
        // Who is out already takes nothing away.
        if !rows.iter().any(|row| leaves(row) && serves(row)) {
            return Ok(());
        }
        let stay: Vec<&StatRow<'_>> = rows.iter().filter(|row| serves(row) && !leaves(row)).collect();
        let (total, left) = (rows.len() as u64, stay.len() as u64);
        if let Some(least) = self.min_up.filter(|least| left < least.of(total)) {
            return Err(Fault::new(
                Exit::Guard,
                format!("{left} of {total} servers of {backend} would stay up, and --min-up asks for {least}"),
            )
            .hint("nothing was changed; bring others back first, or take fewer out at a time"));
        }
        let Some(most) = self.max_peer_load else { return Ok(()) };
        let sessions: u64 = rows.iter().filter_map(|row| row.number::<u64>(StatField::Scur)).sum();
        let limits: Option<u64> = stay.iter().map(|row| row.number::<u64>(StatField::Slim).filter(|n| *n > 0)).sum();
        let Some(limit) = limits else {
            return Err(Fault::new(
                Exit::Guard,
                format!("the load of {backend} cannot be told: a server that would stay has no 'maxconn'"),
            )
            .hint("nothing was changed; --min-up needs no 'maxconn'"));
        };
        if sessions * 100 > limit * most {
            let load = (sessions * 100).checked_div(limit).map_or("more than all".to_owned(), |p| format!("{p}%"));
            return Err(Fault::new(
                Exit::Guard,
                format!(
                    "{sessions} sessions on the {left} servers of {backend} that would stay are {load} of their \
                     maxconn, and --max-peer-load allows {most}%"
                ),
            )
            .hint("nothing was changed; wait for a quieter moment, or take fewer out at a time"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_up() {
        let of = |text: &str, total| text.parse::<Least>().map(|l| l.of(total));
        assert_eq!(of("2", 12), Ok(2));
        assert_eq!(of("50%", 3), Ok(2));
        assert_eq!(of("100%", 3), Ok(3));
        assert!(of("101%", 3).is_err());
        assert!(of("-1", 3).is_err());
    }
}
