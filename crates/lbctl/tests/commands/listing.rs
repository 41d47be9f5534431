//! What there is beside servers: tables, maps, lists, certificates.

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::{SECTIONS, files};

on_both_with! {
    files, SECTIONS;
    objects,
}

fn objects(engine: &Engine) {
    engine.ask("set table sticky key 192.0.2.7 data.gpc0 3");
    engine.ask("set table sticky key 192.0.2.9 data.gpc0 7");
    engine.check(
        "show tables",
        &expect![[r#"
        TABLE  TYPE  SIZE  USED
        sticky  ip  1024  2
        --- exit 0
    "#]],
    );
    engine.check(
        "show tables sticky --columns key,use,server_id,gpc0 --sort -gpc0",
        &expect![[r#"
        KEY  USE  SERVER_ID  GPC0
        192.0.2.9  0  0  7
        192.0.2.7  0  0  3
        --- exit 0
    "#]],
    );
    engine.check(
        "show tables nope",
        &expect![[r#"
        --- stderr
        error: no stick table is named 'nope'
        hint: 'lbctl show tables -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "show maps --filter name~hosts --columns name,entries",
        &expect![[r#"
        NAME  ENTRIES
        $DIR/hosts.map  2
        --- exit 0
    "#]],
    );
    engine.check(
        "show maps hosts.map",
        &expect![[r#"
        KEY  VALUE
        a.example.com  app
        b.example.com  tcpb
        --- exit 0
    "#]],
    );
    engine.check(
        "show maps hosts.map --filter value=app -o json",
        &expect![[r#"
        [
          {
            "key": "a.example.com",
            "value": "app"
          }
        ]
        --- exit 0
    "#]],
    );
    engine.check(
        "show acls deny.acl",
        &expect![[r#"
        PATTERN
        10.0.0.0/8
        192.168.0.0/16
        --- exit 0
    "#]],
    );
    engine.check(
        "show acls nope.acl",
        &expect![[r#"
        --- stderr
        error: no acl is named 'nope.acl' on $DIR/admin.sock
        hint: 'lbctl show acls' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "show acls --filter name~deny --columns name,entries",
        &expect![[r#"
        NAME  ENTRIES
        $DIR/deny.acl  2
        --- exit 0
    "#]],
    );
    engine.check(
        "show certs --columns name,status,subject",
        &expect![[r#"
        NAME  STATUS  SUBJECT
        $DIR/site.pem  Used  /CN=site
        --- exit 0
    "#]],
    );
    let told = engine.told(&engine.lbctl(&["show", "certs", "site.pem", "-o", "json"]).output().unwrap());
    assert!(told.contains("no certificate is named 'site.pem'"), "{told}");
    let path = engine.path("site.pem").display().to_string();
    let told = engine.told(&engine.lbctl(&["show", "certs", &path, "-o", "json"]).output().unwrap());
    assert!(told.contains("\"Subject\": \"/CN=site\""), "{told}");
}
