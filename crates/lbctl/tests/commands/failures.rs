//! What goes wrong with each command: names that are not there, and nobody there.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    names_that_are_not_there,
    nothing_to_show,
    records_that_are_not_there,
}

fn names_that_are_not_there(engine: &Engine) {
    engine.check_all(
        &[
            "drain app/nope",
            "maint app/nope",
            "ready app/nope",
            "weight app/nope 5",
            "health app/nope up",
            "agent app/nope down",
            "wait app/nope --for up",
            "explain app/nope",
            "check app/nope",
            "kill-sessions app/nope",
            "server addr app/nope 127.0.0.2",
            "roll app/nope --exec true",
            "drain nope/*",
            "server add nope/web1 127.0.0.1:1",
            "map get nope.map a",
            "map set nope.map a b",
            "map del nope.map a",
            "map clear nope.map",
            "map load nope.map hosts.map",
            "acl add nope.acl a",
            "acl del nope.acl a",
            "acl clear nope.acl",
            "acl load nope.acl deny.acl",
            "table set nope 192.0.2.1 gpc0=1",
            "table clear nope --all",
            "cert set nope.pem site.pem",
            "cert del nope.pem",
        ],
        &expect![[r#"
            $ lbctl drain app/nope
            $ lbctl maint app/nope
            $ lbctl ready app/nope
            $ lbctl weight app/nope 5
            $ lbctl health app/nope up
            $ lbctl agent app/nope down
            $ lbctl wait app/nope --for up
            $ lbctl explain app/nope
            $ lbctl check app/nope
            $ lbctl kill-sessions app/nope
            --- stderr
            error: no server is named 'app/nope' on $DIR/admin.sock
            hint: 'lbctl show servers -o name' lists what there is
            --- exit 4
            $ lbctl server addr app/nope 127.0.0.2
            --- stderr
            error: no server named 'app/nope' on $DIR/admin.sock
            hint: 'lbctl show servers -o name' lists what there is
            --- exit 4
            $ lbctl roll app/nope --exec true
            --- stderr
            error: no server is named 'app/nope' on $DIR/admin.sock
            hint: 'lbctl show servers -o name' lists what there is
            --- exit 4
            $ lbctl drain nope/*
            $ lbctl server add nope/web1 127.0.0.1:1
            --- stderr
            error: no backend named 'nope' on $DIR/admin.sock
            hint: 'lbctl show backends' lists what there is
            --- exit 4
            $ lbctl map get nope.map a
            $ lbctl map set nope.map a b
            $ lbctl map del nope.map a
            $ lbctl map clear nope.map
            $ lbctl map load nope.map hosts.map
            --- stderr
            error: no map is named 'nope.map' on $DIR/admin.sock
            hint: 'lbctl show maps' lists what there is
            --- exit 4
            $ lbctl acl add nope.acl a
            $ lbctl acl del nope.acl a
            $ lbctl acl clear nope.acl
            $ lbctl acl load nope.acl deny.acl
            --- stderr
            error: no acl is named 'nope.acl' on $DIR/admin.sock
            hint: 'lbctl show acls' lists what there is
            --- exit 4
            $ lbctl table set nope 192.0.2.1 gpc0=1
            --- stderr
            error: 'set table nope key 192.0.2.1 data.gpc0 1' was refused: No such table
            hint: 'lbctl show tables' lists what there is
            --- exit 4
            $ lbctl table clear nope --all
            --- stderr
            error: 'clear table nope' was refused: No such table
            hint: 'lbctl show tables' lists what there is
            --- exit 4
            $ lbctl cert set nope.pem site.pem
            --- stderr
            error: 'set ssl cert nope.pem <<' was refused: Can't replace a certificate which is not referenced by the configuration!
            hint: 'lbctl show certs' lists what there is
            --- exit 4
            $ lbctl cert del nope.pem
            --- stderr
            error: 'del ssl cert nope.pem' was refused: Can't remove the certificate: certificate 'nope.pem' doesn't exist!
            hint: 'lbctl show certs' lists what there is
            --- exit 4
        "#]],
    );
}

fn nothing_to_show(engine: &Engine) {
    engine.check_all(
        &[
            "show servers app/nope",
            "show servers nope",
            "show backends nope",
            "show frontends nope",
            "show stat nope",
            "show sessions app/nope",
            "show checks app/nope",
            "show tables nope",
            "show maps nope.map",
            "show acls nope.acl",
            "show certs nope.pem",
            "show info nope",
        ],
        &expect![[r#"
            $ lbctl show servers app/nope
            --- stderr
            error: no server matches 'app/nope' on $DIR/admin.sock
            hint: 'lbctl show servers -o name' lists what there is
            --- exit 4
            $ lbctl show servers nope
            --- stderr
            error: no server matches 'nope/*' on $DIR/admin.sock
            hint: 'lbctl show servers -o name' lists what there is
            --- exit 4
            $ lbctl show backends nope
            --- stderr
            error: no backend is named 'nope'
            hint: 'lbctl show backends -o name' lists what there is
            --- exit 4
            $ lbctl show frontends nope
            --- stderr
            error: no frontend is named 'nope'
            hint: 'lbctl show frontends -o name' lists what there is
            --- exit 4
            $ lbctl show stat nope
            --- stderr
            error: no row matches 'nope/*'
            hint: 'lbctl show stat -o name' lists the rows
            --- exit 4
            $ lbctl show sessions app/nope
            $ lbctl show checks app/nope
            --- stderr
            error: no server matches 'app/nope' on $DIR/admin.sock
            hint: 'lbctl show servers -o name' lists what there is
            --- exit 4
            $ lbctl show tables nope
            --- stderr
            error: no stick table is named 'nope'
            hint: 'lbctl show tables -o name' lists what there is
            --- exit 4
            $ lbctl show maps nope.map
            --- stderr
            error: no map is named 'nope.map' on $DIR/admin.sock
            hint: 'lbctl show maps' lists what there is
            --- exit 4
            $ lbctl show acls nope.acl
            --- stderr
            error: no acl is named 'nope.acl' on $DIR/admin.sock
            hint: 'lbctl show acls' lists what there is
            --- exit 4
            $ lbctl show certs nope.pem
            --- stderr
            error: no certificate is named 'nope.pem'
            hint: 'lbctl show certs -o name' lists what there is
            --- exit 4
            $ lbctl show info nope
            --- stderr
            error: the process tells nothing called 'nope'
            hint: 'lbctl show info -o name' lists what there is
            --- exit 4
        "#]],
    );
}

fn records_that_are_not_there(engine: &Engine) {
    engine.check_all(
        &[
            "context use nope",
            "undo 99",
            "undo nonsense",
            "log nonsense",
            "roll --resume 99",
            "drain --monitor 99",
            "help nonsense",
            "--context nope show info",
        ],
        &expect![[r#"
            $ lbctl context use nope
            --- stderr
            error: there is no context 'nope'
            hint: 'lbctl context list' lists what there is; 'lbctl context add' makes one
            --- exit 4
            $ lbctl undo 99
            --- stderr
            error: there is no operation 99
            hint: 'lbctl log' lists what there is
            --- exit 4
            $ lbctl undo nonsense
            --- stderr
            error: invalid value 'nonsense' for '[ID]': invalid digit found in string

            For more information, try '--help'.
            --- exit 2
            $ lbctl log nonsense
            ID  AT  USER  OBJECT  WHAT  BEFORE  AFTER  MESSAGE
            --- exit 0
            $ lbctl roll --resume 99
            --- stderr
            error: there is no roll 99 to resume
            hint: its number was told when it began; it belongs to the host and the state directory it began in
            --- exit 4
            $ lbctl drain --monitor 99
            --- stderr
            error: there is no run 99
            hint: --detach tells the number of the run it starts
            --- exit 4
            $ lbctl help nonsense
            --- stderr
            error: no help on 'nonsense'
            hint: 'lbctl help' lists the commands; 'lbctl help exit-codes' explains the exit statuses
            --- exit 2
            $ lbctl --context nope show info
            --- stderr
            error: there is no context 'nope'
            hint: 'lbctl context list' lists what there is
            --- exit 4
        "#]],
    );
}

#[test]
fn nobody_there() {
    let Some(engine) = Engine::start_lbd_with(files, SECTIONS) else { return };
    engine.check_all(
        &[
            "-s nowhere.sock drain app/web1",
            "-s nowhere.sock maint app/web1",
            "-s nowhere.sock ready app/web1",
            "-s nowhere.sock weight app/web1 5",
            "-s nowhere.sock health app/web1 up",
            "-s nowhere.sock agent app/web1 down",
            "-s nowhere.sock kill-sessions app/web1",
            "-s nowhere.sock server addr app/web1 127.0.0.2",
            "-s nowhere.sock roll app/web1 --exec true",
            "-s nowhere.sock server add app/web9 127.0.0.1:1",
            "-s nowhere.sock server del app/web1",
            "-s nowhere.sock map set hosts.map a b",
            "-s nowhere.sock map del hosts.map a.example.com",
            "-s nowhere.sock map clear hosts.map",
            "-s nowhere.sock map load hosts.map hosts.map",
            "-s nowhere.sock acl add deny.acl 192.0.2.1",
            "-s nowhere.sock acl del deny.acl 10.0.0.0/8",
            "-s nowhere.sock acl clear deny.acl",
            "-s nowhere.sock acl load deny.acl deny.acl",
            "-s nowhere.sock table set sticky 192.0.2.1 gpc0=1",
            "-s nowhere.sock table clear sticky --all",
            "-s nowhere.sock cert set site.pem site.pem",
            "-s nowhere.sock cert new shop.pem site.pem",
            "-s nowhere.sock cert del shop.pem",
            "-s nowhere.sock counters clear",
        ],
        &expect![[r#"
            $ lbctl -s nowhere.sock drain app/web1
            $ lbctl -s nowhere.sock maint app/web1
            $ lbctl -s nowhere.sock ready app/web1
            $ lbctl -s nowhere.sock weight app/web1 5
            $ lbctl -s nowhere.sock health app/web1 up
            $ lbctl -s nowhere.sock agent app/web1 down
            $ lbctl -s nowhere.sock kill-sessions app/web1
            $ lbctl -s nowhere.sock server addr app/web1 127.0.0.2
            $ lbctl -s nowhere.sock roll app/web1 --exec true
            $ lbctl -s nowhere.sock server add app/web9 127.0.0.1:1
            $ lbctl -s nowhere.sock server del app/web1
            $ lbctl -s nowhere.sock map set hosts.map a b
            $ lbctl -s nowhere.sock map del hosts.map a.example.com
            $ lbctl -s nowhere.sock map clear hosts.map
            $ lbctl -s nowhere.sock map load hosts.map hosts.map
            $ lbctl -s nowhere.sock acl add deny.acl 192.0.2.1
            $ lbctl -s nowhere.sock acl del deny.acl 10.0.0.0/8
            $ lbctl -s nowhere.sock acl clear deny.acl
            $ lbctl -s nowhere.sock acl load deny.acl deny.acl
            $ lbctl -s nowhere.sock table set sticky 192.0.2.1 gpc0=1
            $ lbctl -s nowhere.sock table clear sticky --all
            $ lbctl -s nowhere.sock cert set site.pem site.pem
            $ lbctl -s nowhere.sock cert new shop.pem site.pem
            $ lbctl -s nowhere.sock cert del shop.pem
            $ lbctl -s nowhere.sock counters clear
            --- stderr
            error: cannot connect to nowhere.sock: No such file or directory (os error 2)
            hint: there is no such file; is the engine running, and does its configuration have 'stats socket nowhere.sock'?
            --- exit 3
        "#]],
    );
}

#[test]
fn nobody_to_look_at() {
    let Some(engine) = Engine::start_lbd_with(files, SECTIONS) else { return };
    engine.check_all(
        &[
            "-s nowhere.sock wait app/web1 --for up",
            "-s nowhere.sock explain app/web1",
            "-s nowhere.sock check app/web1",
            "-s nowhere.sock show servers",
            "-s nowhere.sock show backends",
            "-s nowhere.sock show frontends",
            "-s nowhere.sock show stat",
            "-s nowhere.sock show info",
            "-s nowhere.sock show sessions",
            "-s nowhere.sock show tables",
            "-s nowhere.sock show maps",
            "-s nowhere.sock show acls",
            "-s nowhere.sock show certs",
            "-s nowhere.sock show errors",
            "-s nowhere.sock show checks",
            "-s nowhere.sock raw show info",
            "-s nowhere.sock top --once",
        ],
        &expect![[r#"
            $ lbctl -s nowhere.sock wait app/web1 --for up
            $ lbctl -s nowhere.sock explain app/web1
            $ lbctl -s nowhere.sock check app/web1
            $ lbctl -s nowhere.sock show servers
            $ lbctl -s nowhere.sock show backends
            $ lbctl -s nowhere.sock show frontends
            $ lbctl -s nowhere.sock show stat
            $ lbctl -s nowhere.sock show info
            $ lbctl -s nowhere.sock show sessions
            $ lbctl -s nowhere.sock show tables
            $ lbctl -s nowhere.sock show maps
            $ lbctl -s nowhere.sock show acls
            $ lbctl -s nowhere.sock show certs
            $ lbctl -s nowhere.sock show errors
            $ lbctl -s nowhere.sock show checks
            $ lbctl -s nowhere.sock raw show info
            $ lbctl -s nowhere.sock top --once
            --- stderr
            error: cannot connect to nowhere.sock: No such file or directory (os error 2)
            hint: there is no such file; is the engine running, and does its configuration have 'stats socket nowhere.sock'?
            --- exit 3
        "#]],
    );
}
