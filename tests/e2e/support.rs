//! What the suites share: running a case on both programs, and the plain configuration.

use anyhow::{Context, Result};
use lb_testkit::{Engine, Launch, Origin, Program};
use std::fmt::Debug;

/// Runs a case on the program under test and on the oracle, one after the other.
#[track_caller]
pub fn both(case: impl Fn(&Engine) -> Result<()>) {
    for engine in Engine::both().unwrap() {
        if let Err(error) = case(&engine) {
            panic!("on {}: {error:?}", engine.name());
        }
    }
}

/// Runs a case on both programs and asserts that it yields the same.
#[track_caller]
pub fn same<T: Debug + PartialEq>(case: impl Fn(&Engine) -> Result<T>) {
    let mut seen: Vec<(String, T)> = Vec::new();
    for engine in Engine::both().unwrap() {
        match case(&engine) {
            Ok(value) => seen.push((engine.name().to_owned(), value)),
            Err(error) => panic!("on {}: {error:?}", engine.name()),
        }
    }
    if let [(_, subject), (_, oracle)] = seen.as_slice() {
        let (subject, oracle) = (format!("{subject:#?}"), format!("{oracle:#?}"));
        lb_testkit::assert_same("the outcome", "lbd", &subject, "haproxy", &oracle);
    }
}

/// An assertion that reports instead of panicking, so that [`both`] can name the program.
#[macro_export]
macro_rules! check_eq {
    ($left:expr, $right:expr $(, $($note:tt)+)?) => {{
        // A match, so that temporaries of both sides live through the comparison.
        match (&$left, &$right) {
            (left, right) => {
                if *left != *right {
                    let note = String::new() $(+ ": " + &format!($($note)+))?;
                    anyhow::bail!("{} is {left:?}, not {right:?}{note}", stringify!($left));
                }
            }
        }
    }};
}

/// The `global` and `defaults` sections of most cases, logs going to `{log}` where that is set.
pub const HEAD: &str = "\
global
    stats socket {sock} mode 600 level admin
    maxconn 500
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
";

/// A frontend `fe` and a backend `app`, whose body is given.
pub fn one_backend(body: &str) -> String {
    format!("{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n{body}\n")
}

/// A program in front of one HTTP origin named `o1`, and that origin.
pub fn simple(engine: &Engine) -> Result<(Program, Origin)> {
    with_body(engine, "    server s1 {o1}")
}

/// A program whose backend `app` has this body, in front of one HTTP origin `{o1}`.
pub fn with_body(engine: &Engine, body: &str) -> Result<(Program, Origin)> {
    let origin = Origin::http("o1")?;
    let program = start(engine, &[("o1", &origin)], &one_backend(body))?;
    Ok((program, origin))
}

/// Starts a configuration with the addresses of named origins filled in.
pub fn start(engine: &Engine, origins: &[(&str, &Origin)], config: &str) -> Result<Program> {
    launch(engine, origins)?.start(config).context("starting")
}

/// A launch that knows the addresses of named origins.
pub fn launch(engine: &Engine, origins: &[(&str, &Origin)]) -> Result<Launch> {
    let mut launch = Launch::new(engine)?;
    for (name, origin) in origins {
        launch = launch.set(name, origin.address());
    }
    Ok(launch)
}

/// Heads as a set of lines whose order and case of names do not matter, what differs between runs left out.
pub fn canonical(head: &lb_testkit::http::Head) -> Vec<String> {
    let mut lines: Vec<String> = head
        .fields
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| name != "date")
        // Connection options have no case.
        .map(
            |(name, value)| {
                if name == "connection" { (name, value.to_ascii_lowercase()) } else { (name, value.clone()) }
            },
        )
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    lines.sort();
    lines.insert(0, head.start.clone());
    lines
}
