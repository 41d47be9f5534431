//! Maps, ACLs, stick tables and servers made at run time.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    maps,
    acls,
    tables,
    servers_at_run_time,
}

fn maps(engine: &Engine) {
    engine.check(
        "map set hosts.map d.example.com tcpb",
        &expect![[r#"
        d.example.com: tcpb
        --- exit 0
    "#]],
    );
    engine.check(
        "map set hosts.map d.example.com tcpb",
        &expect![[r#"
        d.example.com: tcpb already
        --- exit 0
    "#]],
    );
    engine.check(
        "map set hosts.map d.example.com app",
        &expect![[r#"
        d.example.com: app
        --- exit 0
    "#]],
    );
    engine.check(
        "map get hosts.map d.example.com",
        &expect![[r#"
        KEY  VALUE
        d.example.com  app
        --- exit 0
    "#]],
    );
    engine.check(
        "map get hosts.map c.example.com",
        &expect![[r#"
        --- stderr
        error: $DIR/hosts.map has no key 'c.example.com'
        hint: 'lbctl raw show map $DIR/hosts.map' shows what it has
        --- exit 4
    "#]],
    );
    engine.check(
        "undo",
        &expect![[r#"
        d.example.com: put back
        --- exit 0
    "#]],
    );
    engine.check(
        "map del hosts.map d.example.com",
        &expect![[r#"
        d.example.com: gone
        --- exit 0
    "#]],
    );
    engine.check(
        "map del hosts.map d.example.com",
        &expect![[r#"
        d.example.com: gone already
        --- exit 0
    "#]],
    );
    engine.check(
        "map set hostz.map x y",
        &expect![[r#"
        --- stderr
        error: no map is named 'hostz.map' on $DIR/admin.sock
        hint: 'lbctl show maps' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "map set hosts.map x;y z --dry-run=wire",
        &expect![[r#"
        add map $DIR/hosts.map x\;y z
        --- exit 0
    "#]],
    );
    // More than one buffer holds.
    let lines: String = (0..3000).map(|n| format!("host{n}.example.com app\n")).collect();
    engine.check_stdin(
        "map load hosts.map -",
        &lines,
        &expect![[r#"
        $DIR/hosts.map: 3000 entries
        --- exit 0
    "#]],
    );
    engine.check(
        "map get hosts.map host2999.example.com -o csv",
        &expect![[r#"
        key,value
        host2999.example.com,app
        --- exit 0
    "#]],
    );
    engine.check(
        "map clear hosts.map",
        &expect![[r#"
        $DIR/hosts.map: empty
        --- exit 0
    "#]],
    );
    engine.check(
        "undo",
        &expect![[r#"
            --- stderr
            error: $DIR/hosts.map: a change of its all its entries cannot be undone
            hint: nothing was put back; do the contrary by hand
            --- exit 1
        "#]],
    );
}

fn acls(engine: &Engine) {
    engine.check(
        "acl add deny.acl 192.0.2.7",
        &expect![[r#"
        192.0.2.7: there
        --- exit 0
    "#]],
    );
    engine.check(
        "acl add deny.acl 192.0.2.7",
        &expect![[r#"
        192.0.2.7: there already
        --- exit 0
    "#]],
    );
    engine.check(
        "acl add deny.acl nonsense",
        &expect![[r#"
        --- stderr
        error: 'add acl $DIR/deny.acl nonsense' was refused: 'nonsense' is not a valid IPv4 or IPv6 address.
        --- exit 1
    "#]],
    );
    engine.check(
        "acl del deny.acl 192.0.2.7",
        &expect![[r#"
        192.0.2.7: gone
        --- exit 0
    "#]],
    );
    engine.check(
        "undo",
        &expect![[r#"
        192.0.2.7: put back
        --- exit 0
    "#]],
    );
    // A list with a line that is refused stays as it was.
    engine.check_stdin(
        "acl load deny.acl -",
        "192.0.2.8\nnonsense\n",
        &expect![[r#"
            --- stderr
            error: 'add acl @1 $DIR/deny.acl 192.0.2.8; add acl @1 $DIR/deny.acl nonsense' was refused: 'nonsense' is not a valid IPv4 or IPv6 address.
            --- exit 1
        "#]],
    );
    engine.check(
        "acl del deny.acl 192.0.2.7",
        &expect![[r#"
        192.0.2.7: gone
        --- exit 0
    "#]],
    );
    let lines: String = (0..2000).map(|n| format!("10.1.{}.{}\n", n / 250, n % 250)).collect();
    engine.check_stdin(
        "acl load deny.acl -",
        &lines,
        &expect![[r#"
        $DIR/deny.acl: 2000 entries
        --- exit 0
    "#]],
    );
    engine.check(
        "acl del deny.acl 10.1.7.249",
        &expect![[r#"
        10.1.7.249: gone
        --- exit 0
    "#]],
    );
    engine.check(
        "acl clear deny.acl",
        &expect![[r#"
        $DIR/deny.acl: empty
        --- exit 0
    "#]],
    );
    engine.check(
        "acl load deny.acl nowhere",
        &expect![[r#"
        --- stderr
        error: nowhere: No such file or directory (os error 2)
        hint: nothing was sent
        --- exit 2
    "#]],
    );
}

fn tables(engine: &Engine) {
    engine.check(
        "table set sticky 192.0.2.7 gpc0=7 server_id=1",
        &expect![[r#"
        sticky: 192.0.2.7 is set
        --- exit 0
    "#]],
    );
    engine.check(
        "table set sticky 192.0.2.8 gpc0=1",
        &expect![[r#"
        sticky: 192.0.2.8 is set
        --- exit 0
    "#]],
    );
    engine.check(
        "table set nope 192.0.2.7 gpc0=1",
        &expect![[r#"
            --- stderr
            error: 'set table nope key 192.0.2.7 data.gpc0 1' was refused: No such table
            hint: 'lbctl show tables' lists what there is
            --- exit 4
        "#]],
    );
    engine.check("table clear sticky --data gpc0", &expect![[r#"
        --- stderr
        error: invalid value 'gpc0' for '--data <FILTER>': this is a type, eq, ne, le, ge, lt or gt, and a value: 'gpc0 gt 5'

        For more information, try '--help'.
        --- exit 2
    "#]]);
    let words = ["table", "clear", "sticky", "--data", "gpc0 gt 5"];
    expect![[r#"
        sticky: without entries where gpc0 gt 5
        --- exit 0
    "#]]
    .assert_eq(&engine.told(&engine.lbctl(&words).output().unwrap()));
    engine.check(
        "raw show table sticky",
        &expect![[r#"
            # table: sticky, type: ip, size:1024, used:1
            <ptr>: key=192.0.2.8 use=0 exp=<t> server_id=0 gpc0=1 server_key=-

            --- exit 0
        "#]],
    );
    // A drained server's entries go, and its clients elsewhere.
    assert_eq!(engine.run("table set sticky 192.0.2.9 server_id=1"), 0);
    engine.check(
        "drain sticky/s1 --unstick",
        &expect![[r#"
        sticky/s1: draining
        sticky/s1: in maintenance
        --- exit 0
    "#]],
    );
    engine.check(
        "raw show table sticky",
        &expect![[r#"
            # table: sticky, type: ip, size:1024, used:1
            <ptr>: key=192.0.2.8 use=0 exp=<t> server_id=0 gpc0=1 server_key=-

            --- exit 0
        "#]],
    );
    engine.check(
        "table clear sticky --all",
        &expect![[r#"
        sticky: without every entry
        --- exit 0
    "#]],
    );
    engine.check(
        "table clear sticky",
        &expect![[r#"
        --- stderr
        error: the following required arguments were not provided:
          --key <KEY>

        Usage: lbctl table clear --key <KEY> <TABLE>

        For more information, try '--help'.
        --- exit 2
    "#]],
    );
}

fn servers_at_run_time(engine: &Engine) {
    engine.check(
        "server add app/web9 127.0.0.1:1",
        &expect![[r#"
        app/web9: added, in maintenance
        --- exit 0
    "#]],
    );
    engine.check(
        "server add app/web9 127.0.0.1:1",
        &expect![[r#"
        app/web9: there already
        --- exit 0
    "#]],
    );
    engine.check(
        "server add app/web9 127.0.0.1:2",
        &expect![[r#"
        --- stderr
        error: there is a server app/web9 already, at 127.0.0.1:1
        hint: to move it: lbctl server addr app/web9 127.0.0.1:2
        --- exit 1
    "#]],
    );
    engine.check(
        "server add nope/web9 127.0.0.1:2",
        &expect![[r#"
        --- stderr
        error: no backend named 'nope' on $DIR/admin.sock
        hint: 'lbctl show backends' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "server add tcpb/db9 127.0.0.9:1 -- nonsense",
        &expect![[r#"
        --- stderr
        error: 'add server tcpb/db9 127.0.0.9:1 nonsense' was refused: unknown keyword 'nonsense'.
        --- exit 1
    "#]],
    );
    engine.check(
        "server add tcpb/db9 127.0.0.9:1 --check --ready -- weight 7",
        &expect![[r#"
        tcpb/db9: added, in maintenance
        tcpb/db9: checks enabled
        tcpb/db9: ready and down
        --- exit 0
    "#]],
    );
    engine.check(
        "server del app/web9",
        &expect![[r#"
        app/web9: in maintenance already
        app/web9: removed
        --- exit 0
    "#]],
    );
    engine.check(
        "server del app/web9",
        &expect![[r#"
        app/web9: gone already
        --- exit 0
    "#]],
    );
    engine.check(
        "server del app/web1",
        &expect![[r#"
        app/web1: in maintenance
        app/web1: removed
        --- exit 0
    "#]],
    );
    engine.check(
        "server del tcpb/db9 --kill --dry-run=wire",
        &expect![[r#"
        set server tcpb/db9 state maint
        shutdown sessions server tcpb/db9
        del server tcpb/db9
        --- exit 0
    "#]],
    );
}
