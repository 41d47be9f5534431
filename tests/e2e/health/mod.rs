//! Stories of servers' health on running programs: checks and agents that are answered one by one, traffic, operators'
//! commands; what is logged and shown after each step is what a running HAProxy 2.6 logged and showed.
//!
//! `LB_TEST_STORIES=words` plays the stories whose names hold the words. `UPDATE_STORIES=1` records them anew from the
//! installed HAProxy, and those that only 3.x has from `lbd`: read the difference.

mod stage;
mod story;

use crate::support::HEAD;
use anyhow::Result;
use lb_testkit::{Engine, Launch, SyslogSink};
use stage::Stage;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use story::Story;

/// Recordings, from the root of the repository.
const FILES: &[&str] = &[
    "crates/lb-check/tests/traces/checks.trace",
    "crates/lb-check/tests/traces/http.trace",
    "crates/lb-check/tests/traces/admin.trace",
    "crates/lb-check/tests/traces/track.trace",
    "crates/lb-check/tests/traces/agent.trace",
    "crates/lb-check/tests/traces/observe.trace",
    "crates/lb-check/tests/traces/more.trace",
    "tests/data/stories.trace",
];

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

type Sights = Vec<Vec<String>>;

/// Plays stories side by side in one program; gives what was seen, or what went wrong.
fn play(engine: &Engine, stories: &[&Story], recording: bool) -> Result<Vec<Result<Sights>>> {
    let log = SyslogSink::udp()?;
    let stages: Vec<Stage<'_>> =
        stories.iter().enumerate().map(|(n, story)| Stage::new(story, n)).collect::<Result<_>>()?;
    let mut config = HEAD.replace("    maxconn 500", "    maxconn 2000\n    log {log} local0");
    config.push_str("    retries 0\n");
    for stage in &stages {
        config += &stage.config();
    }
    let program = Launch::new(engine)?.set("log", log.address()).start(&config)?;
    let next = AtomicUsize::new(0);
    let seen = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                while let Some((n, stage)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|n| Some((n, stages.get(n)?)))
                {
                    let sights = stage.play(&program, &log, recording);
                    seen.lock().unwrap().insert(n, sights);
                }
            });
        }
    });
    Ok(seen.into_inner().unwrap().into_values().collect())
}

/// The first step at which what was seen is not what is written.
fn difference(story: &Story, sights: &Result<Sights>) -> Option<String> {
    let sights = match sights {
        Ok(sights) => sights,
        Err(error) => return Some(format!("{error:?}")),
    };
    let (n, step) = story.steps.iter().enumerate().find(|(n, step)| sights.get(*n) != Some(&step.seen))?;
    let seen = sights.get(n).map(|lines| lines.join("\n  ")).unwrap_or_default();
    Some(format!("step {n}: > {}\n--- written\n  {}\n--- seen\n  {seen}", step.command, step.seen.join("\n  ")))
}

fn record(engine: &Engine) {
    let wanted = std::env::var("LB_TEST_STORIES").unwrap_or_default();
    for file in FILES {
        let text = std::fs::read_to_string(path(file)).unwrap();
        let stories = Story::all(&text);
        let played: Vec<&Story> =
            stories.iter().filter(|s| s.is_newer() != engine.is_haproxy && s.name.contains(&wanted)).collect();
        if played.is_empty() {
            continue;
        }
        let mut sights = play(engine, &played, true).unwrap().into_iter();
        let mut blocks = Vec::new();
        for (block, story) in text.split("\n\n").filter(|block| block.contains("== ")).zip(&stories) {
            let fresh = if played.iter().any(|p| p.name == story.name) { sights.next() } else { None };
            blocks.push(match fresh {
                Some(sights) => story.with_sights(&sights.unwrap()).trim_end().to_owned(),
                None => block.trim_end().to_owned(),
            });
        }
        std::fs::write(path(file), blocks.join("\n\n") + "\n").unwrap();
    }
}

#[test]
fn every_story_goes_as_recorded() {
    let engines = Engine::both().unwrap();
    if std::env::var_os("UPDATE_STORIES").is_some() {
        return engines.iter().for_each(record);
    }
    let wanted = std::env::var("LB_TEST_STORIES").unwrap_or_default();
    let all: Vec<Story> =
        FILES.iter().flat_map(|file| Story::all(&std::fs::read_to_string(path(file)).unwrap())).collect();
    let faults = Mutex::new(String::new());
    // Most of the time is spent waiting for checks.
    std::thread::scope(|scope| {
        for engine in &engines {
            scope.spawn(|| {
                let found = faults_of(engine, &all, &wanted);
                faults.lock().unwrap().push_str(&found);
            });
        }
    });
    let faults = faults.into_inner().unwrap();
    assert!(faults.is_empty(), "these stories go otherwise than recorded:\n{faults}");
}

/// What goes otherwise on a program.
fn faults_of(engine: &Engine, all: &[Story], wanted: &str) -> String {
    let mut faults = String::new();
    let stories: Vec<&Story> =
        all.iter().filter(|s| s.name.contains(wanted) && !(engine.is_haproxy && s.is_newer())).collect();
    for (story, sights) in stories.iter().zip(play(engine, &stories, false).unwrap()) {
        let mut fault = difference(story, &sights);
        // Checks that come of themselves may come too early on a busy machine: what differs is played again alone.
        for _ in 0..2 {
            if fault.is_some() {
                fault = difference(story, &play(engine, &[*story], false).unwrap().remove(0));
            }
        }
        if let Some(fault) = fault {
            let _ = writeln!(faults, "== {} ({})\n{fault}\n", story.name, engine.name());
        }
    }
    faults
}
