//! Server-state files: what a start takes over from a former process, and that nothing in them stops a start.

use crate::check_eq;
use crate::support::{both, same};
use anyhow::{Context, Result};
use lb_testkit::{Engine, Launch, Mode, Origin, Program, until};
use nix::sys::signal::Signal;

const COLUMNS: &str = "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight \
                       srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
                       srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl \
                       srv_check_port srv_check_addr srv_agent_addr srv_agent_port";

/// A server that is up, in `show servers state`'s columns. Its port is the origin's.
const UP: &str = "3 app 1 s1 127.0.0.1 2 0 1 1 100 6 3 4 6 0 0 0 - {o1port} - 0 0 - - 0";

fn head() -> String {
    format!("1\n# {COLUMNS}\n")
}

/// [`UP`] with some columns replaced.
fn line(changes: &[(&str, &str)]) -> String {
    let mut cells: Vec<&str> = UP.split(' ').collect();
    for (column, value) in changes {
        if let Some(cell) = COLUMNS.split_whitespace().position(|c| c == *column).and_then(|at| cells.get_mut(at)) {
            *cell = value;
        }
    }
    cells.join(" ")
}

/// A file with one server's line.
fn file(changes: &[(&str, &str)]) -> String {
    format!("{}{}\n", head(), line(changes))
}

struct Setup<'a> {
    global: &'a str,
    load: &'a str,
    backend: &'a str,
    server: &'a str,
    file: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { global: "server-state-file {dir}/state", load: "global", backend: "", server: "check", file: "" }
    }
}

/// Starts with a state file. Checks reach an origin that never answers: nothing but the file moves the state.
fn start(engine: &Engine, setup: &Setup<'_>) -> Result<(Program, Origin)> {
    let origin = Origin::with(Mode::Hang)?;
    let launch = Launch::new(engine)?.set("o1", origin.address()).set("o1port", origin.address().port());
    let config = format!(
        "global\n stats socket {{sock}} level admin\n {}\n\
         defaults\n mode http\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n timeout check 1h\n \
         load-server-state-from-file {}\n\
         frontend fe\n bind 127.0.0.1:{{port:fe}}\n default_backend app\n\
         backend app\n balance roundrobin\n option httpchk\n {}\n server s1 {{o1}} inter 1h {}\n",
        setup.global, setup.load, setup.backend, setup.server
    );
    let program = launch.file("state", setup.file)?.file("app", setup.file)?.start(&config)?;
    Ok((program, origin))
}

/// The servers' states, without what depends on the moment: ages, results and marks of checks in progress.
fn states(program: &Program) -> Result<Vec<String>> {
    let text = program.admin().ask("show servers state")?;
    let rows = text.lines().skip(2).filter(|row| !row.is_empty());
    rows.map(|row| {
        let mut cells: Vec<String> = row.split(' ').map(str::to_owned).collect();
        for (at, cell) in cells.iter_mut().enumerate() {
            match at {
                9 | 11 | 18 | 24 => *cell = "*".to_owned(),
                13 | 14 => *cell = (cell.parse::<u8>().context("a mask")? & !1).to_string(),
                _ => {}
            }
        }
        Ok(cells.join(" "))
    })
    .collect()
}

/// What a start from this file looks like, on both programs.
#[track_caller]
fn check(setup: Setup<'_>) {
    same(|engine| {
        let (program, _origin) = start(engine, &setup)?;
        Ok((states(&program)?, program.admin().stat("app", "s1", "status")?))
    });
}

#[track_caller]
fn check_server(server: &str, changes: &[(&str, &str)]) {
    check(Setup { server, file: &file(changes), ..Setup::default() });
}

#[test]
fn operational_states_come_back_with_a_health_of_their_own() {
    for op in ["0", "1", "2", "3"] {
        check_server("check rise 3 fall 5", &[("srv_op_state", op), ("srv_check_health", "5")]);
    }
    check_server("check", &[("srv_op_state", "3"), ("srv_check_health", "9")]);
    check_server("weight 3", &[("srv_op_state", "0")]);
    check_server("check agent-check agent-port {o1port} agent-inter 1h", &[("srv_op_state", "0")]);
}

