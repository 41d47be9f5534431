//! Servers that come, go and change their name.

use super::{Node, QUIET, check, on_a_runtime};
use expect_test::expect;

#[test]
fn servers_come_in_maintenance_and_go_again() {
    check(
        QUIET,
        &[
            "add server app/n1 127.0.0.1:9001 weight 20 maxconn 5 cookie n1",
            "add server app/n2 backend.example:80 from none",
            "add server app/n3 127.0.0.1:9003 from srv:web2 backup",
            "add server app/n4 127.0.0.1:9004 from srv:app/nope",
            "add server app/n4 127.0.0.1:9004 from be:nope",
            "add server app/n4 127.0.0.1:9004 weight 3 from be:",
            "add server st/n1 127.0.0.1:9001",
            "get weight app/n3",
            "set server app/n1 state ready",
            "del server app/n1",
            "set server app/n1 state maint",
            "del server app/n1",
            "del server app/n1",
            "del server app/web1",
            "set server app/web2 state maint",
            "del server app/web2",
            "add server app/again 127.0.0.1:9005",
        ],
        expect![[r#"
            > add server app/n1 127.0.0.1:9001 weight 20 maxconn 5 cookie n1
            New server registered.

            > add server app/n2 backend.example:80 from none
            New server registered.

            > add server app/n3 127.0.0.1:9003 from srv:web2 backup
            New server registered.

            > add server app/n4 127.0.0.1:9004 from srv:app/nope
            from: unknown server 'nope' in backend 'app'.

            > add server app/n4 127.0.0.1:9004 from be:nope
            from: unknown backend instance 'nope'.

            > add server app/n4 127.0.0.1:9004 weight 3 from be:
            unknown keyword 'from'.

            > add server st/n1 127.0.0.1:9001
            Backend does not support dynamic servers : backend 'st' uses a non dynamic load balancing method.

            > get weight app/n3
            50 (initial 50)

            > set server app/n1 state ready

            > del server app/n1
            Only servers in maintenance mode can be deleted.

            > set server app/n1 state maint

            > del server app/n1
            Server deleted.

            > del server app/n1
            No such server.

            > del server app/web1
            This server cannot be removed at runtime due to other configuration elements pointing to it.

            > set server app/web2 state maint

            > del server app/web2
            Server deleted.

            > add server app/again 127.0.0.1:9005
            New server registered.

        "#]],
    );
}

#[test]
fn names_change_in_maintenance() {
    check(
        QUIET,
        &[
            "set server app/web2 name other",
            "set server app/web2 state maint",
            "set server app/web2 name",
            "set server app/web2 name web3",
            "set server app/web2 name a@b",
            "set server app/web2 name other",
            "set server app/web2 state ready",
            "set server app/other state ready",
            "set server app/web1 state maint",
            "set server app/web1 name first",
        ],
        expect![[r#"
            > set server app/web2 name other
            Server must be in maintenance mode to be renamed (set server <b>/<s> state maint).

            > set server app/web2 state maint

            > set server app/web2 name
            set server <b>/<s> name requires a new name.

            > set server app/web2 name web3
            A server with the same name already exists in this backend.

            > set server app/web2 name a@b
            Server name contains invalid characters.

            > set server app/web2 name other
            Server name updated.

            > set server app/web2 state ready
            No such server.

            > set server app/other state ready

            > set server app/web1 state maint

            > set server app/web1 name first
            Cannot rename: server's name is statically referenced (use-server, track, or sample argument).

        "#]],
    );
}

#[test]
fn places_are_used_again() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let servers = &node.shared().proxies[1].servers;
        for round in 0..50 {
            node.ask("add server app/n1 127.0.0.1:9001").await;
            node.ask("set server app/n1 state ready").await;
            assert!(node.ask("set server app/n1 state maint").await == "\n", "round {round}");
            assert_eq!(node.ask("del server app/n1").await, "Server deleted.\n\n");
        }
        // One place, and a second one while the first waits to be free.
        assert!((6..=7).contains(&servers.len()), "{}", servers.len());
        let sid = node.ask("add server app/n1 127.0.0.1:9001; show servers state app").await;
        assert!(sid.contains("3 app 6 n1 "), "{sid}");
    });
}

#[test]
fn a_removed_server_takes_part_in_nothing() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let proxy = &node.shared().proxies[1];
        node.ask("add server app/n1 127.0.0.1:9001; set server app/n1 state ready").await;
        let index = proxy.servers.live().find(|s| &*s.config().name == "n1").unwrap().index;
        assert_eq!(node.fitness(1, index), (1, true));
        node.ask("set server app/n1 state maint; del server app/n1").await;
        assert_eq!(node.fitness(1, index), (0, false));
        assert_eq!(node.ask("set server app/n1 state ready").await, "No such server.\n\n");
        let usable = proxy.usable_main.load(std::sync::atomic::Ordering::Relaxed);
        assert_eq!(usable, 3);
    });
}

