//! A rolling deploy of twelve servers behind two nodes, one lbd and one HAProxy, under load: nobody notices, whenever lbctl
//! is killed.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lb_testkit::load::Load;
use lb_testkit::{Deploy, Engine};

/// How many servers must stay up.
const GUARD: usize = 8;

#[test]
fn nobody_notices_a_rolling_deploy_that_is_killed_and_resumed() {
    let Ok(engines) = Engine::both() else { return };
    let deploy = Deploy::start(&engines, 12).unwrap();
    let loads: Vec<Load> =
        deploy.addresses().into_iter().map(|at| Load::start(at, "/", 3, Duration::from_millis(5))).collect();
    let lbctl = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbctl"));
        command.args(arguments).env_clear().env("PATH", "/usr/bin:/bin").env("LBCTL_STATE", deploy.dir().join("state"));
        for socket in deploy.sockets() {
            command.arg("-s").arg(socket);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let guard = GUARD.to_string();
    let exec = deploy.command();
    let begin = ["roll", "app", "--batch", "3", "--checked", "--min-up", &guard, "--exec", &exec];
    let mut child = lbctl(&begin).spawn().unwrap();
    // Killed in a batch, twice; the moments differ with the machine's speed, and must not matter.
    for pause in [150, 420] {
        wait_for_the_beginning(&mut child);
        std::thread::sleep(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        child = lbctl(&["roll", "--resume", "1"]).spawn().unwrap();
    }
    let end = child.wait_with_output().unwrap();
    assert_eq!(end.status.code(), Some(0), "{}", String::from_utf8_lossy(&end.stderr));
    let mut executed = deploy.take_executed().unwrap();
    executed.sort_unstable();
    let mut every: Vec<String> = (1..=12).map(|n| format!("web{n}")).collect();
    every.sort_unstable();
    assert_eq!(executed, every, "every server once");
    assert_eq!(deploy.up(), 12);
    assert!(deploy.least_up() >= GUARD, "{} were up", deploy.least_up());
    for load in loads {
        let tally = load.stop();
        assert_eq!((tally.failed, tally.failures), (0, vec![]), "of {} requests", tally.sent);
        assert!(tally.sent > 0);
    }
}

/// Until the roll has told its number: then there is something to resume.
fn wait_for_the_beginning(child: &mut Child) {
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.as_mut().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(line.starts_with("roll 1"), "{line}");
}
