//! Command line, environment, inherited sockets, signals and exit statuses.

use crate::check_eq;
use crate::support::{HEAD, both, launch, one_backend, same, simple, start};
use anyhow::{Context, Result};
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Launch, Origin, Program, process, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

#[test]
fn switches_made_for_haproxy_are_accepted() {
    const SWITCHES: [&[&str]; 12] = [
        &["-d"],
        &["-db"],
        &["-V"],
        &["-q"],
        &["-L", "local"],
        &["-n", "100"],
        &["-m", "2000"],
        &["-dM"],
        &["-dMno-merge"],
        &["-dW", "-dL"],
        &["-dZ", "-dV"],
        &["-N", "50"],
    ];
    both(|engine| {
        let origin = Origin::http("o1")?;
        for switches in SWITCHES {
            let launch = launch(engine, &[("o1", &origin)])?;
            let launch = switches.iter().fold(launch, |launch, switch| launch.argument(switch));
            let program = launch.start(&one_backend("    server s1 {o1}")).with_context(|| format!("{switches:?}"))?;
            check_eq!(get(program.address("fe"), "/")?.status, 200, "{switches:?}");
        }
        Ok(())
    });
}

#[test]
fn versions_and_conditions_are_told_by_text_and_exit_status() {
    both(|engine| {
        let mut launch = Launch::new(engine)?;
        for switch in ["-v", "-vv"] {
            let output = launch.run(&[switch])?;
            check_eq!((output.status.code(), output.stdout.is_empty()), (Some(0), false), "{switch}");
        }
        for (condition, status) in [
            ("1", 0),
            ("0", 1),
            ("streq(a,a)", 0),
            ("streq(a,b)", 1),
            ("strneq(a,b)", 0),
            ("!streq(a,b)", 0),
            ("streq(a,a) && streq(b,b)", 0),
            ("streq(a,b) || streq(b,b)", 0),
            ("version_atleast(2.4)", 0),
            ("version_before(2.0)", 1),
            ("defined(PATH)", 0),
            ("defined(NO_SUCH_VARIABLE)", 1),
            ("streq(a)", 2),
            ("nonsense(", 2),
        ] {
            let output = launch.run(&["-cc", condition])?;
            check_eq!(output.status.code(), Some(status), "-cc {condition}");
        }
        if !engine.is_haproxy {
            check_eq!(launch.run(&["-cc", "strstr(abc,b)"])?.status.code(), Some(0), "known since 2.8");
        }
        let output = launch.run(&["--no-such-switch"])?;
        check_eq!(output.status.code(), Some(1));
        Ok(())
    });
}

#[test]
fn signals_stop_with_their_exit_status() {
    both(|engine| {
        for signal in [Signal::SIGINT, Signal::SIGTERM] {
            let (mut program, _origin) = simple(engine)?;
            let mut client = Client::connect(program.address("fe"))?;
            client.send("GET /hang HTTP/1.1\r\nHost: t\r\n\r\n")?;
            program.admin().await_stat("fe", "FRONTEND", "scur", "1")?;
            program.signal(signal)?;
            let status = program.wait()?;
            // 2.6 in the foreground dies of SIGINT itself.
            let died = engine.is_haproxy && status.signal() == Some(signal as i32);
            check_eq!(died || status.code() == Some(0), true, "{signal}: {status}");
            check_eq!(Client::connect(program.address("fe")).is_err(), true);
        }
        Ok(())
    });
}

#[test]
fn a_soft_stop_lets_sessions_end() {
    both(|engine| {
        let (mut program, origin) = simple(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        client.send("GET /slow/800 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the request at the origin", || (!origin.requests().is_empty()).then_some(()))?;
        program.signal(Signal::SIGUSR1)?;
        let address = program.address("fe");
        until("no listener", || Client::connect(address).is_err().then_some(()))?;
        check_eq!(program.exit_status().is_none(), true, "it waits for the session");
        check_eq!(client.response()?.text(), "slow\n");
        check_eq!(program.wait()?.code(), Some(0));
        Ok(())
    });
}

#[test]
fn a_stop_with_grace_is_announced_first() {
    both(|engine| {
        let config = HEAD.replace("global\n", "global\n    grace 500ms\n")
            + "frontend fe\n    bind 127.0.0.1:{port:fe}\n    http-request return status 503 if { stopping }\n    \
               http-request return status 200\n";
        let mut program = start(engine, &[], &config)?;
        let address = program.address("fe");
        check_eq!(get(address, "/")?.status, 200);
        program.signal(Signal::SIGUSR1)?;
        // It serves on, and says that it will not for long.
        until("the announcement", || get(address, "/").ok().filter(|response| response.status == 503))?;
        until("no listener", || Client::connect(address).is_err().then_some(()))?;
        check_eq!(program.wait()?.code(), Some(0));
        Ok(())
    });
}

#[test]
fn connections_outlive_a_stop_where_they_may() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}").replace("global\n", "global\n    close-spread-time infinite\n");
        let mut program = start(engine, &[("o1", &origin)], &config)?;
        let mut client = Client::connect(program.address("fe"))?;
        let mut ask = || -> Result<_> {
            client.send("GET / HTTP/1.1\r\nHost: t\r\n\r\n")?;
            client.response()
        };
        check_eq!(ask()?.get("connection"), None);
        program.signal(Signal::SIGUSR1)?;
        let address = program.address("fe");
        until("no listener", || Client::connect(address).is_err().then_some(()))?;
        for _ in 0..3 {
            check_eq!(ask()?.get("connection"), None, "nobody is told to close");
        }
        check_eq!(program.exit_status().is_none(), true);
        drop(client);
        check_eq!(program.wait()?.code(), Some(0));
        Ok(())
    });
}

