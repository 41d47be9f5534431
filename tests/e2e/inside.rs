//! Commands that show the inside: in the oracle's form, and true of what really goes on.

use crate::check_eq;
use crate::support::{HEAD, both, start};
use anyhow::{Context, Result};
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, Mode, Origin, Program, until};
use std::collections::BTreeSet;

const PROXIES: &str = "
frontend fe
    bind 127.0.0.1:{port:fe}
    default_backend app
backend app
    server s1 {o1}
frontend tcp
    mode tcp
    bind 127.0.0.1:{port:tcp}
    default_backend held
backend held
    mode tcp
    server h1 {o2}
";

fn with_two_threads(engine: &Engine) -> Result<(Program, [Origin; 2])> {
    let origins = [Origin::http("o1")?, Origin::with(Mode::Hang)?];
    let config = format!("{}{PROXIES}", HEAD.replace("nbthread 1", "nbthread 2"));
    let program = start(engine, &[("o1", &origins[0]), ("o2", &origins[1])], &config)?;
    Ok((program, origins))
}

/// The total in a line of `show activity`.
fn activity(program: &Program, name: &str) -> Result<u64> {
    let answer = program.admin().ask("show activity")?;
    let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let line = line.with_context(|| format!("no {name} in {answer}"))?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}

#[test]
fn activity_counts_what_happens() {
    both(|engine| {
        let (program, _origins) = with_two_threads(engine)?;
        for _ in 0..20 {
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        for name in ["ctxsw", "tasksw", "loops", "stream_calls"] {
            check_eq!(activity(&program, name)? > 0, true, "{name}");
        }
        check_eq!(activity(&program, "accepted")? >= 20, true);
        // Clearing counters begins anew.
        program.admin().ask("clear counters")?;
        check_eq!(activity(&program, "accepted")? < 20, true);
        Ok(())
    });
}

/// Names of lines that HAProxy 2.6 has and 3.x or this program's machinery has not.
const GONE: &[&str] = &["accq_ring", "cpust_ms_1s", "cpust_ms_15s"];

#[test]
fn activity_has_the_lines_of_the_oracle() {
    let mut seen = Vec::new();
    both(|engine| {
        let (program, _origins) = with_two_threads(engine)?;
        let answer = program.admin().ask("show activity")?;
        check_eq!(answer.starts_with("thread_id: "), true, "{answer}");
        let names = |line: &str| Some(line.split_once(':')?.0.to_owned());
        let names: BTreeSet<String> = answer.lines().filter_map(names).collect();
        check_eq!(names.is_empty(), false);
        NAMES.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(names);
        Ok(())
    });
    seen.append(&mut NAMES.lock().unwrap());
    if let [subject, oracle] = seen.as_slice() {
        let missing: Vec<_> = oracle.difference(subject).filter(|name| !GONE.contains(&name.as_str())).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}

static NAMES: std::sync::Mutex<Vec<BTreeSet<String>>> = std::sync::Mutex::new(Vec::new());

#[test]
fn activity_can_be_had_by_thread() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        return;
    }
    let (program, _origins) = with_two_threads(&engine).unwrap();
    let ask = |line: &str| program.admin().ask(line).unwrap();
    let form =
        |answer: &str, wanted: &str| answer.lines().any(|line| line.starts_with("loops: ") && line.contains(wanted));
    assert!(form(&ask("show activity"), " [ "));
    assert!(form(&ask("show activity -1"), " [ "));
    assert!(!form(&ask("show activity 0"), "["));
    assert!(!form(&ask("show activity 2"), "["));
    for wrong in ["4", "-2", "x"] {
        let answer = ask(&format!("show activity {wrong}"));
        assert_eq!(answer, "Thread ID number must be between -1 and nbthread\n\n", "{wrong}");
    }
}

#[test]
fn descriptors_have_owners() {
    both(|engine| {
        let (program, _origins) = with_two_threads(engine)?;
        let held = Client::connect(program.address("tcp"))?;
        let (own, port) = (held.local_addr()?.port(), program.address("tcp").port());
        let client = format!("lport={port} rport={own} fe=tcp mux=PASS");
        until("the client's descriptor and its server's", || {
            let answer = program.admin().ask("show fd").ok()?;
            let has = |text: &str| answer.lines().any(|line| line.contains(text));
            (has(&client) && has(" sv=held/h1 mux=PASS ")).then_some(())
        })?;
        let answer = program.admin().ask("show fd")?;
        for line in answer.lines().filter(|line| !line.is_empty()) {
            check_eq!(line.contains(" : st=0x"), true, "{line}");
        }
        let listener = |proxy: &str, name: &str| {
            let port = program.address(name).port();
            format!(" l.st=RDY fe={proxy} fam=ipv4 lport={port}")
        };
        check_eq!(answer.contains(&listener("fe", "fe")), true, "{answer}");
        check_eq!(answer.contains(&listener("tcp", "tcp")), true, "{answer}");
        check_eq!(answer.contains(" l.st=RDY fe=GLOBAL fam=unix"), true, "{answer}");
        // One descriptor alone.
        let line = answer.lines().find(|line| line.contains(&client)).context("the client's line")?;
        let number = line.split(" : ").next().unwrap_or_default().trim();
        let alone = program.admin().ask(&format!("show fd {number}"))?;
        check_eq!(alone.lines().count(), 2, "{alone}");
        check_eq!(alone.contains(&client), true, "{alone}");
        check_eq!(program.admin().ask("show fd 100000")?, "\n");
        Ok(())
    });
}

