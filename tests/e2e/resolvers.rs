//! Names of servers that are followed while traffic flows, answered by dnsmasq.

use crate::check_eq;
use crate::support::{HEAD, both};
use anyhow::{Context, Result};
use lb_testkit::{Engine, Launch, Program, free_port, until};
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// dnsmasq, with a file of hosts that may be changed.
struct Dns {
    child: Child,
    port: u16,
    dir: TempDir,
}

impl Dns {
    /// `None` where it is not installed.
    fn start(hosts: &str) -> Result<Option<Dns>> {
        let Some(program) = ["/usr/sbin/dnsmasq", "/usr/bin/dnsmasq"].into_iter().find(|p| PathBuf::from(p).is_file())
        else {
            eprintln!("skipped: dnsmasq is missing (apt-get install dnsmasq-base)");
            return Ok(None);
        };
        let dir = tempfile::Builder::new().prefix("lb-dns-").tempdir()?;
        std::fs::write(dir.path().join("hosts"), hosts)?;
        let port = free_port();
        let child = Command::new(program)
            .args(["--keep-in-foreground", "--conf-file=/dev/null", "--listen-address=127.0.0.1", "--bind-interfaces"])
            .args(["--no-resolv", "--no-hosts", "--local=/test/", "--user=root", "--pid-file="])
            .args(["--srv-host=_http._tcp.test,web.test,8090,0,1000", "--log-facility=-"])
            .arg(format!("--port={port}"))
            .arg(format!("--addn-hosts={}", dir.path().join("hosts").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting dnsmasq")?;
        until("dnsmasq's port", || UdpSocket::bind(("127.0.0.1", port)).is_err().then_some(()))?;
        Ok(Some(Dns { child, port, dir }))
    }

    fn set(&self, hosts: &str) -> Result<()> {
        std::fs::write(self.dir.path().join("hosts"), hosts)?;
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        Ok(nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGHUP)?)
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(engine: &Engine, dns: &Dns, body: &str) -> Result<Program> {
    Launch::new(engine)?.set("dns", dns.port).start(&format!(
        "{HEAD}    default-server init-addr none resolvers r resolve-prefer ipv4\n\
         resolvers r\n    nameserver n1 127.0.0.1:{{dns}}\n    timeout resolve 50ms\n    timeout retry 100ms\n    \
         hold nx 100ms\n    hold timeout 100ms\n    hold refused 100ms\n    hold other 100ms\n\
         frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n{body}"
    ))
}

/// Address, administrative state, name and port of each server.
fn servers(program: &Program) -> Option<Vec<String>> {
    let table = program.admin().ask("show servers state").ok()?;
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(' ').collect();
        let cell = |at: usize| cells.get(at).copied();
        Some([cell(3)?, cell(4)?, cell(6)?, cell(17)?, cell(18)?].join(" "))
    };
    Some(table.lines().filter(|line| line.contains(" app ")).filter_map(row).collect())
}

fn await_servers(program: &Program, wanted: impl Fn(&[String]) -> bool) -> Result<Vec<String>> {
    let mut last = Vec::new();
    until("the servers' addresses", || {
        last = servers(program)?;
        wanted(&last).then_some(())
    })
    .with_context(|| format!("the last were {last:#?}"))?;
    Ok(last)
}

#[test]
fn servers_follow_their_name() {
    both(|engine| {
        let Some(dns) = Dns::start("127.0.0.11 web.test\n127.0.0.12 web.test\n")? else { return Ok(()) };
        let program = program(
            engine,
            &dns,
            "    server a web.test:8081\n    server b web.test:8081\n    server c web.test:8081\n    server d nope.test:80\n",
        )?;
        let found = await_servers(&program, |rows| {
            rows.iter().filter(|row| row.contains(" 127.0.0.1") && row.contains(" 0 web.test 8081")).count() == 2
        })?;
        // Two addresses are enough for two of the servers.
        check_eq!(found.iter().filter(|row| row.contains("- 32 web.test 8081")).count(), 1);
        check_eq!(found.contains(&"d - 32 nope.test 80".to_owned()), true, "{found:?}");
        check_eq!(program.admin().stat("app", "d", "status")?, "MAINT (resolution)");

        dns.set("127.0.0.13 web.test\n")?;
        await_servers(&program, |rows| rows.iter().filter(|row| row.contains(" 127.0.0.13 0 ")).count() == 1)?;
        dns.set("")?;
        await_servers(&program, |rows| rows.iter().all(|row| row.contains(" - 32 ")))?;
        dns.set("127.0.0.14 other.test\n")?;
        let answer = program.admin().ask("set server app/a fqdn other.test")?;
        check_eq!(answer.trim(), "app/a changed its FQDN from web.test to other.test by 'stats socket command'");
        await_servers(&program, |rows| rows.contains(&"a 127.0.0.14 64 other.test 8081".to_owned()))?;
        drop(dns);
        await_servers(&program, |rows| rows.iter().all(|row| row.contains(" - ")))?;
        Ok(())
    });
}

#[test]
fn a_template_takes_the_services_of_srv_records() {
    both(|engine| {
        let Some(dns) = Dns::start("127.0.0.21 web.test\n")? else { return Ok(()) };
        let program = program(engine, &dns, "    server-template w 3 _http._tcp.test\n")?;
        let found = await_servers(&program, |rows| rows.iter().any(|row| row.contains(" 127.0.0.21 ")))?;
        check_eq!(found, ["w1 127.0.0.21 64 web.test 8090", "w2 - 32 - 0", "w3 - 32 - 0"]);
        check_eq!(program.admin().ask("get weight app/w1")?.trim(), "4 (initial 1)");
        dns.set("")?;
        await_servers(&program, |rows| rows.iter().all(|row| row.contains(" - ")))?;
        Ok(())
    });
}

#[test]
fn name_servers_are_counted() {
    both(|engine| {
        let Some(dns) = Dns::start("127.0.0.11 web.test\n")? else { return Ok(()) };
        let program =
            program(engine, &dns, "    server-template t 2-3 web.test:80 weight 5\n    server d nope.test:80\n")?;
        await_servers(&program, |rows| rows.iter().any(|row| row.contains(" 127.0.0.11 0 web.test 80")))?;
        let count = |name: &str| -> Option<u64> {
            let text = program.admin().ask("show resolvers r").ok()?;
            text.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().parse().ok())
        };
        until("a name that does not exist", || (count("nx:")? > 0).then_some(()))?;
        check_eq!(count("valid:") > Some(0) && count("update:") > Some(0), true);
        let table = program.admin().ask("show stat domain resolvers")?;
        check_eq!(table.contains("\nn1,r,"), true, "{table}");
        check_eq!(program.admin().ask("show resolvers nope")?.trim(), "Can't find that resolvers section");
        Ok(())
    });
}
