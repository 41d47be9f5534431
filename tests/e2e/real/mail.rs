//! A mail server: Exim.

use super::{Real, find, judge, row};
use crate::support::both;
use anyhow::Result;
use lb_testkit::{Launch, free_port};
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

/// A mail server that takes every mail and appends it to `mails` in its directory; `rules` are further settings.
fn exim(program: &Path, rules: &str) -> Result<Real> {
    let (dir, port) = (tempfile::tempdir()?, free_port());
    let place = dir.path().display();
    let (user, group) = match super::nobody()? {
        Some((user, group)) => (user.as_raw(), group.as_raw()),
        None => (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw()),
    };
    let settings = format!(
        "exim_user = {user}\nexim_group = {group}\nspool_directory = {place}/spool\nlog_file_path = {place}/%slog\n\
         pid_file_path = {place}/pid\nprimary_hostname = mx.example\nqualify_domain = example\nhost_lookup =\n\
         rfc1413_query_timeout = 0s\nkeep_environment =\nacl_smtp_rcpt = fine\n{rules}\nbegin acl\nfine:\n  accept\n\
         never:\n  deny message = not today\nbegin routers\nall:\n  driver = accept\n  transport = file\n\
         begin transports\nfile:\n  driver = appendfile\n  file = {place}/mails\n  user = {user}\n  group = {group}\n"
    );
    fs::write(dir.path().join("exim.conf"), settings)?;
    if let Some((user, group)) = super::nobody()? {
        // The settings stay root's, or they would not be believed.
        nix::unistd::chown(dir.path(), Some(user), Some(group))?;
    }
    let output = File::create(dir.path().join("output"))?;
    let mut command = Command::new(program);
    command.arg("-C").arg(dir.path().join("exim.conf")).args(["-bdf", "-oX", &format!("127.0.0.1.{port}")]);
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    Real::start(command, port, dir)
}

#[test]
fn a_mail_server_is_checked() {
    let Some(program) = find("exim4") else { return };
    let start = |rules| exim(&program, rules).unwrap();
    let (open, closed, rude) = (start(""), start("acl_smtp_connect = never"), start("acl_smtp_helo = never"));
    let refused = free_port();
    both(|engine| {
        let bye = "UP L7OK 221: Layer7 check passed, code: 221, info: \"mx.example closing connection\"";
        let rows = [
            row(open.port, &["option smtpchk"], bye),
            row(open.port, &["option smtpchk HELO lb.example"], bye),
            row(open.port, &["option smtpchk EHLO lb.example"], bye),
            row(
                closed.port,
                &["option smtpchk"],
                "DOWN L7STS 550: Layer7 wrong status, code: 550, info: \"not today\"",
            ),
            row(rude.port, &["timeout check 2s", "option smtpchk EHLO lb.example"], "DOWN L7TOUT : Layer7 timeout"),
            row(open.port, &["timeout check 2s", "option smtpchk EHLO _["], "DOWN L7TOUT : Layer7 timeout"),
            row(refused, &["option smtpchk"], "DOWN L4CON : Layer4 connection problem, info: \"Connection refused\""),
            row(
                open.port,
                &["option ldap-check"],
                "DOWN L7RSP : Layer7 invalid response, info: \"Not LDAPv3 protocol\"",
            ),
            row(
                open.port,
                &["option pgsql-check user x"],
                "DOWN L7STS 0: Layer7 wrong status, code: 0, info: \"PostgreSQL unknown error\"",
            ),
        ];
        judge(engine, Launch::new(engine)?, &rows)
    });
}
