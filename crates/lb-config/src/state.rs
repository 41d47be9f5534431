//! What outlives the process: server-state files; and how closely the Runtime API keeps to HAProxy's.

use crate::cx::Cx;
use crate::global::{self, GlobalDraft};
use crate::line::{Done, Line, fault};
use crate::model::LoadState;
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;
use lb_model::Compat;

pub(crate) fn server_state_file(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    global::path(&mut g.global.state.servers, line, cx, "'server-state-file' expect one argument: a file path.")
}

pub(crate) fn server_state_base(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    global::path(&mut g.global.state.base, line, cx, "'server-state-base' expects one argument: a directory path.")
}

/// `server-state-save <period>`.
pub(crate) fn server_state_save(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let period = global::delay(line, "'server-state-save' expects how often to write, as in 10s.")?;
    if period.is_zero() {
        return Err(fault(1, "'server-state-save' expects a time above zero."));
    }
    g.global.state.save = Some(period);
    Ok(())
}

pub(crate) fn stats_file(g: &mut GlobalDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    global::path(&mut g.global.state.stats, line, cx, "'stats-file' expects one argument: a file path.")
}

/// `compat extended|strict`.
pub(crate) fn compat(g: &mut GlobalDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let word = line.word(1);
    g.global.compat = Compat::parse(word).ok_or_else(|| {
        let near = did_you_mean(word, ["extended", "strict"]);
        fault(1, format!("'compat' expects 'extended' or 'strict'. Got '{word}'{near}"))
    })?;
    line.ends_after(1, "compat")
}

/// `load-server-state-from-file global|local|none`.
pub(crate) fn load_server_state(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.word(0);
    p.proxy.load_state = match line.word(1) {
        "none" => LoadState::None,
        "global" => LoadState::Global,
        "local" => LoadState::Local,
        other => {
            let near = did_you_mean(other, ["global", "local", "none"]);
            return Err(fault(1, format!("'{name}' expects 'global', 'local' or 'none'. Got '{other}'{near}")));
        }
    };
    line.ends_after(1, name)
}

/// `server-state-file-name [use-backend-name|<file>]`.
pub(crate) fn server_state_file_name(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.state_file = match line.word(1) {
        "" | "use-backend-name" => None,
        file => Some(file.into()),
    };
    line.ends_after(1, line.word(0))
}
