//! Clients of the admin socket that are written in Python: haproxytool of PyPI, and Ansible's module, of which one file of
//! Debian's archive is enough. Both are kept in the target directory.

use crate::chore::{is_installed, succeed, target_dir};
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// haproxytool brings haproxyadmin, the library it stands on.
const HAPROXYTOOL: &str = "haproxytool==0.5.7";
/// The module's place in Debian's archive.
const MODULE: &str = "./usr/lib/python3/dist-packages/ansible_collections/community/general/plugins/modules/haproxy.py";

/// Fetches a client into a directory.
type Fetch = fn(&Path) -> anyhow::Result<()>;

/// Fetches what is not there, and returns a line for each client that will be missing.
pub fn prepare(may_fetch: bool) -> Vec<String> {
    let wanted: [(&str, &str, Fetch); 2] =
        [("haproxytool", "bin/haproxytool", haproxytool), ("Ansible's haproxy module", "haproxy.py", module)];
    let missing = |(name, file, fetch): &(&str, &str, Fetch)| {
        let place = place().ok()?;
        if place.join(file).is_file() {
            return None;
        }
        let fetched = if may_fetch { fetch(&place) } else { Err(anyhow::anyhow!("nothing is to be installed")) };
        fetched.err().map(|error| format!("{name} on lbd's socket: it could not be fetched ({error:#})"))
    };
    wanted.iter().filter_map(missing).collect()
}

fn place() -> anyhow::Result<PathBuf> {
    let target = target_dir("debug")?;
    let place = target.parent().unwrap_or(&target).join("clients");
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    Ok(place)
}

fn haproxytool(place: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"]);
    // A distribution's Python asks for it, although nothing of it is touched.
    command.arg(place).arg(HAPROXYTOOL).env("PIP_BREAK_SYSTEM_PACKAGES", "1").env("PIP_ROOT_USER_ACTION", "ignore");
    succeed(&mut command)
}

fn module(place: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(is_installed("apt-get"), "there is no apt-get on this system");
    let fetched = place.join("deb");
    fs::create_dir_all(&fetched)?;
    succeed(Command::new("apt-get").args(["-qq", "download", "ansible"]).current_dir(&fetched).stdout(Stdio::null()))?;
    let script = format!(
        "dpkg-deb --fsys-tarfile ansible_*.deb | tar -x -O {MODULE} >../haproxy.tmp && mv ../haproxy.tmp ../haproxy.py"
    );
    let unpacked = succeed(Command::new("sh").args(["-e", "-c", &script]).current_dir(&fetched));
    fs::remove_dir_all(&fetched)?;
    unpacked
}
