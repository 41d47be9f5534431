//! Small documents in the state directory that several processes may change at once.
//!
//! Each is replaced whole, by a file written beside it and renamed, under a lock of its own: a reader
//! sees the former or the latter, never a half, whatever is killed when.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::exit::Exit;
use crate::fault::Fault;
use crate::settings::state_dir;

/// The state directory, made if it is not there.
///
/// # Errors
/// When there is no home for it, or it cannot be made.
pub fn directory(below: &str) -> Result<PathBuf, Fault> {
    let dir = state_dir().ok_or_else(|| {
        Fault::new(Exit::Refused, "there is no directory for state")
            .hint("set LBCTL_STATE, XDG_STATE_HOME or HOME to one that can be written")
    })?;
    let dir = dir.join(below);
    std::fs::create_dir_all(&dir).map_err(|e| failed(&dir, &e))?;
    Ok(dir)
}

/// What went wrong with a file of the state directory.
pub fn failed(path: &Path, error: &io::Error) -> Fault {
    Fault::new(Exit::Refused, format!("{}: {error}", path.display()))
        .hint("LBCTL_STATE names another directory for lbctl's state")
}

/// Held until dropped; other processes wait.
///
/// # Errors
/// When the file cannot be made or locked.
pub fn lock(path: &Path) -> Result<Flock<File>, Fault> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(|e| failed(path, &e))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, e)| failed(path, &e.into()))
}

/// Reads a document; nothing when it is not there.
///
/// # Errors
/// When it cannot be read, or is not what lbctl writes.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Fault> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let value = serde_json::from_slice(&bytes).map_err(|e| failed(path, &io::Error::from(e)))?;
            Ok(Some(value))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path, &error)),
    }
}

/// Replaces a document, atomically and for good.
///
/// # Errors
/// When it cannot be written.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    let done = (|| {
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec_pretty(value)?)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    done.map_err(|e| failed(path, &e))
}

/// Reads, changes and replaces a document under its lock.
///
/// # Errors
/// Those of [`read`], [`lock`] and [`write`], and the change's own.
pub fn update<T, R>(path: &Path, change: impl FnOnce(&mut T) -> Result<R, Fault>) -> Result<R, Fault>
where
    T: Serialize + DeserializeOwned + Default,
{
    let _held = lock(&path.with_extension("lock"))?;
    let mut value = read(path)?.unwrap_or_default();
    let result = change(&mut value)?;
    write(path, &value)?;
    Ok(result)
}

#[cfg(test)]
mod tests {
    #[test]
    fn many_writers_lose_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.json");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    for n in 0..10 {
                        super::update(path, |list: &mut Vec<u32>| {
                            list.push(writer * 100 + n);
                            Ok(())
                        })
                        .unwrap();
                    }
                });
            }
        });
        let mut list: Vec<u32> = super::read(&path).unwrap().unwrap();
        list.sort_unstable();
        list.dedup();
        assert_eq!(list.len(), 80);
    }
}
