//! The file with the process id. It is opened while paths mean what the operator meant (before
//! `chroot`, a change of user, or the background) and written when the id is known.

use crate::report::Report;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// An opened, empty pid file.
#[derive(Debug)]
pub struct PidFile(File);

impl PidFile {
    /// Creates or empties the file. `None`, with an alert, when that cannot be done.
    pub fn open(path: &Path, report: &Report) -> Option<PidFile> {
        use std::os::unix::fs::OpenOptionsExt;
        // An old file is replaced rather than followed or reused: it may belong to someone else. A
        // device such as /dev/null stays.
        if path.symlink_metadata().is_ok_and(|old| old.is_file() || old.is_symlink()) {
            let _ = std::fs::remove_file(path);
        }
        match File::options().write(true).create(true).truncate(true).mode(0o644).open(path) {
            Ok(file) => Some(PidFile(file)),
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.split(" (os error").next().unwrap_or_default();
                report.alert(&format!("Cannot create pidfile {}: {reason}.", path.display()));
                None
            }
        }
    }

    /// Writes this process's id, alone on a line.
    pub fn write(mut self) {
        // A full disk must not stop a service that is otherwise ready.
        let _ = writeln!(self.0, "{}", std::process::id());
    }
}
