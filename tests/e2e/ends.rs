//! How sessions end, and what the log says of it: the table `tests/data/ends.txt`, whose cases run side by side in one
//! program. `LB_TEST_ENDS=words` runs the cases whose names hold the words, and prints what was logged.

use anyhow::{Context, Result, bail};
use lb_testkit::client::Client;
use lb_testkit::origin::{FullListener, WEBSOCKET_REQUEST, unescaped};
use lb_testkit::{Engine, Launch, Mode, Origin, Program, SyslogSink, until};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const TABLE: &str = include_str!("../data/ends.txt");

const HTTP_FORMAT: &str = "%f|%ST %B/%U %tsc %b/%s %Th/%Ti/%TR/%Tw/%Tc/%Tr/%Ta %rc %sq/%bq %r";
const TCP_FORMAT: &str = "%f|%B/%U %ts %b/%s %Tw/%Tc/%Tt %rc %sq/%bq";

/// One end of a session.
#[derive(Debug, Default)]
struct Case {
    name: String,
    tcp: bool,
    front: Vec<String>,
    back: Vec<String>,
    /// Words after the server's address.
    server: String,
    without_backend: bool,
    /// Under `no option abortonclose`.
    unwatched: bool,
    origin: String,
    script: String,
    lines: usize,
    expected: Vec<String>,
    /// What HAProxy 2.6 logs where 3.x differs.
    in_2_6: Vec<String>,
}

impl Case {
    fn all() -> Result<Vec<Case>> {
        let wanted = std::env::var("LB_TEST_ENDS").unwrap_or_default();
        let mut cases: Vec<Case> = Vec::new();
        for line in
            TABLE.lines().filter(|l| !l.is_empty() && !l.starts_with("# ") && !l.starts_with("## ") && *l != "#")
        {
            if let Some(name) = line.strip_prefix("### ") {
                cases.push(Case { name: name.to_owned(), lines: 1, ..Case::default() });
                continue;
            }
            let case = cases.last_mut().context("a line before the first case")?;
            let (key, value) = line.split_once(':').map_or((line, ""), |(k, v)| (k, v.trim()));
            match key {
                "mode" => case.tcp = value == "tcp",
                "front" => case.front.push(value.to_owned()),
                "back" => case.back.push(value.to_owned()),
                "server" => case.server = value.to_owned(),
                "unwatched" => case.unwatched = true,
                "nobackend" => case.without_backend = true,
                "origin" => case.origin = value.to_owned(),
                "do" => case.script = value.to_owned(),
                "lines" => case.lines = value.parse()?,
                "log" => case.expected.push(value.to_owned()),
                "2.6" => case.in_2_6.push(value.to_owned()),
                other => bail!("'{other}' in case '{}'", case.name),
            }
        }
        cases.retain(|case| case.name.contains(&wanted));
        Ok(cases)
    }

    /// The proxies of case number `n`.
    fn config(&self, n: usize) -> String {
        let (mode, format) = if self.tcp { ("tcp", TCP_FORMAT) } else { ("http", HTTP_FORMAT) };
        let from = if self.unwatched { "unwatched" } else { "watched" };
        let mut text = format!(
            "frontend f{n} from {from}\n    mode {mode}\n    bind 127.0.0.1:{{port:f{n}}}\n    log global\n    log-format \"{format}\"\n"
        );
        let mut add = |line: &str| {
            let line = line.replace("{be}", &format!("b{n}"));
            let _ = writeln!(text, "    {line}");
        };
        self.front.iter().for_each(|line| add(line));
        if !self.without_backend {
            add(&format!("default_backend b{n}"));
        }
        add(&format!("\nbackend b{n} from {from}\n    mode {mode}"));
        add(&format!("server s1 {{o{n}}} {}", self.server));
        self.back.iter().for_each(|line| add(line));
        text
    }

