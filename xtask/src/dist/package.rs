//! The Debian package, made by `dpkg-deb` alone.

use super::{architecture, tree};
use crate::chore::{self, succeed};
use anyhow::{Context, ensure};
use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const DESCRIPTION: &str = "\
Description: load balancer that reads haproxy.cfg, and its control client
 lbd proxies TCP and HTTP, checks its servers' health and answers the Runtime
 API of HAProxy 3.x on its admin sockets. lbctl takes servers out and back
 for deploys, on lbd and on HAProxy alike.
";

/// Scripts that `dpkg` runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Builds the package.
///
/// # Errors
/// When a file is missing or `dpkg-deb` fails.
pub fn build(built: &Path, into: &Path, version: &str) -> anyhow::Result<PathBuf> {
    let stage = tempfile::tempdir()?;
    // The root directory of what is installed.
    std::fs::set_permissions(stage.path(), PermissionsExt::from_mode(0o755))?;
    for file in tree::FILES {
        file.put(built, &stage.path().join(file.installed()))?;
    }
    std::fs::create_dir_all(stage.path().join("var/lib/lbd"))?;
    open_up(stage.path())?;
    let control = stage.path().join("DEBIAN");
    std::fs::create_dir(&control)?;
    let size_kb = size(stage.path())?.div_ceil(1024);
    let fields = format!(
        "Package: lbd\nVersion: {version}\nArchitecture: {}\nMaintainer: The lbd developers <lbd@localhost>\n\
         Installed-Size: {size_kb}\nDepends: libc6 (>= 2.34), libgcc-s1, passwd\nSuggests: socat\nSection: net\n\
         Priority: optional\n{DESCRIPTION}",
        architecture()
    );
    std::fs::write(control.join("control"), fields)?;
    let conffiles: String =
        tree::FILES.iter().filter_map(tree::Delivered::configuration_path).map(|p| p + "\n").collect();
    std::fs::write(control.join("conffiles"), conffiles)?;
    std::fs::write(control.join("md5sums"), sums(stage.path())?)?;
    for script in SCRIPTS {
        tree::copy(&chore::root().join("packaging/debian").join(script), &control.join(script), 0o755)?;
    }
    open_up(&control)?;
    let path = into.join(format!("lbd_{version}_{}.deb", architecture()));
    let quiet = ["--root-owner-group", "--build"];
    let output =
        Command::new("dpkg-deb").args(quiet).arg(stage.path()).arg(&path).output().context("starting dpkg-deb")?;
    ensure!(output.status.success(), "dpkg-deb: {}", String::from_utf8_lossy(&output.stderr));
    Ok(path)
}

/// Everybody may look into the directories, whatever the umask of who builds.
fn open_up(root: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))?;
            open_up(&path)?;
        }
    }
    std::fs::set_permissions(root, PermissionsExt::from_mode(0o755))?;
    for file in ["control", "conffiles", "md5sums"].map(|name| root.join(name)) {
        if file.is_file() {
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644))?;
        }
    }
    Ok(())
}

fn files(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}

fn size(root: &Path) -> anyhow::Result<u64> {
    files(root)?.iter().map(|path| Ok(path.metadata()?.len())).sum()
}

/// What `dpkg --verify` compares with; the operator's files are not in it.
fn sums(root: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for path in files(root)? {
        let name = path.strip_prefix(root)?;
        if name.starts_with("etc") || name.starts_with("DEBIAN") {
            continue;
        }
        let output = Command::new("md5sum").arg(&path).output().context("starting md5sum")?;
        let sum = String::from_utf8_lossy(&output.stdout).split_whitespace().next().unwrap_or_default().to_owned();
        writeln!(text, "{sum}  {}", name.display())?;
    }
    Ok(text)
}

/// Installs the package into a clean system, runs what it brings, removes and purges it: nothing may be left.
///
/// # Errors
/// When anything fails, or is left.
pub fn try_in(root: &Path, deb: &Path) -> anyhow::Result<()> {
    let inside = |line: &str| -> anyhow::Result<Output> {
        let output = Command::new("chroot")
            .arg(root)
            .args(["/bin/sh", "-ec", line])
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output()
            .context("starting chroot")?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "`{line}` failed: {}{said}", String::from_utf8_lossy(&output.stdout));
        Ok(output)
    };
    let _processes = Mounted::processes(root)?;
    let before = listing(root)?;
    tree::copy(deb, &root.join("lbd.deb"), 0o644)?;
    inside("dpkg --install /lbd.deb")?;
    std::fs::remove_file(root.join("lbd.deb"))?;
    inside("test -z \"$(dpkg --verify lbd)\"")?;
    inside("getent passwd lbd && lbd -c -f /etc/lbd/lbd.cfg && lbctl --version && lbd -v")?;
    inside("for page in /usr/share/man/man1/lbctl.1.gz /usr/share/man/man5/lbd.cfg.5.gz; do gzip -t $page; done")?;
    // As the unit starts it, without systemd.
    inside(
        "mkdir -p /run/lbd && lbd -D -W -S /run/lbd/master.sock,mode,600 -p /run/lbd/lbd.pid -f /etc/lbd/lbd.cfg && \
         lbctl -s /run/lbd/admin.sock show info >/dev/null && kill -USR2 $(cat /run/lbd/lbd.pid) && \
         lbctl -s /run/lbd/admin.sock show info >/dev/null && kill $(cat /run/lbd/lbd.pid)",
    )?;
    lb_testkit::until("the end of the master", || {
        let pid = std::fs::read_to_string(root.join("run/lbd/lbd.pid")).ok()?.trim().parse().ok()?;
        (!lb_testkit::process::is_running(pid)).then_some(())
    })?;
    inside("rm -r /run/lbd; dpkg --remove lbd && test -f /etc/lbd/lbd.cfg && ! test -e /usr/sbin/lbd")?;
    inside("dpkg --purge lbd && ! getent passwd lbd && ! getent group lbd")?;
    let after = listing(root)?;
    let left: Vec<&String> = after.iter().filter(|path| !before.contains(path)).collect();
    ensure!(left.is_empty(), "the purge left {left:?}");
    println!("installed, run, removed and purged in {}: nothing is left", root.display());
    Ok(())
}

/// The `/proc` of a system that is not running.
struct Mounted(PathBuf);

impl Mounted {
    fn processes(root: &Path) -> anyhow::Result<Mounted> {
        let at = root.join("proc");
        succeed(Command::new("mount").args(["-t", "proc", "proc"]).arg(&at))?;
        Ok(Mounted(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// Every path of a system but what package tools note for themselves.
fn listing(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new("find").arg(root).args(["-xdev", "-printf", "%P\n"]).output().context("starting find")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let own =
        ["var/lib/dpkg/", "var/log/", "var/cache/", "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow", "etc/.pwd"];
    let others = |path: &&str| !own.iter().any(|own| path.starts_with(own)) && !path.starts_with("proc/");
    Ok(text.lines().filter(others).map(str::to_owned).collect())
}
