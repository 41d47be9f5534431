//! The Runtime API over a real UNIX socket, against a control thread's state made from configuration text.

use super::{BoundAdmin, listen};
use crate::control::{Control, ControlCommand, ServerEvent};
use crate::listen::FileAccess;
use crate::shared::Shared;
use crate::testing;
use expect_test::{Expect, expect};
use std::cell::RefCell;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

mod backend;
mod connection;
mod dynamic;
mod own;

/// Servers without checks, so that only commands change anything.
const QUIET: &str = "
global
    maxconn 100
    stats socket $SOCK level admin
defaults
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
frontend fe
    bind 127.0.0.1:8080
    default_backend app
backend app
    balance roundrobin
    cookie SRV insert
    server web1 127.0.0.1:8001 check inter 1h cookie w1
    server web2 127.0.0.1:8002 weight 50 maxconn 7
    server web3 127.0.0.1:8003 backup
    server web4 127.0.0.1:8004 track app/web1
    server web5 127.0.0.1:8005 disabled
backend st
    balance source
    server s1 127.0.0.1:8006 weight 10
backend off
    disabled
    server s1 127.0.0.1:8007
";

struct Node {
    control: Rc<Control>,
    path: PathBuf,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Node {
    fn start(text: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Relaxed);
        let path = std::env::temp_dir().join(format!("lb-engine-{}-{number}.sock", std::process::id()));
        let shared = testing::shared(&text.replace("$SOCK", &path.display().to_string()));
        let control = Control::new(shared).unwrap();
        for socket in &shared.config.global.stats_sockets {
            let opened =
                crate::listen::open(&socket.address, FileAccess::default(), 16, false, &Default::default()).unwrap();
            listen(&control, BoundAdmin { config: socket, socket: opened }).unwrap();
        }
        Self { control, path }
    }

    fn shared(&self) -> &'static Shared {
        self.control.shared
    }

    async fn ask(&self, line: &str) -> String {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Fitness of a server, as data threads see it: balanced weight and whether persistence may choose it.
    fn fitness(&self, proxy: usize, server: usize) -> (u32, bool) {
        let server = &self.shared().proxies[proxy].servers[server];
        (server.balanced_weight(), server.is_persistent())
    }
}

fn on_a_runtime<T>(test: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test())
}

/// Sends lines, each on a connection of its own to the same process; shows what was sent and answered.
fn check(text: &str, lines: &[&str], expected: Expect) {
    let shown = on_a_runtime(async || {
        let node = Node::start(text);
        let mut shown = String::new();
        for line in lines {
            shown += &format!("> {line}\n{}", node.ask(line).await);
        }
        shown
    });
    expected.assert_eq(&shown);
}

