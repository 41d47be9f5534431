//! `lbctl convert`: what nginx and httpd do with requests, lbd does with the converted configuration.

use anyhow::{Context, Result, bail};
use lb_testkit::engine::built;
use lb_testkit::wait::until_within;
use lb_testkit::{Client, Engine, Launch, Origin, Program, free_port};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NGINX: &str = "\
worker_processes auto;
daemon off;
pid DIR/nginx.pid;
error_log DIR/error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    upstream app { server O1 weight=3 max_fails=2 fail_timeout=5s; server O2 max_fails=2 fail_timeout=5s; server O3 backup; }
    upstream api { server O3; server O2 down; }
    server {
        listen 127.0.0.1:PORT default_server;
        server_name www.example.com;
        location / { proxy_pass http://app; }
        location /api/ { proxy_pass http://api/v1/; }
        location = /ping { return 200 \"pong\"; }
        location ~* \\.(png|jpg)$ { proxy_pass http://api; }
        location ^~ /exact/ { proxy_pass http://app; }
        location /admin { deny all; proxy_pass http://app; }
    }
    server { listen 127.0.0.1:PORT; server_name old.example.com *.old.org; return 301 https://$host$request_uri; }
    server { listen 127.0.0.1:PORT; server_name other.example.com; location / { proxy_pass http://O3; } }
}
";

const HTTPD: &str = "\
ServerRoot DIR
DefaultRuntimeDir DIR
PidFile DIR/httpd.pid
ErrorLog DIR/error.log
LoadModule mpm_event_module MODULES/mod_mpm_event.so
LoadModule authz_core_module MODULES/mod_authz_core.so
LoadModule slotmem_shm_module MODULES/mod_slotmem_shm.so
LoadModule alias_module MODULES/mod_alias.so
LoadModule proxy_module MODULES/mod_proxy.so
LoadModule proxy_http_module MODULES/mod_proxy_http.so
LoadModule proxy_balancer_module MODULES/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module MODULES/mod_lbmethod_byrequests.so
Listen 127.0.0.1:PORT
ServerName localhost
<Proxy balancer://app>
    BalancerMember http://O1 loadfactor=3
    BalancerMember http://O2
    BalancerMember http://O3 status=+H
</Proxy>
<VirtualHost 127.0.0.1:PORT>
    ServerName www.example.com
    ProxyPreserveHost On
    ProxyPass /api http://O3/v1
    ProxyPass / balancer://app/
</VirtualHost>
<VirtualHost 127.0.0.1:PORT>
    ServerName old.example.com
    Redirect permanent / https://www.example.com/
</VirtualHost>
";

/// The original program, with its configuration.
struct Original {
    child: Child,
    address: SocketAddr,
    dir: tempfile::TempDir,
}

impl Drop for Original {
    fn drop(&mut self) {
        // Both end in order when they are asked to, children included.
        let pid = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

impl Original {
    fn start(
        binary: &str,
        template: &str,
        origins: &[&Origin],
        start: impl Fn(&Path) -> Vec<String>,
    ) -> Result<Option<Self>> {
        if !Path::new(binary).is_file() {
            eprintln!("skipped: {binary} is missing");
            return Ok(None);
        }
        let dir = tempfile::Builder::new().prefix("lb-convert-").tempdir()?;
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut text =
            template.replace("DIR", &dir.path().display().to_string()).replace("MODULES", "/usr/lib/apache2/modules");
        for (index, origin) in origins.iter().enumerate() {
            text = text.replace(&format!("O{}", index + 1), &origin.address().to_string());
        }
        let config = dir.path().join("original.conf");
        std::fs::write(&config, text.replace("PORT", &address.port().to_string()))?;
        let child = Command::new(binary)
            .args(start(&config))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting")?;
        let original = Original { child, address, dir };
        let limit = Duration::from_secs(60);
        until_within(limit, "the original's port", || TcpStream::connect(address).is_ok().then_some(()))
            .with_context(|| std::fs::read_to_string(original.dir.path().join("error.log")).unwrap_or_default())?;
        Ok(Some(original))
    }

    /// lbd with the converted configuration, on another port.
    fn converted(&self, from: &str) -> Result<Program> {
        let output = Command::new(built("lbctl")?)
            .args(["convert", "--from", from])
            .arg(self.dir.path().join("original.conf"))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() != Some(0) {
            bail!("lbctl convert: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        let text = text.replace(&format!(":{}", self.address.port()), ":{port:fe}");
        // The process ID file is the original's.
        let text: String =
            text.lines().filter(|line| !line.contains("pidfile")).map(|line| format!("{line}\n")).collect();
        for engine in Engine::both()? {
            let mut launch = Launch::new(&engine)?;
            let config = launch.dir().join("c.cfg");
            std::fs::write(&config, launch.expand(&text))?;
            let checked = Command::new(&engine.path).arg("-c").arg("-f").arg(&config).output()?;
            if !checked.status.success() {
                bail!("{} -c: {}\n{text}", engine.name(), String::from_utf8_lossy(&checked.stderr));
            }
        }
        let engine = Engine::subject()?;
        Launch::new(&engine)?
            .start(&format!("global\n    stats socket {{sock}} mode 600 level admin\n    nbthread 1\n{text}"))
    }
}

/// Status, place and the first word of the body, as often as each came.
fn answers(address: SocketAddr, host: &str, path: &str, times: usize) -> Result<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for _ in 0..times {
        let mut client = Client::connect(address)?;
        let response =
            client.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))?.response()?;
        let place = response.head.get("location").unwrap_or_default().to_owned();
        let body = if response.status == 200 { response.text() } else { String::new() };
        *found.entry(format!("{} {place} {}", response.status, body.trim())).or_default() += 1;
    }
    Ok(found)
}

fn compare(original: &Original, program: &Program, cases: &[(&str, &str, usize)]) -> Result<()> {
    for (host, path, times) in cases {
        let wanted = answers(original.address, host, path, *times)?;
        let got = answers(program.address("fe"), host, path, *times)?;
        // The same answers; how often each comes also depends on where each program's turn begins.
        if !wanted.keys().eq(got.keys()) {
            bail!("{host}{path}: the original answers {wanted:?}, lbd {got:?}");
        }
    }
    Ok(())
}

#[test]
fn lbd_finds_the_servers_that_nginx_finds() {
    let origins = ["o1", "o2", "o3"].map(|name| Origin::http(name).unwrap());
    let [o1, o2, o3] = &origins;
    let start = |config: &Path| vec!["-c".to_owned(), config.display().to_string()];
    let Some(original) = Original::start("/usr/sbin/nginx", NGINX, &[o1, o2, o3], start).unwrap() else { return };
    if Engine::subject().unwrap().is_haproxy {
        return;
    }
    let program = original.converted("nginx").unwrap();
    let www = "www.example.com";
    let cases = [
        (www, "/", 40),
        (www, "/api/x?y=1", 3),
        (www, "/ping", 1),
        (www, "/picture.PNG", 2),
        (www, "/exact/picture.png", 8),
        (www, "/admin/x", 1),
        ("nobody.example.com", "/", 8),
        ("old.example.com", "/a?b=c", 1),
        ("x.old.org", "/", 1),
        ("other.example.com", "/api/", 2),
    ];
    compare(&original, &program, &cases).unwrap();
}

#[test]
fn lbd_finds_the_servers_that_httpd_finds() {
    let origins = ["o1", "o2", "o3"].map(|name| Origin::http(name).unwrap());
    let [o1, o2, o3] = &origins;
    let start = |config: &Path| ["-D", "FOREGROUND", "-f", &config.display().to_string()].map(str::to_owned).to_vec();
    let Some(original) = Original::start("/usr/sbin/apache2", HTTPD, &[o1, o2, o3], start).unwrap() else { return };
    if Engine::subject().unwrap().is_haproxy {
        return;
    }
    let program = original.converted("httpd").unwrap();
    let www = "www.example.com";
    let cases = [(www, "/", 40), (www, "/api/x", 3), ("nobody.example.com", "/", 8), ("old.example.com", "/a/b", 1)];
    compare(&original, &program, &cases).unwrap();
}
