//! varnishtest cases, run with `lbd` and with HAProxy in the place of HAProxy.

use crate::chore::{cargo, is_installed, root, succeed, target_dir};
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::Command;

/// Arguments of `vtc`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Cases to run; all of `tests/vtc` without
    cases: Vec<PathBuf>,
    /// Show each case's whole log
    #[arg(long)]
    verbose: bool,
    /// Only run HAProxy, to judge the cases
    #[arg(long)]
    only_haproxy: bool,
}

/// Runs the cases on both programs.
///
/// # Errors
/// When a case fails on either.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if !is_installed("varnishtest") {
        bail!("varnishtest is missing (apt-get install varnish)");
    }
    let cases = if args.cases.is_empty() { all()? } else { args.cases.clone() };
    let mut programs = Vec::new();
    if !args.only_haproxy {
        succeed(cargo().args(["build", "--quiet", "-p", "lbd"]))?;
        programs.push(target_dir("debug")?.join("lbd"));
    }
    if is_installed("haproxy") {
        programs.push(PathBuf::from("/usr/sbin/haproxy"));
    }
    let mut failed = 0;
    for program in &programs {
        for case in &cases {
            let output = Command::new("varnishtest")
                .arg(if args.verbose { "-v" } else { "-q" })
                .args(["-t", "30"])
                .arg(case)
                .env("HAPROXY_PROGRAM", program)
                .output()
                .context("starting varnishtest")?;
            let name = case.file_name().unwrap_or_default().to_string_lossy();
            let program = program.file_name().unwrap_or_default().to_string_lossy();
            // 77 says that the case does not apply.
            let good = matches!(output.status.code(), Some(0 | 77));
            println!("{program:<8} {name:<40} {}", if good { "ok" } else { "FAILED" });
            if !good || args.verbose {
                println!("{}", String::from_utf8_lossy(&output.stdout));
                failed += usize::from(!good);
            }
        }
    }
    if failed > 0 {
        bail!("{failed} varnishtest runs failed");
    }
    Ok(())
}

fn all() -> anyhow::Result<Vec<PathBuf>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(root().join("tests/vtc"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "vtc") {
            cases.push(path);
        }
    }
    cases.sort();
    Ok(cases)
}
