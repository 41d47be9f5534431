//! Metrics as monitoring systems take them: every scope beside HAProxy, promtool's judgement, scrapes by Prometheus.

use crate::check_eq;
use crate::support::{HEAD, both, start};
use anyhow::{Context, Result};
use lb_testkit::wait::until_within;
use lb_testkit::{Client, Engine, Origin, Program, free_port};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Prometheus is slow to start where others use the processor, too.
const PATIENCE: Duration = Duration::from_secs(120);

fn program(engine: &Engine, origin: &Origin) -> Result<Program> {
    let config = format!(
        "{HEAD}resolvers dns1\n    nameserver n1 127.0.0.1:1\n\
         frontend fe\n    bind 127.0.0.1:{{port:fe}} name front\n    bind 127.0.0.1:{{port:other}}\n    option socket-stats\n    \
         http-request track-sc0 src table seen\n    http-request use-service prometheus-exporter if {{ path /metrics }}\n    \
         default_backend app\n\
         backend app\n    stick-table type string len 20 size 1k expire 10m store gpc0\n    server s1 {{o1}} check\n    server s2 {{o1}} disabled\n\
         backend seen\n    stick-table type ip size 2k expire 10m store http_req_cnt\n"
    );
    let program = start(engine, &[("o1", origin)], &config)?;
    program.admin().await_stat("app", "s1", "check_status", "L4OK")?;
    Ok(program)
}

fn get(program: &Program, path: &str) -> Result<String> {
    Ok(Client::connect(program.address("fe"))?.get(path)?.text())
}

/// Samples without their values, and the types.
fn names(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| !line.starts_with("# HELP") && !line.contains("build_info"));
    let name = |line: &str| match line.starts_with('#') {
        true => line.to_owned(),
        false => line.rsplit_once(' ').map_or(line, |(sample, _)| sample).to_owned(),
    };
    lines.map(name).collect()
}

#[test]
fn every_scope_has_what_haproxy_has() {
    let engines = Engine::both().unwrap();
    let [subject, oracle] = engines.as_slice() else { return };
    let texts = |engine: &Engine| -> Result<Vec<(&str, String)>> {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin)?;
        let scopes = ["global", "frontend", "listener", "backend", "server", "sticktable"];
        scopes.into_iter().map(|scope| Ok((scope, get(&program, &format!("/metrics?scope={scope}"))?))).collect()
    };
    for ((scope, ours), (_, theirs)) in texts(subject).unwrap().iter().zip(&texts(oracle).unwrap()) {
        let missing: Vec<String> =
            names(theirs).difference(&names(ours)).filter(|name| !name.contains("zlib")).cloned().collect();
        assert_eq!(missing, Vec::<String>::new(), "{scope}");
        if *scope == "listener" {
            assert_eq!(names(ours), names(theirs));
        }
    }
}

#[test]
fn tables_and_name_servers_have_metrics() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let program = program(engine, &origin)?;
        let text = get(&program, "/metrics?scope=sticktable")?;
        check_eq!(text.contains("\nhaproxy_sticktable_size{name=\"app\",type=\"string\"} 1024\n"), true, "{text}");
        check_eq!(text.contains("\nhaproxy_sticktable_used{name=\"seen\",type=\"ip\"} 1\n"), true, "{text}");
        if !engine.is_haproxy {
            let text = get(&program, "/metrics?scope=resolver&metrics=haproxy_resolver_sent")?;
            check_eq!(text.contains("\nhaproxy_resolver_sent{resolver=\"dns1\",nameserver=\"n1\"} "), true, "{text}");
            check_eq!(text.contains("haproxy_resolver_valid"), false, "{text}");
        }
        Ok(())
    });
}

/// What promtool says about a scrape.
fn complaints(text: &str) -> Result<BTreeSet<String>> {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    child.stdin.take().context("its input")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect())
}

#[test]
fn promtool_finds_no_more_than_the_names_that_haproxy_has() {
    if !Path::new("/usr/bin/promtool").is_file() {
        eprintln!("skipped: promtool is missing (apt-get install prometheus)");
        return;
    }
    let engine = Engine::subject().unwrap();
    let origin = Origin::http("o1").unwrap();
    let program = program(&engine, &origin).unwrap();
    let scopes = ["global", "frontend", "listener", "backend", "server", "sticktable"].map(|s| format!("scope={s}"));
    let text = get(&program, &format!("/metrics?{}", scopes.join("&"))).unwrap();
    // The name is HAProxy's.
    let known = "haproxy_process_failed_resolutions counter metrics should have \"_total\" suffix".to_owned();
    assert_eq!(complaints(&text).unwrap(), BTreeSet::from([known]));
    // The judge does judge.
    assert!(!complaints("# TYPE a counter\na 1\na 2\n").unwrap().is_empty());
}

struct Prometheus {
    child: Child,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(target: SocketAddr) -> Result<Prometheus> {
        let dir = tempfile::Builder::new().prefix("lb-prom-").tempdir()?;
        let config = dir.path().join("prometheus.yml");
        let text = format!(
            "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: lbd\n    static_configs:\n      - targets: ['{target}']\n"
        );
        std::fs::write(&config, text)?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let child = Command::new("/usr/bin/prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Prometheus { child, address, _dir: dir })
    }

    /// The first value of an expression, if there is one yet.
    fn value(&self, expression: &str) -> Option<f64> {
        let mut client = Client::connect(self.address).ok()?;
        let text = client.get(&format!("/api/v1/query?query={expression}")).ok()?.text();
        let answer: Value = serde_json::from_str(&text).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

#[test]
fn prometheus_scrapes_it() {
    if !Path::new("/usr/bin/prometheus").is_file() {
        eprintln!("skipped: prometheus is missing (apt-get install prometheus)");
        return;
    }
    let engine = Engine::subject().unwrap();
    let origin = Origin::http("o1").unwrap();
    let program = program(&engine, &origin).unwrap();
    let prometheus = Prometheus::start(program.address("fe")).unwrap();
    until_within(PATIENCE, "five good scrapes", || (prometheus.value("sum_over_time(up[5m])")? >= 5.0).then_some(()))
        .unwrap();
    assert!(prometheus.value("scrape_samples_scraped").unwrap() > 200.0);
    let up = "haproxy_server_status%7Bserver=%22s1%22,state=%22UP%22%7D";
    assert_eq!(prometheus.value(up), Some(1.0));
    program.admin().ask("set server app/s1 state maint").unwrap();
    until_within(PATIENCE, "the change", || (prometheus.value(up)? == 0.0).then_some(())).unwrap();
}
