//! Certificates changed at run time.

use std::path::Path;

use expect_test::expect;

use crate::support::Engine;
use crate::support::objects::pem;

fn files(dir: &Path) {
    pem(dir, "old");
    pem(dir, "new");
    let bad = "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n";
    std::fs::write(dir.join("bad.pem"), bad).unwrap();
}

const SECTIONS: &str = "
frontend secure
  mode http
  bind unix@$DIR/secure.sock ssl crt $DIR/old.pem
";

on_both_with! {
    files, SECTIONS;
    certificates,
}

fn certificates(engine: &Engine) {
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
    engine.check_each(
        &format!("cert set {old} bad.pem"),
        &expect![[r#"
            --- stderr
            error: 'set ssl cert $DIR/old.pem <<' was refused: unable to load certificate from file '$DIR/old.pem': a certificate in it is broken.
            --- exit 1
        "#]],
        &expect![[r#"
            --- stderr
            error: 'set ssl cert $DIR/old.pem <<' was refused: unable to load certificate from file '$DIR/old.pem'.
            --- exit 1
        "#]],
    );
    engine.check("cert set nope.pem new.pem", &expect![[r#"
        --- stderr
        error: 'set ssl cert nope.pem <<' was refused: Can't replace a certificate which is not referenced by the configuration!
        hint: 'lbctl show certs' lists what there is
        --- exit 4
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
