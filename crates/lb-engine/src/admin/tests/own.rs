//! What the Runtime API has beyond HAProxy's.

use super::{Node, QUIET, on_a_runtime};
use expect_test::{Expect, expect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Numbers that differ between runs have fixed ones in their place; revisions count from 0.
fn neutral(node: &Node, text: &str) -> String {
    let first = node.shared().clock.start_unix_secs();
    let mut text = text.to_owned();
    for n in (0..40).rev() {
        text = text.replace(&(first + n).to_string(), &n.to_string());
    }
    let pid = std::process::id();
    let uid = nix::unistd::getuid();
    text = text.replace(&format!("uid={uid} pid={pid} on unix@{}", node.path.display()), "me");
    let mut left = text.split("; ").map(str::to_owned).collect::<Vec<_>>();
    for part in left.iter_mut().filter(|part| part.ends_with(" left")) {
        *part = "some time left".to_owned();
    }
    text = left.join("; ");
    // A slow machine may take a second between two commands.
    for s in 1..30 {
        text = text.replace(&format!(" {s}s ago"), " 0s ago").replace(&format!("since:       {s}s"), "since:       0s");
    }
    text
}

/// Sends lines, `{n}` standing for a revision; shows what was sent and answered.
fn check(text: &str, lines: &[&str], expected: Expect) {
    let shown = on_a_runtime(async || {
        let node = Node::start(text);
        let first = node.shared().clock.start_unix_secs();
        let mut shown = String::new();
        for line in lines {
            let mut sent = (*line).to_owned();
            for n in 0..40 {
                sent = sent.replace(&format!("{{{n}}}"), &(first + n).to_string());
            }
            shown += &format!("> {line}\n{}", neutral(&node, &node.ask(&sent).await));
        }
        shown
    });
    expected.assert_eq(&shown);
}

/// The own states and weights of the servers of `app` and `st`.
const STATES: &str = "show servers state";

fn states(answer: &str) -> String {
    let cells = |row: &str| row.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let rows = answer.lines().skip(2).map(cells).filter(|row| row.len() > 8);
    rows.map(|row| format!("{}={}/{}", row[3], row[6], row[7])).collect::<Vec<_>>().join(" ")
}

/// Sends lines and shows the states after each.
fn check_states(lines: &[&str], expected: Expect) {
    let shown = on_a_runtime(async || {
        let node = Node::start(QUIET);
        let mut shown = String::new();
        for line in lines {
            let answer = node.ask(line).await;
            let after = states(&node.ask(STATES).await);
            shown += &format!("> {line}\n{answer}{after}\n");
        }
        shown
    });
    expected.assert_eq(&shown);
}

#[test]
fn selectors_change_all_or_nothing() {
    check_states(
        &[
            "set server app/web[1-3] state drain",
            "set server app/*,st/s1 weight 50%",
            "set server *s*/s1,app/* weight 0%",
            "set server app/web[1-2],nope/* state ready",
            "set server app/web* health down",
            "enable agent */*",
            "set server app/web1,app/web2 fqdn x.y",
            "set server app/web[1 state ready",
            "set server app/web[1-2] state sleepy",
            "set server app/web? state ready",
            "disable server app/*",
            "set weight app/web[1-2] 9",
        ],
        expect![[r#"
            > set server app/web[1-3] state drain

            web1=8/1 web2=8/50 web3=8/1 web4=16/1 web5=5/1 s1=0/10 s1=0/1
            > set server app/*,st/s1 weight 50%
            st/s1: Backend is using a static LB algorithm and only accepts weights '0%' and '100%'. Nothing was changed.

            web1=8/1 web2=8/50 web3=8/1 web4=16/1 web5=5/1 s1=0/10 s1=0/1
            > set server *s*/s1,app/* weight 0%

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > set server app/web[1-2],nope/* state ready
            No server is named by 'nope/*'. Nothing was changed.

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > set server app/web* health down
            app/web4: cannot change health on a tracking server. Nothing was changed.

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > enable agent */*
            app/web1: Agent was not configured on this server, cannot enable. Nothing was changed.

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > set server app/web1,app/web2 fqdn x.y
            A selector goes with state, weight, health and agent; name one server for the rest.

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > set server app/web[1 state ready
            'web[1' opens a list of numbers and does not close it.

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > set server app/web[1-2] state sleepy
            'set server <srv> state' expects 'ready', 'drain' and 'maint'.

            web1=8/0 web2=8/0 web3=8/0 web4=16/0 web5=5/0 s1=0/0 s1=0/1
            > set server app/web? state ready

            web1=0/0 web2=0/0 web3=0/0 web4=0/0 web5=4/0 s1=0/0 s1=0/1
            > disable server app/*

            web1=1/0 web2=1/0 web3=1/0 web4=3/0 web5=5/0 s1=0/0 s1=0/1
            > set weight app/web[1-2] 9

            web1=1/9 web2=1/9 web3=1/0 web4=3/0 web5=5/0 s1=0/0 s1=0/1
        "#]],
    );
}

#[test]
fn revisions_keep_two_operators_from_undoing_each_other() {
    check(
        QUIET,
        &[
            "show servers revisions st",
            "set server app/web1 state drain",
            "set server app/web1 weight 7 if-unchanged {0}",
            "set server app/web1 weight 7 if-unchanged {1}",
            "set server app/* state ready if-unchanged {1}",
            "set server app/* state ready if-unchanged {2}",
            "set server app/web1 state ready if-unchanged {39}",
            "set server app/web1 state ready if-unchanged x",
            "set server app/web1 state ready",
            "show servers revisions app",
        ],
        expect![[r#"
            > show servers revisions st
            # be_name/srv_name revision last change
            st/s1 0 -

            > set server app/web1 state drain

            > set server app/web1 weight 7 if-unchanged {0}
            app/web1 changed since revision 0: 'set server app/web1 state drain' by me 0s ago (state ready -> drain). Its revision is 1. Nothing was changed.

            > set server app/web1 weight 7 if-unchanged {1}

            > set server app/* state ready if-unchanged {1}
            app/web1 changed since revision 1: 'set server app/web1 weight 7 if-unchanged 1' by me 0s ago (weight 1 -> 7). Its revision is 2. Nothing was changed.

            > set server app/* state ready if-unchanged {2}

            > set server app/web1 state ready if-unchanged {39}
            There is no revision 39 yet: the last one is 4. Nothing was changed.

            > set server app/web1 state ready if-unchanged x
            'if-unchanged' expects a number that 'show servers revisions' shows, not 'x'.

            > set server app/web1 state ready

            > show servers revisions app
            # be_name/srv_name revision last change
            app/web1 3 'set server app/* state ready if-unchanged 2' by me 0s ago (state drain -> ready)
            app/web2 0 -
            app/web3 0 -
            app/web4 0 -
            app/web5 4 'set server app/* state ready if-unchanged 2' by me 0s ago (state maint -> ready)

        "#]],
    );
}

#[test]
fn changes_are_taken_back_newest_first() {
    check(
        QUIET,
        &[
            "undo",
            "set server app/web1 weight 5",
            "set server app/web[1-2] state drain",
            "set maxconn server app/web2 9",
            "set server app/web2 addr 127.0.0.9 port 99",
            "undo 2",
            "get weight app/web1",
            "undo",
            "undo",
            "undo",
            "set server st/s1 weight 0",
            "undo 5",
            "undo x",
            "set server app/web3 health down",
            "undo",
        ],
        expect![[r#"
            > undo
            There is no change to take back.

            > set server app/web1 weight 5

            > set server app/web[1-2] state drain

            > set maxconn server app/web2 9

            > set server app/web2 addr 127.0.0.9 port 99
            IP changed from '127.0.0.1' to '127.0.0.9', port changed from '8002' to '99' by 'stats socket command'

            > undo 2
            app/web2 maxconn 9 -> 7, address 127.0.0.9:99 -> 127.0.0.1:8002.

            > get weight app/web1
            5 (initial 1)

            > undo
            app/web1 state drain -> ready.
            app/web2 state drain -> ready.

            > undo
            app/web1 weight 5 -> 1.

            > undo
            There is no change to take back.

            > set server st/s1 weight 0

            > undo 5
            Only 1 changes are known. Nothing was taken back.

            > undo x
            'undo' expects how many changes to take back, not 'x'.

            > set server app/web3 health down

            > undo
            app/web3 health down -> up.

        "#]],
    );
}

#[test]
fn leases_end_by_themselves_and_show_as_ordinary_states() {
    check(
        QUIET,
        &[
            "set server app/web1 state drain for 30m",
            "set server app/web2 weight 5 for 1h",
            "set server app/web1 state maint for 10m",
            "set server st/s1 state ready for 10m",
            "set server app/web3 state drain for soon",
            "show leases",
            "explain server app/web2",
            "set server app/web1 state maint",
            "set server app/web2 weight 6",
            "show leases",
        ],
        expect![[r#"
            > set server app/web1 state drain for 30m

            > set server app/web2 weight 5 for 1h

            > set server app/web1 state maint for 10m

            > set server st/s1 state ready for 10m
            st/s1 is so already, and without an end: a lease has nothing to return to. Nothing was changed.

            > set server app/web3 state drain for soon
            'for' expects a time such as 30m, not 'soon'.

            > show leases
            # be_name/srv_name what; how long; whose
            app/web2 weight 5, then 50; some time left; by me
            app/web1 state maint, then ready; some time left; by me

            > explain server app/web2
            app/web2 is UP (not checked): traffic; its weight is 5.
            since:       0s
            because:     it has no health check, so it counts as up
            traffic:     0 sessions, 0 queued, 0 idle connections
            changed:     'set server app/web2 weight 5 for 1h' by me 0s ago (weight 50 -> 5), revision 2
            lease:       weight 5, then 50; 'show leases' says when

            > set server app/web1 state maint

            > set server app/web2 weight 6

            > show leases
            # be_name/srv_name what; how long; whose

        "#]],
    );
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        for line in ["set server app/web1 state drain for 150ms", "set server app/web2 weight 3 for 150ms"] {
            assert_eq!(node.ask(line).await, "\n");
        }
        // Changed meanwhile: this one stays.
        assert_eq!(node.ask("set server app/web3 state drain for 150ms").await, "\n");
        assert_eq!(node.ask("set server app/web3 state drain").await, "\n");
        while node.ask("show leases").await.lines().count() > 2 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        assert!(states(&node.ask(STATES).await).starts_with("web1=0/1 web2=0/50 web3=8/1 "));
    });
}

#[test]
fn explanations() {
    check(
        QUIET,
        &[
            "explain server app/web2",
            "set server app/web1 state maint",
            "explain server app/web1",
            "explain server app/web4",
            "explain server app/web5",
            "explain server app/nope",
            "explain server",
        ],
        expect![[r#"
            > explain server app/web2
            app/web2 is UP (not checked): traffic; its weight is 50.
            since:       0s
            because:     it has no health check, so it counts as up
            traffic:     0 sessions, 0 queued, 0 idle connections
            changed:     nothing since the start

            > set server app/web1 state maint

            > explain server app/web1
            app/web1 is MAINT: no traffic, and no checks; its weight is 1.
            since:       0s
            because:     it was put in maintenance
            check:       Initializing
            traffic:     0 sessions, 0 queued, 0 idle connections
            changed:     'set server app/web1 state maint' by me 0s ago (state ready -> maint), revision 1
            would change it: 'set server app/web1 state ready'

            > explain server app/web4
            app/web4 is MAINT (via app/web1): no traffic, and no checks; its weight is 1.
            since:       0s
            because:     it tracks app/web1, which is in maintenance
            traffic:     0 sessions, 0 queued, 0 idle connections
            changed:     nothing since the start
            would change it: app/web1 leaving maintenance

            > explain server app/web5
            app/web5 is MAINT: no traffic, and no checks; its weight is 1.
            since:       0s
            because:     the configuration disables it, and nobody enabled it since
            traffic:     0 sessions, 0 queued, 0 idle connections
            changed:     nothing since the start
            would change it: 'set server app/web5 state ready'

            > explain server app/nope
            No such server.

            > explain server
            Require 'backend/server'.

        "#]],
    );
}

#[test]
fn transitions_are_followed_until_the_client_says_something() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        for (line, mark) in [
            ("subscribe events", "+00:00 app/web1 DRAIN"),
            ("subscribe events json", "\"server\":\"web1\",\"status\":\"DRAIN"),
        ] {
            let mut stream = UnixStream::connect(&node.path).await.unwrap();
            stream.write_all(format!("prompt\n{line}\n").as_bytes()).await.unwrap();
            let mut seen = String::new();
            let mut bytes = [0; 4_096];
            let mut drained = false;
            while !seen.contains("enters drain state") {
                // Until it follows, transitions pass unseen.
                drained = !drained;
                let word = if drained { "drain" } else { "ready" };
                node.ask(&format!("set server app/web1 state {word}")).await;
                let read = tokio::time::timeout(std::time::Duration::from_millis(20), stream.read(&mut bytes)).await;
                if let Ok(read) = read {
                    seen += &String::from_utf8_lossy(&bytes[..read.unwrap()]);
                }
            }
            assert!(seen.contains(mark), "{seen}");
            node.ask("set server app/web1 state ready").await;
            stream.write_all(b"show cli level\n").await.unwrap();
            while !seen.ends_with("admin\n\n> ") {
                let n = stream.read(&mut bytes).await.unwrap();
                assert!(n > 0, "{seen}");
                seen += &String::from_utf8_lossy(&bytes[..n]);
            }
        }
    });
}

#[test]
fn nothing_of_it_exists_under_strict_compatibility() {
    let strict = QUIET.replace("    maxconn 100\n", "    maxconn 100\n    compat strict\n");
    on_a_runtime(async || {
        let node = Node::start(&strict);
        assert_eq!(node.ask("set server app/web* state drain").await, "No such server.\n\n");
        // Words after a complete command mean nothing.
        assert_eq!(node.ask("set server app/web1 state drain for 30m").await, "\n");
        assert_eq!(node.ask("set server app/web1 state drain if-unchanged 7").await, "\n");
        assert!(states(&node.ask(STATES).await).starts_with("web1=8/1 "));
        for line in ["undo", "show leases", "explain server app/web1", "subscribe events", "show servers revisions"] {
            let answer = node.ask(line).await;
            assert!(answer.starts_with("Unknown command: '"), "{line}: {answer}");
            assert!(!answer.contains("\n  undo") && !answer.contains("leases"), "{line}: {answer}");
        }
    });
}
