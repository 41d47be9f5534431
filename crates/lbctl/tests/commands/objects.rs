//! Maps, ACLs, stick tables, certificates and servers made at run time, on HAProxy.

use std::path::Path;
use std::process::Command;

use expect_test::expect;

use crate::support::Engine;

const SECTIONS: &str = "
frontend objects
  mode http
  bind unix@$DIR/objects.sock
  acl denied src -f $DIR/deny.acl
  http-request deny if denied
  use_backend %[req.hdr(host),map($DIR/hosts.map,app)]
  default_backend sticky
backend sticky
  stick-table type ip size 1k expire 10m store server_id,gpc0
  stick on src
  server s1 127.0.0.1:$PORT
";

fn files(dir: &Path) {
    std::fs::write(dir.join("deny.acl"), "10.0.0.0/8\n").unwrap();
    std::fs::write(dir.join("hosts.map"), "a.example.com app\n").unwrap();
}

#[test]
fn maps() {
    let Some(engine) = Engine::start_haproxy_with(files, SECTIONS) else { return };
    engine.check(
        "map set hosts.map b.example.com tcpb",
        &expect![[r#"
        b.example.com: tcpb
        --- exit 0
    "#]],
    );
    engine.check(
        "map set hosts.map b.example.com tcpb",
        &expect![[r#"
        b.example.com: tcpb already
        --- exit 0
    "#]],
    );
    engine.check(
        "map set hosts.map b.example.com app",
        &expect![[r#"
        b.example.com: app
        --- exit 0
    "#]],
    );
    engine.check(
        "map get hosts.map b.example.com",
        &expect![[r#"
        KEY  VALUE
        b.example.com  app
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
        b.example.com: put back
        --- exit 0
    "#]],
    );
    engine.check(
        "map del hosts.map b.example.com",
        &expect![[r#"
        b.example.com: gone
        --- exit 0
    "#]],
    );
    engine.check(
        "map del hosts.map b.example.com",
        &expect![[r#"
        b.example.com: gone already
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

#[test]
fn acls() {
    let Some(engine) = Engine::start_haproxy_with(files, SECTIONS) else { return };
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

#[test]
fn tables() {
    let Some(engine) = Engine::start_haproxy_with(files, SECTIONS) else { return };
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

#[test]
fn servers_at_run_time() {
    let Some(engine) = Engine::start_haproxy_with(files, SECTIONS) else { return };
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

/// A key and a certificate, signed by itself.
fn pem(dir: &Path, name: &str) {
    let (key, certificate) = (dir.join("key"), dir.join("crt"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj"])
        .arg(format!("/CN={name}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    assert!(made.unwrap().status.success());
    let both = std::fs::read_to_string(&key).unwrap() + &std::fs::read_to_string(&certificate).unwrap();
    std::fs::write(dir.join(format!("{name}.pem")), both).unwrap();
}

#[test]
fn certificates() {
    if Command::new("openssl").arg("version").output().is_err() {
        return;
    }
    let files = |dir: &Path| {
        pem(dir, "old");
        pem(dir, "new");
        std::fs::write(dir.join("bad.pem"), "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
            .unwrap();
    };
    let sections = "
frontend secure
  mode http
  bind unix@$DIR/secure.sock ssl crt $DIR/old.pem
";
    let Some(engine) = Engine::start_haproxy_with(files, sections) else { return };
    let old = engine.path("old.pem").display().to_string();
    engine.check(
        &format!("cert set {old} new.pem"),
        &expect![[r#"
        $DIR/old.pem: replaced
        --- exit 0
    "#]],
    );
    let shown = String::from_utf8(engine.ask(&format!("show ssl cert {old}"))).unwrap();
    assert!(shown.contains("CN=new"), "{shown}");
    engine.check(
        &format!("cert set {old} bad.pem"),
        &expect![[r#"
        --- stderr
        error: 'set ssl cert $DIR/old.pem <<' was refused: unable to load certificate from file '$DIR/old.pem'.
        --- exit 1
    "#]],
    );
    engine.check("cert set nope.pem new.pem", &expect![[r#"
        --- stderr
        error: 'set ssl cert nope.pem <<' was refused: Can't replace a certificate which is not referenced by the configuration!
        --- exit 1
    "#]]);
    engine.check(
        &format!("cert set {old} haproxy.cfg"),
        &expect![[r#"
        --- stderr
        error: haproxy.cfg holds no PEM
        hint: it must hold the private key and the certificates, each between BEGIN and END lines
        --- exit 2
    "#]],
    );
    engine.check(
        "cert new shop.pem new.pem",
        &expect![[r#"
        shop.pem: stored
        --- exit 0
    "#]],
    );
    engine.check(
        "cert del shop.pem",
        &expect![[r#"
        shop.pem: removed
        --- exit 0
    "#]],
    );
    engine.check(&format!("cert del {old}"), &expect![[r#"
        --- stderr
        error: 'del ssl cert $DIR/old.pem' was refused: Can't remove the certificate: certificate '$DIR/old.pem' in use, can't be deleted!
        --- exit 1
    "#]]);
    // The key is on the wire, and nowhere else.
    let output = engine.lbctl(&["cert", "set", &old, "new.pem", "--trace-wire"]).output().unwrap();
    let told = engine.told(&output);
    assert!(told.contains("(a private key)") && !told.contains("PRIVATE KEY-----"), "{told}");
}
