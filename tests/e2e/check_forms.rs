//! Every row of `tests/data/check-forms.txt`: forms of check rules, options and server words load or do not, on both
//! programs.

use crate::support::both;
use anyhow::{Result, bail};
use lb_testkit::{Engine, Launch};
use std::collections::BTreeSet;

/// Lines of a backend and the mark before them.
struct Form {
    mark: char,
    /// Of HAProxy 3.x.
    newer: bool,
    lines: Vec<&'static str>,
}

fn forms() -> Vec<Form> {
    let rows = include_str!("../data/check-forms.txt").lines().filter(|row| !row.starts_with('#') && !row.is_empty());
    rows.map(|row| {
        let (newer, row) = row.strip_prefix("> ").map_or((false, row), |rest| (true, rest));
        let (mark, lines) = row.split_at(2);
        Form { mark: mark.chars().next().unwrap(), newer, lines: lines.split(" | ").collect() }
    })
    .collect()
}

/// The forms among these, each in a backend of its own, that the program complains of.
fn refused(engine: &Engine, forms: &[(usize, &Form)]) -> Result<BTreeSet<usize>> {
    let mut text = "global\n    external-check\n    insecure-fork-wanted\ndefaults\n    timeout connect 1s\n    \
                    timeout server 1s\n    timeout client 1s\nlisten fe\n    bind 127.0.0.1:9\n"
        .to_owned();
    // Which form a line belongs to.
    let mut owners = vec![None; text.lines().count()];
    for (number, form) in forms {
        let mut lines = vec![format!("backend form{number}")];
        lines.extend(form.lines.iter().map(|line| format!("    {line}")));
        if !form.lines.iter().any(|line| line.starts_with("server")) {
            lines.push("    server s9 127.0.0.1:80 check".to_owned());
        }
        owners.extend(lines.iter().map(|_| Some(*number)));
        text += &(lines.join("\n") + "\n");
    }
    let mut launch = Launch::new(engine)?.file("forms.cfg", &text)?;
    let path = launch.dir().join("forms.cfg").display().to_string();
    let output = launch.run(&["-c", "-f", &path])?;
    let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    let mut refused = BTreeSet::new();
    for line in told.lines().filter(|line| line.starts_with("[ALERT]")) {
        let number = |after: &str| {
            let rest = line.split_once(after)?.1;
            rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())].parse::<usize>().ok()
        };
        let by_line = number("forms.cfg:").and_then(|line| owners.get(line - 1).copied().flatten());
        refused.extend(by_line.or_else(|| number("form")));
    }
    if output.status.success() != refused.is_empty() {
        bail!("{:?}, and yet it complains of {refused:?}:\n{told}", output.status);
    }
    Ok(refused)
}

#[test]
fn forms_load_or_do_not() {
    let forms = forms();
    assert!(forms.len() > 500);
    both(|engine| {
        let mut left: Vec<(usize, &Form)> =
            forms.iter().enumerate().filter(|(_, form)| !(engine.is_haproxy && form.newer)).collect();
        let mut all = BTreeSet::new();
        // What lines cannot say by themselves is told only when every line is good, and not all faults are told at once.
        for _ in 0..forms.len() {
            let refused = refused(engine, &left)?;
            if refused.is_empty() {
                break;
            }
            left.retain(|(number, _)| !refused.contains(number));
            all.extend(refused);
        }
        let mut wrong = Vec::new();
        for (number, form) in forms.iter().enumerate().filter(|(_, form)| !(engine.is_haproxy && form.newer)) {
            let loads = form.mark == '+' || (form.mark == 's' && engine.is_haproxy);
            if loads == all.contains(&number) {
                wrong.push(format!("{} {}", form.mark, form.lines.join(" | ")));
            }
        }
        if !wrong.is_empty() {
            bail!("{} of {} forms:\n{}", wrong.len(), forms.len(), wrong.join("\n"));
        }
        Ok(())
    });
}
