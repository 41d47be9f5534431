//! Global lines about what the Runtime API shows and changes, as it is at the start, and what its payloads may hold.

use crate::cx::Cx;
use crate::global::{GlobalDraft, integer, size};
use crate::line::{Done, Line, fault};

/// What begins as the file says, and may be changed at run time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// `maxconnrate`: connections a second; 0: unlimited.
    pub max_connection_rate: u32,
    /// `maxsessrate`: sessions a second; 0: unlimited.
    pub max_session_rate: u32,
    /// `maxcomprate`: kilobytes a second.
    pub max_compression_rate: u32,
    /// `anonkey`: what names are hashed with in anonymized mode.
    pub anon_key: Option<u32>,
    /// `profiling.tasks`.
    pub profiling: Profiling,
    /// `tune.cli.max-payload-size`, bytes.
    pub max_payload: Option<usize>,
}

/// Whether tasks are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profiling {
    /// Off until told otherwise; here nothing switches it on by itself.
    #[default]
    Auto,
    /// They are.
    On,
    /// They are not.
    Off,
}

pub(crate) fn maxconnrate(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.runtime.max_connection_rate = integer(line)?;
    Ok(())
}

pub(crate) fn maxsessrate(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.runtime.max_session_rate = integer(line)?;
    Ok(())
}

/// `maxcomprate`: kept and shown; there is no compression to limit.
pub(crate) fn maxcomprate(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.runtime.max_compression_rate = integer(line)?;
    Ok(())
}

pub(crate) fn anonkey(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let key: u32 = line.integer(1, "'anonkey' expects a number from 0 to 4294967295.")?;
    line.ends_after(1, "anonkey")?;
    g.global.runtime.anon_key = Some(key).filter(|key| *key > 0);
    Ok(())
}

pub(crate) fn profiling_tasks(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    for at in 1..line.len().max(2) {
        g.global.runtime.profiling = match line.word(at) {
            "on" => Profiling::On,
            "auto" => Profiling::Auto,
            "off" => Profiling::Off,
            // Locks and allocations are not timed.
            "lock" | "no-lock" | "memory" | "no-memory" if at > 1 => continue,
            other => {
                let message = format!("'profiling.tasks' expects either 'on', 'auto', or 'off' but got '{other}'.");
                return Err(fault(at, message));
            }
        };
    }
    Ok(())
}

pub(crate) fn max_payload(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.runtime.max_payload = Some(size(line)?);
    Ok(())
}