/// Operational and administrative state of a server, as `show servers state` tells them.
async fn states(node: &Node, name: &str) -> (String, String) {
    let states = node.ask("show servers state app").await;
    let row = states.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|row| row.get(3) == Some(&name));
    let row = row.unwrap();
    (row[5].to_owned(), row[6].to_owned())
}

#[test]
fn a_dynamic_tracker_inherits() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let pair = |op: &str, admin: &str| (op.to_owned(), admin.to_owned());
        node.ask("set server app/web1 state maint; add server app/t1 127.0.0.1:9001 track web1").await;
        assert_eq!(states(&node, "t1").await, pair("0", "3"));
        node.ask("set server app/t1 state ready").await;
        assert_eq!(states(&node, "t1").await, pair("0", "2"));
        node.ask("set server app/web1 state drain").await;
        assert_eq!(states(&node, "t1").await, pair("2", "16"));
    });
}

#[test]
fn a_number_used_again_has_another_revision() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        for revision in ["0", "1", "2"] {
            node.ask("add server app/n1 127.0.0.1:9001").await;
            let stat = node.ask("show stat app 4 6").await;
            let mut rows = stat.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let column = rows.next().unwrap().iter().position(|name| *name == "srid").unwrap();
            assert_eq!(rows.next().unwrap()[column], revision);
            node.ask("del server app/n1").await;
        }
    });
}

#[test]
fn a_dynamic_tracker_follows_and_is_forgotten() {
    check(
        QUIET,
        &[
            "add server app/t1 127.0.0.1:9001 track web1",
            "set server app/t1 state ready; set server app/web1 state drain",
            "set server app/t1 state maint",
            "del server app/t1",
            "set server app/web1 state ready",
            "add server app/t2 127.0.0.1:9001 track web4",
            "add server app/t3 127.0.0.1:9001 track t2",
        ],
        expect![[r#"
            > add server app/t1 127.0.0.1:9001 track web1
            New server registered.

            > set server app/t1 state ready; set server app/web1 state drain


            > set server app/t1 state maint

            > del server app/t1
            Server deleted.

            > set server app/web1 state ready

            > add server app/t2 127.0.0.1:9001 track web4
            New server registered.

            > add server app/t3 127.0.0.1:9001 track t2
            unable to use app/t2 for tracking as it is a dynamic server.

        "#]],
    );
}

#[test]
fn waiting_for_a_server_to_be_removable() {
    check(
        QUIET,
        &[
            "wait 1h srv-removable app/web1",
            "wait 1h srv-removable app/web2",
            "set server app/web2 state maint",
            "wait 1h srv-removable app/web2",
            "wait 1h srv-removable app/nope",
            "wait 1h srv-removable app",
            "wait 1h srv-removable",
        ],
        expect![[r#"
            > wait 1h srv-removable app/web1
            Failed. This server cannot be removed at runtime due to other configuration elements pointing to it.

            > wait 1h srv-removable app/web2
            Failed. Only servers in maintenance mode can be deleted.

            > set server app/web2 state maint

            > wait 1h srv-removable app/web2
            Done.

            > wait 1h srv-removable app/nope
            Failed. No such server.

            > wait 1h srv-removable app
            Require 'backend/server'.

            > wait 1h srv-removable
            Missing server name (<backend>/<server>).

        "#]],
    );
}

#[test]
fn a_lease_ends_with_its_server() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        node.ask("add server app/n1 127.0.0.1:9001").await;
        assert_eq!(node.ask("set server app/n1 weight 5 for 1h").await, "\n");
        let leases = node.ask("show leases").await.lines().count();
        assert_eq!(node.ask("del server app/n1").await, "Server deleted.\n\n");
        assert_eq!(node.ask("show leases").await.lines().count(), leases - 1);
    });
}
