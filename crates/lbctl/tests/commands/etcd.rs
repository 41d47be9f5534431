//! Rolls of several machines that agree through a running etcd on who acts.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use expect_test::expect;

use crate::support::Engine;

/// A running etcd; it ends when dropped.
struct Etcd {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Etcd {
    /// Starts one; `None`, and a loud word, where it is not installed.
    fn start() -> Option<Self> {
        Self::start_with("http", |_| Vec::new())
    }

    /// Starts one that clients reach by a scheme; `prepare` makes files in its directory and gives the arguments.
    fn start_with(scheme: &str, prepare: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        let program = std::env::var("LB_TEST_ETCD").unwrap_or_else(|_| "/usr/bin/etcd".into());
        let dir = tempfile::tempdir().unwrap();
        let (port, peers) = (lb_testkit::free_port(), lb_testkit::free_port());
        let (client, peer) = (format!("{scheme}://127.0.0.1:{port}"), format!("http://127.0.0.1:{peers}"));
        let child = Command::new(program)
            .args(["--listen-client-urls", &client, "--advertise-client-urls", &client, "--listen-peer-urls", &peer])
            .args(["--initial-advertise-peer-urls", &peer, "--initial-cluster", &format!("default={peer}")])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args(prepare(dir.path()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let Ok(child) = child else {
            let _ = writeln!(std::io::stderr(), "SKIPPED: etcd is not installed; nothing was tested against it");
            return None;
        };
        let etcd = Self { child, port, dir };
        lb_testkit::until("etcd to listen", || TcpStream::connect(("127.0.0.1", port)).ok()).unwrap();
        Some(etcd)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn one_roll_at_a_time_on_all_machines() {
    let (Some(engine), Some(etcd)) = (Engine::start_lbd(), Etcd::start()) else { return };
    let context = format!(
        "[contexts.prod]\netcd = ['http://127.0.0.1:1', 'http://127.0.0.1:{}']\n[contexts.prod.nodes]\nlb1 = '{}'\n",
        etcd.port,
        engine.path("admin.sock").display()
    );
    std::fs::write(engine.path(".lbctl.toml"), context).unwrap();
    let lbctl = |state: &str, words: &[&str]| {
        let mut command = engine.lbctl(&["--context", "prod"]);
        command.args(words).env("LBCTL_STATE", engine.path(state)).env("USER", "op");
        command
    };
    let exec = "touch \"$HOME/begun\"; while [ ! -e \"$HOME/go\" ]; do sleep 0.05; done";
    let mut first = lbctl("here", &["roll", "app/web1", "--exec", exec]);
    let mut first = first.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    lb_testkit::until("the first to be at work", || engine.path("begun").exists().then_some(())).unwrap();
    // Another machine has a state directory of its own.
    let told = engine.told(&lbctl("there", &["roll", "app/web2"]).output().unwrap());
    let host = nix::unistd::gethostname().unwrap();
    let told = told.replace(&*host.to_string_lossy(), "<host>");
    expect![[r#"
        --- stderr
        error: roll/app is held by op@<host> (roll 1 in $DIR/here/rolls)
        hint: nothing was changed; who is killed lets go within seconds
        --- exit 6
    "#]]
    .assert_eq(&told);
    // Who is killed takes up its own claim again, at once.
    first.kill().unwrap();
    first.wait().unwrap();
    std::fs::write(engine.path("go"), "").unwrap();
    assert_eq!(lbctl("here", &["roll", "--resume", "1"]).status().unwrap().code(), Some(0));
    // And lets go at its end.
    assert_eq!(lbctl("there", &["roll", "app/web2"]).status().unwrap().code(), Some(0));
    // A lease that one machine took is reaped by another.
    assert_eq!(lbctl("here", &["drain", "app/web1", "--lease", "1s"]).status().unwrap().code(), Some(0));
    let listed = engine.told(&lbctl("there", &["lease", "list", "-o", "name"]).output().unwrap());
    assert_eq!(listed, "app/web1\n--- exit 0\n");
    lb_testkit::until("the lease to expire", || {
        let output = lbctl("there", &["lease", "reap"]).output().unwrap();
        (engine.told(&output) == "app/web1: ready and running\n--- exit 0\n").then_some(())
    })
    .unwrap();
    assert_eq!(engine.told(&lbctl("here", &["lease", "list", "-o", "name"]).output().unwrap()), "--- exit 0\n");
    drop(etcd);
    let told = engine.told(&lbctl("there", &["roll", "app/web2"]).output().unwrap());
    assert!(told.contains("etcd does not answer") && told.ends_with("exit 3\n"), "{told}");
}

/// A throw-away authority, and certificates of it for the server and for a client. The server's is good for a client
/// too: its gateway is one.
fn certificates(dir: &Path) -> Vec<String> {
    let script = "set -e
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=authority -keyout ca.key -out ca.pem
        printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' > ext
        for who in server client; do
            openssl req -newkey rsa:2048 -nodes -subj /CN=$who -keyout $who.key -out $who.csr
            openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out $who.pem
        done";
    let made =
        Command::new("sh").args(["-c", script]).current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(made.unwrap().success());
    let file = |name: &str| dir.join(name).display().to_string();
    let options = [("--cert-file", "server.pem"), ("--key-file", "server.key"), ("--trusted-ca-file", "ca.pem")];
    let mut arguments: Vec<String> =
        options.iter().flat_map(|(option, name)| [(*option).to_owned(), file(name)]).collect();
    arguments.push("--client-cert-auth".to_owned());
    arguments
}

#[test]
fn secured_with_certificates_of_both_sides() {
    let (Some(engine), Some(etcd)) = (Engine::start_lbd(), Etcd::start_with("https", certificates)) else { return };
    std::fs::create_dir(engine.path("tls")).unwrap();
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::copy(etcd.dir.path().join(name), engine.path("tls").join(name)).unwrap();
    }
    let drain = |etcd_setting: &str| {
        let nodes = format!("nodes = {{ lb1 = '{}' }}", engine.path("admin.sock").display());
        let text = format!("[contexts.prod]\n{nodes}\netcd = {{ {etcd_setting} }}\n");
        std::fs::write(engine.path(".lbctl.toml"), text).unwrap();
        let told =
            engine.told(&engine.lbctl(&["--context", "prod", "drain", "app/web1", "--lease", "1h"]).output().unwrap());
        told.replace(&etcd.port.to_string(), "<etcd>")
    };
    let endpoint = format!("endpoints = ['https://127.0.0.1:{}']", etcd.port);
    let both = "cert = 'tls/client.pem', key = 'tls/client.key'";
    // Files are named from where the settings' file is.
    let told = drain(&format!("{endpoint}, ca = 'tls/ca.pem', {both}"));
    assert!(told.starts_with("app/web1: draining") && told.ends_with("--- exit 0\n"), "{told}");
    assert_eq!(engine.run("--context prod lease list -o name"), 0);
    assert_eq!(engine.run("ready app/web1"), 0);
    for (setting, why) in [
        (format!("{endpoint}, ca = 'tls/ca.pem'"), "certificate"),
        (format!("{endpoint}, {both}"), "certificate"),
        (format!("{endpoint}, ca = 'tls/none.pem', {both}"), "none.pem"),
        (endpoint.replace("https", "http"), "etcd does not answer"),
    ] {
        let told = drain(&setting);
        assert!(told.to_lowercase().contains(why) && told.ends_with("--- exit 3\n"), "{setting}: {told}");
        // Without the lease nothing is out.
        assert!(told.starts_with("--- stderr\nerror: etcd does not answer"), "{told}");
    }
    let status = engine.lbctl(&["show", "servers", "app/web1", "--columns", "status", "-o", "csv"]).output().unwrap();
    assert_eq!(engine.told(&status), "status\nno check\n--- exit 0\n");
}
