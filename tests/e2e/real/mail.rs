//! A mail server: Exim.

use super::{Real, find, judge, row};
use crate::check_eq;
use crate::support::{HEAD, both, same};
use anyhow::Result;
use lb_testkit::{Launch, Normaliser, Origin, free_port, until};
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

/// The mails in a file as lists of their subjects and bodies; each is there twice, for two mail servers.
fn mails(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut mails = Vec::new();
    for mail in text.split("\nFrom: lb@a.example\n").skip(1) {
        let Some((head, body)) = mail.split_once("\n\n") else { continue };
        let body = body.split("\nFrom ").next().unwrap_or_default();
        let dated = head.lines().any(|line| line.starts_with("Date: ") && line.ends_with("+0000 (UTC)"));
        let to = head.lines().any(|line| line == "To: ops@b.example");
        let subject = head.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap_or_default();
        mails.push(format!("dated {dated}, to {to}: {subject} / {}", body.trim_end()));
    }
    mails
}

/// A real server goes down, comes back and is drained: mail servers get the same mails of both programs.
#[test]
fn servers_changes_are_told_by_mail() {
    let Some(program) = find("exim4") else { return };
    same(|engine| {
        let mut told = Vec::new();
        for (level, expected) in [("alert", 2), ("info", 8)] {
            let (one, two) = (exim(&program, "")?, exim(&program, "")?);
            // This one takes nothing, which keeps nobody else from getting what it should.
            let closed = exim(&program, "acl_smtp_mail = never")?;
            let origin = Origin::http("o1")?;
            let config = format!(
                "{HEAD}    option log-health-checks\n    email-alert from lb@a.example\nmailers m\n    timeout mail 8s\n    \
                 mailer one {}\n    mailer closed {}\n    mailer two {}\nlisten fe\n    bind 127.0.0.1:{{port:fe}}\n    \
                 email-alert to ops@b.example\n    email-alert mailers m\n    email-alert level {level}\n    \
                 email-alert myhostname lb.example\n    server s1 {{o1}} check inter 100ms rise 1 fall 1\n    \
                 server s2 127.0.0.1:9 disabled\n",
                one.address(),
                closed.address(),
                two.address()
            );
            let program = Launch::new(engine)?.set("o1", origin.address()).start(&config)?;
            let admin = program.admin();
            admin.await_stat("fe", "s1", "check_status", "L4OK")?;
            origin.refuse();
            admin.await_stat("fe", "s1", "status", "DOWN")?;
            origin.listen()?;
            admin.await_stat("fe", "s1", "status", "UP")?;
            for command in ["state drain", "state ready", "state maint", "state ready"] {
                admin.ask(&format!("set server fe/s1 {command}"))?;
            }
            origin.refuse();
            admin.await_stat("fe", "s1", "status", "DOWN")?;
            let hide = Normaliser::new()
                .rule(r"check duration: \d+ms", "check duration: <n>ms")
                .rule(r"[A-Z]+ returned by OS \((.*?)\)", "$1");
            let both = [&one, &two].map(|server| {
                let file = server.dir.path().join("mails");
                let all = until("all mails", || Some(mails(&file)).filter(|mails| mails.len() >= expected));
                all.map(|mails| mails.iter().map(|mail| hide.apply(mail)).collect::<Vec<_>>())
            });
            let [first, second] = both;
            let (mut first, mut second) = (first?, second?);
            // Deliveries of one mail server may overtake one another.
            first.sort();
            second.sort();
            check_eq!(first, second, "{level}");
            told.push((level, first));
        }
        Ok(told)
    });
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
