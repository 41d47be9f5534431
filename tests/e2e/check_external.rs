//! Checks by programs: what they are given, and what becomes of how they end.

use crate::support::{HEAD, same};
use anyhow::{Context, Result};
use lb_testkit::{Engine, Launch, Normaliser, SyslogSink, until};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A script in a directory, with these permissions.
fn script(dir: &Path, name: &str, lines: &str, mode: u32) -> Result<()> {
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{lines}\n"))?;
    Ok(fs::set_permissions(path, Permissions::from_mode(mode))?)
}

fn head(global: &str) -> String {
    let global = format!("    maxconn 500\n    max-spread-checks 500ms\n    insecure-fork-wanted\n    {global}\n");
    HEAD.replace("    maxconn 500\n", &global)
}

/// Arguments and environment of a program for each of these proxies.
fn given(engine: &Engine) -> Result<Vec<(String, Vec<String>)>> {
    let mut launch = Launch::new(engine)?.environment("LB_TEST_OF_ENVIRONMENT", "kept");
    let dir = launch.dir().to_owned();
    // The file is there when it is whole.
    let tell = format!(
        "{{ echo $#; for word; do echo \"$word\"; done; /usr/bin/env; }} > {0}/part.$HAPROXY_PROXY_NAME\n\
         /bin/mv {0}/part.$HAPROXY_PROXY_NAME {0}/told.$HAPROXY_PROXY_NAME",
        dir.display()
    );
    script(&dir, "tell", &tell, 0o755)?;
    let (one, two, six) = (launch.port("one"), launch.port("two"), launch.port("six"));
    let lines = "    option external-check\n    external-check command {dir}/tell\n";
    let config = format!(
        "{}listen fe\n    bind 127.0.0.1:{{port:fe}}\nbackend plain\n    mode tcp\n{lines}    server s1 127.0.0.1:{one} check inter 60s\n\
         backend elsewhere\n    id 77\n{lines}    external-check path /x:/bin\n    \
         server s2 127.0.0.1:{one} check inter 60s port {two} addr 127.0.0.5 maxconn 7 id 9 ssl verify none\n\
         backend relative\n    mode tcp\n    option external-check\n    external-check command tell\n    external-check path {{dir}}:/bin\n    \
         server s3 127.0.0.1:{one} check inter 60s\n\
         backend local\n    mode tcp\n{lines}    server s4 unix@{{dir}}/sock check inter 60s\n\
         listen bound\n    mode tcp\n    bind 127.0.0.1:{{port:bound}}\n    bind 127.0.0.1:{{port:other}}\n{lines}    \
         server s5 [::1]:{six} check inter 60s\n\
         listen boundlocal\n    mode tcp\n    bind unix@{{dir}}/bound\n{lines}    server s6 127.0.0.1:{one} check inter 60s\n",
        head("external-check")
    );
    let hide = Normaliser::new()
        .literal(&dir.display().to_string(), "<dir>")
        .literal(&one.to_string(), "<one>")
        .literal(&two.to_string(), "<two>")
        .literal(&six.to_string(), "<six>");
    let program = launch.start(&config)?;
    let bound = program.address("bound").port().to_string();
    let mut all = Vec::new();
    for proxy in ["plain", "elsewhere", "relative", "local", "bound", "boundlocal"] {
        let file = dir.join(format!("told.{proxy}"));
        let told = until("what a program was given", || fs::read_to_string(&file).ok()).context(proxy)?;
        let told = hide.apply(&told).replace(&bound, "<bound>");
        let mut lines: Vec<String> = told.lines().map(str::to_owned).collect();
        // Arguments in order, then the environment, without what the shell and the numbers of proxies are.
        let count: usize = lines.first().and_then(|n| n.parse().ok()).unwrap_or_default();
        let mut environment = lines.split_off((count + 1).min(lines.len()));
        environment.retain(|line| !["_=", "PWD=", "SHLVL=", "OLDPWD="].iter().any(|own| line.starts_with(own)));
        if proxy != "elsewhere" {
            environment.retain(|line| !line.starts_with("HAPROXY_PROXY_ID="));
        }
        environment.sort();
        lines.append(&mut environment);
        all.push((proxy.to_owned(), lines));
    }
    Ok(all)
}

#[test]
fn programs_get_arguments_and_an_environment() {
    same(given);
}

#[test]
fn the_end_of_a_program_is_the_verdict() {
    same(|engine| {
        let launch = Launch::new(engine)?;
        let dir = launch.dir().to_owned();
        let cases: &[(&str, &str, u32)] = &[
            ("passes", "exit 0", 0o755),
            ("fails", "exit 7", 0o755),
            ("most", "exit 255", 0o755),
            ("killed", "kill -9 $$", 0o755),
            ("ended", "kill -15 $$", 0o755),
            ("talks", "echo out; echo err >&2; exit 3", 0o755),
            ("slow", "exec /bin/sleep 60", 0o755),
            ("denied", "exit 0", 0o644),
            ("missing", "", 0),
        ];
        let log = SyslogSink::udp()?;
        let mut config = format!(
            "{}    log global\n    option log-health-checks\n    timeout connect 700ms\nlisten fe\n    bind 127.0.0.1:{{port:fe}}\n",
            head("external-check\n    log {log} local0")
        );
        for (name, lines, mode) in cases {
            if *mode > 0 {
                script(&dir, name, lines, *mode)?;
            }
            config += &format!(
                "backend {name}\n    mode tcp\n    timeout check 5s\n    option external-check\n    external-check command {{dir}}/{name}\n    \
                 server s1 127.0.0.1:9 check inter 60s rise 1 fall 1\n"
            );
        }
        let program = launch.set("log", log.address()).start(&config)?;
        let hide = Normaliser::new().rule(r", check duration: \d+ms", "");
        let mut ends = Vec::new();
        for (name, ..) in cases {
            let begin = format!("Health check for server {name}/s1 ");
            let words = until("a check's end", || {
                log.messages().iter().find_map(|message| message.strip_prefix(&begin).map(|words| hide.apply(words)))
            })
            .context(*name)?;
            let column = |column| program.admin().stat(name, "s1", column);
            ends.push((*name, words, column("check_status")?, column("check_code")?, column("last_chk")?));
        }
        Ok(ends)
    });
}
