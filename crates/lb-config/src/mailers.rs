//! `mailers` sections, and `email-alert`: which changes of servers are told by mail, to whom, through whom.

use crate::address::{self, Allow, Endpoint, Port};
use crate::cx::Cx;
use crate::diagnostic::{Severity as Gravity, Site};
use crate::line::{Done, Fault, Line, fault};
use crate::proxy::ProxyDraft;
use crate::suggest;
use lb_model::{Severity, is_valid_name};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// What of a proxy's servers is told by mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailAlert {
    /// The sender.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// The least important of what is told.
    pub level: Severity,
    /// The name by which this host greets mail servers; `None`: its own.
    pub host: Option<String>,
    /// Each of them gets each mail.
    pub mailers: Arc<Mailers>,
}

/// A `mailers` section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailers {
    /// Its name.
    pub name: Arc<str>,
    /// `timeout mail`: what a mail may take, from the connection on; default 10 s.
    pub timeout: Duration,
    /// The mail servers.
    pub mailers: Vec<Mailer>,
}

/// `mailer <name> <address>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailer {
    /// Its name.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A section being read.
#[derive(Debug)]
pub(crate) struct MailersDraft {
    site: Site,
    section: Mailers,
}

impl MailersDraft {
    /// Begins a section: `mailers <name>`.
    pub fn open(line: &Line, others: &[Self]) -> Result<Self, Fault> {
        let name = line.need(1, "missing name for mailers section.")?;
        if let Some(bad) = name.chars().find(|c| !is_valid_name(c.encode_utf8(&mut [0; 4]))) {
            return Err(fault(1, format!("character '{bad}' is not permitted in 'mailers' name '{name}'.")));
        }
        if let Some(first) = others.iter().find(|other| *other.section.name == *name) {
            let Site { file, line, .. } = &first.site;
            let same = "has the same name as another mailers section declared at";
            return Err(fault(1, format!("mailers section '{name}' {same} {file}:{line}.")));
        }
        line.ends_after(1, "mailers")?;
        let section = Mailers { name: name.into(), timeout: Duration::from_secs(10), mailers: Vec::new() };
        Ok(Self { site: line.site(1), section })
    }

    /// Reads a line.
    pub fn line(&mut self, line: &Line, cx: &mut Cx<'_>) -> Done {
        match line.word(0) {
            "mailer" => self.mailer(line, cx),
            "timeout" => {
                let expected = "'timeout' expects 'mail' and <time> as arguments";
                match line.word(1) {
                    "mail" => {}
                    "" => return Err(fault(1, format!("{expected}."))),
                    other => return Err(fault(1, format!("{expected} got '{other}'."))),
                }
                line.need(2, "'timeout mail' expects <time> as argument.")?;
                // 0 says nothing.
                self.section.timeout = line.delay(2, "timeout mail")?.unwrap_or(self.section.timeout);
                line.ends_after(2, "timeout mail")
            }
            other => {
                let near = suggest::did_you_mean(other, ["mailer", "timeout"]);
                Err(fault(0, format!("unknown keyword '{other}' in 'mailers' section{near}")))
            }
        }
    }

    /// `mailer <name> <address>:<port>`.
    fn mailer(&mut self, line: &Line, cx: &Cx<'_>) -> Done {
        let usage = "'mailer' expects <name> and <addr>[:<port>] as arguments.";
        let (name, text) = (line.need(1, usage)?, line.need(2, usage)?);
        let outer = format!("'mailer {name}' : ");
        let allow = Allow { port_needed: true, ..Allow::default() };
        let address = match address::parse(text, allow, cx).map_err(|e| fault(2, format!("{outer}{}", e.message)))? {
            Endpoint::Ip { ip, port: Port::Range(port, _), .. } => SocketAddr::new(ip, port),
            _ => return Err(fault(2, format!("{outer}TCP not supported for this address family."))),
        };
        self.section.mailers.push(Mailer { name: name.to_owned(), address });
        line.ends_after(2, "mailer")
    }
}

