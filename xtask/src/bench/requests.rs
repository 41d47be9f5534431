//! Processor time per request under `wrk`, in HTTP and TCP mode.

use super::pairs::{Pairs, Sample};
use super::{OTHER_CPU, PROGRAM_CPU};
use crate::wrk::{self, Nginx};
use anyhow::bail;
use lb_testkit::{Engine, Launch, process};

const CONNECTIONS: usize = 32;

/// Measures one mode.
///
/// # Errors
/// When a run fails or loses requests.
pub fn measure(pairs: &Pairs, mode: &str, seconds: u64) -> anyhow::Result<()> {
    let nginx = Nginx::start(1, Some(OTHER_CPU))?;
    let Some(origin) = nginx.addresses().next() else { bail!("no origin") };
    let title = format!("{mode} mode, {CONNECTIONS} kept connections, one thread, {seconds} s a run");
    pairs.run(&title, |engine| run(engine, mode, &origin.to_string(), seconds))
}

fn run(engine: &Engine, mode: &str, origin: &str, seconds: u64) -> anyhow::Result<Sample> {
    let program = Launch::new(engine)?.pinned(PROGRAM_CPU).set("origin", origin).start(&format!(
        "global\n    nbthread 1\n    maxconn 4000\n\
         defaults\n    mode {mode}\n    timeout connect 5s\n    timeout client 60s\n    timeout server 60s\n\
         frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n    server s1 {{origin}}\n"
    ))?;
    let address = program.address("fe");
    wrk::load(address, CONNECTIONS, 1, Some(OTHER_CPU))?;
    let before = process::cpu(program.pid())?;
    let report = wrk::load(address, CONNECTIONS, seconds, Some(OTHER_CPU))?;
    let used = process::cpu(program.pid())?.since(before);
    if !report.is_clean() {
        bail!("{} lost requests: {report:?}", engine.name());
    }
    let per_request = |part: std::time::Duration| part.as_secs_f64() * 1e6 / report.requests as f64;
    Ok(vec![
        ("CPU per request, µs", per_request(used.total())),
        ("  of it in user space, µs", per_request(used.user)),
        ("requests per second (more wins)", report.per_second),
    ])
}
