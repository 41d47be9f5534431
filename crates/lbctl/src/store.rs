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

/// Replaces a document, atomically and for good. Whoever calls it holds the document's lock.
///
/// # Errors
/// When it cannot be written.
pub fn write<T: Serialize>(path: &Path, value: &T) -> Result<(), Fault> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    text.and_then(|text| replace(path, &text)).map_err(|e| failed(path, &e))
}

/// Replaces a file: written beside it, brought to the disk, moved to its place. It keeps its permissions, and a link to it
/// stays a link. One process at a time may do so; what a killed one left beside it is overwritten.
///
/// # Errors
/// The system's; the old file is untouched then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = Beside::of(path)?;
    beside.file.write_all(bytes)?;
    beside.take_place()
}

/// A file on its way to its place.
#[derive(Debug)]
pub struct Beside {
    /// What is written.
    pub file: File,
    /// Where, for now.
    pub path: PathBuf,
    place: PathBuf,
}

impl Beside {
    /// An empty file that will take this place.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn of(path: &Path) -> io::Result<Self> {
        let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let path = place.with_extension("tmp");
        let file = File::create(&path)?;
        if let Ok(known) = std::fs::metadata(&place) {
            file.set_permissions(known.permissions())?;
        }
        Ok(Self { file, path, place })
    }

    /// Takes its place, for good.
    ///
    /// # Errors
    /// The system's; the old file is untouched then.
    pub fn take_place(self) -> io::Result<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.place)?;
        // The new name lasts once the directory is on the disk.
        let directory = self.place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory)?.sync_all()
    }
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
    fn a_link_and_permissions_stay() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let [real, link] = ["real.toml", "link.toml"].map(|name| dir.path().join(name));
        std::fs::write(&real, "long and old").unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        std::fs::write(dir.path().join("real.tmp"), "what a killed one left, and longer than what follows").unwrap();
        super::replace(&link, b"new").unwrap();
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
        assert!(link.is_symlink());
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        assert!(super::replace(&dir.path().join("no/where"), b"x").is_err());
    }

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
