//! Debian packages that suites use: installed when that is possible, named when it is not.

use crate::chore::is_installed;
use std::process::{Command, Stdio};

/// A package, a program it brings, and what cannot run without it.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("haproxy", "haproxy", "every comparison with HAProxy"),
    ("socat", "socat", "scripts over the admin socket"),
    ("nginx-light", "nginx", "drain cycles and benchmarks"),
    ("wrk", "wrk", "drain cycles and benchmarks"),
    ("varnish", "varnishtest", "the varnishtest cases"),
    ("hatop", "hatop", "hatop on lbd's socket"),
    ("tmux", "tmux", "hatop on lbd's socket"),
    ("prometheus-haproxy-exporter", "prometheus-haproxy-exporter", "the Prometheus exporter on lbd's socket"),
    ("curl", "curl", "scripts over HTTP"),
];

/// Installs what is missing where root may, and returns a line for each suite that will be skipped.
pub fn prepare(may_install: bool) -> Vec<String> {
    let missing = missing();
    if !missing.is_empty() && may_install && nix::unistd::geteuid().is_root() && is_installed("apt-get") {
        install(&missing.iter().map(|(package, ..)| *package).collect::<Vec<_>>());
    }
    self::missing()
        .iter()
        .map(|(package, program, what)| format!("{what}: {program} is missing (apt-get install {package})"))
        .collect()
}

fn missing() -> Vec<&'static (&'static str, &'static str, &'static str)> {
    PACKAGES.iter().filter(|(_, program, _)| !is_installed(program)).collect()
}

/// Failure shows by what is still missing afterwards.
fn install(packages: &[&str]) {
    eprintln!("installing {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-o", "DPkg::Lock::Timeout=60"]).args(arguments);
        // Packages of servers must not start them.
        command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdout(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let names: Vec<&str> =
        ["install", "-y", "--no-install-recommends"].into_iter().chain(packages.iter().copied()).collect();
    if !apt(&names) && apt(&["update"]) {
        apt(&names);
    }
}
