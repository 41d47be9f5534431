//! Debian packages that suites use: installed when that is possible, named when it is not.
//!
//! Nothing here starts, stops or configures a service: packages that bring one are installed while a policy
//! forbids starting it.

use crate::chore::{is_installed, succeed};
use anyhow::{Context, bail};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

/// A package, a program it brings, and what cannot run without it.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("haproxy", "haproxy", "every comparison with HAProxy"),
    ("socat", "socat", "scripts over the admin socket"),
    ("nginx-light", "nginx", "drain cycles, kills and benchmarks"),
    ("wrk", "wrk", "drain cycles, kills and benchmarks"),
    ("nghttp2-client", "h2load", "benchmarks"),
    ("varnish", "varnishtest", "the varnishtest cases"),
    ("hatop", "hatop", "hatop on lbd's socket"),
    ("tmux", "tmux", "hatop on lbd's socket"),
    ("python3-pip", "pip3", "haproxytool on lbd's socket"),
    ("ansible-core", "ansible", "Ansible's haproxy module on lbd's socket"),
    ("prometheus-haproxy-exporter", "prometheus-haproxy-exporter", "the Prometheus exporter on lbd's socket"),
    ("redis-server", "redis-server", "checks of a real Redis"),
    ("postgresql", "pg_ctlcluster", "checks of a real PostgreSQL"),
    ("mariadb-server-core", "mariadbd", "checks of a real MariaDB"),
    ("mariadb-client-core", "my_print_defaults", "checks of a real MariaDB"),
    ("slapd", "slapd", "checks of a real LDAP directory"),
    ("exim4-daemon-light", "exim4", "checks of a real mail server"),
    ("openssl", "openssl", "checks of secured servers"),
    ("curl", "curl", "scripts over HTTP"),
    ("etcd-server", "etcd", "rolls that agree through etcd"),
    ("chromium", "chromium", "the status page in a browser"),
    ("chromium-driver", "chromedriver", "the status page in a browser"),
    ("openssh-server", "sshd", "sockets of other hosts through ssh"),
    ("openssh-client", "ssh", "sockets of other hosts through ssh"),
    ("zsh", "zsh", "completion in zsh"),
    ("fish", "fish", "completion in fish"),
    ("prometheus", "prometheus", "scrapes by Prometheus, and promtool's judgement"),
    ("apache2", "apache2", "a configuration of httpd beside its conversion"),
    ("dnsmasq-base", "dnsmasq", "resolution of names at run time"),
    ("iproute2", "ip", "network namespaces and congestion control"),
];

/// Asked by Debian's tools before they start a service; status 101 forbids it.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Written by `cargo xtask test` while it installs packages; may be removed.\nexit 101\n";

/// Installs what is missing where root may, and returns a line for each suite that will be skipped.
pub fn prepare(may_install: bool) -> Vec<String> {
    let missing = missing();
    if !missing.is_empty() && may_install {
        let names: Vec<_> = missing.iter().map(|(package, ..)| *package).collect();
        eprintln!("installing {}", names.join(" "));
        if !nix::unistd::geteuid().is_root() {
            eprintln!("not installed: only root may");
        } else if !is_installed("apt-get") {
            eprintln!("not installed: there is no apt-get on this system");
        } else if let Err(error) = install(&names) {
            eprintln!("not installed: {error:#}");
        }
    }
    self::missing()
        .iter()
        .map(|(package, program, what)| format!("{what}: {program} is missing (apt-get install {package})"))
        .collect()
}

fn missing() -> Vec<&'static (&'static str, &'static str, &'static str)> {
    PACKAGES.iter().filter(|(_, program, _)| !is_installed(program)).collect()
}

fn install(packages: &[&'static str]) -> anyhow::Result<()> {
    let _policy = Policy::establish()?;
    let apt = |arguments: &[&'static str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-y", "-o", "DPkg::Lock::Timeout=60"]).args(arguments);
        succeed(command.env("DEBIAN_FRONTEND", "noninteractive").env("NEEDRESTART_MODE", "l").stdout(Stdio::null()))
    };
    apt(&["update"])?;
    // Nothing is taken away for it: a machine keeps its own mail server.
    let names = |packages: &[&'static str]| [&["install", "--no-install-recommends", "--no-remove"], packages].concat();
    if apt(&names(packages)).is_err() {
        // One package that a release lacks must not keep the others out.
        for package in packages {
            apt(&names(&[*package])).unwrap_or_else(|error| eprintln!("{error:#}"));
        }
    }
    Ok(())
}

/// While this lives, installing a package starts no service.
struct Policy {
    is_ours: bool,
}

impl Policy {
    fn establish() -> anyhow::Result<Self> {
        match fs::read_to_string(POLICY) {
            // Left over by a run that was killed.
            Ok(text) if text == POLICY_TEXT => Ok(Self { is_ours: true }),
            Ok(_) => {
                let status = Command::new(POLICY).args(["haproxy", "start"]).status().context(POLICY)?;
                if status.code() != Some(101) {
                    bail!("{POLICY} would let the packages' services be started");
                }
                Ok(Self { is_ours: false })
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let policy = Self { is_ours: true };
                fs::write(POLICY, POLICY_TEXT).context(POLICY)?;
                fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755)).context(POLICY)?;
                Ok(policy)
            }
            Err(error) => Err(error).context(POLICY),
        }
    }
}

impl Drop for Policy {
    fn drop(&mut self) {
        if self.is_ours {
            let _ = fs::remove_file(POLICY);
        }
    }
}
