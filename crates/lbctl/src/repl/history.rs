//! The history file: in the XDG state directory, readable by its owner only, without secrets.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustyline::Editor;
use rustyline::history::FileHistory;

use super::helper::Helper;
use crate::store::{self, Beside};

/// Words of lines that may carry keys or payloads.
const SECRET: &[&str] = &["<<", "dynamic-cookie-key", "tls-key", " ssl ", "jwt", "agent-send"];

/// Where it is, if there is a home.
pub fn path() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join("lbctl/history"))
}

/// Whether a line may be written down.
pub fn worth_keeping(line: &str) -> bool {
    !SECRET.iter().any(|word| line.contains(word))
}

/// Writes it.
///
/// # Errors
/// When the directory or the file cannot be written.
pub fn save(editor: &mut Editor<Helper, FileHistory>, path: &Path) -> rustyline::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // Other prompts write theirs, too.
    let _held =
        store::lock(&path.with_extension("lock")).map_err(|_| std::io::Error::from(std::io::ErrorKind::Other))?;
    let mut beside = Beside::of(path)?;
    beside.file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    // A first line begins the file.
    if let Ok(known) = std::fs::read(path) {
        beside.file.write_all(&known)?;
    }
    editor.append_history(&beside.path)?;
    Ok(beside.take_place()?)
}
