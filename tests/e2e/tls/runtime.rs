//! Certificates and their kin changed while traffic goes on.

use super::certs::{Authority, launch};
use super::client::Hello;
use super::secured;
use crate::check_eq;
use crate::support::{HEAD, both, same};
use anyhow::Result;
use lb_testkit::client::get;
use lb_testkit::{Admin, Origin};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

/// A command with a payload.
fn give(admin: &Admin, command: &str, text: &str) -> Result<String> {
    Ok(admin.ask(&format!("{command} <<\n{}\n", text.trim_end()))?.trim_end().to_owned())
}

#[test]
fn a_certificate_is_replaced_under_traffic() {
    both(|engine| {
        let authority = Authority::new("ca");
        let (old, new) = (authority.issue("old.example").bundle(), authority.issue("new.example").bundle());
        let origin = Origin::http("o1")?;
        let files = [("1.pem", old.as_str())];
        let program = launch(engine, &files)?.set("o1", origin.address()).start(&secured("crt {dir}/1.pem"))?;
        let (admin, address) = (program.admin(), program.address("fe"));
        let name = program.dir().join("1.pem").display().to_string();
        let mut living = Hello::default().connect(address)?;
        check_eq!(living.get("/")?.status, 200);
        let (stop, failed, served) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| -> Result<()> {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let count = if Hello::default().get(address, "/").is_ok() { &served } else { &failed };
                    count.fetch_add(1, Relaxed);
                }
            });
            let changed = (|| -> Result<()> {
                lb_testkit::wait::until("traffic", || (served.load(Relaxed) > 2).then_some(()))?;
                check_eq!(admin.ask(&format!("commit ssl cert {name}"))?.starts_with("No ongoing transaction!"), true);
                let created = format!("Transaction created for certificate {name}!");
                check_eq!(give(&admin, &format!("set ssl cert {name}"), &new)?, created);
                check_eq!(Hello::default().sees(address, "old.example")?, true);
                check_eq!(admin.ask("show ssl cert")?.starts_with(&format!("# transaction\n*{name}\n")), true);
                let committed = admin.ask(&format!("commit ssl cert {name}"))?;
                check_eq!(committed.trim_end(), format!("Committing {name}.\nSuccess!"));
                check_eq!(Hello::default().sees(address, "new.example")?, true);
                let before = served.load(Relaxed);
                lb_testkit::wait::until("more traffic", || (served.load(Relaxed) > before + 2).then_some(()))
            })();
            stop.store(true, Relaxed);
            changed
        })?;
        check_eq!(failed.load(Relaxed), 0);
        // Who was there keeps its connection.
        check_eq!(living.get("/")?.status, 200);
        check_eq!(admin.ask(&format!("show ssl cert {name}"))?.contains("\nSubject: /O=Test/CN=new.example\n"), true);
        let used = format!("Can't remove the certificate: certificate '{name}' in use, can't be deleted!");
        check_eq!(admin.ask(&format!("del ssl cert {name}"))?.trim_end(), used);
        Ok(())
    });
}

#[test]
fn authorities_are_replaced_for_servers() {
    both(|engine| {
        let (authority, other) = (Authority::new("ca"), Authority::new("other"));
        let (own, ca) = (authority.issue("a.example").bundle(), other.pem());
        let origin = Origin::http("o1")?;
        let config = format!(
            "{HEAD}frontend tls\n    bind 127.0.0.1:{{port:tls}} ssl crt {{dir}}/1.pem\n    default_backend origin\n\
             backend origin\n    server s1 {{o1}}\n\
             listen fe\n    bind 127.0.0.1:{{port:fe}}\n    retries 0\n    \
             server s1 127.0.0.1:{{port:tls}} ssl verify required ca-file {{dir}}/ca.pem crt {{dir}}/1.pem verifyhost a.example\n"
        );
        let files = [("1.pem", own.as_str()), ("ca.pem", &ca)];
        let program = launch(engine, &files)?.set("o1", origin.address()).start(&config)?;
        let admin = program.admin();
        let name = program.dir().join("ca.pem").display().to_string();
        check_eq!(get(program.address("fe"), "/")?.status, 503);
        let created = format!("transaction created for CA {name}!");
        check_eq!(give(&admin, &format!("set ssl ca-file {name}"), &authority.pem())?, created);
        check_eq!(get(program.address("fe"), "/")?.status, 503);
        let committed = admin.ask(&format!("commit ssl ca-file {name}"))?;
        check_eq!(committed.trim_end(), format!("Committing {name}.\nSuccess!"));
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        check_eq!(admin.ask(&format!("show ssl ca-file {name}"))?.contains("\nSubject: /O=Test/CN=ca\n"), true);
        Ok(())
    });
}

