//! Processes that may do little, and sockets that others may not reach. All of it takes root to try.

use crate::support::{Bench, alive, children, lbd, wait_for};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What the packaged unit leaves to the master; the names of `setpriv`.
const BOUNDING: &str = "-all,+chown,+dac_override,+fowner,+kill,+net_admin,+net_bind_service,+net_raw,+setgid,+setpcap,\
                        +setuid,+sys_chroot,+sys_resource";

/// Whether users can be changed here, and how.
fn can_change_users() -> bool {
    let root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    root && Path::new("/usr/bin/setpriv").exists()
}

fn status_line(pid: i32, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The serving worker, which is alone once the former one has gone.
fn worker(master: i32) -> i32 {
    wait_for("one worker", || children(master).len() == 1);
    children(master)[0]
}

#[test]
fn a_confined_process_reloads() {
    if !can_change_users() {
        return;
    }
    let bench = Bench::new();
    std::fs::create_dir(bench.path("empty")).unwrap();
    let global = format!(
        "global\n    chroot {}\n    uid 65534\n    gid 65534\n    setcap cap_net_bind_service\n    nbthread 2\n",
        bench.path("empty").display()
    );
    bench.write("good.cfg", &bench.good().replace("global\n", &global));
    let socket = bench.path("m.sock").display().to_string();
    let mut master = bench
        .command(Path::new("/usr/bin/setpriv"), &["--no-new-privs", "--inh-caps", "-all", "--bounding-set", BOUNDING])
        .arg(lbd())
        .args(["-W", "-S", &format!("{socket},mode,600"), "-p", "pid", "-f", "good.cfg"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let pid = bench.wait_pid("pid");
    for reload in 0..4 {
        let serving = worker(pid);
        assert_eq!(status_line(serving, "Uid:"), "65534 65534 65534 65534");
        assert_eq!(status_line(serving, "Groups:"), "");
        // The one that was asked to be kept.
        assert_eq!(status_line(serving, "CapEff:"), "0000000000000400");
        assert_eq!(status_line(serving, "CapPrm:"), "0000000000000400");
        assert_eq!(status_line(serving, "NoNewPrivs:"), "1");
        assert_eq!(std::fs::read_link(format!("/proc/{serving}/root")).unwrap(), bench.path("empty"));
        assert_eq!(bench.request(), "HTTP/1.1 404 Not Found");
        if reload % 2 == 0 {
            crate::support::signal(pid, "USR2");
        } else {
            let answer = as_user(0, &[], "reload\n", &socket);
            assert!(String::from_utf8_lossy(&answer.stdout).starts_with("Success=1\n"), "{answer:?}");
        }
        wait_for("the former worker's end", || !alive(serving));
    }
    crate::support::signal(pid, "TERM");
    assert!(master.wait().unwrap().success());
    assert!(!bench.connects());
}

#[test]
fn an_empty_root_directory_is_made() {
    if !can_change_users() {
        return;
    }
    let bench = Bench::new();
    bench.write(
        "good.cfg",
        &bench.good().replace("global\n", "global\n    chroot auto\n    uid 65534\n    gid 65534\n"),
    );
    let process = bench.start(&["-f", "good.cfg"]);
    bench.wait_listening();
    assert_eq!(bench.request(), "HTTP/1.1 404 Not Found");
    let root = std::fs::read_link(format!("/proc/{}/root", process.pid())).unwrap();
    assert!(root.to_string_lossy().ends_with(" (deleted)"), "{root:?}");
    assert_eq!(status_line(process.pid(), "CapEff:"), "0000000000000000");
}

/// Sends a line to a socket as another user, by `socat`.
fn as_user(uid: u32, groups: &[u32], line: &str, socket: &str) -> Output {
    let mut command = Command::new("/usr/bin/setpriv");
    let gid = groups.first().copied().unwrap_or(uid).to_string();
    command.args(["--reuid", &uid.to_string(), "--regid", &gid]);
    match groups {
        [] => command.arg("--clear-groups"),
        groups => command.arg("--groups").arg(groups.iter().map(u32::to_string).collect::<Vec<_>>().join(",")),
    };
    let mut child = command
        .args(["socat", "-t10", "-", &format!("UNIX-CONNECT:{socket}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // One who is not let in has gone before it reads.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn only_those_whom_mode_user_and_group_let_in_reach_an_admin_socket() {
    if !can_change_users() || !Path::new("/usr/bin/socat").exists() {
        return;
    }
    const OTHER: u32 = 65_533;
    const MEMBER: u32 = 65_532;
    const GROUP: u32 = 65_531;
    let bench = Bench::new();
    // The directory lets everybody through: only the sockets' own rights count.
    std::fs::set_permissions(bench.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    let at = |name: &str| bench.path(name).display().to_string();
    let global = format!(
        "global\n    stats socket {} mode 600 level admin\n    stats socket {} mode 660 gid {GROUP} level operator\n    \
         stats socket {} user nobody mode 600 level user\n    stats socket {} mode 666 level user\n",
        at("root.sock"),
        at("group.sock"),
        at("owner.sock"),
        at("all.sock"),
    );
    bench.write("good.cfg", &bench.good().replace("global\n", &global));
    let master_socket = at("m.sock");
    std::fs::create_dir(bench.path("tmp")).unwrap();
    std::fs::set_permissions(bench.path("tmp"), PermissionsExt::from_mode(0o755)).unwrap();
    let args = ["-W", "-S", &format!("{master_socket},mode,600"), "-p", "pid", "-f", "good.cfg"];
    let master = bench.start_with(&args, &[("TMPDIR", &bench.path("tmp"))]);
    let nobody = Command::new("id").args(["-u", "nobody"]).output().unwrap();
    let nobody: u32 = String::from_utf8_lossy(&nobody.stdout).trim().parse().unwrap();
    bench.wait_pid("pid");
    let private = || {
        let found = std::fs::read_dir(bench.path("tmp")).unwrap().flatten();
        let mut paths = found.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            name.starts_with("lbd-master-")
        });
        paths.next().expect("a private socket").join("worker.sock").display().to_string()
    };
    // Before and after a reload, which makes the sockets anew.
    for _ in 0..2 {
        let reaches = |uid: u32, groups: &[u32], socket: &str, level: &str| {
            let output = as_user(uid, groups, "show cli level\n", socket);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(said, format!("{level}\n\n"), "{uid} {groups:?} at {socket}: {output:?}");
        };
        let is_kept_out = |uid: u32, groups: &[u32], socket: &str| {
            let output = as_user(uid, groups, "show cli level\n", socket);
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.stdout.is_empty() && why.contains("Permission denied"), "{uid} at {socket}: {output:?}");
        };
        reaches(0, &[], &at("root.sock"), "admin");
        is_kept_out(OTHER, &[], &at("root.sock"));
        reaches(MEMBER, &[GROUP], &at("group.sock"), "operator");
        is_kept_out(OTHER, &[], &at("group.sock"));
        reaches(nobody, &[], &at("owner.sock"), "user");
        is_kept_out(OTHER, &[], &at("owner.sock"));
        reaches(OTHER, &[], &at("all.sock"), "user");
        is_kept_out(OTHER, &[], &master_socket);
        is_kept_out(OTHER, &[], &private());
        // A level is no more than its socket's.
        let refused = as_user(OTHER, &[], "set server a/b state maint\n", &at("all.sock"));
        assert_eq!(String::from_utf8_lossy(&refused.stdout), "Permission denied\n\n");
        let refused = as_user(OTHER, &[], "operator\n", &at("all.sock"));
        assert_eq!(String::from_utf8_lossy(&refused.stdout), "Permission denied\n\n");
        let answer = as_user(0, &[], "reload\n", &master_socket);
        assert!(String::from_utf8_lossy(&answer.stdout).starts_with("Success=1\n"), "{answer:?}");
    }
    master.signal("TERM");
    master.finish();
}

/// The file as Debian installs it, with the root directory, user and socket it names; in a mount namespace, so that no
/// running service is touched.
#[test]
fn the_default_file_of_a_distribution_runs_as_it_is() {
    const FILE: &str = "/etc/haproxy/haproxy.cfg";
    let unshare = || Command::new("unshare").args(["--mount", "true"]).output();
    if !can_change_users() || !Path::new(FILE).exists() || !unshare().is_ok_and(|output| output.status.success()) {
        return;
    }
    let bench = Bench::new();
    let script = "mount -t tmpfs none /run && mkdir /run/haproxy && exec \"$0\" -Ws -p pid -f \"$1\" -f more.cfg";
    bench.write(
        "more.cfg",
        &format!("frontend web\n    bind 127.0.0.1:{}\n    http-request deny deny_status 404\n", bench.port),
    );
    let arguments = ["--mount", "sh", "-c", script, lbd().to_str().unwrap(), FILE];
    let mut master = bench.command(Path::new("unshare"), &arguments).spawn().unwrap();
    let pid = bench.wait_pid("pid");
    assert_eq!(bench.request(), "HTTP/1.1 404 Not Found");
    let serving = worker(pid);
    assert_ne!(status_line(serving, "Uid:"), "0 0 0 0");
    assert_eq!(std::fs::read_link(format!("/proc/{serving}/root")).unwrap(), Path::new("/var/lib/haproxy"));
    let socket = format!("/proc/{pid}/root/run/haproxy/admin.sock");
    let answer = as_user(0, &[], "show info\n", &socket);
    assert!(String::from_utf8_lossy(&answer.stdout).contains("Name: HAProxy"), "{answer:?}");
    crate::support::signal(pid, "TERM");
    assert!(master.wait().unwrap().success());
}

#[test]
fn a_limit_that_cannot_be_had_ends_the_start() {
    let bench = Bench::new();
    let strict = bench
        .good()
        .replace("global\n    maxconn 100\n", "global\n    fd-hard-limit 500\n    maxconn 1000\n    nbthread 1\n");
    bench.write("strict.cfg", &strict);
    let mut programs = vec![lbd().to_owned()];
    programs.extend(crate::support::oracle());
    for program in programs {
        let output = bench.output(&program, &["-db", "-f", "strict.cfg"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("Cannot raise FD limit to ") && said.contains(", limit is 500."), "{said}");
    }
    bench.write("lax.cfg", &strict.replace("global\n", "global\n    no strict-limits\n"));
    let lax = bench.start(&["-f", "lax.cfg"]);
    bench.wait_listening();
    assert_eq!(status_limit(lax.pid()), "500");
}

fn status_limit(pid: i32) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[test]
fn threads_run_where_they_are_told() {
    let bench = Bench::new();
    // Whatever else there is: the first one that this process may use.
    let allowed = std::fs::read_to_string("/proc/self/status").unwrap();
    let list = allowed.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
    let first: String = list.chars().take_while(char::is_ascii_digit).collect();
    let map = format!("global\n    nbthread 2\n    cpu-map 1/1 {first}\n");
    bench.write("good.cfg", &bench.good().replace("global\n", &map));
    let process = bench.start(&["-f", "good.cfg"]);
    bench.wait_listening();
    // Nothing is served before every thread is in its place.
    assert_eq!(bench.request(), "HTTP/1.1 404 Not Found");
    let tasks = std::fs::read_dir(format!("/proc/{}/task", process.pid())).unwrap().flatten();
    let mut seen = Vec::new();
    for task in tasks.map(|task| task.path()) {
        let name = std::fs::read_to_string(task.join("comm")).unwrap().trim().to_owned();
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let cpus = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
        seen.push((name, cpus));
    }
    assert!(seen.contains(&("data-0".to_owned(), first)), "{seen:?}");
    assert!(seen.contains(&("data-1".to_owned(), list)), "{seen:?}");
}
