//! Dry runs: what would be done, and the very commands.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    as_a_plan,
    on_the_wire,
}

fn as_a_plan(engine: &Engine) {
    engine.check_all(
        &[
            "--dry-run drain app/web1",
            "--dry-run maint app/web1",
            "--dry-run ready app/web1",
            "--dry-run weight app/web1 5",
            "--dry-run health app/web1 up",
            "--dry-run agent app/web1 down",
            "--dry-run kill-sessions app/web1",
            "--dry-run server addr app/web1 127.0.0.2",
            "--dry-run roll app/web1 --exec true",
            "--dry-run server add app/web9 127.0.0.1:1",
            "--dry-run server del app/web1",
            "--dry-run map set hosts.map a b",
            "--dry-run map del hosts.map a.example.com",
            "--dry-run map clear hosts.map",
            "--dry-run map load hosts.map hosts.map",
            "--dry-run acl add deny.acl 192.0.2.1",
            "--dry-run acl del deny.acl 10.0.0.0/8",
            "--dry-run acl clear deny.acl",
            "--dry-run acl load deny.acl deny.acl",
            "--dry-run table set sticky 192.0.2.1 gpc0=1",
            "--dry-run table clear sticky --all",
            "--dry-run cert set site.pem site.pem",
            "--dry-run cert new shop.pem site.pem",
            "--dry-run cert del shop.pem",
            "--dry-run counters clear",
        ],
        &expect![[r#"
            $ lbctl --dry-run drain app/web1
            app/web1: would drain it, which is ready and running
            --- exit 0
            $ lbctl --dry-run maint app/web1
            app/web1: would maint it, which is ready and running
            --- exit 0
            $ lbctl --dry-run ready app/web1
            app/web1: ready and running already
            --- exit 0
            $ lbctl --dry-run weight app/web1 5
            app/web1: would change its weight from 1 to 5
            --- exit 0
            $ lbctl --dry-run health app/web1 up
            app/web1: would force its health up
            --- exit 0
            $ lbctl --dry-run agent app/web1 down
            app/web1: would force its agent down
            --- exit 0
            $ lbctl --dry-run kill-sessions app/web1
            app/web1: would end its sessions
            --- exit 0
            $ lbctl --dry-run server addr app/web1 127.0.0.2
            app/web1: would move it to 127.0.0.2:<port>
            --- exit 0
            $ lbctl --dry-run roll app/web1 --exec true
            batch 1: would take out app/web1
              app/web1: would run true
              would bring back app/web1
            --- exit 0
            $ lbctl --dry-run server add app/web9 127.0.0.1:1
            app/web9: would add it
            --- exit 0
            $ lbctl --dry-run server del app/web1
            app/web1: would maint it, which is ready and running
            app/web1: would remove it
            --- exit 0
            $ lbctl --dry-run map set hosts.map a b
            a: would change it
            --- exit 0
            $ lbctl --dry-run map del hosts.map a.example.com
            a.example.com: would change it
            --- exit 0
            $ lbctl --dry-run map clear hosts.map
            $DIR/hosts.map: would empty it
            --- exit 0
            $ lbctl --dry-run map load hosts.map hosts.map
            $DIR/hosts.map: would replace everything by 2 entries
            --- exit 0
            $ lbctl --dry-run acl add deny.acl 192.0.2.1
            192.0.2.1: would change it
            --- exit 0
            $ lbctl --dry-run acl del deny.acl 10.0.0.0/8
            10.0.0.0/8: would change it
            --- exit 0
            $ lbctl --dry-run acl clear deny.acl
            $DIR/deny.acl: would empty it
            --- exit 0
            $ lbctl --dry-run acl load deny.acl deny.acl
            $DIR/deny.acl: would replace everything by 2 entries
            --- exit 0
            $ lbctl --dry-run table set sticky 192.0.2.1 gpc0=1
            sticky: would set the entry 192.0.2.1
            --- exit 0
            $ lbctl --dry-run table clear sticky --all
            sticky: would remove every entry
            --- exit 0
            $ lbctl --dry-run cert set site.pem site.pem
            site.pem: would send 'set ssl cert site.pem <<'
            site.pem: would send 'commit ssl cert site.pem'
            --- exit 0
            $ lbctl --dry-run cert new shop.pem site.pem
            shop.pem: would send 'new ssl cert shop.pem'
            shop.pem: would send 'set ssl cert shop.pem <<'
            shop.pem: would send 'commit ssl cert shop.pem'
            --- exit 0
            $ lbctl --dry-run cert del shop.pem
            shop.pem: would remove it
            --- exit 0
            $ lbctl --dry-run counters clear
            counters: would clear them
            --- exit 0
        "#]],
    );
}

fn on_the_wire(engine: &Engine) {
    engine.check_all(
        &[
            "--dry-run=wire drain app/web1",
            "--dry-run=wire maint app/web1",
            "--dry-run=wire ready app/web1",
            "--dry-run=wire weight app/web1 5",
            "--dry-run=wire health app/web1 up",
            "--dry-run=wire agent app/web1 down",
            "--dry-run=wire kill-sessions app/web1",
            "--dry-run=wire server addr app/web1 127.0.0.2",
            "--dry-run=wire roll app/web1 --exec true",
            "--dry-run=wire server add app/web9 127.0.0.1:1",
            "--dry-run=wire server del app/web1",
            "--dry-run=wire map set hosts.map a b",
            "--dry-run=wire map del hosts.map a.example.com",
            "--dry-run=wire map clear hosts.map",
            "--dry-run=wire map load hosts.map hosts.map",
            "--dry-run=wire acl add deny.acl 192.0.2.1",
            "--dry-run=wire acl del deny.acl 10.0.0.0/8",
            "--dry-run=wire acl clear deny.acl",
            "--dry-run=wire acl load deny.acl deny.acl",
            "--dry-run=wire table set sticky 192.0.2.1 gpc0=1",
            "--dry-run=wire table clear sticky --all",
            "--dry-run=wire cert del shop.pem",
            "--dry-run=wire counters clear",
        ],
        &expect![[r#"
            $ lbctl --dry-run=wire drain app/web1
            set server app/web1 state drain
            --- exit 0
            $ lbctl --dry-run=wire maint app/web1
            set server app/web1 state maint
            --- exit 0
            $ lbctl --dry-run=wire ready app/web1
            --- exit 0
            $ lbctl --dry-run=wire weight app/web1 5
            set server app/web1 weight 5
            --- exit 0
            $ lbctl --dry-run=wire health app/web1 up
            set server app/web1 health up
            --- exit 0
            $ lbctl --dry-run=wire agent app/web1 down
            set server app/web1 agent down
            --- exit 0
            $ lbctl --dry-run=wire kill-sessions app/web1
            shutdown sessions server app/web1
            --- exit 0
            $ lbctl --dry-run=wire server addr app/web1 127.0.0.2
            set server app/web1 addr 127.0.0.2
            --- exit 0
            $ lbctl --dry-run=wire roll app/web1 --exec true
            set server app/web1 state drain
            set server app/web1 state maint
            set server app/web1 state ready
            --- exit 0
            $ lbctl --dry-run=wire server add app/web9 127.0.0.1:1
            add server app/web9 127.0.0.1:1
            --- exit 0
            $ lbctl --dry-run=wire server del app/web1
            set server app/web1 state maint
            del server app/web1
            --- exit 0
            $ lbctl --dry-run=wire map set hosts.map a b
            add map $DIR/hosts.map a b
            --- exit 0
            $ lbctl --dry-run=wire map del hosts.map a.example.com
            del map $DIR/hosts.map a.example.com
            --- exit 0
            $ lbctl --dry-run=wire map clear hosts.map
            clear map $DIR/hosts.map
            --- exit 0
            $ lbctl --dry-run=wire map load hosts.map hosts.map
            --- exit 0
            $ lbctl --dry-run=wire acl add deny.acl 192.0.2.1
            add acl $DIR/deny.acl 192.0.2.1
            --- exit 0
            $ lbctl --dry-run=wire acl del deny.acl 10.0.0.0/8
            del acl $DIR/deny.acl 10.0.0.0/8
            --- exit 0
            $ lbctl --dry-run=wire acl clear deny.acl
            clear acl $DIR/deny.acl
            --- exit 0
            $ lbctl --dry-run=wire acl load deny.acl deny.acl
            --- exit 0
            $ lbctl --dry-run=wire table set sticky 192.0.2.1 gpc0=1
            set table sticky key 192.0.2.1 data.gpc0 1
            --- exit 0
            $ lbctl --dry-run=wire table clear sticky --all
            clear table sticky
            --- exit 0
            $ lbctl --dry-run=wire cert del shop.pem
            del ssl cert shop.pem
            --- exit 0
            $ lbctl --dry-run=wire counters clear
            clear counters
            --- exit 0
        "#]],
    );
}
