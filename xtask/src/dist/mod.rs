//! What is given to others: a Debian package, a tarball, a bill of materials and checksums.

mod booted;
mod package;
mod sbom;
mod tree;

use crate::chore::{self, succeed};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Arguments of `dist`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to put the results
    #[arg(long, default_value = "target/dist")]
    into: PathBuf,
    /// The directory of lbd and lbctl; they are built for release without
    #[arg(long)]
    built: Option<PathBuf>,
    /// Install, run, remove and purge the package in this directory, a clean Debian as `debootstrap` leaves it; as root.
    /// If systemd is there, it is booted and drives the unit, too
    #[arg(long)]
    try_in: Option<PathBuf>,
}

/// Debian's word for the machine this runs on.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Makes everything.
///
/// # Errors
/// When a file is missing or a program fails.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let built = args.built.clone().map_or_else(chore::build_release, Ok)?;
    std::fs::create_dir_all(&args.into)?;
    let into = args.into.canonicalize()?;
    let version = env!("CARGO_PKG_VERSION");
    let sbom = into.join(format!("lbd-{version}.cdx.json"));
    std::fs::write(&sbom, sbom::cyclonedx(version)?)?;
    let deb = package::build(&built, &into, version)?;
    let tarball = tarball(&built, &into, version, &sbom)?;
    let names: Vec<String> = [&deb, &tarball, &sbom].into_iter().map(|path| name(path)).collect();
    let sums = Command::new("sha256sum").args(&names).current_dir(&into).output().context("starting sha256sum")?;
    std::fs::write(into.join("SHA256SUMS"), &sums.stdout)?;
    succeed(Command::new("sha256sum").args(["--check", "--quiet", "SHA256SUMS"]).current_dir(&into))?;
    for file in names.iter().map(String::as_str).chain(["SHA256SUMS"]) {
        println!("{}", args.into.join(file).display());
    }
    let Some(root) = &args.try_in else { return Ok(()) };
    package::try_in(root, &deb)?;
    if root.join("lib/systemd/systemd").exists() {
        booted::drive(&root.canonicalize()?, &deb)?;
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The same files for systems without Debian's tools, below one directory.
fn tarball(built: &Path, into: &Path, version: &str, sbom: &Path) -> anyhow::Result<PathBuf> {
    let stage = tempfile::tempdir()?;
    let base = format!("lbd-{version}-{}-linux", std::env::consts::ARCH);
    let at = stage.path().join(&base);
    for file in tree::FILES {
        if let Some(place) = file.in_tarball() {
            file.put(built, &at.join(place))?;
        }
    }
    tree::copy(sbom, &at.join(name(sbom)), 0o644)?;
    let path = into.join(format!("{base}.tar.gz"));
    let tar = ["--owner=0", "--group=0", "--numeric-owner", "--sort=name", "-czf"];
    succeed(Command::new("tar").args(tar).arg(&path).arg("-C").arg(stage.path()).arg(&base))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_built_of_all_its_files() {
        if !chore::is_installed("dpkg-deb") {
            return;
        }
        // What is packed need not run for this.
        let (built, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for program in ["lbd", "lbctl"] {
            std::fs::write(built.path().join(program), "#!/bin/sh\n").unwrap();
        }
        let args = Args { into: into.path().to_owned(), built: Some(built.path().to_owned()), try_in: None };
        run(&args).unwrap();
        let sums = std::fs::read_to_string(into.path().join("SHA256SUMS")).unwrap();
        assert_eq!(sums.lines().count(), 3, "{sums}");
        let deb = into.path().join(format!("lbd_{}_{}.deb", env!("CARGO_PKG_VERSION"), architecture()));
        let ask = |what: &str| {
            let output = Command::new("dpkg-deb").arg(what).arg(&deb).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let contents = ask("--contents");
        for path in [
            "./usr/sbin/lbd",
            "./usr/bin/lbctl",
            "./etc/lbd/lbd.cfg",
            "./lib/systemd/system/lbd.service",
            "./usr/share/man/man5/lbd.cfg.5.gz",
            "./usr/share/man/man1/lbctl.1.gz",
            "./usr/share/bash-completion/completions/lbctl",
            "./var/lib/lbd/",
        ] {
            assert!(contents.lines().any(|line| line.ends_with(&format!(" {path}"))), "{path} is not in\n{contents}");
        }
        assert!(contents.lines().all(|line| line.contains(" root/root ")), "{contents}");
        let info = ask("--info");
        for part in ["conffiles", "md5sums", "postinst", "prerm", "postrm", " Package: lbd\n", "Depends: libc6"] {
            assert!(info.contains(part), "{part} is not in\n{info}");
        }
    }
}
