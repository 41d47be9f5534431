//! Random and mutated bytes at the HTTP port and the admin socket: no crash, no hang, no growth.

use crate::check_eq;
use crate::support::{HEAD, both, launch};
use anyhow::Result;
use lb_testkit::client::{Client, get};
use lb_testkit::{Admin, Engine, Origin, Program, process, until};
use std::time::Duration;

/// A seeded generator (xorshift), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most) + 1;
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// A copy of `text` with a few bytes changed, removed, doubled or inserted.
    fn mutate(&mut self, text: &str) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len().max(1)).min(bytes.len().saturating_sub(1));
            match self.below(4) {
                0 => bytes[at] = self.next() as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b" \r\n\0;:\\\"<\x7f\xff"[self.below(11)]),
                _ => bytes.extend_from_within(at..),
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        bytes
    }
}

fn program(engine: &Engine) -> Result<(Program, Origin)> {
    let origin = Origin::for_load("o1")?;
    let config = HEAD
        .replace("level admin", "level user")
        .replace("timeout client 20s", "timeout client 1s\n    timeout http-request 1s")
        + "frontend fe\n    bind 127.0.0.1:{port:fe}\n    default_backend app\nbackend app\n    server s1 {o1}\n";
    Ok((launch(engine, &[("o1", &origin)])?.start(&config)?, origin))
}

/// The program still serves, holds no session, and has not grown by more than `limit` bytes.
fn check_sound(program: &mut Program, before: u64, files_before: usize, limit: u64) -> Result<()> {
    program.check_alive()?;
    check_eq!(get(program.address("fe"), "/")?.status, 200);
    program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
    let grown = process::rss_bytes(program.pid())?.saturating_sub(before);
    check_eq!(grown <= limit, true, "grown by {grown} bytes");
    until("all descriptors closed", || {
        // Idle connections to the origin may be kept.
        let kept: usize = program.admin().stat("app", "s1", "srv_icur").ok()?.parse().ok()?;
        (process::open_files(program.pid()).ok()? <= files_before + kept + 2).then_some(())
    })?;
    Ok(())
}

const REQUEST: &str = "POST /a?b=c HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nCookie: SRV=a\r\n\r\n4;x=y\r\nabcd\r\n0\r\nA: b\r\n\r\n";

#[test]
fn the_http_port_survives_random_bytes() {
    both(|engine| {
        let (mut program, _origin) = program(engine)?;
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        let (before, files) = (process::rss_bytes(program.pid())?, process::open_files(program.pid())?);
        let mut random = Random(0x5eed_0001);
        let mut open = Vec::new();
        for round in 0..600 {
            let mut client = Client::connect(program.address("fe"))?;
            let bytes = if round % 3 == 0 { random.bytes(3000) } else { random.mutate(REQUEST) };
            client.offer(bytes);
            match round % 4 {
                0 => drop(client.half_close().map(|_| ())),
                1 => client.reset()?,
                2 => drop(client),
                _ => open.push(client),
            }
        }
        for client in &mut open {
            // Whatever came of it, the connection ends by itself.
            client.half_close().map(|_| ()).unwrap_or_default();
            client.read_to_end()?;
        }
        drop(open);
        check_sound(&mut program, before, files, 16 << 20)
    });
}

#[test]
fn the_admin_socket_survives_random_bytes() {
    const COMMANDS: [&str; 8] = [
        "show stat -1 7 -1 json\n",
        "prompt\nshow info typed desc\nquit\n",
        "show servers state app;show servers conn\n",
        "set server app/s1 state drain\n",
        "help set server; show \\; x\n",
        "add map x <<\na b\n\n",
        "show stat app 2 1 up no-maint;;;\n",
        "set severity-output number;get weight app/s1\n",
    ];
    both(|engine| {
        let (mut program, _origin) = program(engine)?;
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        let (before, files) = (process::rss_bytes(program.pid())?, process::open_files(program.pid())?);
        let mut random = Random(0x5eed_0002);
        for round in 0..400 {
            let mut session = program.admin().open()?;
            let bytes =
                if round % 4 == 0 { random.bytes(2000) } else { random.mutate(COMMANDS[round % COMMANDS.len()]) };
            let _ = session.send_bytes(&bytes);
            let _ = session.half_close();
            let (_, closed) = session.read_until_quiet(Duration::from_secs(20))?;
            check_eq!(closed, true, "{:?} was not answered to the end", String::from_utf8_lossy(&bytes));
        }
        check_sound(&mut program, before, files, 16 << 20)
    });
}

#[test]
fn an_endless_line_on_the_admin_socket_is_cut() {
    both(|engine| {
        let config = HEAD.replace("level admin", "level user\n    stats timeout 2s")
            + "listen fe\n    bind 127.0.0.1:{port:fe}\n";
        let mut program = launch(engine, &[])?.start(&config)?;
        let mut session = program.admin().open()?;
        session.set_write_limit(Duration::from_secs(3))?;
        let chunk = vec![b'a'; 64 * 1024];
        let mut refused = false;
        for _ in 0..500 {
            if session.send_bytes(&chunk).is_err() {
                refused = true;
                break;
            }
        }
        check_eq!(refused, true, "32 MB without a line end are not swallowed");
        check_eq!(process::rss_bytes(program.pid())? < 200 << 20, true);
        program.check_alive()
    });
}

#[test]
fn an_endless_head_is_cut() {
    both(|engine| {
        let (mut program, _origin) = program(engine)?;
        let before = process::rss_bytes(program.pid())?;
        let mut client = Client::connect(program.address("fe"))?;
        client.offer("GET / HTTP/1.1\r\n");
        for n in 0..20_000 {
            client.offer(format!("X-{n}: {n}\r\n"));
        }
        let answer = client.read_to_end()?;
        // The answer may be lost to the reset that unread input causes.
        check_eq!(answer.is_empty() || answer.starts_with(b"HTTP/1."), true);
        let grown = process::rss_bytes(program.pid())?.saturating_sub(before);
        check_eq!(grown < 16 << 20, true, "grown by {grown}");
        program.check_alive()
    });
}

#[test]
fn slow_readers_of_a_dump_do_not_hold_up_others() {
    both(|engine| {
        let origin = Origin::http("o1")?;
        let servers: String = (0..2000).map(|n| format!("    server s{n} {{o1}}\n")).collect();
        let program = launch(engine, &[("o1", &origin)])?.start(&crate::support::one_backend(&servers))?;
        let mut stalled = program.admin().open()?;
        stalled.send("show stat json\n")?;
        let admin: Admin = program.admin();
        for _ in 0..20 {
            check_eq!(admin.ask("show backend")?, "# name\napp\n\n");
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        let (dump, closed) = stalled.read_until_quiet(lb_testkit::LONG)?;
        check_eq!((closed, dump.matches("\"svname\"").count()), (true, 2002));
        Ok(())
    });
}
