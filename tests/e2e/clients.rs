//! Clients of the admin socket that others wrote in Python: Ansible's `community.general.haproxy` and haproxytool, each
//! on both programs. `cargo xtask test` fetches them.

use crate::check_eq;
use crate::support::{both, with_body};
use anyhow::{Context, Result, ensure};
use lb_testkit::{Program, until};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output};

/// A file that was fetched; says that its case is skipped where it is not there.
fn fetched(file: &str) -> Option<PathBuf> {
    // The test itself lies in the target directory, two levels down.
    let me = std::env::current_exe().ok()?;
    let found = me.ancestors().skip(1).map(|dir| dir.join("clients").join(file)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("skipped: {file} was not fetched");
    }
    found
}

const SERVERS: &str = "    server s1 {o1}\n    server s2 {o1} check inter 100ms";

fn socket(program: &Program) -> PathBuf {
    program.dir().join("admin.sock")
}

/// The states of both servers: operational and administrative.
fn states(program: &Program) -> Result<String> {
    let answer = program.admin().ask("show servers state app")?;
    let fields = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        Some(format!("{} {} {}", fields.get(3)?, fields.get(6)?, fields.get(7)?))
    };
    let rows: Vec<String> = answer.lines().filter(|line| line.contains(" app ")).filter_map(fields).collect();
    Ok(rows.join(", "))
}

/// Runs the module as Ansible does: its arguments in a file, its answer as JSON.
fn module(python: &str, program: &Program, arguments: &Value) -> Result<Value> {
    let module = fetched("haproxy.py").context("the module")?;
    let mut all = arguments.clone();
    all["socket"] = json!(socket(program));
    let file = program.dir().join("arguments.json");
    std::fs::write(&file, json!({ "ANSIBLE_MODULE_ARGS": all }).to_string())?;
    let output = Command::new(python).arg(module).arg(&file).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(text.trim()).with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

/// A Python that has Ansible's libraries: the distribution's.
fn python_of_ansible() -> Option<&'static str> {
    let python = "/usr/bin/python3";
    let found = Command::new(python).args(["-c", "import ansible.module_utils.basic"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    eprintln!("skipped: {python} has no Ansible");
    None
}

#[test]
fn ansible_drains_and_brings_back() {
    let (Some(python), Some(_)) = (python_of_ansible(), fetched("haproxy.py")) else { return };
    both(|engine| {
        let (program, _origin) = with_body(engine, SERVERS)?;
        // A server without checks is up when it has passed none: what is waited for below is the one that has some.
        until("the first check", || program.admin().ask("show stat").ok()?.contains("L4OK").then_some(()))?;
        let run = |arguments: Value| -> Result<(bool, String)> {
            let told = module(python, &program, &arguments)?;
            ensure!(told.get("failed") != Some(&json!(true)), "{told}");
            let after = told["state_after"][0]["status"].as_str().unwrap_or_default().to_owned();
            Ok((told["changed"] == json!(true), after))
        };
        let drain = json!({"state": "drain", "host": "s2", "backend": "app", "wait": true, "drain": true,
                           "wait_interval": 1, "wait_retries": 60});
        check_eq!(run(drain.clone())?, (true, "DRAIN".to_owned()));
        check_eq!(states(&program)?, "s1 0 1, s2 8 1");
        check_eq!(run(drain)?, (false, "DRAIN".to_owned()), "twice is once");
        let back = json!({"state": "enabled", "host": "s2", "backend": "app", "weight": "20", "wait": true,
                          "wait_interval": 1, "wait_retries": 60});
        check_eq!(run(back)?.1, "UP");
        check_eq!(states(&program)?, "s1 0 1, s2 0 20");
        // In every backend that has it; its sessions end.
        let off = json!({"state": "disabled", "host": "s1", "shutdown_sessions": true});
        check_eq!(run(off)?, (true, "MAINT".to_owned()));
        check_eq!(states(&program)?, "s1 1 1, s2 0 20");
        let gone = json!({"state": "disabled", "host": "s9", "backend": "app", "fail_on_not_found": true});
        let told = module(python, &program, &gone)?;
        check_eq!(told["failed"], json!(true), "{told}");
        Ok(())
    });
}

#[test]
fn haproxytool_shows_and_changes() {
    let Some(tool) = fetched("bin/haproxytool") else { return };
    both(|engine| {
        let (program, _origin) = with_body(engine, SERVERS)?;
        until("the first check", || program.admin().ask("show stat").ok()?.contains("L4OK").then_some(()))?;
        let run = |words: &str| -> Result<String> {
            let mut command = Command::new("python3");
            command
                .arg(&tool)
                .args(words.split(' ').take(1))
                .arg("-F")
                .arg(socket(&program))
                .args(words.split(' ').skip(1));
            command.env("PYTHONPATH", tool.parent().and_then(|bin| bin.parent()).context("its place")?);
            let Output { status, stdout, stderr } = command.output()?;
            let text = String::from_utf8(stdout)? + &String::from_utf8(stderr)?;
            ensure!(status.success(), "{words}: {text}");
            Ok(text.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        for (words, expected) in [
            ("frontend -l", "fe"),
            ("backend -l", "app"),
            ("server -l", "s1"),
            ("server -s s1", "no check"),
            ("frontend -s", "OPEN"),
            ("haproxy -i", "Name: HAProxy"),
        ] {
            let told = run(words)?;
            ensure!(told.contains(expected), "{words}: {told}");
        }
        run("server -d s1")?;
        check_eq!(states(&program)?, "s1 1 1, s2 0 1");
        run("server -e s1")?;
        run("server -n s2")?;
        check_eq!(states(&program)?, "s1 0 1, s2 8 1");
        run("server -w 7 s1")?;
        check_eq!(states(&program)?, "s1 0 7, s2 8 1");
        run("frontend -d fe")?;
        let told = run("frontend -s")?;
        ensure!(told.contains("PAUSED"), "{told}");
        Ok(())
    });
}
