//! `server-state-save`: the server-state file, written by this process itself: now and then, when it is asked to stop, and
//! when its master reloads, before the next worker reads it. A process that stops writes no more: another one may have
//! taken over the file.

use super::Control;
use crate::admin;
use crate::replace::replace;
use lb_model::Severity;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

impl Control {
    /// Where the states are written, when they are.
    fn state_path(&self) -> Option<PathBuf> {
        let files = &self.shared.config.global.state;
        files.save?;
        files.servers.as_deref().map(|path| files.locate(path))
    }

    /// Writes the states, as the process is asked to stop or to save them for a successor.
    pub(super) fn save_states(&self) {
        if let Some(path) = self.state_path() {
            let saved = replace(&path, &admin::servers_state(self));
            self.tell_saved(&path, saved, false);
        }
    }

    /// Tells a failure, once until it works again. Says whether it failed.
    fn tell_saved(&self, path: &Path, saved: std::io::Result<()>, failing: bool) -> bool {
        let Err(error) = saved else { return false };
        if !failing {
            let text = format!("Cannot write the server state file '{}': {error}.", path.display());
            self.tell(&self.shared.config.global.logs, None, Severity::Warning, &text);
        }
        true
    }
}

/// Writes the states now and then, until the process is asked to stop.
pub(super) async fn drive(control: Rc<Control>) {
    let (Some(period), Some(path)) = (control.shared.config.global.state.save, control.state_path()) else { return };
    let mut failing = false;
    loop {
        tokio::time::sleep(period).await;
        if control.shared.process.stopping.load(Relaxed) {
            return;
        }
        let (text, target) = (admin::servers_state(&control), path.clone());
        // A slow disk must not hold up checks and operators.
        let saved = tokio::task::spawn_blocking(move || replace(&target, &text)).await;
        failing = control.tell_saved(&path, saved.unwrap_or_else(|error| Err(error.into())), failing);
    }
}