    fn plays(&self) -> Result<Peer> {
        let (word, argument) = self.origin.split_once(' ').unwrap_or((&self.origin, ""));
        let mode = match word {
            "" => return Ok(Peer::Origin(Origin::http("o")?)),
            "full" => return Ok(Peer::Full(FullListener::new()?)),
            "refuse" => {
                let origin = Origin::http("o")?;
                origin.refuse();
                return Ok(Peer::Origin(origin));
            }
            "close" => Mode::Close,
            "reset" => Mode::Reset,
            "echo" => Mode::Echo,
            "bytes" => Mode::Bytes(unescaped(argument)),
            "script" => Mode::Script(argument.to_owned()),
            other => bail!("no origin '{other}'"),
        };
        Ok(Peer::Origin(Origin::with(mode)?))
    }

    /// Does what the client does, and gives what was logged of it.
    fn run(&self, stage: &Stage<'_>, n: usize, peer: &Peer) -> Result<Vec<String>> {
        let address = stage.program.address(&format!("f{n}"));
        let (mut clients, mut current) = (BTreeMap::new(), "first");
        clients.insert(current, Client::connect(address)?);
        for operation in self.script.split(" ; ") {
            let (word, argument) = operation.trim().split_once(' ').unwrap_or((operation.trim(), ""));
            if let "first" | "second" | "third" = word {
                current = word;
                if !clients.contains_key(word) {
                    clients.insert(word, Client::connect(address)?);
                }
                continue;
            }
            if let "close" | "reset" = word {
                let client = clients.remove(current).context("no client")?;
                if word == "reset" {
                    client.reset()?;
                }
                continue;
            }
            let client = clients.get_mut(current).context("no client")?;
            let argument = argument.replace("{be}", &format!("b{n}"));
            self.step(stage, n, peer, client, word, &argument).with_context(|| operation.to_owned())?;
        }
        drop(clients);
        stage.lines(n, self.lines)
    }

    fn step(
        &self,
        stage: &Stage<'_>,
        n: usize,
        peer: &Peer,
        client: &mut Client,
        word: &str,
        argument: &str,
    ) -> Result<()> {
        let admin = stage.program.admin();
        match word {
            "send" => drop(client.send(unescaped(argument))?),
            "offer" => drop(client.offer(unescaped(argument))),
            "get" => drop(client.send(format!("GET {argument} HTTP/1.1\r\nHost: t\r\n\r\n"))?),
            "last" => drop(client.send(format!("GET {argument} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"))?),
            "websocket" => drop(client.send(WEBSOCKET_REQUEST)?),
            "head" => drop(client.head()?),
            "response" => drop(client.response()?),
            "end" => drop(client.read_to_end()?),
            "read" => drop(client.expect(argument)?),
            "half" => drop(client.half_close()?),
            // Long enough for what was sent before to be seen on its own.
            "pause" => std::thread::sleep(Duration::from_millis(60)),
            "asked" | "met" => until("the origin", || peer.met(self.origin.is_empty()).then_some(()))?,
            "logged" => drop(stage.lines(n, argument.parse()?)?),
            "queued" => until("the queue", || {
                let rows = admin.ask(&format!("show stat b{n} -1 -1")).ok()?;
                let length = |row: &str| row.split(',').nth(2).and_then(|qcur| qcur.parse::<usize>().ok());
                let waiting: usize = rows.lines().filter_map(length).sum();
                (waiting >= argument.parse().ok()?).then_some(())
            })?,
            "admin" => drop(admin.ask(argument)?),
            other => bail!("no operation '{other}'"),
        }
        Ok(())
    }
}

enum Peer {
    Origin(Origin),
    Full(FullListener),
}

impl Peer {
    fn address(&self) -> String {
        match self {
            Self::Origin(origin) => origin.address().to_string(),
            Self::Full(full) => full.address().to_string(),
        }
    }

    fn met(&self, by_request: bool) -> bool {
        match self {
            Self::Origin(origin) if by_request => !origin.requests().is_empty(),
            Self::Origin(origin) => origin.connections() > 0,
            Self::Full(_) => true,
        }
    }
}

struct Stage<'a> {
    program: &'a Program,
    log: &'a SyslogSink,
}

