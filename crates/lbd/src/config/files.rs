//! The files of `-f` and `--`.

use lb_config::Source;
use std::io;
use std::path::{Path, PathBuf};

/// A file or directory that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    path: PathBuf,
    error: io::Error,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let reason = self.error.raw_os_error().map(|code| nix::errno::Errno::from_raw(code).desc().to_owned());
        let reason = reason.unwrap_or_else(|| self.error.to_string());
        write!(f, "Cannot open configuration file/directory {} : {reason}", self.path.display())
    }
}

/// Reads all files, those of a directory in the order of their names' bytes.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Source>, Unreadable> {
    let mut sources = Vec::new();
    for path in paths {
        let fail = |path: &Path, error| Unreadable { path: path.to_owned(), error };
        let files = if path.is_dir() { listing(path).map_err(|error| fail(path, error))? } else { vec![path.clone()] };
        for file in files {
            let text = std::fs::read(&file).map_err(|error| fail(&file, error))?;
            sources.push(Source { name: file.to_string_lossy().into_owned(), text });
        }
    }
    Ok(sources)
}

/// The visible `*.cfg` files of a directory, no subdirectories.
fn listing(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        if name.ends_with(b".cfg") && !name.starts_with(b".") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_give_their_visible_cfg_files_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.cfg", "a.cfg", "B.cfg", ".c.cfg", "d.cfg~", "e.txt"] {
            std::fs::write(dir.path().join(name), name).unwrap();
        }
        std::fs::create_dir(dir.path().join("sub.cfg")).unwrap();
        let extra = dir.path().join("e.txt");
        let sources = read(&[extra, dir.path().to_owned()]).unwrap();
        let texts: Vec<_> = sources.iter().map(|source| String::from_utf8_lossy(&source.text).into_owned()).collect();
        assert_eq!(texts, ["e.txt", "B.cfg", "a.cfg", "b.cfg"]);
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read(&["/nonexistent/x.cfg".into()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Cannot open configuration file/directory /nonexistent/x.cfg : No such file or directory"
        );
    }
}