#[test]
fn refusals_word_for_word() {
    check(
        QUIET,
        &[
            "set server",
            "set server app/nope state drain",
            "set server nope/web1 state drain",
            "set server off/s1 state drain",
            "set server app/web1",
            "set server app/web1 state gone",
            "set server app/web4 health down",
            "set server app/web1 health sick",
            "set server app/web1 agent up",
            "set server app/web1 weight",
            "set server app/web1 weight 300",
            "set server st/s1 weight 50%",
            "set server app/web2 check-port 80",
            "set server app/web1 agent-addr 127.0.0.1",
            "set server app/web1 name web2",
            "enable health app/web2",
            "enable agent app/web1",
            "set maxconn server app/web2",
            "set maxconn server app/web2 5x",
            "set maxconn frontend app 5",
            "set maxconn global 101",
            "show servers state nope",
            "show stat nope 4 -1",
            "show stat domain foo",
            "show errors nope",
            "show env NO_SUCH_VARIABLE_AT_ALL",
            "show sess what",
            "show sess 0x1",
            "shutdown session",
            "shutdown session 0x1",
        ],
        expect![[r#"
            > set server
            Require 'backend/server'.

            > set server app/nope state drain
            No such server.

            > set server nope/web1 state drain
            No such backend.

            > set server off/s1 state drain
            Proxy is disabled.

            > set server app/web1
            usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | check-port | fqdn | health | name | ssl | state | weight

            > set server app/web1 state gone
            'set server <srv> state' expects 'ready', 'drain' and 'maint'.

            > set server app/web4 health down
            cannot change health on a tracking server.

            > set server app/web1 health sick
            'set server <srv> health' expects 'up', 'stopping', or 'down'.

            > set server app/web1 agent up
            agent checks are not enabled on this server.

            > set server app/web1 weight
            Require <weight> or <weight%>.

            > set server app/web1 weight 300
            Absolute weight can only be between 0 and 256 inclusive.

            > set server st/s1 weight 50%
            Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.

            > set server app/web2 check-port 80
            health checks are not enabled on this server

            > set server app/web1 agent-addr 127.0.0.1
            agent checks are not enabled on this server

            > set server app/web1 name web2
            Server must be in maintenance mode to be renamed (set server <b>/<s> state maint).

            > enable health app/web2
            Health check was not configured on this server, cannot enable.

            > enable agent app/web1
            Agent was not configured on this server, cannot enable.

            > set maxconn server app/web2
            Require <maxconn>.

            > set maxconn server app/web2 5x
            Trailing garbage in maxconn string

            > set maxconn frontend app 5
            No such frontend.

            > set maxconn global 101
            Value out of range.

            > show servers state nope
            Can't find backend.

            > show stat nope 4 -1
            No such proxy.

            > show stat domain foo
            Invalid statistics domain.

            > show errors nope
            No such proxy.

            > show env NO_SUCH_VARIABLE_AT_ALL
            Variable not found

            > show sess what
            Unsupported option 'what', try 'help' for more info.

            > show sess 0x1
            Session not found.

            > shutdown session
            Session pointer expected (use 'show sess').

            > shutdown session 0x1
            No such session (use 'show sess').

        "#]],
    );
}

#[test]
fn states_follow_commands() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        assert_eq!(
            [0, 1, 2, 3, 4].map(|s| node.fitness(1, s)),
            [(1, true), (50, true), (1, true), (1, true), (0, false)]
        );
        let generation = node.shared().proxies[1].generation.load(Relaxed);
        assert_eq!(node.ask("set server app/web1 state drain").await, "\n");
        // The tracking server drains with it.
        assert_eq!((node.fitness(1, 0), node.fitness(1, 3)), ((0, true), (0, true)));
        assert!(node.shared().proxies[1].generation.load(Relaxed) > generation);
        assert_eq!(node.shared().proxies[1].usable_main.load(Relaxed), 1);
        node.ask("set server app/web1 state maint").await;
        assert_eq!((node.fitness(1, 0), node.fitness(1, 3)), ((0, false), (0, false)));
        assert_eq!(node.shared().proxies[1].servers[0].purge_epoch.load(Relaxed), 1);
        node.ask("set server app/web1 state ready; set server app/web2 weight 50%").await;
        assert_eq!((node.fitness(1, 0), node.fitness(1, 1)), ((1, true), (25, true)));
        node.ask("set server app/web2 health stopping").await;
        assert_eq!(node.fitness(1, 1), (0, true));
        // `#` and a number name objects by their ids.
        node.ask("set server #3/#5 state ready").await;
        assert_eq!(node.fitness(1, 4), (1, true));
    });
}

#[test]
fn a_command_that_fails_changes_nothing() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let before = node.ask("show servers state").await;
        for line in [
            "set server app/web1 addr 127.0.0.9 port x",
            "set server app/web1 addr 127.0.0.9 port +1",
            "set server app/web1 addr 127.0.0.9 port 70000",
            "set server app/web1 addr nothost",
            "set server app/web2 weight 12x",
            "set maxconn server app/web2 x",
            "set server app/web2 state rea",
        ] {
            node.ask(line).await;
        }
        assert_eq!(node.ask("show servers state").await, before);
        assert_eq!(node.shared().proxies[1].servers[1].maxconn.load(Relaxed), 7);
    });
}

