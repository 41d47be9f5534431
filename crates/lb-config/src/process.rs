//! Keywords of `global` that concern the process: processors, limits, capabilities, reloads.

use crate::cx::Cx;
use crate::global::{GlobalDraft, delay, integer, once, text};
use crate::line::{Done, Fault, Line, Prefix, fault};
use crate::model::{Bind, ListenAddress};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How the process is to be set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessSettings {
    /// `cpu-map`: the processors that threads are bound to.
    pub cpu_map: CpuMap,
    /// `fd-hard-limit`: the most descriptors, whatever the system allows.
    pub fd_hard_limit: Option<u64>,
    /// `no strict-limits`: a limit that cannot be had is a warning, no failure.
    pub lax_limits: bool,
    /// `set-dumpable`: the process may leave a core.
    pub dumpable: bool,
    /// `setcap`: kept when the user is changed.
    pub capabilities: Vec<Capability>,
    /// `mworker-max-reloads`: how many reloads a worker may outlive.
    pub max_reloads: Option<u32>,
    /// `grace`: how long listeners stay open after a soft stop was asked for.
    pub grace: Option<Duration>,
    /// `close-spread-time`: when connections are told to close after a soft stop.
    pub close_spread: Option<CloseSpread>,
    /// `localpeer`, unless the command line says otherwise.
    pub local_peer: Option<String>,
    /// `unix-bind`: what UNIX sockets of `bind` lines begin with.
    pub unix: UnixBind,
}

/// When the connections of a stopping process close, unless all do at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseSpread {
    /// Some now, some later, all within this time.
    Over(Duration),
    /// When their time-outs say so.
    Never,
}

/// Settings of UNIX sockets that `bind` lines leave open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnixBind {
    /// Put before each path.
    pub prefix: Option<String>,
    /// Octal mode.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
}

/// A capability that a process may keep, as Linux numbers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Ports below 1024.
    NetBindService,
    /// Transparent addresses, marks, namespaces' devices.
    NetAdmin,
    /// Raw sockets; transparent addresses too.
    NetRaw,
    /// Network namespaces.
    SysAdmin,
}

impl Capability {
    /// All of them.
    pub const ALL: [Capability; 4] =
        [Capability::NetBindService, Capability::NetAdmin, Capability::NetRaw, Capability::SysAdmin];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Capability::NetBindService => "cap_net_bind_service",
            Capability::NetAdmin => "cap_net_admin",
            Capability::NetRaw => "cap_net_raw",
            Capability::SysAdmin => "cap_sys_admin",
        }
    }
}

/// Processors by thread, both from 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuMap {
    /// Of the one group of threads.
    group: Option<BTreeSet<usize>>,
    threads: BTreeMap<usize, BTreeSet<usize>>,
}

/// The most threads that lines can name.
const MAX_THREADS: usize = 64;
/// The most processors that the kernel's sets hold.
const MAX_CPUS: usize = 1024;

impl CpuMap {
    /// Where a thread may run; `None`: anywhere.
    pub fn of(&self, thread: usize) -> Option<BTreeSet<usize>> {
        let both = match (&self.group, self.threads.get(&thread)) {
            (Some(group), Some(own)) => group & own,
            (Some(only), None) | (None, Some(only)) => only.clone(),
            (None, None) => return None,
        };
        // HAProxy's manual: where nothing is left in common, nothing is bound.
        (!both.is_empty()).then_some(both)
    }
}

/// `all`, `odd`, `even`, `n`, `n-`, `n-m`; from 1.
fn numbers(word: &str) -> Option<Vec<usize>> {
    let all = 1..=MAX_THREADS;
    match word {
        "all" => return Some(all.collect()),
        "odd" => return Some(all.filter(|n| n % 2 == 1).collect()),
        "even" => return Some(all.filter(|n| n % 2 == 0).collect()),
        _ => {}
    }
    let (low, high) = bounds(word, MAX_THREADS)?;
    (low >= 1).then(|| (low..=high).collect())
}

/// The two ends of a range; an upper end that is left out is `most`.
fn bounds(word: &str, most: usize) -> Option<(usize, usize)> {
    let (low, high) = match word.split_once('-') {
        None => (word.parse().ok()?, word.parse().ok()?),
        Some((low, "")) => (low.parse().ok()?, most),
        Some((low, high)) => (low.parse().ok()?, high.parse().ok()?),
    };
    (low <= high && high <= most).then_some((low, high))
}

/// `cpu-map [auto:]<group>[/<threads>] <cpus>…`.
pub(crate) fn cpu_map(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let usage = "cpu-map expects a thread set ('all', 'odd', 'even', a number from 1 to 64 or a range), followed by a \
                 list of CPU ranges.";
    let word = line.need(1, usage)?;
    line.need(2, usage)?;
    let (auto, set) = word.strip_prefix("auto:").map_or((false, word), |set| (true, set));
    let (group, threads) = set.split_once('/').map_or((set, None), |(group, threads)| (group, Some(threads)));
    let read =
        |word: &str| numbers(word).ok_or_else(|| fault(1, format!("cpu-map : '{word}' is not a valid number/range.")));
    let groups = read(group)?;
    let threads = threads.map(read).transpose()?;
    let mut cpus = Vec::new();
    for at in 2..line.len() {
        for part in line.word(at).split(',') {
            let complaint = || fault(at, format!("cpu-map : '{part}' is not a valid CPU range."));
            let (low, high) = bounds(part, MAX_CPUS - 1).ok_or_else(complaint)?;
            cpus.extend(low..=high);
        }
    }
    let targets = threads.as_ref().unwrap_or(&groups);
    if auto && targets.len() != cpus.len() {
        return Err(fault(1, "cpu-map : thread range and CPU sets must have the same size to be automatically bound"));
    }
    let map = &mut g.global.process.cpu_map;
    // There is one group, the first.
    if !groups.contains(&1) {
        return Ok(());
    }
    let chosen = |nth: usize| match cpus.get(nth) {
        Some(cpu) if auto => BTreeSet::from([*cpu]),
        _ => cpus.iter().copied().collect(),
    };
    match threads {
        None => map.group = groups.iter().position(|group| *group == 1).map(chosen),
        Some(threads) => map.threads.extend(threads.iter().enumerate().map(|(nth, thread)| (thread - 1, chosen(nth)))),
    }
    Ok(())
}

