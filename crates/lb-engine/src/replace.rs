//! Writing a file so that whoever reads it finds the old one or the new one, whole, whenever this process is killed.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces a file's contents: written beside it, brought to the disk, and moved to its place.
///
/// # Errors
/// The system's; the old file is untouched then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = beside(path)?;
    let written = write(&beside, bytes).and_then(|()| rename(&beside, path));
    if written.is_err() {
        // What cannot be removed either is overwritten next time.
        let _ = std::fs::remove_file(&beside);
        return written;
    }
    // The new name lasts once the directory is on the disk.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name in the same directory: only within a file system is a move one step.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".new.{}", std::process::id()));
    Ok(path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::replace;
    use std::path::Path;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let directory = std::env::temp_dir().join(format!("lb-replace-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let path = directory.join("state");
        for text in ["old and long", "new"] {
            replace(&path, text.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 1);
        assert!(replace(Path::new("/nonexistent/state"), b"x").is_err());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
