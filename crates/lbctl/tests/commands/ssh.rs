//! Sockets of other hosts: through the system's ssh and a real sshd on this one, with throw-away keys.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use expect_test::expect;

use crate::support::Engine;

on_both! {
    everything_goes_through_ssh,
}

/// A running sshd; it ends when dropped.
struct Sshd {
    child: Child,
    port: u16,
    user: String,
}

const SSHD: &str = "/usr/sbin/sshd";

impl Sshd {
    /// Starts one with keys of its own in an engine's directory; `None`, and a loud word, where it is not installed.
    fn start(engine: &Engine) -> Option<Self> {
        if !Path::new(SSHD).exists() || !Path::new("/usr/bin/ssh").exists() {
            let _ = writeln!(std::io::stderr(), "SKIPPED: openssh is not installed; nothing was tested through it");
            return None;
        }
        // Where root starts it, it wants this directory, which its service makes.
        if nix::unistd::geteuid().is_root() {
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).unwrap().unwrap().name;
        let dir = engine.path("");
        let dir = dir.display().to_string().trim_end_matches('/').to_owned();
        for key in ["host", "user"] {
            let made =
                Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(engine.path(key)).status();
            assert!(made.unwrap().success());
        }
        std::fs::copy(engine.path("user.pub"), engine.path("authorized")).unwrap();
        let port = lb_testkit::free_port();
        let server = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {dir}/host\nAuthorizedKeysFile {dir}/authorized\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        );
        std::fs::write(engine.path("sshd_config"), server).unwrap();
        let key = std::fs::read_to_string(engine.path("host.pub")).unwrap();
        std::fs::write(engine.path("known"), format!("[127.0.0.1]:{port} {key}")).unwrap();
        let client = format!(
            "BatchMode yes\nIdentitiesOnly yes\nIdentityFile {dir}/user\nUserKnownHostsFile {dir}/known\n\
             StrictHostKeyChecking yes\n"
        );
        std::fs::write(engine.path("ssh_config"), client).unwrap();
        // ssh finds its settings by the user's home in the system's list, not by $HOME.
        std::fs::create_dir_all(engine.path("bin")).unwrap();
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F {dir}/ssh_config \"$@\"\n");
        std::fs::write(engine.path("bin/ssh"), script).unwrap();
        std::fs::set_permissions(engine.path("bin/ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let log = std::fs::File::create(engine.path("sshd.log")).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f"])
            .arg(engine.path("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let sshd = Self { child, port, user };
        lb_testkit::until("sshd to listen", || TcpStream::connect(("127.0.0.1", port)).ok()).unwrap();
        Some(sshd)
    }

    /// An engine's socket as it is named from afar.
    fn address(&self, engine: &Engine, socket: &str) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, engine.path(socket).display())
    }

    fn normal(&self, text: &str) -> String {
        text.replace(&format!("{}@", self.user), "<user>@").replace(&self.port.to_string(), "<ssh>")
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn everything_goes_through_ssh(engine: &Engine) {
    let Some(sshd) = Sshd::start(engine) else { return };
    let lbctl = |socket: &str, words: &str| {
        let address = sshd.address(engine, socket);
        let mut command = engine.lbctl(&["-s", &address]);
        command.args(words.split(' ')).env("PATH", format!("{}:/usr/bin:/bin", engine.path("bin").display()));
        let told = sshd.normal(&engine.told(&command.output().unwrap()));
        let log = || std::fs::read_to_string(engine.path("sshd.log")).unwrap();
        assert!(socket != "admin.sock" || !told.contains("--- exit 3"), "{told}\n{}", log());
        told
    };
    assert_eq!(lbctl("admin.sock", "raw show cli level"), "admin\n\n--- exit 0\n");
    assert_eq!(
        lbctl("admin.sock", "drain app/web1 app/web2 --yes"),
        "app/web1: draining\napp/web2: draining\n--- exit 0\n"
    );
    expect![[r#"
        SERVER  STATUS
        app/web1  DRAIN
        app/web2  DRAIN
        --- exit 0
    "#]]
    .assert_eq(&lbctl("admin.sock", "show servers app/web1 app/web2 --columns server,status"));
    // A large answer comes whole.
    let direct = engine.lbctl(&["show", "stat", "--columns", "type", "-o", "csv"]).output().unwrap();
    assert_eq!(lbctl("admin.sock", "show stat --columns type -o csv"), engine.told(&direct));
    expect![[r#"
        app/web1: draining already
        --- exit 0
    "#]]
    .assert_eq(&lbctl("user.sock", "drain app/web1"));
    // The other end is not there, and the host is not the one that is known.
    let told = lbctl("gone.sock", "show info");
    assert!(told.contains("is there such a socket on that host") && told.ends_with("--- exit 3\n"), "{told}");
    std::fs::write(engine.path("known"), "").unwrap();
    let told = lbctl("user.sock", "show info");
    assert!(told.contains("Host key verification failed") && told.ends_with("--- exit 3\n"), "{told}");
}
