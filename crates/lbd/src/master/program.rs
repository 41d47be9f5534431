//! The program as the operator named it. A reload executes that name anew, so an upgrade that turns a
//! symbolic link to another version takes effect.

use nix::unistd::{AccessFlags, access};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// The absolute path of the program, links and all: `name` is the first word of the command line.
/// Must be asked before the working directory changes.
pub fn find(name: &OsStr, search: Option<&OsStr>) -> io::Result<PathBuf> {
    let named = if name.as_encoded_bytes().contains(&b'/') {
        executable(Path::new(name))
    } else {
        let mut places = search.map(std::env::split_paths).into_iter().flatten();
        places.find_map(|place| executable(&place.join(name)))
    };
    // Whoever started this may have called it anything.
    named.map_or_else(std::env::current_exe, Ok)
}

fn executable(path: &Path) -> Option<PathBuf> {
    (path.is_file() && access(path, AccessFlags::X_OK).is_ok()).then(|| std::path::absolute(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_a_shell_does() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("real"), "").unwrap();
        std::fs::write(at("data"), "").unwrap();
        std::fs::set_permissions(at("real"), PermissionsExt::from_mode(0o755)).unwrap();
        symlink(at("real"), at("link")).unwrap();
        let own = std::env::current_exe().unwrap();
        let search = std::env::join_paths([Path::new("/nonexistent"), directory.path()]).unwrap();
        let check =
            |name: &OsStr, expected: &Path| assert_eq!(find(name, Some(&search)).unwrap(), expected, "{name:?}");
        check(at("link").as_os_str(), &at("link"));
        check(OsStr::new("link"), &at("link"));
        check(OsStr::new("real"), &at("real"));
        check(OsStr::new("data"), &own);
        check(OsStr::new(""), &own);
        check(at("none").as_os_str(), &own);
        assert_eq!(find(OsStr::new("link"), None).unwrap(), own);
    }
}
