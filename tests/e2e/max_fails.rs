//! `max-fails` and `fail-timeout` beside a real nginx, whose words they are.

use crate::check_eq;
use crate::support::{one_backend, start};
use anyhow::{Context, Result, ensure};
use lb_testkit::client::get;
use lb_testkit::{Engine, Mode, Origin, Program, free_port, until};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What traffic goes through.
enum Proxy {
    Lbd(Box<Program>),
    Nginx { child: Child, port: u16, _dir: tempfile::TempDir },
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Proxy::Nginx { child, .. } = self {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Proxy {
    fn address(&self) -> SocketAddr {
        match self {
            Proxy::Lbd(program) => program.address("fe"),
            Proxy::Nginx { port, .. } => ([127, 0, 0, 1], *port).into(),
        }
    }

    /// How many requests each origin answered of `count`.
    fn ask(&self, count: usize) -> Result<BTreeMap<String, usize>> {
        let mut answered = BTreeMap::new();
        for _ in 0..count {
            let response = get(self.address(), "/")?;
            let who = response.get("x-origin").map_or_else(|| response.status.to_string(), str::to_owned);
            *answered.entry(who).or_default() += 1;
        }
        Ok(answered)
    }
}

const NGINX: &str = "/usr/sbin/nginx";

fn nginx(origins: &[Origin], parameters: &str) -> Result<Proxy> {
    let (dir, port) = (tempfile::tempdir()?, free_port());
    let servers: String = origins.iter().map(|origin| format!("server {} {parameters};\n", origin.address())).collect();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", dir.path().display()))
        .collect();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {0}/pid; error_log {0}/log;\n\
         events {{ worker_connections 64; }}\n\
         http {{ access_log off; {temporary} upstream app {{ {servers} }}\n\
         server {{ listen 127.0.0.1:{port};\n\
         location / {{ proxy_pass http://app; proxy_connect_timeout 1s; proxy_read_timeout 1s; }} }} }}\n",
        dir.path().display()
    );
    let file = dir.path().join("nginx.conf");
    std::fs::write(&file, config)?;
    let child = Command::new(NGINX)
        .arg("-c")
        .arg(&file)
        .arg("-e")
        .arg(dir.path().join("log"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("nginx")?;
    let proxy = Proxy::Nginx { child, port, _dir: dir };
    until("nginx", || TcpStream::connect(proxy.address()).ok())?;
    Ok(proxy)
}

fn lbd(engine: &Engine, origins: &[Origin], parameters: &str) -> Result<Proxy> {
    let servers: String = origins
        .iter()
        .enumerate()
        .map(|(n, origin)| format!("    server s{} {} {parameters}\n", n + 1, origin.address()))
        .collect();
    let body = format!(
        "    balance roundrobin\n    retries 3\n    option redispatch\n    timeout connect 1s\n    timeout server 1s\n{servers}"
    );
    Ok(Proxy::Lbd(Box::new(start(engine, &[], &one_backend(&body))?)))
}

fn origins() -> Result<[Origin; 3]> {
    Ok([Origin::http("o1")?, Origin::http("o2")?, Origin::http("o3")?])
}

/// What a story yields on nginx and on the program under test; nothing where one of them cannot tell it.
fn beside<T>(times: &str, story: impl Fn(&Proxy, &[Origin]) -> Result<T>) -> Option<[T; 2]> {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy || !Path::new(NGINX).is_file() {
        eprintln!("skipped: it takes lbd and nginx");
        return None;
    }
    let run = |own: bool| -> Result<T> {
        let origins = origins()?;
        let proxy = match own {
            true => lbd(&engine, &origins, &format!("max-fails 2 fail-timeout {times}"))?,
            false => nginx(&origins, &format!("max_fails=2 fail_timeout={times}"))?,
        };
        story(&proxy, &origins)
    };
    Some([run(false).unwrap(), run(true).unwrap()])
}

#[track_caller]
fn alike(nginx: &BTreeMap<String, usize>, own: &BTreeMap<String, usize>) {
    assert_eq!(nginx.keys().collect::<Vec<_>>(), own.keys().collect::<Vec<_>>(), "{nginx:?} {own:?}");
    for (name, count) in nginx {
        assert!(own[name].abs_diff(*count) <= 1, "within one request: nginx {nginx:?}, lbd {own:?}");
    }
}

#[test]
fn a_refusing_server_goes_out_and_comes_back() {
    let story = |proxy: &Proxy, origins: &[Origin]| {
        let healthy = proxy.ask(9)?;
        origins[1].refuse();
        let faulty = proxy.ask(12)?;
        origins[1].listen()?;
        let before = origins[1].requests().len();
        until("a request that tries it", || {
            proxy.ask(1).ok()?;
            (origins[1].requests().len() > before).then_some(())
        })?;
        // The verdict on the trial travels while its answer does.
        until("its return", || {
            let answered = proxy.ask(3).ok()?;
            answered.contains_key("o2").then_some(())
        })?;
        Ok([healthy, faulty, proxy.ask(9)?])
    };
    let Some([nginx, own]) = beside("1s", story) else { return };
    for (nginx, own) in nginx.iter().zip(&own) {
        alike(nginx, own);
    }
}

#[test]
fn a_silent_server_is_tried_as_often_as_it_may_fail() {
    let story = |proxy: &Proxy, origins: &[Origin]| {
        origins[1].set_mode(Mode::Hang);
        for _ in 0..9 {
            get(proxy.address(), "/")?;
        }
        Ok(origins[1].connections())
    };
    let Some([nginx, own]) = beside("60s", story) else { return };
    assert_eq!(nginx, 2);
    assert!(own.abs_diff(nginx) <= 1, "nginx {nginx}, lbd {own}");
}

#[test]
fn who_asks_is_told_why_it_is_out() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let case = || -> Result<()> {
        let origins = origins()?;
        let proxy = lbd(&engine, &origins, "max-fails 2 fail-timeout 60s")?;
        let Proxy::Lbd(program) = &proxy else { return Ok(()) };
        origins[1].refuse();
        until("its end", || {
            proxy.ask(1).ok()?;
            (program.admin().stat("app", "s2", "status").ok()? == "DOWN").then_some(())
        })?;
        let told = program.admin().ask("explain server app/s2")?;
        ensure!(told.contains("because:     traffic failed 2 times within 60s ('max-fails')\n"), "{told}");
        ensure!(told.contains("would change it: one request that tries it 60s after the last failure\n"), "{told}");
        // An operator's word is enough.
        origins[1].listen()?;
        check_eq!(program.admin().ask("set server app/s2 health up")?, "\n");
        program.admin().await_stat("app", "s2", "status", "no check")?;
        check_eq!(proxy.ask(3)?.len(), 3);
        Ok(())
    };
    case().unwrap();
}