/// What a proxy's `email-alert` lines say.
#[derive(Debug, Clone, Default)]
pub(crate) struct EmailDraft {
    from: Option<String>,
    to: Option<String>,
    level: Option<Severity>,
    host: Option<String>,
    mailers: Option<(String, Site)>,
    /// Where the first of them stands.
    site: Option<Site>,
}

/// `email-alert from|level|mailers|myhostname|to <value>`.
pub(crate) fn email_alert(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let what = line.need(1, "missing argument after 'email-alert'.")?;
    let said = &mut p.email;
    let value = || {
        let word = line.need(2, format!("missing argument after 'email-alert {what}'."))?;
        match word.contains(|c: char| c.is_whitespace() || c.is_control()) {
            true => Err(fault(2, format!("'email-alert {what}' : a blank or a line break is not permitted here."))),
            false => Ok(word.to_owned()),
        }
    };
    match what {
        "from" => said.from = Some(value()?),
        "to" => said.to = Some(value()?),
        "myhostname" => said.host = Some(value()?),
        "mailers" => said.mailers = Some((value()?, line.site(2))),
        "level" => {
            let level = Severity::parse(line.word(2));
            let unknown = || {
                let help = format!("levels are {}", Severity::ALL.map(Severity::as_str).join(", "));
                fault(2, format!("unknown log level '{}' after 'level'", line.word(2))).help(help)
            };
            said.level = Some(level.ok_or_else(unknown)?);
        }
        other => return Err(fault(1, format!("email-alert: unknown argument '{other}'."))),
    }
    said.site.get_or_insert_with(|| line.site(1));
    line.ends_after(2, &format!("email-alert {what}"))
}

/// All sections.
pub(crate) struct Sections {
    all: Vec<(Site, Arc<Mailers>)>,
    used: Vec<bool>,
}

impl Sections {
    pub fn of(drafts: Vec<MailersDraft>) -> Self {
        let all: Vec<_> = drafts.into_iter().map(|draft| (draft.site, Arc::new(draft.section))).collect();
        Self { used: vec![false; all.len()], all }
    }

    /// What a proxy's lines come to, if they are complete.
    pub fn resolve(&self, said: &EmailDraft) -> Option<(usize, EmailAlert)> {
        let (name, _) = said.mailers.as_ref()?;
        let (from, to) = (said.from.clone()?, said.to.clone()?);
        let at = self.all.iter().position(|(_, section)| *section.name == **name)?;
        let mailers = Arc::clone(&self.all.get(at)?.1);
        let level = said.level.unwrap_or(Severity::Alert);
        Some((at, EmailAlert { from, to, level, host: said.host.clone(), mailers }))
    }

    /// The same for a proxy of the file, faults told.
    pub fn settle(&mut self, draft: &ProxyDraft, cx: &mut Cx<'_>) -> Option<EmailAlert> {
        let said = &draft.email;
        let first = said.site.as_ref()?;
        let proxy = &draft.proxy.name;
        let (Some((name, site)), Some(_), Some(_)) = (&said.mailers, &said.from, &said.to) else {
            let message = format!(
                "'email-alert' will be ignored for proxy '{proxy}' (the presence any of 'email-alert from', \
                 'email-alert level' 'email-alert mailers', 'email-alert myhostname', or 'email-alert to' requires each \
                 of 'email-alert from', 'email-alert mailers' and 'email-alert to' to be present)."
            );
            cx.warn(first, message);
            return None;
        };
        let resolved = self.resolve(said);
        let Some((at, alert)) = resolved else {
            let near = suggest::nearest(name, self.all.iter().map(|(_, section)| &*section.name));
            let help = near.map(|near| format!("did you mean '{near}'?"));
            cx.sink.push(Gravity::Alert, site, format!("Proxy '{proxy}': unable to find mailers '{name}'."), help);
            return None;
        };
        if let Some(used) = self.used.get_mut(at) {
            *used = true;
        }
        Some(alert)
    }

