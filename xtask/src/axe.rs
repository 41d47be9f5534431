//! axe-core, the judge of the status page's accessibility: a script of the npm registry, kept in the target directory.

use crate::chore::{is_installed, succeed, target_dir};
use anyhow::{Context, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const VERSION: &str = "4.14.1";
/// Of `package/axe.min.js` in that version's archive.
const SHA256: &str = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c";

/// Fetches it unless it is there.
///
/// # Errors
/// When it cannot be fetched, or is another file than the one known.
pub fn run() -> anyhow::Result<()> {
    let target = target_dir("debug")?;
    let place = target.parent().unwrap_or(&target).join("axe-core");
    let script = place.join("axe.min.js");
    if script.is_file() && digest(&script)? == SHA256 {
        return Ok(());
    }
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    let archive = format!("axe-core-{VERSION}.tgz");
    // npm knows about mirrors and proxies; without it the registry's own address has to do.
    if is_installed("npm") {
        let package = format!("axe-core@{VERSION}");
        succeed(Command::new("npm").args(["pack", "--silent", &package]).current_dir(&place).stdout(Stdio::null()))?;
    } else {
        let url = format!("https://registry.npmjs.org/axe-core/-/{archive}");
        succeed(Command::new("curl").args(["-fsSL", "--retry", "3", "-o", &archive, &url]).current_dir(&place))?;
    }
    let strip = ["--strip-components=1", "-xzf", &archive, "package/axe.min.js"];
    succeed(Command::new("tar").args(strip).current_dir(&place))?;
    let found = digest(&script)?;
    if found != SHA256 {
        fs::remove_file(&script)?;
        bail!("axe-core {VERSION} has the digest {found}, not {SHA256}: not used");
    }
    Ok(())
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let output = Command::new("sha256sum").arg(path).output().context("sha256sum")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