fn read_pid(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.split_whitespace().next()?.parse().ok()
}

/// A process that was detached: ended when dropped.
struct Daemon(u32);

impl Drop for Daemon {
    fn drop(&mut self) {
        if process::is_running(self.0) {
            let _ = kill(Pid::from_raw(self.0.cast_signed()), Signal::SIGKILL);
        }
    }
}

#[test]
fn a_daemon_detaches_and_leaves_its_pid() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let mut launch = launch(engine, &[("o1", &origin)])?.file("test.cfg", &one_backend("    server s1 {o1}"))?;
        // Reading the output to its end shows that the daemon holds neither stream.
        let output = launch.run(&["-D", "-p", "{dir}/pid", "-f", "{dir}/test.cfg"])?;
        check_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let daemon = Daemon(read_pid(&launch.dir().join("pid")).context("a pid file")?);
        check_eq!(process::is_running(daemon.0), true);
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], launch.port("fe")));
        check_eq!(get(address, "/")?.status, 200);
        kill(Pid::from_raw(daemon.0.cast_signed()), Signal::SIGTERM)?;
        until("the daemon's end", || (!process::is_running(daemon.0)).then_some(()))?;
        Ok(())
    });
}

fn master(engine: &Engine, origin: &Origin) -> Result<Program> {
    let program = launch(engine, &[("o1", origin)])?
        .argument("-W")
        .argument("-p")
        .argument("{dir}/pid")
        .argument("-S")
        .argument("{dir}/master.sock")
        .start(&one_backend("    server s1 {o1}"))?;
    until("the pid file", || read_pid(&program.dir().join("pid")))?;
    Ok(program)
}

#[test]
fn a_master_watches_its_worker() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        for (signal, statuses) in [(Signal::SIGINT, &[130][..]), (Signal::SIGTERM, &[0, 143])] {
            let mut program = master(engine, &origin)?;
            check_eq!(read_pid(&program.dir().join("pid")), Some(program.pid()));
            let workers = until("a worker", || Some(process::children(program.pid())).filter(|w| !w.is_empty()))?;
            check_eq!(workers.len(), 1);
            check_eq!(get(program.address("fe"), "/")?.status, 200);
            check_eq!(program.admin().info("Pid")?, workers[0].to_string(), "the worker answers");
            program.signal(signal)?;
            let status = program.wait()?.code().unwrap_or(-1);
            check_eq!(statuses.contains(&status), true, "{signal}: {status}");
            until("the worker's end", || (!process::is_running(workers[0])).then_some(()))?;
        }
        Ok(())
    });
}

#[test]
fn sockets_are_inherited() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let web = TcpListener::bind("127.0.0.1:0")?;
        let address = web.local_addr()?;
        let launch = launch(engine, &[("o1", &origin)])?;
        let cli = launch.dir().join("cli.sock");
        let admin = UnixListener::bind(&cli)?;
        let launch = launch.inherit(web).inherit(admin).environment("web", "8").environment("cli", "9");
        let config = HEAD.replace("{sock} mode 600", "\"fd@${cli}\"")
            + "frontend fe\n    bind \"fd@${web}\"\n    default_backend app\nbackend app\n    server s1 {o1}\n";
        let mut program = launch.start(&config)?;
        check_eq!(get(address, "/")?.status, 200);
        check_eq!(lb_testkit::Admin::new(cli).ask("show backend")?, "# name\napp\n\n");
        program.check_alive()?;
        Ok(())
    });
}

/// The process hands connections to itself: one end of the pair is a server, the other a listener.
#[test]
fn connections_are_handed_over_on_a_pair_of_sockets() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let (server, listener) = UnixStream::pair()?;
        let launch = launch(engine, &[("o1", &origin)])?.inherit(server).inherit(listener);
        let config = HEAD.to_owned()
            + "frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend over\n\
               backend over\n    server pair sockpair@8\n\
               listen app\n    bind sockpair@9\n    server s1 {o1}\n";
        let mut program = launch.start(&config)?;
        for _ in 0..3 {
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        program.check_alive()?;
        Ok(())
    });
}