#[test]
fn addresses_change() {
    check(
        QUIET,
        &[
            "set server app/web1 addr 127.0.0.1",
            "set server app/web1 addr 127.0.0.1 port 8001",
            "set server app/web1 addr 127.0.0.2",
            "set server app/web1 addr 127.0.0.1 port 81",
            "set server app/web1 addr ::1 port 81",
            "show servers conn app",
            "set severity-output number; set server app/web1 addr 127.0.0.5",
        ],
        expect![[r#"
            > set server app/web1 addr 127.0.0.1
            no need to change the addr by 'stats socket command'

            > set server app/web1 addr 127.0.0.1 port 8001
            no need to change the addr, no need to change the port by 'stats socket command'

            > set server app/web1 addr 127.0.0.2
            IP changed from '127.0.0.1' to '127.0.0.2' by 'stats socket command'

            > set server app/web1 addr 127.0.0.1 port 81
            IP changed from '127.0.0.2' to '127.0.0.1', port changed from '8001' to '81' by 'stats socket command'

            > set server app/web1 addr ::1 port 81
            IP changed from '127.0.0.1' to '::1', no need to change the port by 'stats socket command'

            > show servers conn app
            # bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[1]
            app/web1 3/1 ::1 81 - 5000 0 0 0 0 0 0 0 -1 0 0
            app/web2 3/2 127.0.0.1 8002 - 5000 0 0 0 0 0 0 0 -1 0 0
            app/web3 3/3 127.0.0.1 8003 - 5000 0 0 0 0 0 0 0 -1 0 0
            app/web4 3/4 127.0.0.1 8004 - 5000 0 0 0 0 0 0 0 -1 0 0
            app/web5 3/5 127.0.0.1 8005 - 5000 0 0 0 0 0 0 0 -1 0 0

            > set severity-output number; set server app/web1 addr 127.0.0.5

            [4]: IP changed from '::1' to '127.0.0.5' by 'stats socket command'

        "#]],
    );
}

#[test]
fn frontends_and_limits() {
    check(
        QUIET,
        &[
            "enable frontend fe",
            "disable frontend fe; disable frontend fe",
            "enable frontend fe",
            "set maxconn frontend fe 50; set maxconn global 60",
            "shutdown frontend fe; shutdown frontend fe; enable frontend fe; disable frontend fe",
            "disable frontend",
            "show backend",
            "get weight app/web2",
            "clear counters all",
            "clear counters server app/web1",
        ],
        expect![[r#"
            > enable frontend fe
            All sockets are already enabled.

            > disable frontend fe; disable frontend fe

            All sockets are already disabled.

            > enable frontend fe

            > set maxconn frontend fe 50; set maxconn global 60


            > shutdown frontend fe; shutdown frontend fe; enable frontend fe; disable frontend fe

            Frontend was already shut down.

            Frontend was previously shut down, cannot enable.

            Frontend was previously shut down, cannot disable.

            > disable frontend
            A frontend name is expected.

            > show backend
            # name
            app
            st
            off

            > get weight app/web2
            50 (initial 50)

            > clear counters all

            > clear counters server app/web1
            Server counters cleared.

        "#]],
    );
}

/// `name: value` of the chosen columns, row by row.
fn columns(answer: &str, wanted: &[&str]) -> String {
    let mut lines = answer.trim_start_matches("# ").lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut shown = String::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), names.len(), "{line}");
        let cell = |name: &str| cells[names.iter().position(|n| *n == name).unwrap()];
        shown += &wanted.iter().map(|name| cell(name)).collect::<Vec<_>>().join(" | ");
        shown.push('\n');
    }
    shown
}

#[test]
fn statistics_rows() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        node.ask("set server app/web1 state maint; set server app/web2 state drain").await;
        let wanted =
            ["pxname", "svname", "status", "weight", "act", "bck", "slim", "tracked", "addr", "cookie", "algo"];
        expect![[r#"
            fe | FRONTEND | OPEN |  |  |  | 100 |  |  |  | 
            app | web1 | MAINT | 1 | 1 | 0 |  |  | 127.0.0.1:8001 | w1 | 
            app | web2 | DRAIN | 50 | 1 | 0 | 7 |  | 127.0.0.1:8002 |  | 
            app | web3 | no check | 1 | 0 | 1 |  |  | 127.0.0.1:8003 |  | 
            app | web4 | MAINT (via app/web1) | 1 | 1 | 0 |  | app/web1 | 127.0.0.1:8004 |  | 
            app | web5 | MAINT | 1 | 1 | 0 |  |  | 127.0.0.1:8005 |  | 
            app | BACKEND | UP | 1 | 0 | 1 | 10 |  |  | SRV | roundrobin
            st | s1 | no check | 10 | 1 | 0 |  |  | 127.0.0.1:8006 |  | 
            st | BACKEND | UP | 10 | 1 | 0 | 1 |  |  |  | source
        "#]]
        .assert_eq(&columns(&node.ask("show stat").await, &wanted));
        expect![[r#"
            app | web2 | DRAIN
            app | web3 | no check
            app | BACKEND | UP (2/5)
        "#]]
        .assert_eq(&columns(&node.ask("show stat app 6 -1 up").await, &["pxname", "svname", "status"]));
        expect![[r#"
            app | web2 | 
        "#]]
        .assert_eq(&columns(&node.ask("user -; show stat 3 4 2").await, &["pxname", "svname", "addr"]));
        // A backend whose last usable server goes is down, and counts it.
        node.ask("set server st/s1 state drain").await;
        expect![[r#"
            st | DOWN | 0 | 0 | 1
        "#]]
        .assert_eq(&columns(&node.ask("show stat st 2 -1").await, &["pxname", "status", "weight", "act", "chkdown"]));
        node.ask("clear counters all").await;
        expect!["0\n"].assert_eq(&columns(&node.ask("show stat st 2 -1").await, &["chkdown"]));
    });
}

#[test]
fn every_form_of_statistics_is_whole() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let typed = node.ask("show stat typed").await;
        assert!(typed.contains("B.3.0.17.status.1:SGPV:str:UP\n") && typed.ends_with("\n\n"), "{typed}");
        let json = node.ask("show stat json").await;
        assert!(json.starts_with("[[{") && json.ends_with("]]\n\n"), "{json}");
        let info = node.ask("show info").await;
        for line in ["Name: HAProxy\n", "Maxconn: 100\n", "Listeners: 2\n", "Stopping: 0\n", "node: vm\n"] {
            assert!(info.contains(line), "{line} {info}");
        }
        assert!(info.lines().filter(|l| !l.is_empty()).all(|l| l.matches(": ").count() == 1), "{info}");
    });
}

#[test]
fn a_long_answer_survives_a_slow_reader_and_holds_nobody_up() {
    let mut text = QUIET.to_owned();
    for n in 0..3_000 {
        text += &format!("backend b{n}\n    server s 127.0.0.1:80\n");
    }
    on_a_runtime(async || {
        let node = Node::start(&text);
        let mut slow = UnixStream::connect(&node.path).await.unwrap();
        slow.write_all(b"show stat typed\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        // The dump waits for its reader; others are answered.
        assert!(node.ask("show version").await.starts_with("3."));
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("\n\n") && answer.contains("pxname.1:KNSV:str:b2999"));
    });
}

#[test]
fn half_closed_and_idle_clients() {
    on_a_runtime(async || {
        let node = Node::start(&QUIET.replace("maxconn 100\n", "maxconn 100\n    stats timeout 200ms\n"));
        let path = node.path.clone();
        let half_closed = tokio::task::spawn_blocking(move || {
            let mut stream = StdStream::connect(path).unwrap();
            stream.write_all(b"show cli level; get weight app/web2\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            answer
        });
        assert_eq!(half_closed.await.unwrap(), "admin\n\n50 (initial 50)\n\n");
        // An idle connection is closed without a word.
        let mut idle = UnixStream::connect(&node.path).await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(Duration::from_secs(2), idle.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert_eq!(answer, "");
    });
}

#[test]
fn connections_beyond_the_limit_wait() {
    on_a_runtime(async || {
        let node = Node::start(&QUIET.replace("maxconn 100\n", "maxconn 100\n    stats maxconn 2\n"));
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = UnixStream::connect(&node.path).await.unwrap();
            stream.write_all(b"prompt\n").await.unwrap();
            let mut byte = [0; 3];
            stream.read_exact(&mut byte).await.unwrap();
            held.push(stream);
        }
        let third = node.ask("show cli level");
        tokio::pin!(third);
        assert!(tokio::time::timeout(Duration::from_millis(100), &mut third).await.is_err());
        held.pop();
        assert_eq!(tokio::time::timeout(Duration::from_secs(2), third).await.unwrap(), "admin\n\n");
    });
}

#[test]
fn garbage_is_answered_or_dropped() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let mut seed = 1_u32;
        for length in [1, 10, 100, 1_000, 20_000, 60_000] {
            let mut bytes: Vec<u8> = (0..length)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            bytes.push(b'\n');
            let mut stream = UnixStream::connect(&node.path).await.unwrap();
            // The node may close before it has everything.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
        assert_eq!(node.ask("show cli level").await, "admin\n\n");
    });
}

/// An origin whose answers to health checks can be changed.
struct Origin {
    port: u16,
    answer: Rc<RefCell<&'static str>>,
    checks: Rc<RefCell<Vec<String>>>,
}

impl Origin {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Self {
            port: listener.local_addr().unwrap().port(),
            answer: Rc::new(RefCell::new(answer)),
            checks: Rc::default(),
        };
        let (answer, checks) = (Rc::clone(&origin.answer), Rc::clone(&origin.checks));
        tokio::task::spawn_local(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 1_024];
                let n = stream.read(&mut request).await.unwrap_or(0);
                checks.borrow_mut().push(String::from_utf8_lossy(&request[..n]).into_owned());
                let text = *answer.borrow();
                let _ = stream.write_all(text.as_bytes()).await;
            }
        });
        origin
    }
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the condition did not come true within three seconds");
}