    /// Names the sections that nobody uses.
    pub fn warn_unused(&self, cx: &mut Cx<'_>) {
        for ((site, section), used) in self.all.iter().zip(&self.used) {
            if !used {
                cx.warn(site, format!("mailers section '{}' is used by no proxy.", section.name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{good, shown};
    use lb_model::Severity;
    use std::time::Duration;

    const BACKEND: &str = "backend b\n timeout connect 1s\n timeout server 1s\n";
    const ALL: &str = " email-alert from a@x\n email-alert to b@x\n email-alert mailers m\n";

    #[test]
    fn lines() {
        let config = good(&format!(
            "defaults\n{ALL} email-alert level info\n timeout connect 1s\n timeout server 1s\n\
             mailers m\n mailer one 127.0.0.1:25\n mailer two [::1]:587\n timeout mail 3s\n\
             backend b\n email-alert myhostname h\n"
        ));
        let alert = config.proxies[0].email_alert.as_ref().unwrap();
        assert_eq!((alert.from.as_str(), alert.to.as_str(), alert.level), ("a@x", "b@x", Severity::Info));
        assert_eq!((alert.host.as_deref(), alert.mailers.timeout), (Some("h"), Duration::from_secs(3)));
        let addresses: Vec<String> = alert.mailers.mailers.iter().map(|m| m.address.to_string()).collect();
        assert_eq!(addresses, ["127.0.0.1:25", "[::1]:587"]);
        let config = good(&format!("mailers m\n{BACKEND}{ALL}"));
        let alert = config.proxies[0].email_alert.as_ref().unwrap();
        assert_eq!((alert.level, alert.mailers.timeout), (Severity::Alert, Duration::from_secs(10)));
    }

    #[test]
    fn faults() {
        for (text, message) in [
            (format!("{BACKEND} email-alert\n"), "missing argument after 'email-alert'."),
            (format!("{BACKEND} email-alert foo bar\n"), "email-alert: unknown argument 'foo'."),
            (format!("{BACKEND} email-alert level foo\n"), "unknown log level 'foo' after 'level'"),
            (format!("{BACKEND} email-alert to \"a\\nb\"\n"), "a blank or a line break is not permitted here."),
            (format!("{BACKEND}{ALL}"), "Proxy 'b': unable to find mailers 'm'."),
            (format!("{BACKEND} email-alert to x\n"), "'email-alert' will be ignored for proxy 'b'"),
            ("mailers\n".to_owned(), "missing name for mailers section."),
            ("mailers m%\n".to_owned(), "character '%' is not permitted in 'mailers' name 'm%'."),
            ("mailers m\nmailers m\n".to_owned(), "declared at a.cfg:1."),
            ("mailers m\n mailer x\n".to_owned(), "'mailer' expects <name> and <addr>[:<port>] as arguments."),
            ("mailers m\n mailer x 1.2.3.4\n".to_owned(), "'mailer x' : missing port specification in '1.2.3.4'"),
            ("mailers m\n mailer x unix@/x\n".to_owned(), "'mailer x' : TCP not supported for this address family."),
            ("mailers m\n timeout\n".to_owned(), "'timeout' expects 'mail' and <time> as arguments."),
            ("mailers m\n timeout foo 1s\n".to_owned(), "'timeout' expects 'mail' and <time> as arguments got 'foo'."),
            ("mailers m\n timeout mail\n".to_owned(), "'timeout mail' expects <time> as argument."),
            ("mailers m\n timeout mail x\n".to_owned(), "unexpected character 'x'"),
            ("mailers m\n foo\n".to_owned(), "unknown keyword 'foo' in 'mailers' section"),
            ("mailers m\n".to_owned(), "mailers section 'm' is used by no proxy."),
        ] {
            let found = shown(&text);
            assert!(found.contains(message), "{text:?}: {found}");
        }
    }
}