#[test]
fn only_what_operators_forced_survives() {
    for admin in ["1", "2", "3", "8", "10", "16", "32", "64", "9", "128", "x"] {
        check_server("check", &[("srv_admin_state", admin)]);
    }
    check_server("check", &[("srv_admin_state", "1"), ("srv_op_state", "0"), ("srv_check_health", "0")]);
}

#[test]
fn a_configuration_that_disables_or_enables_a_server_wins() {
    for (server, admin, op) in [
        ("check disabled", "0", "2"),
        ("check disabled", "1", "0"),
        ("check disabled", "5", "0"),
        ("check disabled", "4", "2"),
        ("check disabled", "8", "2"),
        ("check", "5", "0"),
        ("check", "4", "2"),
    ] {
        check_server(server, &[("srv_admin_state", admin), ("srv_op_state", op)]);
    }
}

#[test]
fn weights_survive_unless_the_configured_one_changed() {
    for (server, used, configured) in [
        ("check weight 1", "5", "1"),
        ("check weight 1", "5", "10"),
        ("check weight 10", "0", "10"),
        ("check", "257", "1"),
        ("check", "x", "1"),
    ] {
        check_server(server, &[("srv_uweight", used), ("srv_iweight", configured)]);
    }
}

#[test]
fn switched_off_checks_stay_off() {
    for mask in ["2", "6", "0", "14", "32"] {
        check_server("check", &[("srv_check_state", mask)]);
    }
    for mask in ["18", "22", "31"] {
        check_server("check agent-check agent-port {o1port} agent-inter 1h", &[("srv_agent_state", mask)]);
    }
}

#[test]
fn addresses_come_back_for_names_and_checks_only() {
    check_server("check", &[("srv_addr", "127.0.0.9")]);
    check_server("check", &[("srv_check_port", "1"), ("srv_admin_state", "1")]);
    check_server("check", &[("srv_check_addr", "127.0.0.9"), ("srv_admin_state", "1")]);
    check_server("check", &[("srv_check_addr", "nonsense")]);
    check_server("check", &[("srv_agent_port", "99")]);
}

#[test]
fn names_decide_and_the_first_line_of_a_server_counts() {
    let drained = line(&[("srv_admin_state", "8")]);
    let heavy = line(&[("srv_uweight", "7")]);
    for text in [
        format!("{}{heavy}\n{drained}\n", head()),
        file(&[("be_name", "other"), ("srv_admin_state", "8")]),
        file(&[("srv_name", "other"), ("srv_admin_state", "8")]),
        file(&[("be_id", "77"), ("srv_id", "88"), ("srv_admin_state", "8")]),
        format!("{}{}\n{drained}\n", head(), line(&[("be_name", "gone")])),
        format!("1\n{drained}\n"),
        format!("1\n\n# a comment\n  {}\n", drained.replace(' ', "\t")),
    ] {
        check(Setup { file: &text, ..Setup::default() });
    }
}

#[test]
fn files_of_one_backend() {
    let text = file(&[("srv_admin_state", "8")]);
    for (global, backend) in [
        ("server-state-base {dir}", ""),
        ("maxconn 50", ""),
        ("server-state-base {dir}", "server-state-file-name state"),
        ("server-state-base /nonexistent", "server-state-file-name {dir}/state"),
        ("server-state-base {dir}", "server-state-file-name use-backend-name"),
    ] {
        check(Setup { global, load: "local", backend, file: &text, ..Setup::default() });
    }
    check(Setup { load: "none", file: &text, ..Setup::default() });
    check(Setup { global: "server-state-base {dir}\n server-state-file state", file: &text, ..Setup::default() });
}

/// What a program says is read beside it: it may come a little later than its answers.
fn await_warning(program: &Program, warning: &str) -> Result<()> {
    let said = until(warning, || program.stderr().contains(warning).then_some(()));
    said.with_context(|| format!("it said {:?}", program.stderr()))
}