const OK: &str = "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n";
const ERROR: &str = "HTTP/1.0 500 Oops\r\nContent-Length: 0\r\n\r\n";
const NOT_FOUND: &str = "HTTP/1.0 404 Gone\r\nContent-Length: 0\r\n\r\n";

fn checked(port: u16, more: &str) -> String {
    format!(
        "{QUIET}
backend ck
    option httpchk GET /health
    http-check disable-on-404
    default-server inter 30ms fall 2 rise 2
    server s1 127.0.0.1:{port} check {more}
    server s2 127.0.0.1:{port} track ck/s1
"
    )
}

#[test]
fn checks_move_servers() {
    on_a_runtime(async || {
        let origin = Origin::start(OK).await;
        let node = Node::start(&checked(origin.port, ""));
        tokio::task::spawn_local(crate::control::drive_for_test(Rc::clone(&node.control)));
        let status = async || columns(&node.ask("show stat ck 4 -1").await, &["status", "check_status", "check_code"]);
        until(async || status().await.starts_with("UP | L7OK | 200\nUP | ")).await;
        assert_eq!(origin.checks.borrow()[0], "GET /health HTTP/1.0\r\n\r\n");
        *origin.answer.borrow_mut() = ERROR;
        until(async || status().await.starts_with("DOWN | L7STS | 500\nDOWN | ")).await;
        assert_eq!((node.fitness(4, 0), node.fitness(4, 1)), ((0, false), (0, false)));
        *origin.answer.borrow_mut() = OK;
        until(async || status().await.starts_with("UP | L7OK | 200\n")).await;
        *origin.answer.borrow_mut() = NOT_FOUND;
        until(async || status().await.starts_with("NOLB")).await;
        assert_eq!(node.fitness(4, 0), (0, true));
        // In maintenance nobody checks; afterwards the checks are back.
        node.ask("set server ck/s1 state maint").await;
        tokio::time::sleep(Duration::from_millis(60)).await;
        let count = origin.checks.borrow().len();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(origin.checks.borrow().len(), count);
        *origin.answer.borrow_mut() = OK;
        node.ask("set server ck/s1 state ready").await;
        until(async || origin.checks.borrow().len() > count).await;
    });
}