#[test]
fn lists_change_while_names_are_answered() {
    both(|engine| {
        let authority = Authority::new("ca");
        let texts = ["a.example", "b.example"].map(|name| authority.issue(name).bundle());
        let made = launch(engine, &[("1.pem", &texts[0]), ("2.pem", &texts[1])])?;
        let dir = made.dir().display().to_string();
        let made = made.file("list.txt", &format!("{dir}/1.pem\n"))?;
        let origin = Origin::http("o1")?;
        let config = secured("crt-list {dir}/list.txt");
        let program = made.set("o1", origin.address()).start(&config)?;
        let (admin, address) = (program.admin(), program.address("fe"));
        let hello = Hello { sni: Some("b.example"), ..Hello::default() };
        check_eq!(hello.sees(address, "a.example")?, true);
        let (list, cert) = (format!("{dir}/list.txt"), format!("{dir}/2.pem"));
        check_eq!(
            admin.ask(&format!("new ssl cert {cert}"))?.trim_end(),
            format!("New empty certificate store '{cert}'!")
        );
        give(&admin, &format!("set ssl cert {cert}"), &texts[1])?;
        check_eq!(admin.ask(&format!("commit ssl cert {cert}"))?.trim_end(), format!("Committing {cert}\nSuccess!"));
        let inserted = format!("Inserting certificate '{cert}' in crt-list '{list}'.\nSuccess!");
        check_eq!(admin.ask(&format!("add ssl crt-list {list} {cert}"))?.trim_end(), inserted);
        check_eq!(hello.sees(address, "b.example")?, true);
        let shown = format!("# {list}\n{dir}/1.pem:1\n{cert}:2");
        check_eq!(admin.ask(&format!("show ssl crt-list -n {list}"))?.trim_end(), shown);
        let deleted = format!("Entry '{cert}' deleted in crtlist '{list}'!");
        check_eq!(admin.ask(&format!("del ssl crt-list {list} {cert}"))?.trim_end(), deleted);
        check_eq!(hello.sees(address, "a.example")?, true);
        check_eq!(admin.ask(&format!("del ssl cert {cert}"))?.trim_end(), format!("Certificate '{cert}' deleted!"));
        Ok(())
    });
}

#[test]
fn revocation_lists_are_shown_whole() {
    same(|engine| {
        let authority = Authority::new("ca");
        let server = authority.issue("a.example").bundle();
        let ca = authority.pem();
        let two = format!("{}{}", authority.revoke(&[0x12_34ab, 0x80, 0xff_ffff_ffff]), authority.revoke(&[]));
        let files =
            [("1.pem", server.as_str()), ("ca.pem", &ca), ("two.crl", &two), ("none.crl", &authority.revoke(&[]))];
        let config = secured("crt {dir}/1.pem ca-file {dir}/ca.pem verify optional crl-file {dir}/two.crl")
            .replace("    default_backend", "    bind 127.0.0.1:{port:other} ssl crt {dir}/1.pem ca-file {dir}/ca.pem verify optional crl-file {dir}/none.crl\n    default_backend");
        let origin = Origin::http("o1")?;
        let program = launch(engine, &files)?.set("o1", origin.address()).start(&config)?;
        let dir = program.dir().display().to_string();
        let shown = |words: &str| -> Result<String> {
            Ok(program.admin().ask(&format!("show ssl crl-file {words}").replace("{dir}", &dir))?.replace(&dir, ""))
        };
        Ok((shown("")?, shown("{dir}/two.crl")?, shown("{dir}/none.crl")?, shown("{dir}/two.crl:2")?))
    });
}