pub(crate) fn fd_hard_limit(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    // Zero asks for the default.
    g.global.process.fd_hard_limit = Some(u64::from(integer(line)?)).filter(|limit| *limit > 0);
    Ok(())
}

pub(crate) fn max_reloads(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.process.max_reloads = Some(integer(line)?);
    Ok(())
}

pub(crate) fn grace(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.process.grace = Some(delay(line, "'grace' expects <time> as argument.")?);
    Ok(())
}

pub(crate) fn close_spread(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    g.global.process.close_spread = Some(match line.word(1) {
        "infinite" => CloseSpread::Never,
        _ => CloseSpread::Over(delay(line, "'close-spread-time' expects <time> as argument.")?),
    });
    line.ends_after(1, "close-spread-time")
}

pub(crate) fn local_peer(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let name = text(line, "'localpeer' expects a name as an argument.")?;
    once(&mut g.global.process.local_peer, name, line, cx);
    Ok(())
}

pub(crate) fn strict_limits(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(0, "strict-limits")?;
    g.global.process.lax_limits = line.prefix == Prefix::No;
    Ok(())
}

/// `set-dumpable [on|off|libs]`. Libraries need no preparation here: they are not unloaded by a change of root.
pub(crate) fn set_dumpable(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    line.ends_after(1, "set-dumpable")?;
    g.global.process.dumpable = match line.word(1) {
        "" | "on" | "libs" => line.prefix != Prefix::No,
        "off" => false,
        other => {
            return Err(fault(1, format!("'set-dumpable' only supports 'on', 'off' and 'libs', found '{other}'.")));
        }
    };
    Ok(())
}

/// `setcap <name>[,…]`.
pub(crate) fn setcap(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let names = line.need(1, "'setcap' expects a list of capabilities as an argument.")?;
    line.ends_after(1, "setcap")?;
    for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let found = Capability::ALL.into_iter().find(|capability| capability.name() == name).ok_or_else(|| {
            let known = Capability::ALL.map(Capability::name).join(", ");
            fault(1, format!("'setcap' : unsupported capability '{name}'.")).help(format!("it is one of {known}"))
        })?;
        g.global.process.capabilities.push(found);
    }
    Ok(())
}

/// `unix-bind [prefix <prefix>] [mode <mode>] [user <user>] …`.
pub(crate) fn unix_bind(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let unix = &mut g.global.process.unix;
    let mut at = 1;
    while line.has(at) {
        let value = |complaint: &str| -> Result<&str, Fault> { line.need(at + 1, complaint) };
        match line.word(at) {
            "prefix" => unix.prefix = Some(value("'unix-bind' : 'prefix' expects a path.")?.to_owned()),
            "mode" => {
                let word = value("'unix-bind' : 'mode' expects an octal number.")?;
                let mode = u32::from_str_radix(word, 8).ok().filter(|mode| *mode <= 0o7777);
                let complaint =
                    || fault(at + 1, format!("'unix-bind' : invalid mode '{word}' (octal integer expected)"));
                unix.mode = Some(mode.ok_or_else(complaint)?);
            }
            name @ ("uid" | "gid") => {
                let word = value("'unix-bind' : an id is missing.")?;
                let id = word.parse().map_err(|_| fault(at + 1, format!("'unix-bind' : '{word}' is no id.")))?;
                *(if name == "uid" { &mut unix.uid } else { &mut unix.gid }) = Some(id);
            }
            "user" => {
                let word = value("'unix-bind' : a user name is missing.")?;
                let unknown = || fault(at + 1, format!("'unix-bind' : unknown user name '{word}'"));
                unix.uid = Some(cx.host.user_id(word).ok_or_else(unknown)?);
            }
            "group" => {
                let word = value("'unix-bind' : a group name is missing.")?;
                let unknown = || fault(at + 1, format!("'unix-bind' : unknown group name '{word}'"));
                unix.gid = Some(cx.host.group_id(word).ok_or_else(unknown)?);
            }
            _ => {
                return Err(fault(
                    at,
                    "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options.",
                ));
            }
        }
        at += 2;
    }
    Ok(())
}

impl UnixBind {
    /// Completes the UNIX sockets of `bind` lines.
    pub(crate) fn apply(&self, binds: &mut [Bind]) {
        for bind in binds {
            let ListenAddress::Unix(path) = &mut bind.address else { continue };
            if let Some(prefix) = &self.prefix {
                // Put together as text: a prefix may end within a name.
                *path = format!("{prefix}{}", path.display()).into();
            }
            bind.mode = bind.mode.or(self.mode);
            bind.uid = bind.uid.or(self.uid);
            bind.gid = bind.gid.or(self.gid);
        }
    }
}
