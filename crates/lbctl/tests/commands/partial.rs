//! Two nodes of which one is gone: what the other says is told all the same, and the exit status says that it is not all.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    what_is_shown_of_one,
    what_is_changed_on_one,
    lists_and_tables_of_one,
}

/// Each command on both nodes.
fn on_two(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| format!("-s admin.sock -s gone.sock {line}")).collect()
}

fn what_is_shown_of_one(engine: &Engine) {
    let lines = on_two(&[
        "show servers app/web1 -o name",
        "show backends app -o name",
        "show frontends web -o name",
        "show stat app/web1 -o name",
        "show info Name -o csv",
        "show sessions app/web1 -o csv",
        "show tables -o name",
        "show maps hosts.map -o csv",
        "show acls deny.acl -o csv",
        "show certs -o name",
        "show checks app/web3 --columns server -o csv",
        "show errors -o name",
        "explain app/web1 -o name",
        "wait app/web1 --for up -o csv",
        "doctor --area servers",
        "diff -o csv",
        "top --once app/web1 -o name",
        "raw show cli level",
        "map get hosts.map a.example.com -o csv",
    ]);
    engine.check_all(
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        &expect![[r#"
        $ lbctl -s admin.sock -s gone.sock show servers app/web1 -o name
        app/web1
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show backends app -o name
        app
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show frontends web -o name
        web
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show stat app/web1 -o name
        app/web1
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show info Name -o csv
        node,key,value
        admin.sock,Name,HAProxy
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show sessions app/web1 -o csv
        node,id,source,frontend,backend,server,age,proto
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show tables -o name
        sticky
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show maps hosts.map -o csv
        node,key,value
        admin.sock,a.example.com,app
        admin.sock,b.example.com,tcpb
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show acls deny.acl -o csv
        node,pattern
        admin.sock,10.0.0.0/8
        admin.sock,192.168.0.0/16
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show certs -o name
        $DIR/site.pem
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show checks app/web3 --columns server -o csv
        node,server
        admin.sock,app/web3
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock show errors -o name
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock explain app/web1 -o name
        app/web1
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock wait app/web1 --for up -o csv
        node,server,action,result,state,note
        admin.sock,app/web1,wait,done,no check after <t>,
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock doctor --area servers
        note  admin.sock: servers: app/web4: 'disabled' in the configuration keeps it out
                 cure: lbctl -s admin.sock -s gone.sock ready app/web4
        warning  admin.sock: servers: app/web3: it is DOWN
                 cure: lbctl -s admin.sock -s gone.sock explain app/web3
        warning  admin.sock: servers: app/web5: it is DOWN
                 cure: lbctl -s admin.sock -s gone.sock explain app/web5
        0 errors, 2 warnings, 1 note
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock diff -o csv
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock top --once app/web1 -o name
        app/web1
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock raw show cli level
        ==> admin.sock <==
        admin

        ==> gone.sock <==
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock map get hosts.map a.example.com -o csv
        node,key,value
        admin.sock,a.example.com,app
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
    "#]],
    );
}

fn what_is_changed_on_one(engine: &Engine) {
    let lines = on_two(&[
        "drain app/web1",
        "maint app/web1",
        "ready app/web1",
        "weight app/web1 5",
        "health app/web6 disable",
        "kill-sessions app/web1",
        "server addr app/web1 127.0.0.2",
        "server add app/web9 127.0.0.1:1",
        "server del app/web9",
        "counters clear",
        "weight app/web2 25",
        "undo",
    ]);
    engine.check_all(
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        &expect![[r#"
        $ lbctl -s admin.sock -s gone.sock drain app/web1
        admin.sock: app/web1: draining
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock maint app/web1
        admin.sock: app/web1: in maintenance
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock ready app/web1
        admin.sock: app/web1: ready and running
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock weight app/web1 5
        admin.sock: app/web1: weight 5 (configured: 1)
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock health app/web6 disable
        admin.sock: app/web6: checks disabled
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock kill-sessions app/web1
        admin.sock: app/web1: sessions ended
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock server addr app/web1 127.0.0.2
        admin.sock: app/web1: at 127.0.0.2:<port>
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock server add app/web9 127.0.0.1:1
        admin.sock: app/web9: added, in maintenance
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock server del app/web9
        admin.sock: app/web9: in maintenance already
        admin.sock: app/web9: removed
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock counters clear
        admin.sock: counters: maxima cleared
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock weight app/web2 25
        admin.sock: app/web2: weight 25 (configured: 50)
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock undo
        app/web2: weight 50
        --- exit 0
    "#]],
    );
}

fn lists_and_tables_of_one(engine: &Engine) {
    let lines = on_two(&[
        "map set hosts.map d.example.com app",
        "map del hosts.map d.example.com",
        "map load hosts.map hosts.map",
        "map clear hosts.map",
        "acl add deny.acl 192.0.2.7",
        "acl del deny.acl 192.0.2.7",
        "acl load deny.acl deny.acl",
        "acl clear deny.acl",
        "table set sticky 192.0.2.1 gpc0=1",
        "table clear sticky --all",
        "cert set $DIR/site.pem site.pem",
        "cert new shop.pem site.pem",
        "cert del shop.pem",
    ]);
    engine.check_all(
        &lines.iter().map(String::as_str).collect::<Vec<_>>(),
        &expect![[r#"
        $ lbctl -s admin.sock -s gone.sock map set hosts.map d.example.com app
        admin.sock: d.example.com: app
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock map del hosts.map d.example.com
        admin.sock: d.example.com: gone
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock map load hosts.map hosts.map
        admin.sock: $DIR/hosts.map: 2 entries
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock map clear hosts.map
        admin.sock: $DIR/hosts.map: empty
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock acl add deny.acl 192.0.2.7
        admin.sock: 192.0.2.7: there
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock acl del deny.acl 192.0.2.7
        admin.sock: 192.0.2.7: gone
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock acl load deny.acl deny.acl
        admin.sock: $DIR/deny.acl: 2 entries
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock acl clear deny.acl
        admin.sock: $DIR/deny.acl: empty
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock table set sticky 192.0.2.1 gpc0=1
        admin.sock: sticky: 192.0.2.1 is set
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock table clear sticky --all
        admin.sock: sticky: without every entry
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock cert set $DIR/site.pem site.pem
        admin.sock: $DIR/site.pem: replaced
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock cert new shop.pem site.pem
        admin.sock: shop.pem: stored
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
        $ lbctl -s admin.sock -s gone.sock cert del shop.pem
        admin.sock: shop.pem: removed
        --- stderr
        error: gone.sock: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
    "#]],
    );
}