#[test]
fn descriptors_can_be_chosen_by_kind() {
    let engine = Engine::subject().unwrap();
    if engine.name() != "lbd" {
        return;
    }
    let (program, _origins) = with_two_threads(&engine).unwrap();
    let lines = |what: &str| {
        let answer = program.admin().ask(&format!("show fd {what}")).unwrap();
        answer.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    assert!(lines("l").iter().all(|line| line.contains(" l.st=")));
    assert!(!lines("l").is_empty());
    assert!(lines("-l").iter().all(|line| !line.contains(" l.st=")));
    assert!(lines("f").iter().all(|line| line.contains(" back=0 ")));
    assert!(lines("s").is_empty());
    assert_eq!(lines("z"), ["Invalid FD type"]);
}

#[test]
fn pools_hold_what_is_in_use() {
    both(|engine| {
        let (program, _origins) = with_two_threads(engine)?;
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        let answer = program.admin().ask("show pools")?;
        check_eq!(answer.starts_with("Dumping pools usage. Use SIGQUIT to flush them.\n"), true, "{answer}");
        let line = answer.lines().find(|line| line.contains("- Pool buffer (16384 bytes) : ")).context("no buffers")?;
        check_eq!(line.contains(" : 0 allocated"), false, "{line}");
        let total = answer.lines().find(|line| line.starts_with("Total: ")).context("no total")?;
        check_eq!(total.contains(" pools, "), true, "{total}");
        check_eq!(total.ends_with(" by thread caches)."), true, "{total}");
        // What `show info` tells is of the same pools.
        check_eq!(program.admin().info("PoolAlloc_bytes")?.parse::<u64>()? >= 16_384, true);
        Ok(())
    });
}

#[test]
fn profiling_times_tasks_when_asked() {
    both(|engine| {
        let (program, _origins) = with_two_threads(engine)?;
        let off = program.admin().ask("show profiling status")?;
        let head = "Per-task CPU profiling              : auto-off      # set profiling tasks {on|auto|off}\n";
        check_eq!(off.starts_with(head), true, "{off}");
        check_eq!(program.admin().ask("set profiling tasks")?, "Expects 'on', 'auto', or 'off'.\n\n");
        check_eq!(program.admin().ask("set profiling x")?, "Expects either 'tasks' or 'memory'.\n\n");
        check_eq!(program.admin().ask("set profiling tasks on")?, "\n");
        for _ in 0..5 {
            get(program.address("fe"), "/")?;
        }
        let answer = program.admin().ask("show profiling tasks")?;
        let heading =
            "Tasks activity:\n  function                      calls   cpu_tot   cpu_avg   lat_tot   lat_avg\n";
        check_eq!(answer.starts_with(heading), true, "{answer}");
        check_eq!(answer.lines().count() > 3, true, "{answer}");
        check_eq!(program.admin().ask("set profiling tasks off")?, "\n");
        check_eq!(program.admin().ask("show profiling")?.contains(" : off "), true);
        Ok(())
    });
}

#[test]
fn threads_and_tasks_are_told() {
    both(|engine| {
        let (program, _origins) = with_two_threads(engine)?;
        let _held = Client::connect(program.address("tcp"))?;
        let threads = program.admin().ask("show threads")?;
        check_eq!(threads.matches(" Thread ").count() >= 2, true, "{threads}");
        check_eq!(threads.lines().filter(|line| line.starts_with('*')).count(), 1, "{threads}");
        check_eq!(threads.contains(" cpu_ns: poll="), true, "{threads}");
        let tasks = program.admin().ask("show tasks")?;
        check_eq!(tasks.starts_with("Running tasks: "), true, "{tasks}");
        check_eq!(
            tasks.contains("  function                     places     %    lat_tot   lat_avg\n"),
            true,
            "{tasks}"
        );
        if engine.name() == "lbd" {
            until("the held connection's task", || {
                program.admin().ask("show tasks").ok()?.contains("tcp::serve").then_some(())
            })?;
            check_eq!(program.admin().ask("show dev")?.contains("\nProcess info\n  pid: "), true);
            check_eq!(program.admin().ask("debug dev hash web1")?, "web1\n\n");
            check_eq!(program.admin().ask("set anon on 1;debug dev hash web1")?.contains("web1"), false);
            check_eq!(program.admin().ask("debug counters")?.starts_with("Count     Type "), true);
            check_eq!(program.admin().ask("debug counters all")?.lines().count() > 5, true);
        }
        Ok(())
    });
}