/// Files that are old, foreign, cut or broken: the start goes on, nothing is taken, and a warning says why.
#[test]
fn broken_files_are_a_warning() {
    let drained = line(&[("srv_admin_state", "8")]);
    let cut = format!("{}{drained}", head());
    let files = [
        (String::new(), "Can't get version of the global server state file"),
        ("2\n".to_owned(), "Can't get version of the global server state file"),
        (format!("\n{cut}\n"), "Can't get version of the global server state file"),
        (format!("{cut}\n").replace('\n', "\r\n"), "Can't get version of the global server state file"),
        (cut.clone(), "corrupted global server state file"),
        (format!("{cut}\nfoo\n"), "corrupted global server state file"),
        (format!("{}3 app 1 s1 127.0.0.1 2 8\n", head()), "corrupted global server state file"),
        (file(&[("srv_op_state", "7"), ("srv_uweight", "x")]), "invalid srv_op_state value '7', invalid srv_uweight"),
        (file(&[("srv_check_port", "x")]), "server-state partially applied for server 'app/s1', provided port is not"),
    ];
    both(|engine| {
        for (text, warning) in &files {
            let (program, _origin) = start(engine, &Setup { file: text, ..Setup::default() })?;
            check_eq!(
                states(&program)?.first().is_some_and(|row| row.contains(" 127.0.0.1 2 0 1 1 ")),
                true,
                "{text:?}"
            );
            await_warning(&program, warning).with_context(|| format!("of {text:?}"))?;
        }
        for (global, load, warning) in [
            ("server-state-file {dir}/missing", "global", "Can't open global server state file"),
            ("server-state-base {dir}/missing", "local", "Proxy 'app': Can't open server state file"),
            ("maxconn 50", "global", "Unfortunately, 'server-state-file' is not set!"),
        ] {
            let (program, _origin) = start(engine, &Setup { global, load, ..Setup::default() })?;
            await_warning(&program, warning)?;
        }
        Ok(())
    });
}

/// What one process shows is what the next one needs.
#[test]
fn a_state_survives_a_restart() {
    both(|engine| {
        let (program, _origin) = start(engine, &Setup { load: "none", ..Setup::default() })?;
        for command in ["set server app/s1 state drain", "set server app/s1 weight 7", "disable health app/s1"] {
            check_eq!(program.admin().ask(command)?, "\n");
        }
        let saved = program.admin().ask("show servers state")?;
        let before = states(&program)?;
        drop(program);
        let (program, _origin) = start(engine, &Setup { file: saved.trim_end_matches('\n'), ..Setup::default() })?;
        await_warning(&program, "corrupted global server state file").context("the last line has no end")?;
        drop(program);
        let (program, _origin) = start(engine, &Setup { file: &saved, ..Setup::default() })?;
        // The health of a server whose checks are off is full, not what it was.
        let without_health = |rows: Vec<String>| -> Vec<String> {
            rows.iter()
                .map(|row| {
                    row.split(' ').enumerate().filter(|(at, _)| *at != 12).map(|(_, c)| c).collect::<Vec<_>>().join(" ")
                })
                .collect()
        };
        check_eq!(without_health(states(&program)?), without_health(before));
        Ok(())
    });
}

/// `lbd` writes the file by itself; wherever a kill meets it, the next process finds a whole one.
#[test]
fn a_kill_at_any_moment_leaves_a_whole_file() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let servers: String = (0..200).map(|n| format!(" server s{n} 127.0.0.1:1 weight 10\n")).collect();
    let config = format!(
        "global\n stats socket {{sock}} level admin\n server-state-file {}\n server-state-save 1ms\n\
         defaults\n mode http\n timeout connect 1s\n timeout client 1s\n timeout server 1s\n \
         load-server-state-from-file global\n\
         frontend fe\n bind 127.0.0.1:{{port:fe}}\n default_backend app\nbackend app\n{servers}",
        path.display()
    );
    for round in 0..50_u64 {
        let mut program = Program::start(&engine, &config).unwrap();
        let warned = program.stderr();
        assert!(!warned.contains("corrupted") && !warned.contains("version of"), "round {round}: {warned}");
        until("the file", || path.exists().then_some(())).unwrap();
        // Moments spread over several writes.
        std::thread::sleep(std::time::Duration::from_micros(round * 379 % 5_000));
        program.signal(Signal::SIGKILL).unwrap();
        program.wait().unwrap();
    }
    // Asked to stop, it writes what it knows.
    let mut program = Program::start(&engine, &config).unwrap();
    program.admin().ask("set server app/s7 weight 99").unwrap();
    program.signal(Signal::SIGTERM).unwrap();
    program.wait().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().any(|line| line.contains(" s7 127.0.0.1 2 0 99 10 ")), "{text}");
}