#[test]
fn an_agent_speaks_for_its_server() {
    on_a_runtime(async || {
        let health = Origin::start(OK).await;
        let agent = Origin::start("down # on fire\n").await;
        let more = format!("weight 100 agent-check agent-port {} agent-inter 30ms agent-send hello\\n", agent.port);
        let node = Node::start(&checked(health.port, &more));
        tokio::task::spawn_local(crate::control::drive_for_test(Rc::clone(&node.control)));
        let status = async || columns(&node.ask("show stat ck 4 1").await, &["status", "agent_status", "last_agt"]);
        until(async || status().await.contains("DOWN (agent) | L7STS | via agent : down (on fire)")).await;
        assert!(agent.checks.borrow()[0].starts_with("hello"), "{:?}", agent.checks.borrow());
        *agent.answer.borrow_mut() = "up 50% maxconn:9\n";
        until(async || status().await.starts_with("UP | L7OK")).await;
        assert_eq!(node.fitness(4, 0), (50, true));
        assert_eq!(node.shared().proxies[4].servers[0].maxconn.load(Relaxed), 9);
        // Commands that concern the agent are taken.
        assert_eq!(node.ask("set server ck/s1 agent down").await, "\n");
        assert_eq!(node.ask("set server ck/s1 agent-send bye").await, "\n");
        until(async || agent.checks.borrow().iter().any(|said| said == "bye")).await;
    });
}

