//! Programs made for HAProxy's admin socket, unchanged: hatop, the Prometheus exporter, socat.

use crate::check_eq;
use crate::support::{both, simple};
use anyhow::{Context, Result};
use lb_testkit::client::get;
use lb_testkit::{Program, free_port, until};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// Whether a tool is there; says that its case is skipped when it is not.
fn has(tool: &str) -> bool {
    let found = ["/usr/bin", "/usr/sbin", "/bin"].iter().any(|dir| Path::new(dir).join(tool).is_file());
    if !found {
        eprintln!("skipped: {tool} is not installed");
    }
    found
}

/// Ends a child when the case is over.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn socket(program: &Program) -> String {
    program.dir().join("admin.sock").display().to_string()
}

#[test]
fn socat_scripts_work() {
    if !has("socat") {
        return;
    }
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        let shell = |script: &str| -> Result<String> {
            let output = Command::new("/bin/sh").args(["-c", script]).env("SOCK", socket(&program)).output()?;
            anyhow::ensure!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
            Ok(String::from_utf8(output.stdout)?)
        };
        check_eq!(shell("echo 'show stat' | socat stdio \"$SOCK\" | cut -d, -f1,2,18 | grep s1")?, "app,s1,no check\n");
        check_eq!(shell("echo 'disable server app/s1' | socat - UNIX-CONNECT:$SOCK")?, "\n");
        check_eq!(
            shell("echo 'show servers state app' | socat stdio unix-connect:$SOCK | awk '/ s1 /{print $6, $7}'")?,
            "0 1\n"
        );
        check_eq!(shell("echo 'enable server app/s1; get weight app/s1' | socat stdio $SOCK")?, "\n1 (initial 1)\n\n");
        check_eq!(shell("printf 'prompt\\nshow cli level\\nquit\\n' | socat -t5 stdio $SOCK")?, "\n> admin\n\n> ");
        let maxconn = shell("echo 'show info' | socat stdio $SOCK | sed -n 's/^Maxconn: //p'")?;
        check_eq!(maxconn, "500\n");
        Ok(())
    });
}

#[test]
fn the_prometheus_exporter_scrapes_the_socket() {
    if !has("prometheus-haproxy-exporter") {
        return;
    }
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        for _ in 0..3 {
            get(program.address("fe"), "/")?;
        }
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let _exporter = Ended(
            Command::new("prometheus-haproxy-exporter")
                .arg(format!("--haproxy.scrape-uri=unix:{}", socket(&program)))
                .arg(format!("--web.listen-address={address}"))
                .arg("--log.level=error")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("starting the exporter")?,
        );
        let metrics = until("the exporter's metrics", || get(address, "/metrics").ok())?.text();
        let value =
            |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned());
        check_eq!(value("haproxy_up "), Some("1".into()));
        check_eq!(value("haproxy_exporter_csv_parse_failures_total "), Some("0".into()));
        check_eq!(value("haproxy_server_up{backend=\"app\",server=\"s1\"} "), Some("1".into()), "{metrics}");
        check_eq!(value("haproxy_frontend_sessions_total{frontend=\"fe\"} "), Some("3".into()));
        check_eq!(
            value("haproxy_server_http_responses_total{backend=\"app\",code=\"2xx\",server=\"s1\"} "),
            Some("3".into())
        );
        check_eq!(value("haproxy_frontend_limit_sessions{frontend=\"fe\"} ").is_some(), true);
        Ok(())
    });
}

/// A terminal of its own, in a server of its own.
struct Tmux(String);

impl Tmux {
    fn start(name: &str, command: &str) -> Result<Tmux> {
        let tmux = Tmux(format!("lb-test-{}-{name}", std::process::id()));
        tmux.run(&["-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "50", command])?;
        Ok(tmux)
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let output = Command::new("tmux")
            .args(["-L", &self.0])
            .args(arguments)
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .output()?;
        Ok(output)
    }

    fn screen(&self) -> String {
        let output = self.run(&["capture-pane", "-p"]);
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    }

    fn await_words(&self, words: &[&str]) -> Result<String> {
        until(&format!("{words:?} on the screen"), || {
            let screen = self.screen();
            words.iter().all(|word| screen.contains(word)).then_some(screen)
        })
        .map_err(|error| error.context(self.screen()))
    }

    fn type_keys(&self, keys: &[&str]) -> Result<()> {
        let arguments: Vec<&str> = ["send-keys"].into_iter().chain(keys.iter().copied()).collect();
        self.run(&arguments).map(|_| ())
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        let _ = self.run(&["kill-server"]);
    }
}

#[test]
fn hatop_shows_and_changes_servers() {
    if !has("hatop") || !has("tmux") {
        return;
    }
    both(|engine| {
        let (program, _origin) = simple(engine)?;
        get(program.address("fe"), "/")?;
        let hatop = Tmux::start(engine.name(), &format!("hatop -i 1 -s {}", socket(&program)))?;
        hatop.await_words(&["FRONTEND", "BACKEND", "s1", "app"])?;
        // The fifth screen is a prompt to the socket.
        hatop.type_keys(&["5"])?;
        hatop.await_words(&["CLI"])?;
        hatop.type_keys(&["set server app/s1 state drain", "Enter"])?;
        program.admin().await_stat("app", "s1", "status", "DRAIN")?;
        hatop.type_keys(&["show servers state app", "Enter"])?;
        hatop.await_words(&["srv_op_state"])?;
        Ok(())
    });
}
