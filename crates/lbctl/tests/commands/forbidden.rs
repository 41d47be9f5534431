//! Commands without the right to them, and without the wish.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    no_right,
    no_wish,
}

fn no_right(engine: &Engine) {
    engine.check_all(
        &[
            "-s user.sock drain app/web1",
            "-s user.sock maint app/web1",
            "-s user.sock ready app/web1",
            "-s user.sock weight app/web1 5",
            "-s user.sock health app/web1 up",
            "-s user.sock agent app/web1 down",
            "-s user.sock kill-sessions app/web1",
            "-s user.sock server addr app/web1 127.0.0.2",
            "-s user.sock roll app/web1 --exec true",
            "-s user.sock server add app/web9 127.0.0.1:1",
            "-s user.sock server del app/web1",
            "-s user.sock table set sticky 192.0.2.1 gpc0=1",
            "-s user.sock cert set site.pem site.pem",
            "-s user.sock cert new shop.pem site.pem",
            "-s user.sock cert del shop.pem",
            "-s user.sock counters clear",
            "-s user.sock show errors",
            "-s user.sock show sessions",
        ],
        &expect![[r#"
            $ lbctl -s user.sock drain app/web1
            --- stderr
            error: 'set server app/web1 state drain' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock maint app/web1
            --- stderr
            error: 'set server app/web1 state maint' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock ready app/web1
            app/web1: ready and running already
            --- exit 0
            $ lbctl -s user.sock weight app/web1 5
            --- stderr
            error: 'set server app/web1 weight 5' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock health app/web1 up
            --- stderr
            error: 'set server app/web1 health up' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock agent app/web1 down
            --- stderr
            error: 'set server app/web1 agent down' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock kill-sessions app/web1
            --- stderr
            error: 'shutdown sessions server app/web1' was refused: Permission denied
            hint: 'shutdown sessions server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock server addr app/web1 127.0.0.2
            --- stderr
            error: 'set server app/web1 addr 127.0.0.2' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock roll app/web1 --exec true
            roll 1: 1 server, 1 at a time
            app/web1: ready and running already
            --- stderr
            error: 'set server app/web1 state drain' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            error: a server could not be changed
              0 of 1 servers are done
            hint: once the cause is gone: lbctl roll --resume 1
            --- exit 3
            $ lbctl -s user.sock server add app/web9 127.0.0.1:1
            --- stderr
            error: 'add server app/web9 127.0.0.1:1' was refused: Permission denied
            hint: 'add server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock server del app/web1
            --- stderr
            error: 'set server app/web1 state maint' was refused: Permission denied
            hint: 'set server' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock table set sticky 192.0.2.1 gpc0=1
            --- stderr
            error: 'set table sticky key 192.0.2.1 data.gpc0 1' was refused: Permission denied
            hint: 'set table' needs level 'operator', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock cert set site.pem site.pem
            --- stderr
            error: 'set ssl cert site.pem <<' was refused: Permission denied
            hint: 'set ssl cert' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock cert new shop.pem site.pem
            --- stderr
            error: 'new ssl cert shop.pem' was refused: Permission denied
            hint: 'new ssl cert' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock cert del shop.pem
            --- stderr
            error: 'del ssl cert shop.pem' was refused: Permission denied
            hint: 'del ssl cert' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock counters clear
            --- stderr
            error: 'clear counters' was refused: Permission denied
            hint: 'clear counters' needs level 'operator', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock show errors
            Permission denied

            --- exit 3
            $ lbctl -s user.sock show sessions
            --- stderr
            error: 'show sess' was refused: Permission denied
            hint: 'show sess' needs level 'operator', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
        "#]],
    );
    // 2.6 asks for no level here.
    engine.check_all_each(
        &[
            "-s user.sock map set hosts.map a b",
            "-s user.sock map del hosts.map a.example.com",
            "-s user.sock map clear hosts.map",
            "-s user.sock map load hosts.map hosts.map",
            "-s user.sock acl add deny.acl 192.0.2.1",
            "-s user.sock acl del deny.acl 10.0.0.0/8",
            "-s user.sock acl clear deny.acl",
            "-s user.sock acl load deny.acl deny.acl",
            "-s user.sock table clear sticky --all",
        ],
        &expect![[r#"
            $ lbctl -s user.sock map set hosts.map a b
            $ lbctl -s user.sock map del hosts.map a.example.com
            $ lbctl -s user.sock map clear hosts.map
            $ lbctl -s user.sock map load hosts.map hosts.map
            --- stderr
            error: 'show map' was refused: Permission denied
            hint: 'show map' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock acl add deny.acl 192.0.2.1
            $ lbctl -s user.sock acl del deny.acl 10.0.0.0/8
            $ lbctl -s user.sock acl clear deny.acl
            $ lbctl -s user.sock acl load deny.acl deny.acl
            --- stderr
            error: 'show acl' was refused: Permission denied
            hint: 'show acl' needs level 'admin', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
            $ lbctl -s user.sock table clear sticky --all
            --- stderr
            error: 'clear table sticky' was refused: Permission denied
            hint: 'clear table' needs level 'operator', and this socket has level 'user'; use one whose 'stats socket' line gives more
            --- exit 3
        "#]],
        &expect![[r#"
            $ lbctl -s user.sock map set hosts.map a b
            a: b
            --- exit 0
            $ lbctl -s user.sock map del hosts.map a.example.com
            a.example.com: gone
            --- exit 0
            $ lbctl -s user.sock map clear hosts.map
            $DIR/hosts.map: empty
            --- exit 0
            $ lbctl -s user.sock map load hosts.map hosts.map
            $DIR/hosts.map: 2 entries
            --- exit 0
            $ lbctl -s user.sock acl add deny.acl 192.0.2.1
            192.0.2.1: there
            --- exit 0
            $ lbctl -s user.sock acl del deny.acl 10.0.0.0/8
            10.0.0.0/8: gone
            --- exit 0
            $ lbctl -s user.sock acl clear deny.acl
            $DIR/deny.acl: empty
            --- exit 0
            $ lbctl -s user.sock acl load deny.acl deny.acl
            $DIR/deny.acl: 2 entries
            --- exit 0
            $ lbctl -s user.sock table clear sticky --all
            sticky: without every entry
            --- exit 0
        "#]],
    );
}

fn no_wish(engine: &Engine) {
    engine.check_all(
        &[
            "--read-only drain app/web1",
            "--read-only maint app/web1",
            "--read-only ready app/web1",
            "--read-only weight app/web1 5",
            "--read-only health app/web1 up",
            "--read-only agent app/web1 down",
            "--read-only kill-sessions app/web1",
            "--read-only server addr app/web1 127.0.0.2",
            "--read-only roll app/web1 --exec true",
            "--read-only server add app/web9 127.0.0.1:1",
            "--read-only server del app/web1",
            "--read-only map set hosts.map a b",
            "--read-only map del hosts.map a.example.com",
            "--read-only map clear hosts.map",
            "--read-only map load hosts.map hosts.map",
            "--read-only acl add deny.acl 192.0.2.1",
            "--read-only acl del deny.acl 10.0.0.0/8",
            "--read-only acl clear deny.acl",
            "--read-only acl load deny.acl deny.acl",
            "--read-only table set sticky 192.0.2.1 gpc0=1",
            "--read-only table clear sticky --all",
            "--read-only cert set site.pem site.pem",
            "--read-only cert new shop.pem site.pem",
            "--read-only cert del shop.pem",
            "--read-only counters clear",
        ],
        &expect![[r#"
            $ lbctl --read-only drain app/web1
            --- stderr
            error: 'set server app/web1 state drain' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only maint app/web1
            --- stderr
            error: 'set server app/web1 state maint' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only ready app/web1
            app/web1: ready and running already
            --- exit 0
            $ lbctl --read-only weight app/web1 5
            --- stderr
            error: 'set server app/web1 weight 5' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only health app/web1 up
            --- stderr
            error: 'set server app/web1 health up' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only agent app/web1 down
            --- stderr
            error: 'set server app/web1 agent down' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only kill-sessions app/web1
            --- stderr
            error: 'shutdown sessions server app/web1' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only server addr app/web1 127.0.0.2
            --- stderr
            error: 'set server app/web1 addr 127.0.0.2' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only roll app/web1 --exec true
            roll 1: 1 server, 1 at a time
            app/web1: ready and running already
            --- stderr
            error: 'set server app/web1 state drain' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            error: a server could not be changed
              0 of 1 servers are done
            hint: once the cause is gone: lbctl roll --resume 1
            --- exit 6
            $ lbctl --read-only server add app/web9 127.0.0.1:1
            --- stderr
            error: 'add server app/web9 127.0.0.1:1' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only server del app/web1
            --- stderr
            error: 'set server app/web1 state maint' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only map set hosts.map a b
            --- stderr
            error: 'add map $DIR/hosts.map a b' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only map del hosts.map a.example.com
            --- stderr
            error: 'del map $DIR/hosts.map a.example.com' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only map clear hosts.map
            --- stderr
            error: 'clear map $DIR/hosts.map' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only map load hosts.map hosts.map
            --- stderr
            error: 'prepare map $DIR/hosts.map' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only acl add deny.acl 192.0.2.1
            --- stderr
            error: 'add acl $DIR/deny.acl 192.0.2.1' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only acl del deny.acl 10.0.0.0/8
            --- stderr
            error: 'del acl $DIR/deny.acl 10.0.0.0/8' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only acl clear deny.acl
            --- stderr
            error: 'clear acl $DIR/deny.acl' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only acl load deny.acl deny.acl
            --- stderr
            error: 'prepare acl $DIR/deny.acl' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only table set sticky 192.0.2.1 gpc0=1
            --- stderr
            error: 'set table sticky key 192.0.2.1 data.gpc0 1' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only table clear sticky --all
            --- stderr
            error: 'clear table sticky' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only cert set site.pem site.pem
            --- stderr
            error: 'set ssl cert site.pem <<' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only cert new shop.pem site.pem
            --- stderr
            error: 'new ssl cert shop.pem' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only cert del shop.pem
            --- stderr
            error: 'del ssl cert shop.pem' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
            $ lbctl --read-only counters clear
            --- stderr
            error: 'clear counters' would change something, and only looking is allowed
            hint: without --read-only, and 'read-only' in the configuration files, it would be sent
            --- exit 6
        "#]],
    );
}
