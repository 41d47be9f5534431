//! Certificates of `crt-store` sections.

use super::certs::{Authority, launch};
use super::client::Hello;
use super::secured;
use crate::check_eq;
use anyhow::Result;
use lb_testkit::{Engine, Origin};

#[test]
fn a_store_names_certificates_for_lines_and_commands() -> Result<()> {
    // 2.6 has no such section.
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(());
    }
    let authority = Authority::new("ca");
    let (site, other) = (authority.issue("site.example"), authority.issue("other.example"));
    let files = [
        ("site.crt", site.certificate.as_str()),
        ("private-site", &site.key),
        ("other.pem", &other.bundle()),
        ("list", "@web/other other.example\n"),
    ];
    let store = "crt-store web\n    crt-base {dir}\n    key-base {dir}\n    load crt site.crt key private-site alias main\n    \
                 load crt other.pem alias other\n";
    let origin = Origin::http("o1")?;
    let config = format!("{}{store}", secured("crt @web/main crt-list {dir}/list"));
    let program = launch(&engine, &files)?.set("o1", origin.address()).start(&config)?;
    let (admin, address) = (program.admin(), program.address("fe"));
    for (asked, expected) in [(None, "site.example"), (Some("other.example"), "other.example")] {
        check_eq!(Hello { sni: asked, ..Hello::default() }.sees(address, expected)?, true, "{asked:?}");
    }
    check_eq!(admin.ask("show ssl cert")?, "# filename\n@web/main\n@web/other\n\n");
    let new = authority.issue("new.example").bundle();
    let created = admin.ask(&format!("set ssl cert @web/main <<\n{}\n", new.trim_end()))?;
    check_eq!(created.trim_end(), "Transaction created for certificate @web/main!");
    check_eq!(admin.ask("commit ssl cert @web/main")?.contains("Success!"), true);
    check_eq!(Hello::default().sees(address, "new.example")?, true);
    Ok(())
}
