//! The load generator `wrk`, and nginx as origin.

use anyhow::{Context, bail};
use lb_testkit::{free_port, process, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::io::Read;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// What a run of wrk reports.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Requests answered.
    pub requests: u64,
    /// Requests in a second.
    pub per_second: f64,
    /// Responses that are neither 2xx nor 3xx.
    pub bad_statuses: u64,
    /// Errors of connect, read, write, and timeouts, together.
    pub socket_errors: u64,
}

impl Report {
    /// Reads wrk's own words.
    fn parse(text: &str) -> anyhow::Result<Report> {
        let mut report = Report::default();
        for line in text.lines().map(str::trim) {
            if let Some((count, _)) = line.split_once(" requests in ") {
                report.requests = count.trim().parse()?;
            } else if let Some(rate) = line.strip_prefix("Requests/sec:") {
                report.per_second = rate.trim().parse()?;
            } else if let Some(count) = line.strip_prefix("Non-2xx or 3xx responses:") {
                report.bad_statuses = count.trim().parse()?;
            } else if let Some(errors) = line.strip_prefix("Socket errors:") {
                report.socket_errors =
                    errors.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok()).sum();
            }
        }
        if report.requests == 0 {
            bail!("wrk reports no request: {text}");
        }
        Ok(report)
    }

    /// Whether every request was answered as it should.
    pub fn is_clean(&self) -> bool {
        self.bad_statuses == 0 && self.socket_errors == 0
    }
}

fn wrk(address: SocketAddr, connections: usize, seconds: u64, processor: Option<usize>) -> Command {
    let mut command = pinned("wrk", processor);
    command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--timeout", "10s"]);
    command.arg(format!("http://{address}/"));
    command
}

fn pinned(program: &str, processor: Option<usize>) -> Command {
    match processor {
        Some(processor) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &processor.to_string(), program]);
            command
        }
        None => Command::new(program),
    }
}

/// A finished run over kept connections.
///
/// # Errors
/// When wrk is missing or reports nothing.
pub fn load(address: SocketAddr, connections: usize, seconds: u64, processor: Option<usize>) -> anyhow::Result<Report> {
    let output = wrk(address, connections, seconds, processor).output().context("starting wrk")?;
    Report::parse(&String::from_utf8_lossy(&output.stdout))
}

/// A run that goes on until it is told to stop.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts one.
    ///
    /// # Errors
    /// When wrk is missing.
    pub fn start(address: SocketAddr, connections: usize) -> anyhow::Result<Running> {
        let mut command = wrk(address, connections, 24 * 3600, None);
        Ok(Running(command.stdout(Stdio::piped()).spawn().context("starting wrk")?))
    }

    /// Ends it and reads its report.
    ///
    /// # Errors
    /// When it reports nothing.
    pub fn stop(mut self) -> anyhow::Result<Report> {
        // An interrupt makes wrk finish and report.
        kill(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGINT)?;
        let mut text = String::new();
        if let Some(mut output) = self.0.stdout.take() {
            output.read_to_string(&mut text)?;
        }
        self.0.wait()?;
        Report::parse(&text)
    }
}

impl Drop for Running {
    /// A run that is given up does not go on without anybody.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// nginx with one worker, answering every request with a few bytes on several ports.
#[derive(Debug)]
pub struct Nginx {
    child: Child,
    dir: TempDir,
    ports: Vec<u16>,
    processor: Option<usize>,
}

/// Who called and when, in seconds: a line for each request.
const ARRIVALS: &str = "$server_addr $msec";

impl Nginx {
    /// Starts it with `count` ports.
    ///
    /// # Errors
    /// When it is missing or does not listen.
    pub fn start(count: usize, processor: Option<usize>) -> anyhow::Result<Nginx> {
        Self::launch("127.0.0.1", count, processor, "access_log off;")
    }

    /// Starts it on all addresses of one port; it writes down which of them was asked when.
    ///
    /// # Errors
    /// As [`Nginx::start`].
    pub fn recording(processor: Option<usize>) -> anyhow::Result<Nginx> {
        let log = format!("log_format arrivals '{ARRIVALS}'; access_log {{at}}/arrivals arrivals buffer=64k;");
        Self::launch("0.0.0.0", 1, processor, &log)
    }

    /// What was written down: addresses and seconds.
    ///
    /// # Errors
    /// When nothing was.
    pub fn arrivals(&self) -> anyhow::Result<Vec<(String, f64)>> {
        let text = std::fs::read_to_string(self.dir.path().join("arrivals"))?;
        let read = |line: &str| {
            let (address, at) = line.split_once(' ')?;
            Some((address.to_owned(), at.parse().ok()?))
        };
        Ok(text.lines().filter_map(read).collect())
    }

    fn launch(address: &str, count: usize, processor: Option<usize>, log: &str) -> anyhow::Result<Nginx> {
        let dir = tempfile::Builder::new().prefix("lb-nginx-").tempdir()?;
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let servers: String = ports
            .iter()
            .map(|port| format!("server {{ listen {address}:{port} backlog=4096; location / {{ return 200 \"hello from nginx\\n\"; }} }}\n"))
            .collect();
        let at = dir.path().display();
        let log = log.replace("{at}", &at.to_string());
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr crit;\n\
             events {{ worker_connections 8192; }}\n\
             http {{ {log} keepalive_requests 1000000000; keepalive_timeout 3600s;\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n{servers}}}\n"
        );
        std::fs::write(dir.path().join("nginx.conf"), config)?;
        let child = spawn(&dir, processor)?;
        let nginx = Nginx { child, dir, ports, processor };
        nginx.await_listening()?;
        Ok(nginx)
    }

    fn await_listening(&self) -> anyhow::Result<()> {
        until("nginx to listen", || {
            let listening = process::listening_ports();
            self.ports.iter().all(|port| listening.contains(port)).then_some(())
        })
    }

    /// Ends it as a crash would: nothing is finished.
    ///
    /// # Errors
    /// The system's.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again on its ports after [`Nginx::kill`].
    ///
    /// # Errors
    /// When it does not listen.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.child = spawn(&self.dir, self.processor)?;
        self.await_listening()
    }

    /// Where it listens.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port)))
    }
}

fn spawn(dir: &TempDir, processor: Option<usize>) -> anyhow::Result<Child> {
    let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|p| std::path::Path::new(p).is_file());
    pinned(program.context("nginx is missing (apt-get install nginx-light)")?, processor)
        .args(["-e", "stderr", "-c"])
        .arg(dir.path().join("nginx.conf"))
        .stdout(Stdio::null())
        .spawn()
        .context("starting nginx")
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
        let _ = lb_testkit::wait::until_within(Duration::from_secs(5), "nginx's end", || {
            self.child.try_wait().ok().flatten()
        });
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read() {
        let text = "Running 1s test @ http://127.0.0.1:1/\n  1 threads and 2 connections\n  90210 requests in 1.10s, 13.85MB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 7\nRequests/sec:  82009.09\nTransfer/sec:     12.59MB\n";
        let report = Report::parse(text).unwrap();
        assert_eq!(report, Report { requests: 90_210, per_second: 82_009.09, bad_statuses: 7, socket_errors: 6 });
        assert!(!report.is_clean());
        assert!(Report::parse("unable to connect").is_err());
    }
}
