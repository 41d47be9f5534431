//! Completion in the shells themselves, with the files of this repository and names of a running engine.

use std::path::Path;
use std::process::Command;

use crate::pty::Terminal;
use crate::support::Engine;

on_both! {
    bash,
    zsh,
    fish,
}

/// A shell that finds `lbctl` and its engine; nothing, and a loud word, where it is not installed.
fn shell(engine: &Engine, name: &str, arguments: &[&str], starter: &[&str]) -> Option<Command> {
    let path = Path::new("/usr/bin").join(name);
    if !path.exists() {
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "SKIPPED: {name} is not installed; its completion was not tested");
        return None;
    }
    let bin = Path::new(env!("CARGO_BIN_EXE_lbctl")).parent().unwrap();
    let mut words = starter.iter().copied().chain([name]).chain(arguments.iter().copied());
    let mut command = Command::new(words.next()?);
    command
        .args(words)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .env("HOME", engine.path(""))
        .env("TERM", "xterm")
        .env("LBCTL_SOCKET", engine.path("admin.sock"))
        .env("COMPLETIONS", Path::new(env!("CARGO_MANIFEST_DIR")).join("../../completions"))
        .current_dir(engine.path(""));
    Some(command)
}

fn bash(engine: &Engine) {
    let Some(mut command) = shell(engine, "bash", &["--norc", "--noprofile", "-i"], &["setsid", "--ctty"]) else {
        return;
    };
    let mut bash = Terminal::run(command.env("PS1", "ready: "), (40, 120));
    bash.expect("ready: ");
    bash.keys("source $COMPLETIONS/lbctl.bash; echo sour''ced\r");
    bash.expect("\rsourced");
    bash.expect("ready: ");
    // The only one, and all of several.
    bash.keys("lbctl drain app/web1 --dry-r\t");
    bash.expect("--dry-run");
    bash.keys("\x15lbctl explain tcpb/\t\t\t");
    bash.expect("tcpb/db1");
    bash.expect("tcpb/db2");
    bash.keys("\x15lbctl show servers tcpb --columns since\t -o csv\r");
    bash.expect("\rsince_seconds\r\n");
    bash.expect("ready: ");
    bash.keys("exit\r");
    assert_eq!(bash.exit(), Some(0));
}

fn zsh(engine: &Engine) {
    let Some(mut command) = shell(engine, "zsh", &["-f", "-i"], &["setsid", "--ctty"]) else { return };
    let mut zsh = Terminal::run(command.env("PS1", "ready: "), (40, 120));
    zsh.expect("ready: ");
    zsh.keys("autoload -U compinit && compinit -u -D; source $COMPLETIONS/_lbctl; echo sour''ced\r");
    zsh.expect("\nsourced");
    zsh.expect("ready: ");
    zsh.keys("lbctl weight tcpb/db\t");
    zsh.expect("tcpb/db1");
    zsh.expect("tcpb/db2");
    zsh.keys("\x15lbctl kill-s\t");
    zsh.expect("essions");
    zsh.keys("\x15exit\r");
    assert_eq!(zsh.exit(), Some(0));
}

fn fish(engine: &Engine) {
    // What the key shows is what it asks itself for.
    let script = "source $COMPLETIONS/lbctl.fish; complete -C 'lbctl drain tcpb/'; complete -C 'lbctl show servers \
                  --columns since'; complete -C 'lbctl kill-s'";
    // No terminal is needed.
    let Some(mut command) = shell(engine, "fish", &["--no-config", "-c", script], &[]) else { return };
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = told.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(words, ["tcpb/db1", "tcpb/db2", "since_seconds", "kill-sessions"], "{told}");
}
