//! Starting, reloading and stopping, as init scripts and supervisors do.

use crate::support::{Bench, Running, alive, children, lbd, signal, wait_for};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The one worker of a master.
fn worker(master: &Running) -> i32 {
    let mut found = Vec::new();
    wait_for("one worker", || {
        found = children(master.pid());
        found.len() == 1
    });
    found[0]
}

#[test]
fn a_foreground_process_stops_by_signals() {
    for name in ["INT", "TERM", "USR1"] {
        let bench = Bench::new();
        let lbd = bench.start(&["-d", "-f", "good.cfg"]);
        bench.wait_listening();
        lbd.signal(name);
        assert_eq!(lbd.finish().0, 0, "{name}");
        assert!(!bench.connects());
    }
}

#[test]
fn a_foreground_process_survives_the_other_signals() {
    let bench = Bench::new();
    let lbd = bench.start(&["-db", "-f", "good.cfg"]);
    bench.wait_listening();
    for name in ["HUP", "USR2", "QUIT", "PIPE", "TTOU", "TTIN"] {
        lbd.signal(name);
    }
    bench.wait_listening();
    lbd.signal("TERM");
    assert_eq!(lbd.finish().0, 0);
}

#[test]
fn a_daemon_is_ready_when_its_starter_returns() {
    let bench = Bench::new();
    let output = bench.output(lbd(), &["-D", "-p", "pid", "-f", "good.cfg"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let pid: i32 = std::fs::read_to_string(bench.path("pid")).unwrap().trim().parse().unwrap();
    assert!(alive(pid) && bench.connects());
    assert_eq!(streams(pid), ["/dev/null"; 3]);
    signal(pid, "TERM");
    wait_for("the daemon's end", || !alive(pid));
}

/// Where the standard streams of a process go.
fn streams(pid: i32) -> Vec<String> {
    let target = |fd| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap().to_string_lossy().into_owned();
    (0..3).map(target).collect()
}

/// Changing the root directory or the user takes root.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn a_daemon_lets_go_of_the_terminal_in_another_root_directory() {
    if !is_root() {
        return;
    }
    for mode in [&["-D"][..], &["-D", "-W"]] {
        let bench = Bench::new();
        std::fs::create_dir(bench.path("empty")).unwrap();
        let root = format!("global\n    chroot {}\n", bench.path("empty").display());
        bench.write("good.cfg", &bench.good().replace("global\n", &root));
        let args = [mode, &["-p", "pid", "-f", "good.cfg"]].concat();
        // Returns only when all have closed the pipes.
        let output = bench.output(lbd(), &args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let pid = bench.wait_pid("pid");
        for pid in children(pid).into_iter().chain([pid]) {
            assert_eq!(streams(pid), ["/dev/null"; 3]);
        }
        signal(pid, "TERM");
        wait_for("the daemon's end", || !alive(pid));
    }
}

#[test]
fn a_changed_user_keeps_no_groups() {
    if !is_root() || !Path::new("/usr/bin/setpriv").exists() {
        return;
    }
    for (global, warned) in [("uid 65534\n", true), ("gid 65534\n", false), ("uid 65534\n    gid 65534\n", false)] {
        let bench = Bench::new();
        bench.write("good.cfg", &bench.good().replace("global\n", &format!("global\n    {global}")));
        let args = ["--groups", "4,5", lbd().to_str().unwrap(), "-D", "-p", "pid", "-f", "good.cfg"];
        let output = bench.output(Path::new("/usr/bin/setpriv"), &args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        assert_eq!(text.contains("the group is still root's"), warned, "{text}");
        let pid = bench.wait_pid("pid");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let groups = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
        assert_eq!(groups.trim(), "", "{global}");
        signal(pid, "TERM");
        wait_for("the daemon's end", || !alive(pid));
    }
}

#[test]
fn an_old_process_of_root_is_told_by_one_that_has_changed_its_user() {
    if !is_root() {
        return;
    }
    let bench = Bench::new();
    assert!(bench.output(lbd(), &["-D", "-p", "pid", "-f", "good.cfg"]).status.success());
    let old = bench.wait_pid("pid");
    bench.write("good.cfg", &bench.good().replace("global\n", "global\n    uid 65534\n    gid 65534\n"));
    let output = bench.output(lbd(), &["-D", "-p", "pid", "-f", "good.cfg", "-sf", &old.to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    wait_for("the old daemon's end", || !alive(old));
    let new = bench.wait_pid("pid");
    assert!(alive(new) && bench.connects() && children(new).is_empty());
    signal(new, "TERM");
    wait_for("the daemon's end", || !alive(new));
}

#[test]
fn an_old_process_that_stood_aside_listens_again_when_the_next_one_fails() {
    let bench = Bench::new();
    let root = "global\n    chroot /nonexistent\n";
    bench.write("next.cfg", &bench.good().replace("global\n", root));
    for (config, expected) in [("next.cfg", "TTOU TTIN "), ("good.cfg", "TTOU USR1 ")] {
        // A stand-in that notes what it is told, while the port is taken.
        let socket = TcpListener::bind(("127.0.0.1", bench.port)).unwrap();
        bench.write("told", "");
        let traps: String =
            ["TTOU", "TTIN", "USR1"].map(|name| format!("trap 'printf \"{name} \" >>told' {name}; ")).concat();
        let script = format!("{traps} echo $$ >old; while test -e told; do sleep 0.02; done");
        let mut old = bench.command(Path::new("/bin/sh"), &["-c", &script]).spawn().unwrap();
        let pid = bench.wait_pid("old").to_string();
        let next = bench.start(&["-db", "-f", config, "-sf", &pid]);
        let told = || std::fs::read_to_string(bench.path("told")).unwrap();
        wait_for("the pause", || !told().is_empty());
        drop(socket);
        wait_for("the outcome", || told() == expected);
        next.signal("TERM");
        old.kill().unwrap();
        old.wait().unwrap();
        std::fs::remove_file(bench.path("old")).unwrap();
    }
}

#[test]
fn a_reload_executes_what_the_link_leads_to() {
    use std::os::unix::fs::symlink;
    let bench = Bench::new();
    for version in ["one", "two"] {
        std::fs::hard_link(lbd(), bench.path(version))
            .or_else(|_| std::fs::copy(lbd(), bench.path(version)).map(drop))
            .unwrap();
    }
    symlink("one", bench.path("link")).unwrap();
    std::fs::create_dir(bench.path("elsewhere")).unwrap();
    std::fs::copy(bench.path("good.cfg"), bench.path("elsewhere/good.cfg")).unwrap();
    let args = ["-W", "-C", "elsewhere", "-p", "pid", "-f", "good.cfg"];
    let mut master = bench.command(Path::new("./link"), &args).spawn().unwrap();
    let pid = bench.wait_pid("elsewhere/pid");
    let program = || std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert_eq!(program(), bench.path("one").canonicalize().unwrap());
    std::fs::remove_file(bench.path("link")).unwrap();
    symlink("two", bench.path("link")).unwrap();
    for _ in 0..2 {
        let worker = children(pid)[0];
        signal(pid, "USR2");
        wait_for("another worker", || !alive(worker));
        assert_eq!(program(), bench.path("two").canonicalize().unwrap());
    }
    signal(pid, "TERM");
    assert!(master.wait().unwrap().success());
}

#[test]
fn a_daemon_that_cannot_start_fails_in_the_foreground() {
    let bench = Bench::new();
    for args in [["-D", "-p", "pid", "-f", "bad.cfg"], ["-Wx", "-p", "pid", "-f", "bad.cfg"]] {
        let output = bench.output(lbd(), &args);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("unknown keyword 'foo'"));
    }
}

#[test]
fn a_start_that_fails_leaves_the_old_pid_file() {
    let bench = Bench::new();
    bench.write("pid", "12345\n");
    for args in [&["-D", "-p", "pid", "-f", "bad.cfg"][..], &["-W", "-p", "pid", "-f", "bad.cfg"]] {
        assert_eq!(bench.output(lbd(), args).status.code(), Some(1));
        assert_eq!(std::fs::read_to_string(bench.path("pid")).unwrap(), "12345\n");
    }
}

#[test]
fn a_pid_file_that_cannot_be_written_is_a_failure() {
    let bench = Bench::new();
    for mode in ["-D", "-W", "-WD"] {
        let mut args = vec![mode, "-p", "none/pid", "-f", "good.cfg"];
        if mode == "-WD" {
            args.insert(1, "-D");
        }
        let output = bench.output(lbd(), &args);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{mode}: {text}");
        assert!(text.contains("Cannot create pidfile none/pid: No such file or directory"), "{text}");
        wait_for("the port to be free", || !bench.connects());
    }
}

#[test]
fn a_new_daemon_replaces_the_old_one() {
    let bench = Bench::new();
    assert!(bench.output(lbd(), &["-D", "-p", "pid", "-f", "good.cfg"]).status.success());
    let old = bench.wait_pid("pid");
    let output = bench.output(lbd(), &["-D", "-p", "pid", "-f", "good.cfg", "-sf", &old.to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let new = bench.wait_pid("pid");
    assert_ne!(old, new);
    wait_for("the old daemon's end", || !alive(old));
    assert!(alive(new) && bench.connects());
    signal(new, "TERM");
    wait_for("the daemon's end", || !alive(new));
}

#[test]
fn a_master_stops_by_signals_with_the_right_status() {
    for (name, status) in [("INT", 130), ("TERM", 0), ("USR1", 0)] {
        let bench = Bench::new();
        let master = bench.start(&["-W", "-p", "pid", "-f", "good.cfg"]);
        assert_eq!(bench.wait_pid("pid"), master.pid());
        let worker = worker(&master);
        master.signal(name);
        let (code, text) = master.finish();
        assert_eq!(code, status, "{name}: {text}");
        assert!(!alive(worker));
        assert!(text.contains(&format!("Current worker ({worker}) exited with code ")), "{text}");
        assert!(text.contains(&format!("All workers exited. Exiting... ({status})")), "{text}");
    }
}

#[test]
fn a_worker_that_dies_takes_its_master_along() {
    let bench = Bench::new();
    let master = bench.start(&["-W", "-p", "pid", "-f", "good.cfg"]);
    bench.wait_pid("pid");
    let worker = worker(&master);
    signal(worker, "KILL");
    let (code, text) = master.finish();
    assert_eq!(code, 137, "{text}");
    assert!(text.contains("[ALERT]    (") && text.contains("exited with code 137 (Killed)"), "{text}");
}

#[test]
fn a_master_that_dies_takes_its_worker_along() {
    let bench = Bench::new();
    let master = bench.start(&["-W", "-p", "pid", "-f", "good.cfg"]);
    bench.wait_pid("pid");
    let worker = worker(&master);
    master.signal("KILL");
    wait_for("the worker's end", || !alive(worker));
}

#[test]
fn a_reload_replaces_the_worker_without_refusing_a_connection() {
    let bench = Bench::new();
    let master = bench.start(&["-W", "-p", "pid", "-f", "good.cfg"]);
    bench.wait_pid("pid");
    let mut old = worker(&master);
    for name in ["USR2", "HUP", "USR2"] {
        master.signal(name);
        wait_for("another worker", || {
            assert!(!bench.request().is_empty());
            !alive(old)
        });
        let new = worker(&master);
        assert_ne!(old, new);
        old = new;
    }
    master.signal("TERM");
    let (code, text) = master.finish();
    assert_eq!(code, 0, "{text}");
    assert_eq!(text.matches("Loading success.").count(), 4, "{text}");
    assert_eq!(text.matches("Former worker (").count(), 3, "{text}");
}

#[test]
fn a_failed_reload_keeps_the_old_worker() {
    let bench = Bench::new();
    let master = bench.start(&["-W", "-p", "pid", "-f", "good.cfg"]);
    bench.wait_pid("pid");
    let old = worker(&master);
    bench.write("good.cfg", "frontend fe\n    foo\n");
    master.signal("USR2");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(worker(&master), old);
    assert!(bench.connects());
    bench.write("good.cfg", &bench.good());
    master.signal("USR2");
    wait_for("another worker", || !alive(old));
    worker(&master);
    assert!(bench.connects());
    master.signal("TERM");
    let (code, text) = master.finish();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("unknown keyword 'foo'") && text.contains("Loading failure!"), "{text}");
}

#[test]
fn a_master_may_hold_more_sockets_than_its_soft_limit() {
    let bench = Bench::new();
    bench.write("good.cfg", &bench.good().replace("global\n", "global\n    nbthread 40\n"));
    let script = "ulimit -Sn 64; exec \"$0\" \"$@\"";
    let args = ["-c", script, lbd().to_str().unwrap(), "-W", "-p", "pid", "-f", "good.cfg"];
    let mut master = bench.command(Path::new("/bin/sh"), &args).spawn().unwrap();
    let pid = bench.wait_pid("pid");
    for _ in 0..2 {
        let old = children(pid)[0];
        signal(pid, "USR2");
        wait_for("another worker", || !alive(old));
        assert!(std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() > 40);
    }
    signal(pid, "TERM");
    assert!(master.wait().unwrap().success());
}

#[test]
fn a_background_master_writes_its_own_id() {
    let bench = Bench::new();
    let output = bench.output(lbd(), &["-D", "-W", "-p", "pid", "-f", "good.cfg"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let master: i32 = std::fs::read_to_string(bench.path("pid")).unwrap().trim().parse().unwrap();
    let workers = children(master);
    assert!(workers.len() == 1 && bench.connects());
    signal(master, "USR2");
    wait_for("another worker", || !alive(workers[0]));
    assert!(bench.connects());
    signal(master, "TERM");
    wait_for("the master's end", || !alive(master));
    assert!(!bench.connects());
}

#[test]
fn systemd_is_told() {
    let bench = Bench::new();
    let socket = UnixDatagram::bind(bench.path("notify")).unwrap();
    socket.set_read_timeout(Some(crate::support::LIMIT)).unwrap();
    let receive = || {
        let mut packet = [0u8; 500];
        let length = socket.recv(&mut packet).unwrap();
        String::from_utf8_lossy(&packet[..length]).into_owned()
    };
    let mut command = bench.command(lbd(), &["-Ws", "-f", "good.cfg"]);
    let mut master = command.env("NOTIFY_SOCKET", bench.path("notify")).spawn().unwrap();
    assert_eq!(receive(), format!("READY=1\nMAINPID={}\nSTATUS=Ready.", master.id()));
    let pid = i32::try_from(master.id()).unwrap();
    signal(pid, "HUP");
    assert!(receive().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert!(receive().starts_with("READY=1\n"));
    signal(pid, "TERM");
    assert_eq!(receive(), "STOPPING=1");
    assert!(master.wait().unwrap().success());
}
