//! OpenLDAP.

use super::{Real, data_dir, find, judge, row, unprivileged};
use crate::support::both;
use anyhow::Result;
use lb_testkit::{Launch, free_port};
use std::path::Path;

/// A directory without entries, with these lines in its configuration.
fn slapd(program: &Path, lines: &str) -> Result<Real> {
    let (dir, port) = (data_dir()?, free_port());
    let file = dir.path().join("slapd.conf");
    std::fs::write(
        &file,
        format!("include /etc/ldap/schema/core.schema\npidfile {}/pid\n{lines}\n", dir.path().display()),
    )?;
    let mut command = unprivileged(program, dir.path())?;
    command.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"]).arg(file);
    Real::start(command, port, dir)
}

#[test]
fn a_directory_is_checked() {
    let Some(program) = find("slapd") else { return };
    let (open, strict) = (slapd(&program, "").unwrap(), slapd(&program, "disallow bind_anon").unwrap());
    let closing = slapd(&program, "require LDAPv3\nrestrict bind").unwrap();
    let refused = free_port();
    both(|engine| {
        let rows = [
            row(open.port, &["option ldap-check"], "UP L7OK 0: Layer7 check passed, code: 0, info: \"Success\""),
            row(
                strict.port,
                &["option ldap-check"],
                "DOWN L7STS 48: Layer7 wrong status, code: 48, info: \"See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9\"",
            ),
            row(
                closing.port,
                &["option ldap-check"],
                "DOWN L7STS 53: Layer7 wrong status, code: 53, info: \"See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9\"",
            ),
            row(
                refused,
                &["option ldap-check"],
                "DOWN L4CON : Layer4 connection problem, info: \"Connection refused\"",
            ),
            row(open.port, &["timeout check 400ms", "option redis-check"], "DOWN L7TOUT : Layer7 timeout"),
            row(open.port, &["timeout check 400ms", "option smtpchk"], "DOWN L7TOUT : Layer7 timeout"),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
}