#[test]
fn errors_seen_by_sessions_count() {
    on_a_runtime(async || {
        let origin = Origin::start(OK).await;
        let node = Node::start(&checked(origin.port, "observe layer4 error-limit 3 on-error mark-down"));
        for _ in 0..3 {
            node.control.observe(ServerEvent { proxy: 4, server: 0, event: lb_check::TrafficEvent::ConnectFailed });
        }
        assert_eq!(node.fitness(4, 0), (0, false));
        let answer = node.ask("show stat typed ck 4 1").await;
        assert_eq!(answer, "No such proxy.\n\n");
        let answer = node.ask("show stat ck 4 1 typed").await;
        let shown: Vec<&str> = ["status", "check_status", "last_chk", "hanafail"]
            .iter()
            .filter_map(|name| answer.lines().find(|line| line.contains(&format!(".{name}.1:"))))
            .collect();
        assert_eq!(
            shown,
            [
                "S.6.1.17.status.1:SGPV:str:DOWN",
                "S.6.1.36.check_status.1:MOPV:str:HANA",
                "S.6.1.56.last_chk.1:MOPV:str:Detected 3 consecutive errors, last one was: L4 unsuccessful connection",
                "S.6.1.45.hanafail.1:MCPP:u64:1",
            ]
        );
    });
}

#[test]
fn a_soft_stop_waits_for_connections_and_a_hard_one_does_not() {
    let shared = testing::shared(&QUIET.replace("    stats socket $SOCK level admin\n", ""));
    let (commands, receiver) = tokio::sync::mpsc::unbounded_channel();
    let (_events, events) = tokio::sync::mpsc::channel(1);
    shared.process.connections.inc();
    let thread =
        std::thread::spawn(move || crate::control::run(shared, Vec::new(), receiver, events, || (), || ()).unwrap());
    commands.send(ControlCommand::PauseFrontends).unwrap();
    commands.send(ControlCommand::ResumeFrontends).unwrap();
    commands.send(ControlCommand::DumpServers).unwrap();
    commands.send(ControlCommand::SoftStop).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert!(!thread.is_finished() && shared.process.stopping.load(Relaxed));
    shared.process.connections.dec();
    assert_eq!(thread.join().unwrap(), crate::control::Stopped::Soft);
}

#[test]
fn rates_are_limited_process_wide() {
    check(
        QUIET,
        &[
            "set rate-limit connections global",
            "set rate-limit connections global -1",
            "set rate-limit connections global 5 extra",
            "set rate-limit sessions global 6x",
            "set rate-limit ssl-sessions global 7;set rate-limit http-compression global 8",
            "set rate-limit connections fe 5",
        ],
        expect![[r#"
            > set rate-limit connections global
            Expects an integer value.

            > set rate-limit connections global -1
            Value out of range.

            > set rate-limit connections global 5 extra

            > set rate-limit sessions global 6x

            > set rate-limit ssl-sessions global 7;set rate-limit http-compression global 8


            > set rate-limit connections fe 5
            'set rate-limit' only supports :
               - 'connections global' to set the per-process maximum connection rate
               - 'sessions global' to set the per-process maximum session rate
               - 'ssl-sessions global' to set the per-process maximum SSL session rate
               - 'http-compression global' to set the per-process maximum compression speed in kB/s

        "#]],
    );
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        node.ask("set rate-limit connections global 5;set rate-limit sessions global 6").await;
        node.ask("set rate-limit ssl-sessions global 7;set rate-limit http-compression global 8").await;
        let info = node.ask("show info").await;
        let limits: Vec<_> = info.lines().filter(|l| l.contains("RateLim")).collect();
        assert_eq!(limits, ["ConnRateLimit: 5", "SessRateLimit: 6", "SslRateLimit: 7", "CompressBpsRateLim: 8192"]);
    });
}

#[test]
fn lists_of_what_does_not_exist_are_empty() {
    check(
        QUIET,
        &["show peers", "show peers dict p", "show peers -", "show cache", "show resolvers nope"],
        expect![[r#"
            > show peers

            > show peers dict p
            No such peers

            > show peers -

            > show cache

            > show resolvers nope
            Can't find that resolvers section

        "#]],
    );
}
