//! The package on a running system: a directory of Debian is booted with its own systemd, in namespaces of its own, and
//! the unit is started, reloaded, broken and stopped.

use super::tree;
use anyhow::{Context, ensure};
use lb_testkit::until;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Makes the directory the root of a new system and starts its first process.
const BOOT: &str = r#"
set -e
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero full random urandom tty; do touch dev/$node; mount --bind /dev/$node dev/$node; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ip link set lo up
mkdir run/outside
pivot_root . run/outside
umount -l /run/outside
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=journal --show-status=0
"#;

/// The page that the configuration answers with, as the running system gets it.
const GET: &str = "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && tail -n 1 <&3";

/// The worker's number.
const WORKER: &str = "cat /proc/$(cat /run/lbd/lbd.pid)/task/*/children | tr -d ' '";

/// A booted directory. It is shut down when this is dropped.
struct Machine {
    outside: Child,
    /// Its first process, as seen from here.
    first: u32,
}

impl Machine {
    fn boot(root: &Path) -> anyhow::Result<Machine> {
        let namespaces = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup", "--kill-child"];
        let outside = Command::new("unshare")
            .args(namespaces)
            .args(["/bin/bash", "-c", BOOT])
            .env("ROOT", root)
            .stdin(Stdio::null())
            .spawn()
            .context("starting unshare")?;
        let mut machine = Machine { outside, first: 0 };
        machine.first = until("the first process", || lb_testkit::process::children(machine.outside.id()).pop())?;
        until("a running system", || {
            let state = machine.say("systemctl is-system-running").ok()?;
            // Parts of a system that a container lacks may have failed: it runs all the same.
            ["running", "degraded"].contains(&state.as_str()).then_some(())
        })?;
        Ok(machine)
    }

    fn run(&self, line: &str) -> anyhow::Result<Output> {
        let namespaces = ["-m", "-p", "-u", "-i", "-n", "-C", "-r", "-w"];
        Command::new("nsenter")
            .args(["-t", &self.first.to_string()])
            .args(namespaces)
            .args(["--", "/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "/bin/bash", "-c", line])
            .stdin(Stdio::null())
            .output()
            .context("starting nsenter")
    }

    /// What a command prints, whatever its exit status.
    fn say(&self, line: &str) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.run(line)?.stdout).trim().to_owned())
    }

    fn succeed(&self, line: &str) -> anyhow::Result<String> {
        let output = self.run(line)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let journal = || self.say("journalctl --no-pager -u lbd | tail -n 20").unwrap_or_default();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        ensure!(output.status.success(), "`{line}` failed: {out}{err}\n{}", journal());
        Ok(out)
    }

    /// Waits until a command prints what is expected.
    fn expect(&self, line: &str, expected: &str) -> anyhow::Result<()> {
        let mut said = String::new();
        until(line, || {
            said = self.say(line).ok()?;
            (said == expected).then_some(())
        })
        .with_context(|| format!("it prints '{said}', not '{expected}'"))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // `unshare --kill-child` takes the first process with it, and the kernel all others of its namespace.
        let _ = self.outside.kill();
        let _ = self.outside.wait();
    }
}

/// Installs the package there, drives its unit as an operator would, and removes it.
///
/// # Errors
/// When anything fails.
pub fn drive(root: &Path, deb: &Path) -> anyhow::Result<()> {
    let machine = Machine::boot(root)?;
    tree::copy(deb, &root.join("lbd.deb"), 0o644)?;
    machine.succeed("DEBIAN_FRONTEND=noninteractive dpkg --install /lbd.deb")?;
    std::fs::remove_file(root.join("lbd.deb"))?;
    machine.expect("systemctl is-active lbd", "active")?;
    let page = |text: &str| {
        format!(
            "printf 'frontend web\\n    bind 127.0.0.1:8080\\n    http-request return status 200 \
             content-type text/plain string {text}\\n' >> /etc/lbd/lbd.cfg"
        )
    };
    machine.succeed(&page("one"))?;
    machine.succeed("systemctl reload lbd")?;
    machine.expect(GET, "one")?;
    let master = machine.succeed("systemctl show --value -p MainPID lbd")?;
    // The worker is nobody's: without root, capabilities and files.
    let uid = machine.succeed("id -u lbd")?;
    let status = |key: &str| format!("awk '/^{key}:/ {{ print $2 }}' /proc/$({WORKER})/status");
    machine.expect(&status("Uid"), &uid)?;
    machine.expect(&status("CapEff"), "0000000000000000")?;
    machine.expect(&status("NoNewPrivs"), "1")?;
    machine.expect(&format!("readlink /proc/$({WORKER})/root"), "/var/lib/lbd")?;
    machine.succeed("sed -i 's/string one/string two/' /etc/lbd/lbd.cfg && systemctl reload lbd")?;
    machine.expect(GET, "two")?;
    machine.expect("systemctl show --value -p MainPID lbd", &master)?;
    // Others may not operate it.
    let refused = machine.run("su -s /bin/sh nobody -c 'lbctl -s /run/lbd/admin.sock show info'")?;
    ensure!(refused.status.code() == Some(3), "another user was let in: {refused:?}");
    machine.succeed("lbctl -s /run/lbd/admin.sock show info")?;
    // A faulty file is refused with its reason, and changes nothing.
    machine.succeed("echo bogus >> /etc/lbd/lbd.cfg")?;
    ensure!(!machine.run("systemctl reload lbd")?.status.success(), "a faulty file was reloaded");
    machine.succeed("journalctl --no-pager -u lbd | grep -q \"unknown keyword 'bogus'\"")?;
    machine.expect(GET, "two")?;
    machine.succeed("sed -i '$d' /etc/lbd/lbd.cfg")?;
    // A worker that dies takes its master along, and systemd starts both again.
    machine.succeed(&format!("kill -9 $({WORKER})"))?;
    machine.expect("systemctl show --value -p NRestarts lbd", "1")?;
    machine.expect(GET, "two")?;
    machine.succeed("systemctl stop lbd")?;
    machine.expect("systemctl is-active lbd", "inactive")?;
    machine.succeed("dpkg --purge lbd")?;
    println!("booted, installed, reloaded, broken, restarted, stopped and purged under systemd in {}", root.display());
    Ok(())
}
