//! The main job, shown: `lbd` in front of three origins under a steady load, while `lbctl` takes each server out
//! and back. Nothing but this repository is needed.

mod view;

use crate::chore;
use anyhow::{Context, bail};
use lb_testkit::load::{Load, Tally};
use lb_testkit::{Engine, Launch, Origin, Program, until};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use view::View;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave you at lbctl's prompt, the load running
    #[arg(long)]
    repl: bool,
    /// Requests to send at least
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
    /// Directory with lbd and lbctl, instead of building them
    #[arg(long)]
    programs: Option<PathBuf>,
}

const CONFIG: &str = include_str!("haproxy.cfg");
const SERVERS: [&str; 3] = ["web1", "web2", "web3"];
/// Requests that others' traffic must grow by while a server is out, so that its absence shows.
const WHILE_OUT: u64 = 1500;

/// Runs the demonstration.
///
/// # Errors
/// When a program does not start, `lbctl` fails, or a request was lost.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let bin = match &args.programs {
        Some(dir) => dir.clone(),
        None => {
            eprintln!("building lbd and lbctl …");
            chore::build_release()?
        }
    };
    let stage = Stage::set(&bin)?;
    println!("lbd serves http://{} and answers on {}", stage.lbd.address("www"), stage.socket().display());
    let mut drains = Vec::new();
    if args.repl {
        println!("leave the prompt with `quit` or Ctrl-D\n");
        stage.lbctl(&["repl"]).status().context("starting lbctl")?;
    } else {
        let mut view = View::new();
        for server in SERVERS {
            drains.push((server, stage.walk(server, &mut view)?));
        }
        stage.until_sent(args.requests, "the rest of the load", &mut view)?;
        view.finish();
    }
    stage.finish(&drains)
}

/// Everything that runs.
struct Stage {
    bin: PathBuf,
    lbd: Program,
    quick: Load,
    slow: Load,
    begin: Instant,
    _origins: Vec<Origin>,
}

impl Stage {
    fn set(bin: &Path) -> anyhow::Result<Stage> {
        let origins: Vec<Origin> = SERVERS.into_iter().map(Origin::for_load).collect::<anyhow::Result<_>>()?;
        let engine = Engine { path: bin.join("lbd"), is_haproxy: false };
        let mut launch = Launch::new(&engine)?;
        for (server, origin) in SERVERS.iter().zip(&origins) {
            launch = launch.set(server, origin.address());
        }
        let lbd = launch.start(CONFIG)?;
        let address = lbd.address("www");
        // Most requests are short; a few take long enough for a drain to have something to wait for.
        let quick = Load::start(address, "/", 8, Duration::from_millis(2));
        let slow = Load::start(address, "/slow/400", 4, Duration::from_millis(50));
        Ok(Stage { bin: bin.to_owned(), lbd, quick, slow, begin: Instant::now(), _origins: origins })
    }

    fn socket(&self) -> PathBuf {
        self.lbd.dir().join("admin.sock")
    }

    fn lbctl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.bin.join("lbctl"));
        command.env("LBCTL_SOCKET", self.socket()).args(arguments);
        command
    }

    /// Drain, maintenance, return of one server; returns how long the drain took.
    fn walk(&self, server: &str, view: &mut View) -> anyhow::Result<Duration> {
        let name = format!("app/{server}");
        let start = Instant::now();
        self.follow(&["drain", &name, "--wait", "--deadline", "30s", "--then", "maint"], view)?;
        let drained = start.elapsed();
        self.until_sent(self.tally().sent + WHILE_OUT, &format!("{server} is out"), view)?;
        self.follow(&["ready", &name, "--wait"], view)?;
        Ok(drained)
    }

    /// Runs `lbctl` to its end, showing what goes on meanwhile.
    fn follow(&self, arguments: &[&str], view: &mut View) -> anyhow::Result<()> {
        let what = format!("lbctl {}", arguments.join(" "));
        let mut child: Child =
            self.lbctl(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().context("starting lbctl")?;
        let status = until(&what, || {
            view.show(&what, &self.lbd.admin(), &self.tally());
            child.try_wait().ok().flatten()
        })?;
        view.done(&what, &self.lbd.admin(), &self.tally());
        if !status.success() {
            let output = child.wait_with_output()?;
            bail!("`{what}` ended with {status}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    fn until_sent(&self, count: u64, what: &str, view: &mut View) -> anyhow::Result<()> {
        let limit = Duration::from_secs(300);
        lb_testkit::wait::until_within(limit, what, || {
            view.show(what, &self.lbd.admin(), &self.tally());
            (self.tally().sent >= count).then_some(())
        })
    }

    fn tally(&self) -> Tally {
        let (mut sum, slow) = (self.quick.tally(), self.slow.tally());
        sum.sent += slow.sent;
        sum.failed += slow.failed;
        sum.failures.extend(slow.failures);
        sum
    }

    /// Ends the load and prints the summary.
    fn finish(self, drains: &[(&str, Duration)]) -> anyhow::Result<()> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let (mut tally, slow) = (self.quick.stop(), self.slow.stop());
        tally.sent += slow.sent;
        tally.failed += slow.failed;
        tally.failures.extend(slow.failures);
        println!("\nrequests {}   failed {}   in {seconds:.1} s", tally.sent, tally.failed);
        for (server, took) in drains {
            println!("  app/{server} drained in {:.2} s", took.as_secs_f64());
        }
        if tally.failed > 0 {
            bail!("{} requests failed, the first: {:?}", tally.failed, tally.failures);
        }
        Ok(())
    }
}
