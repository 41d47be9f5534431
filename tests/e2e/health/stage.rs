//! Plays a story on a running program: origins that answer when they are told to, and what the admin socket shows.

use super::story::{Step, Story, normalised};
use anyhow::{Context, Result, bail};
use lb_testkit::client::Client;
use lb_testkit::origin::{End, Puppet, unescaped};
use lb_testkit::wait::until_within;
use lb_testkit::{Mode, Origin, Program, SyslogSink, until};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long what a step brings may take to show.
const SHOWN: Duration = Duration::from_secs(10);
/// How long nothing must change before a sight is recorded.
const QUIET: usize = 6;

/// Bits of a check's state.
const IN_PROGRESS: u32 = 1;
const ENABLED: u32 = 4;
const PAUSED: u32 = 8;

/// The strings of one server.
struct Strings {
    name: String,
    words: String,
    checks: Puppet,
    agent: Puppet,
    traffic: Origin,
}

/// A story's backend in a program.
pub struct Stage<'a> {
    story: &'a Story,
    backend: String,
    servers: Vec<Strings>,
}

impl<'a> Stage<'a> {
    pub fn new(story: &'a Story, number: usize) -> Result<Stage<'a>> {
        let server = |(name, words): (&str, &str)| {
            Ok(Strings {
                name: name.to_owned(),
                words: words.to_owned(),
                checks: Puppet::of_requests()?,
                agent: Puppet::of_connections()?,
                traffic: Origin::http(name)?,
            })
        };
        let servers = story.servers().into_iter().map(server).collect::<Result<_>>()?;
        Ok(Stage { story, backend: format!("bk{number:03}"), servers })
    }

    /// The story's proxies; the frontend is at `{port:NAME}`, the backend's name.
    pub fn config(&self) -> String {
        let backend = &self.backend;
        let mut text = format!(
            "frontend f{backend}\n    bind 127.0.0.1:{{port:{backend}}}\n    default_backend {backend}\n\
             backend {backend}\n    option httpchk\n    timeout check 60s\n    timeout server 500ms\n    log global\n"
        );
        for line in self.story.lines() {
            text += &format!("    {}\n", line.replace("check 120ms", "check 2s"));
        }
        for server in &self.servers {
            let Strings { name, words, checks, agent, traffic } = server;
            let mut words = words.replace("app/", &format!("{backend}/"));
            // What comes of itself comes late enough for the step before it to be seen on its own.
            for (short, long) in [("300ms", "800ms"), ("400ms", "800ms"), ("500ms", "1500ms")] {
                words = words.replace(&format!("inter {short}"), &format!("inter {long}"));
            }
            let own = if words.contains("track ") {
                String::new()
            } else {
                format!("port {} agent-port {}", checks.address().port(), agent.address().port())
            };
            text += &format!("    server {name} {} {own} {words}\n", traffic.address());
        }
        text
    }

    /// Plays all steps. What is seen after each is what is written there, or what it came to in the end; with
    /// `recording`, what it is when nothing changes any more.
    pub fn play(&self, program: &Program, log: &SyslogSink, recording: bool) -> Result<Vec<Vec<String>>> {
        let (mut sights, mut told) = (Vec::new(), 0);
        for step in &self.story.steps {
            let answer = self.act(program, step).with_context(|| format!("> {}", step.command))?;
            let sight = || -> Result<(usize, Vec<String>)> {
                let lines = self.logged(log);
                let mut sight: Vec<String> = lines.iter().skip(told).cloned().collect();
                match answer.as_deref() {
                    Some("HTTP") => sight.insert(0, "< HTTP".to_owned()),
                    Some(answer) => sight.push(format!("< {answer}")),
                    None => (),
                }
                sight.extend(self.shown(program)?);
                Ok((lines.len(), sight.iter().map(|line| normalised(line)).collect()))
            };
            let mut last = sight()?;
            let mut same = 0;
            let _ = until_within(SHOWN, "a sight", || {
                let next = sight().ok()?;
                same = if next == last { same + 1 } else { 0 };
                last = next;
                let is_it = if recording { same >= QUIET } else { last.1 == step.seen };
                is_it.then_some(())
            });
            told = last.0;
            let differs = last.1 != step.seen;
            sights.push(last.1);
            if differs && !recording {
                // What follows is built on what is not there.
                break;
            }
        }
        Ok(sights)
    }

    fn server(&self, name: &str) -> Result<&Strings> {
        self.servers.iter().find(|s| s.name == name).with_context(|| format!("no server {name}"))
    }

    /// Does what a step says; gives what was answered.
    fn act(&self, program: &Program, step: &Step) -> Result<Option<String>> {
        let words: Vec<&str> = step.command.splitn(3, ' ').collect();
        match words.as_slice() {
            ["start"] => {}
            ["sleep", ms] => std::thread::sleep(Duration::from_millis(ms.parse()?)),
            ["check", server, answer] => {
                let server = self.server(server)?;
                let (bytes, end) = match (*answer, answer.strip_prefix("raw:"), answer.strip_prefix("rawopen:")) {
                    ("close", ..) => (Vec::new(), End::Close),
                    ("reset", ..) => (Vec::new(), End::Reset),
                    (_, Some(raw), _) => (unescaped(raw), End::Close),
                    (_, _, Some(raw)) => (unescaped(raw), End::Open),
                    (status, ..) => (answer_with(status), End::Close),
                };
                server.checks.answer(&bytes, end)?;
                self.settle(program, server, &server.checks, "srv_check_state", "inter ")?;
            }
            ["agent", server, answer] => {
                let server = self.server(server)?;
                let (bytes, end) = match *answer {
                    "close" => (Vec::new(), End::Close),
                    "reset" => (Vec::new(), End::Reset),
                    line => (unescaped(&line.replace("\\t", "\t")), End::Close),
                };
                server.agent.answer(&bytes, end)?;
                self.settle(program, server, &server.agent, "srv_agent_state", "agent-inter ")?;
            }
            ["req", _, answer] => {
                self.request(program, answer)?;
                return Ok(Some("HTTP".to_owned()));
            }
            ["cli", ..] => {
                let command = step.command.trim_start_matches("cli ").replace("app/", &format!("{}/", self.backend));
                let answer = program.admin().ask(&command)?.trim().to_owned();
                return Ok(Some(answer).filter(|answer| !answer.is_empty()));
            }
            _ => bail!("unknown step"),
        }
        Ok(None)
    }

    /// Waits until an answered check has done its work: the next one waits, or there is none.
    fn settle(&self, program: &Program, server: &Strings, puppet: &Puppet, bits: &str, interval: &str) -> Result<()> {
        let slow = server.words.split_once(interval).is_some_and(|(_, rest)| !rest.starts_with("30ms"));
        until("the check's end", || {
            let states = table(&program.admin().ask(&format!("show servers state {}", self.backend)).ok()?, ' ', 1);
            let state: u32 = states.iter().find(|row| cell(row, "srv_name") == server.name)?.get(bits)?.parse().ok()?;
            let comes = state & ENABLED > 0 && state & PAUSED == 0;
            let ended = if slow || !comes { state & IN_PROGRESS == 0 } else { puppet.is_asked() };
            ended.then_some(())
        })
    }

    /// A client's request, which the backend's servers answer so.
    fn request(&self, program: &Program, answer: &str) -> Result<()> {
        for server in &self.servers {
            match answer {
                "refuse" => {
                    server.traffic.refuse();
                    continue;
                }
                "close" => server.traffic.set_mode(Mode::Script("await \\r\\n\\r\\n ; close".to_owned())),
                "reset" => server.traffic.set_mode(Mode::Script("await \\r\\n\\r\\n ; reset".to_owned())),
                "hang" => server.traffic.set_mode(Mode::Hang),
                raw if raw.starts_with("raw:") => {
                    server.traffic.set_mode(Mode::Bytes(unescaped(raw.trim_start_matches("raw:"))));
                }
                status => server.traffic.set_mode(Mode::Bytes(answer_with(status))),
            }
            server.traffic.listen()?;
        }
        let mut client = Client::connect(program.address(&self.backend))?;
        client.send("GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")?;
        client.read_to_end()?;
        Ok(())
    }

    /// Log lines of the story so far, as recordings have them.
    fn logged(&self, log: &SyslogSink) -> Vec<String> {
        let own = [format!("{}/", self.backend), format!("backend {} ", self.backend)];
        let lines = log.lines();
        let mut told = Vec::new();
        for line in lines.iter().filter(|line| own.iter().any(|own| line.contains(own.as_str()))) {
            let message = lb_testkit::syslog::message_of(line).trim_end();
            // Who changed something is told by this program alone.
            if message.starts_with("Admin: ") {
                continue;
            }
            let severity: u32 =
                line.trim_start_matches('<').split('>').next().and_then(|pri| pri.parse().ok()).unwrap_or(7) % 8;
            let severity = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"]
                .get(severity as usize)
                .copied()
                .unwrap_or_default();
            let message = message.replace(&self.backend, "app");
            told.push(format!("{severity}: {message}"));
        }
        told
    }

    /// State lines of the servers, as recordings have them.
    fn shown(&self, program: &Program) -> Result<Vec<String>> {
        let backend = &self.backend;
        let both = program.admin().ask(&format!("show stat {backend} -1 -1;show servers state {backend}"))?;
        let at = both.find("\n1\n").context("no states of servers")?;
        let (stat, states) = both.split_at(at);
        let (stat, states) = (table(stat, ',', 0), table(states.trim_start(), ' ', 1));
        let mut lines = Vec::new();
        for server in &self.servers {
            let row = stat.iter().find(|row| cell(row, "svname") == server.name).context("no row of a server")?;
            let state = states.iter().find(|row| cell(row, "srv_name") == server.name).context("no state")?;
            lines.push(shown(&server.name, row, state).replace(backend.as_str(), "app"));
        }
        Ok(lines)
    }
}

fn answer_with(status: &str) -> Vec<u8> {
    format!("HTTP/1.0 {status} Some Reason\r\nContent-Length: 2\r\n\r\nok").into_bytes()
}

fn shown(name: &str, row: &BTreeMap<String, String>, state: &BTreeMap<String, String>) -> String {
    let (stat, of) = (|column: &str| cell(row, column), |column: &str| cell(state, column));
    let bits = |column: &str| of(column).parse::<u32>().unwrap_or(0) & !IN_PROGRESS;
    let code = |column: &str| Some(stat(column)).filter(|code| !code.is_empty()).unwrap_or("-");
    let mut line = format!(
        "= {name}: {} | op={} adm={} w={}/{} hl={} res={} st={} ck={} ag={}",
        stat("status"),
        of("srv_op_state"),
        of("srv_admin_state"),
        of("srv_uweight"),
        of("srv_iweight"),
        of("srv_check_health"),
        of("srv_check_result"),
        of("srv_check_status"),
        bits("srv_check_state"),
        bits("srv_agent_state")
    );
    // A star marks what is in progress.
    let status = |column: &str, bits: &str| {
        let told = stat(column);
        let in_progress = of(bits).parse::<u32>().unwrap_or(0) & IN_PROGRESS > 0;
        let plain = told.strip_prefix("* ").unwrap_or(told).to_owned();
        if in_progress == (plain != told) { plain } else { format!("{told} (and yet {bits} is {})", of(bits)) }
    };
    if !stat("check_status").is_empty() {
        line += &format!(
            " chk={} code={} fail={} down={} lc=\"{}\"",
            status("check_status", "srv_check_state"),
            code("check_code"),
            stat("chkfail"),
            stat("chkdown"),
            stat("last_chk")
        );
    }
    if !stat("agent_status").is_empty() {
        line += &format!(
            " agent={} acode={} ahl={} la=\"{}\"",
            status("agent_status", "srv_agent_state"),
            code("agent_code"),
            stat("agent_health"),
            stat("last_agt")
        );
    }
    if !stat("hanafail").is_empty() {
        line += &format!(" hana={}", stat("hanafail"));
    }
    if !stat("throttle").is_empty() {
        line += " thr=*";
    }
    line + &format!(" eff={}", stat("weight"))
}

fn cell<'r>(row: &'r BTreeMap<String, String>, column: &str) -> &'r str {
    row.get(column).map_or("", String::as_str)
}

/// Rows by the names of a header that stands after `skip` lines.
fn table(text: &str, separator: char, skip: usize) -> Vec<BTreeMap<String, String>> {
    // Some of 2.6's warnings end with the line.
    let (mut whole, mut quoted) = (String::new(), false);
    for letter in text.chars() {
        quoted ^= letter == '"';
        if !(quoted && letter == '\n') {
            whole.push(letter);
        }
    }
    let mut lines = whole.lines().skip(skip).filter(|line| !line.is_empty());
    let header = cells(lines.next().unwrap_or_default().trim_start_matches("# "), separator);
    lines.map(|line| header.iter().cloned().zip(cells(line, separator)).collect()).collect()
}

/// Cells, some of them in quotes, of which two stand for one.
fn cells(line: &str, separator: char) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(cell) = cells.last_mut() else { break };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            letter if letter == separator && !quoted => cells.push(String::new()),
            letter => cell.push(letter),
        }
    }
    cells
}
