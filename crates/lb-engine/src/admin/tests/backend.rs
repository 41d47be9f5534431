//! Backends that come and go.

use super::{Node, check, on_a_runtime};
use expect_test::expect;

const SECTIONS: &str = "
global
    maxconn 100
    stats socket $SOCK level admin
defaults plain
    timeout client 1s
    timeout server 1s
    timeout connect 1s
defaults web
    mode http
    timeout client 1s
    timeout server 1s
    timeout connect 1s
    default-server weight 7 inter 5s
    default-server name large from none weight 100
    cookie SRV insert
frontend fe from web
    bind 127.0.0.1:8080
    default_backend app
backend app from web
    server web1 127.0.0.1:8001
backend other from plain
listen both from plain
    bind 127.0.0.1:8081
";

#[test]
fn backends_are_made_from_a_section_and_go_again() {
    check(
        SECTIONS,
        &[
            "show defaults",
            "show default-server",
            "show default-server other",
            "show default-server nope",
            "add backend",
            "add backend blue",
            "add backend blue from",
            "add backend blue from nope",
            "add backend blue from plain",
            "add backend blue from plain mode log",
            "add backend b@d from web",
            "add backend fe from web",
            "add backend blue from web id 2",
            "add backend blue from web what",
            "add backend blue from web",
            "show backend",
            "add server blue/s1 127.0.0.1:9001 from be:",
            "get weight blue/s1",
            "add server blue/s2 127.0.0.1:9002 from srv:large",
            "get weight blue/s2",
            "add server blue/large 127.0.0.1:9002",
            "del server blue/s2",
            "del backend blue",
            "unpublish backend blue",
            "del backend blue",
            "del server blue/s1",
            "del backend blue",
            "del backend blue",
            "unpublish backend app",
            "set server app/web1 state maint",
            "del server app/web1",
            "del backend app",
            "del backend both",
            "del backend other",
            "unpublish backend other",
            "wait 1h be-removable other",
            "del backend other",
            "wait 1h be-removable other",
            "wait 1h be-removable both",
            "wait 1h be-removable",
            "show backend",
        ],
        expect![[r#"
            > show defaults
            plain
            web

            > show default-server
            * app
              app/large

            > show default-server other

            > show default-server nope
            Can't find backend.

            > add backend
            Require backend name.

            > add backend blue
            Usage: add backend <name> from <defproxy>.

            > add backend blue from
            Usage: add backend <name> from <defproxy>.

            > add backend blue from nope
            Cannot find default proxy 'nope'.

            > add backend blue from plain
            Mode is required as 'plain' default proxy does not explicitly defines it.

            > add backend blue from plain mode log
            Dynamic backends are compatible with only TCP or HTTP mode.

            > add backend b@d from web
            Invalid character '@' in backend name.

            > add backend fe from web
            Error during backend creation : name is already used by other proxy 'frontend fe'.

            > add backend blue from web id 2
            Error during backend creation : id is already used by other proxy 'frontend fe'.

            > add backend blue from web what
            Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].

            > add backend blue from web
            New backend registered.

            > show backend
            # name
            app
            other
            both
            blue

            > add server blue/s1 127.0.0.1:9001 from be:
            New server registered.

            > get weight blue/s1
            7 (initial 7)

            > add server blue/s2 127.0.0.1:9002 from srv:large
            New server registered.

            > get weight blue/s2
            100 (initial 100)

            > add server blue/large 127.0.0.1:9002
            Already exists a server with the same name in backend.

            > del server blue/s2
            Server deleted.

            > del backend blue
            Only a backend without server can be deleted.

            > unpublish backend blue
            Backend unpublished.

            > del backend blue
            Only a backend without server can be deleted.

            > del server blue/s1
            Server deleted.

            > del backend blue
            Backend deleted.

            > del backend blue
            No such backend.

            > unpublish backend app
            Backend unpublished.

            > set server app/web1 state maint

            > del server app/web1
            Server deleted.

            > del backend app
            This backend cannot be removed at runtime due to other configuration elements pointing to it.

            > del backend both
            Cannot delete a listen section.

            > del backend other
            Backend must be unpublished prior to its deletion.

            > unpublish backend other
            Backend unpublished.

            > wait 1h be-removable other
            Done.

            > del backend other
            Backend deleted.

            > wait 1h be-removable other
            Failed. No such backend.

            > wait 1h be-removable both
            Failed. Cannot delete a listen section.

            > wait 1h be-removable
            Missing backend name.

            > show backend
            # name
            app
            both

        "#]],
    );
}

#[test]
fn places_of_backends_are_used_again() {
    on_a_runtime(async || {
        let node = Node::start(SECTIONS);
        let places = node.shared().proxies.len();
        for round in 0..20 {
            let name = format!("b{round}");
            node.ask(&format!("add backend {name} from web; add server {name}/s1 127.0.0.1:1")).await;
            assert!(node.ask(&format!("show servers state {name}")).await.contains(&format!("6 {name} 1 s1 ")));
            assert_eq!(node.ask(&format!("del server {name}/s1")).await, "Server deleted.\n\n");
            assert_eq!(node.ask(&format!("del backend {name}")).await, "Backend deleted.\n\n");
        }
        assert_eq!(node.shared().proxies.len(), places + 1);
        assert!(node.shared().proxies[places].servers.len() <= 2);
    });
}