#[test]
fn files_and_directories_add_up_in_order() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let mut launch = launch(engine, &[("o1", &origin)])?.file("a.cfg", HEAD)?;
        std::fs::create_dir(launch.dir().join("conf.d"))?;
        let parts = [
            ("10-fe.cfg", "frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend app\n"),
            ("20-app.cfg", "backend app\n    server s1 {o1}\n"),
            ("ignored.txt", "this is not a configuration\n"),
        ];
        for (name, text) in parts {
            let text = launch.expand(text);
            std::fs::write(launch.dir().join("conf.d").join(name), text)?;
        }
        let program = launch
            .argument("-f")
            .argument("{dir}/a.cfg")
            .argument("-f")
            .argument("{dir}/conf.d")
            .start("# the last file\n")?;
        let mut program = program;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], program.port("fe")));
        until("a listener", || process::listening_ports().contains(&address.port()).then_some(()))?;
        check_eq!(get(address, "/")?.status, 200);
        program.check_alive()?;
        Ok(())
    });
}

#[test]
fn variables_and_conditions_shape_the_configuration() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let launch = launch(engine, &[("o1", &origin)])?
            .environment("ORIGIN", &origin.address().to_string())
            .environment("WEIGHT", "7")
            .environment("EMPTY", "");
        let config = HEAD.to_owned()
            + "frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend app\nbackend app\n"
            + "    server \"${NAME-fallback}\" ${ORIGIN} weight \"${WEIGHT}${EMPTY}\"\n"
            + ".if defined(WEIGHT) && streq(\"$WEIGHT\",7)\n    server yes ${ORIGIN}\n.elif 1\n    server no ${ORIGIN}\n.else\n    bogus\n.endif\n"
            + ".if version_before(2.0)\n    bogus\n.endif\n";
        let program = launch.start(&config)?;
        let state = program.admin().ask("show servers state app")?;
        let names: Vec<_> = state.lines().filter_map(|l| l.split(' ').nth(3)).collect();
        check_eq!(
            names,
            ["srv_name", "fallback", "yes"].map(|n| if n == "srv_name" { names[0] } else { n }),
            "{state}"
        );
        check_eq!(program.admin().stat("app", "fallback", "weight")?, "7");
        Ok(())
    });
}

#[test]
fn relative_paths_start_at_the_working_directory() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let config = one_backend("    server s1 {o1}").replace("{sock}", "unix@admin.sock");
        let program = start(engine, &[("o1", &origin)], &config)?;
        check_eq!(program.admin().ask("show backend")?, "# name\napp\n\n");
        Ok(())
    });
}

#[test]
fn a_successor_takes_over_from_the_process_it_names() {
    both(|engine| {
        let (mut old, origin) = simple(engine)?;
        let mut kept = Client::connect(old.address("fe"))?;
        kept.send("GET /slow/700 HTTP/1.1\r\nHost: t\r\n\r\n")?;
        until("the request at the origin", || (!origin.requests().is_empty()).then_some(()))?;
        let port = old.address("fe").port();
        let successor = launch(engine, &[("o1", &origin)])?
            .set("shared", port)
            .argument("-sf")
            .argument(&old.pid().to_string())
            .argument("-db");
        let config = HEAD.to_owned()
            + "frontend fe\n    bind 127.0.0.1:{shared}\n    default_backend app\nbackend app\n    server new {o1}\n";
        // `-sf` takes all process ids that follow, so the file comes by its own switch before or after.
        let program = successor.start(&config)?;
        check_eq!(kept.response()?.text(), "slow\n", "the old process finishes what it had");
        check_eq!(old.wait()?.code(), Some(0));
        check_eq!(get(std::net::SocketAddr::from(([127, 0, 0, 1], port)), "/")?.status, 200);
        program.admin().await_stat("app", "new", "stot", "1")?;
        Ok(())
    });
}

#[test]
fn start_fails_with_a_reason_when_an_address_is_taken() {
    same(|engine| {
        let taken = TcpListener::bind("127.0.0.1:0")?;
        let mut launch = Launch::new(engine)?
            .set("taken", taken.local_addr()?)
            .file("test.cfg", &(HEAD.to_owned() + "listen a\n    bind {taken}\n    server s1 127.0.0.1:1\n"))?;
        let output = launch.run(&["-db", "-f", "{dir}/test.cfg"])?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status.code(), text.contains("[ALERT]"), text.contains(&taken.local_addr()?.to_string())))
    });
}
