//! A running `lbd`, fed at its HTTP port and its admin socket. Afterwards it must still answer, hold no
//! session, and be about as large as before.

use crate::corpus::{Corpus, Signature};
use crate::mutate::mutate;
use crate::random::Random;
use crate::targets;
use anyhow::{Result, bail, ensure};
use lb_testkit::client::{Client, get};
use lb_testkit::{Engine, LONG, Launch, Origin, Program, process, until};
use std::time::{Duration, Instant};

/// How much larger the program may be afterwards.
const GROWTH_LIMIT: u64 = 8 << 20;
/// The longest input: enough to fill the program's buffers several times.
const MOST_BYTES: usize = 64 << 10;
/// Connections left open, so that some end by a time-out.
const MOST_OPEN: usize = 32;

const CONFIG: &str = "\
global
    stats socket {sock} mode 600 level user
    stats timeout 1s
    maxconn 500
    nbthread 1
defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
    timeout http-request 1s
frontend fe
    bind 127.0.0.1:{port:fe}
    option forwardfor
    acl api path_beg /api
    http-request set-header X-Api yes if api
    use_backend app if api
    default_backend app
backend app
    cookie SRV insert indirect
    server s1 {o1} cookie a
";

/// Inputs made from a target's seeds.
struct Source {
    corpus: Corpus,
    words: Vec<Vec<u8>>,
}

impl Source {
    fn of(target: &str, random: &mut Random) -> Result<Self> {
        let Some(target) = targets::find(target) else { bail!("no target {target}") };
        let mut corpus = Corpus::default();
        for (index, seed) in target.seeds().iter().enumerate() {
            let mut signature = Signature::default();
            signature.add(index);
            // The first byte of a seed is for the target alone.
            corpus.consider(seed.get(1..).unwrap_or_default(), &signature, random);
        }
        Ok(Self { corpus, words: target.words() })
    }

    fn next(&self, random: &mut Random) -> Vec<u8> {
        mutate(random, &self.corpus, &self.words, MOST_BYTES)
    }
}

/// Runs the target.
///
/// # Errors
/// When the program crashed, hangs, or has grown.
pub fn run(seed: u64, duration: Duration) -> Result<()> {
    println!("live: {} s, seed {seed}", duration.as_secs());
    let origin = Origin::for_load("o1")?;
    let mut program = Launch::new(&Engine::subject()?)?.set("o1", origin.address()).start(CONFIG)?;
    let mut random = Random(seed);
    let (http, admin) = (Source::of("http", &mut random)?, Source::of("admin", &mut random)?);
    let (mut open, mut count) = (Vec::new(), 0);
    let mut settled = None;
    let start = Instant::now();
    while start.elapsed() < duration {
        count += 1;
        if count % 4 == 0 {
            feed_admin(&program, &admin.next(&mut random), &mut random)?;
        } else {
            feed_http(&program, http.next(&mut random), &mut random, &mut open)?;
        }
        if count % 256 == 0 {
            program.check_alive()?;
        }
        if settled.is_none() && start.elapsed() > duration / 4 {
            settled = Some(process::rss_bytes(program.pid())?);
        }
    }
    drop(open);
    check_sound(&mut program)?;
    let after = process::rss_bytes(program.pid())?;
    let grown = after.saturating_sub(settled.unwrap_or(after));
    println!(
        "live: {count} inputs, seed {seed}, {} MiB at the end, {} KiB more than after a quarter",
        after >> 20,
        grown >> 10
    );
    ensure!(grown <= GROWTH_LIMIT, "lbd grew by {grown} bytes; seed {seed}");
    Ok(())
}

/// One connection to the HTTP port, ended in one of the ways connections end.
fn feed_http(program: &Program, bytes: Vec<u8>, random: &mut Random, open: &mut Vec<Client>) -> Result<()> {
    let mut client = Client::connect(program.address("fe"))?;
    for piece in random.pieces(&bytes).into_iter().take(16) {
        client.offer(piece);
    }
    match random.below(4) {
        0 => client.reset()?,
        1 => drop(client),
        2 => drop(client.half_close().map(|_| ())),
        _ => {
            open.push(client);
            if open.len() > MOST_OPEN {
                open.swap_remove(random.below(MOST_OPEN));
            }
        }
    }
    Ok(())
}

/// One connection to the admin socket, whose answer is read to its end: an endless one is a fault.
fn feed_admin(program: &Program, bytes: &[u8], random: &mut Random) -> Result<()> {
    let mut session = program.admin().open()?;
    // What is not read may be refused.
    let _ = session.send_bytes(bytes);
    let _ = session.half_close();
    if random.one_in(4) {
        return Ok(());
    }
    let (_, closed) = session.read_until_quiet(LONG)?;
    ensure!(closed, "the admin socket was not closed after {}", bytes.escape_ascii());
    Ok(())
}

fn check_sound(program: &mut Program) -> Result<()> {
    program.check_alive()?;
    let status = get(program.address("fe"), "/")?.status;
    ensure!(status == 200, "answers {status} afterwards");
    ensure!(program.admin().ask("show info")?.contains("Uptime_sec"), "does not answer `show info` afterwards");
    program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
    until("all of the program's sockets but a few to be closed", || {
        (process::open_files(program.pid()).ok()? < 64).then_some(())
    })?;
    program.check_alive()
}