impl Stage<'_> {
    /// The lines of case `n`, once there are so many.
    fn lines(&self, n: usize, count: usize) -> Result<Vec<String>> {
        let prefix = format!("f{n}|");
        let of_case = || -> Vec<String> {
            let messages = self.log.messages();
            let mut lines: Vec<String> =
                messages.iter().filter_map(|m| m.strip_prefix(&prefix)).map(|line| normalised(line, n)).collect();
            lines.sort();
            lines
        };
        until(&format!("{count} lines"), || Some(of_case()).filter(|lines| lines.len() >= count))
            .map_err(|e| e.context(format!("logged: {:#?}", of_case())))
    }
}

/// A line without what differs from run to run.
fn normalised(line: &str, n: usize) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let http = words.get(2).is_some_and(|w| w.len() == 4);
    let (bytes, backend, timers) = if http { (1, 3, 4) } else { (0, 2, 3) };
    let class = |number: &str| match number.parse::<u64>().unwrap_or(0) {
        0 => "0",
        1..1_000 => "+",
        1_000..1_000_000 => "k",
        _ => "M",
    };
    for (at, word) in words.iter_mut().enumerate() {
        if at == bytes {
            *word = word.split('/').map(class).collect::<Vec<_>>().join("/");
        }
        if at == backend {
            *word = word.replace(&format!("b{n}/"), "b/").replace(&format!("f{n}/"), "f/");
        }
        if at == timers {
            *word = word.split('/').map(|t| if t == "-1" { "-1" } else { "n" }).collect::<Vec<_>>().join("/");
        }
    }
    words.join(" ")
}

/// Runs all cases on one program; gives what each logged.
fn logged(engine: &Engine, cases: &[Case]) -> Result<Vec<Vec<String>>> {
    let log = SyslogSink::udp()?;
    let good = Origin::http("good")?;
    let peers: Vec<Peer> = cases.iter().map(Case::plays).collect::<Result<_>>()?;
    let mut launch = Launch::new(engine)?.set("log", log.address()).set("good", good.address());
    let defaults =
        "retries 0\n    timeout connect 5s\n    timeout client 20s\n    timeout server 20s\n    timeout queue 20s\n";
    let mut config = format!(
        "global\n    stats socket {{sock}} mode 600 level admin\n    maxconn 2000\n    nbthread 1\n    log {{log}} local0\n\
         defaults watched\n    option abortonclose\n    {defaults}\
         defaults unwatched\n    no option abortonclose\n    {defaults}"
    );
    for (n, (case, peer)) in cases.iter().zip(&peers).enumerate() {
        launch = launch.set(&format!("o{n}"), peer.address());
        config += &case.config(n);
    }
    let program = launch.start(&config)?;
    let stage = Stage { program: &program, log: &log };
    let next = AtomicUsize::new(0);
    let seen: Mutex<BTreeMap<usize, Vec<String>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(case), Some(peer)) = (cases.get(n), peers.get(n)) else { return };
                    let lines = case.run(&stage, n, peer).unwrap_or_else(|e| vec![format!("{e:?}")]);
                    seen.lock().unwrap().insert(n, lines);
                }
            });
        }
    });
    Ok(seen.into_inner().unwrap().into_values().collect())
}

#[test]
fn every_end_of_a_session_is_logged_as_by_haproxy() {
    let cases = Case::all().unwrap();
    let mut faults = String::new();
    for engine in Engine::both().unwrap() {
        let seen = logged(&engine, &cases).unwrap();
        for (case, lines) in cases.iter().zip(&seen) {
            let expected = if engine.is_haproxy && !case.in_2_6.is_empty() { &case.in_2_6 } else { &case.expected };
            // Who comes first is a matter of processor time where many are played at once on a busy machine: what differs
            // is played again alone.
            let alone =
                if lines == expected { None } else { logged(&engine, std::slice::from_ref(case)).unwrap().pop() };
            let lines = alone.as_ref().unwrap_or(lines);
            if lines != expected {
                let _ = writeln!(faults, "### {} ({})", case.name, engine.name());
                for line in lines {
                    let _ = writeln!(faults, "log: {line}");
                }
            }
        }
    }
    assert!(faults.is_empty(), "these ends are logged otherwise than tests/data/ends.txt says:\n{faults}");
}
