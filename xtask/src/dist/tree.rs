//! Every file that is delivered, once: where it comes from and where it goes.

use crate::chore;
use anyhow::Context;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file, or all files of a directory.
#[derive(Debug)]
pub struct Delivered {
    /// In the repository, or a built program.
    from: From,
    /// In an installed system: a directory when it ends in a slash.
    to: &'static str,
    mode: u32,
    /// Packed by `gzip`, as Debian wants manual pages and change logs.
    packed: bool,
    /// Its directory in the tarball; `None`: it is of use on Debian only.
    tarball: Option<&'static str>,
}

#[derive(Debug)]
enum From {
    Program(&'static str),
    File(&'static str),
    Directory(&'static str, &'static str),
}

const fn program(name: &'static str, to: &'static str) -> Delivered {
    Delivered { from: From::Program(name), to, mode: 0o755, packed: false, tarball: Some("bin/") }
}

const fn file(path: &'static str, to: &'static str, tarball: Option<&'static str>) -> Delivered {
    Delivered { from: From::File(path), to, mode: 0o644, packed: false, tarball }
}

const fn packed(from: From, to: &'static str, tarball: Option<&'static str>) -> Delivered {
    Delivered { from, to, mode: 0o644, packed: true, tarball }
}

/// All of them.
pub const FILES: &[Delivered] = &[
    program("lbd", "usr/sbin/"),
    program("lbctl", "usr/bin/"),
    file("packaging/lbd.cfg", "etc/lbd/", Some("etc/")),
    file("packaging/lbd.default", "etc/default/lbd", None),
    file("packaging/lbd.service", "lib/systemd/system/", Some("systemd/")),
    file("packaging/lbd.sysusers", "usr/lib/sysusers.d/lbd.conf", Some("systemd/")),
    packed(From::Directory("man", "1"), "usr/share/man/man1/", Some("man/man1/")),
    packed(From::Directory("man", "5"), "usr/share/man/man5/", Some("man/man5/")),
    file("completions/lbctl.bash", "usr/share/bash-completion/completions/lbctl", Some("completions/")),
    file("completions/_lbctl", "usr/share/zsh/vendor-completions/_lbctl", Some("completions/")),
    file("completions/lbctl.fish", "usr/share/fish/vendor_completions.d/lbctl.fish", Some("completions/")),
    file("README.md", "usr/share/doc/lbd/", Some("")),
    file("COMPATIBILITY.md", "usr/share/doc/lbd/", Some("")),
    packed(From::File("CHANGELOG.md"), "usr/share/doc/lbd/changelog.gz", None),
    file("CHANGELOG.md", "usr/share/doc/lbd/CHANGELOG.md", Some("")),
    file("packaging/debian/copyright", "usr/share/doc/lbd/copyright", None),
    file("LICENSE-MIT", "usr/share/doc/lbd/", Some("")),
    file("LICENSE-APACHE", "usr/share/doc/lbd/", Some("")),
    Delivered {
        from: From::Directory("docs/examples", "cfg"),
        to: "usr/share/doc/lbd/examples/",
        mode: 0o644,
        packed: false,
        tarball: Some("examples/"),
    },
];

impl Delivered {
    /// Where it goes in an installed system.
    pub fn installed(&self) -> &'static str {
        self.to
    }

    /// Where it goes in the tarball.
    pub fn in_tarball(&self) -> Option<&'static str> {
        self.tarball
    }

    /// Whether it belongs to the operator once it is installed.
    pub fn is_configuration(&self) -> bool {
        self.to.starts_with("etc/")
    }

    /// The paths below `etc` that are the operator's, with a leading slash.
    pub fn configuration_path(&self) -> Option<String> {
        let From::File(from) = self.from else { return None };
        let name = Path::new(from).file_name()?.to_str()?;
        let tail = if self.to.ends_with('/') { name } else { "" };
        self.is_configuration().then(|| format!("/{}{tail}", self.to))
    }

    /// Puts it to a place: into a directory if that ends in a slash, and under that name if not.
    ///
    /// # Errors
    /// When it is missing.
    pub fn put(&self, built: &Path, to: &Path) -> anyhow::Result<()> {
        let root = chore::root();
        match self.from {
            From::Program(name) => {
                self.put_one(&built.join(name), to)?;
                // Lines of the sources are for developers. What cannot be stripped is delivered as it is.
                let _ = Command::new("strip").arg("--strip-debug").arg(to.join(name)).stderr(Stdio::null()).status();
                Ok(())
            }
            From::File(path) => self.put_one(&root.join(path), to),
            From::Directory(path, extension) => {
                let mut found: Vec<PathBuf> = std::fs::read_dir(root.join(path))?
                    .filter_map(|entry| Some(entry.ok()?.path()))
                    .filter(|path| path.extension().is_some_and(|e| e == extension))
                    .collect();
                found.sort();
                anyhow::ensure!(!found.is_empty(), "nothing in {path} ends in .{extension}");
                found.iter().try_for_each(|path| self.put_one(path, to))
            }
        }
    }

    fn put_one(&self, from: &Path, to: &Path) -> anyhow::Result<()> {
        let is_directory = to.as_os_str().as_encoded_bytes().ends_with(b"/");
        let mut path = if is_directory { to.join(from.file_name().context("a name")?) } else { to.to_owned() };
        if self.packed && is_directory {
            path.as_mut_os_string().push(".gz");
        }
        if !self.packed {
            return copy(from, &path, self.mode);
        }
        directory_of(&path)?;
        // Without name and time, so that the same input gives the same package.
        let output = Command::new("gzip").args(["-9nc"]).arg(from).stderr(Stdio::inherit()).output()?;
        anyhow::ensure!(output.status.success(), "gzip {} failed", from.display());
        std::fs::write(&path, output.stdout)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(self.mode))?;
        Ok(())
    }
}

/// Copies a file, making its directory.
///
/// # Errors
/// When it is missing.
pub fn copy(from: &Path, to: &Path, mode: u32) -> anyhow::Result<()> {
    directory_of(to)?;
    std::fs::copy(from, to).with_context(|| format!("copying {}", from.display()))?;
    std::fs::set_permissions(to, PermissionsExt::from_mode(mode))?;
    Ok(())
}

fn directory_of(path: &Path) -> anyhow::Result<()> {
    Ok(std::fs::create_dir_all(path.parent().context("a path without a directory")?)?)
}
