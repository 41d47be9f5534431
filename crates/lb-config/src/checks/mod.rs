//! Health checks: which kind a backend uses, and the options that say so. The rules are read in `rules`.

mod connect;
mod expect;
mod rules;
mod section;

pub(crate) use rules::{http_check, tcp_check};
pub(crate) use section::HealthCheckDraft;

use crate::cx::Cx;
use crate::diagnostic::{Severity, Site};
use crate::line::{Done, Fault, Line, fault};
use crate::model::{CheckMethod, ExternalCheck};
use crate::options::OptionCx;
use crate::proxy::ProxyDraft;
use lb_check::rules::{MysqlClient, Request, Rule, RuleSet, Text};
use lb_sample::{Expr, LogFormat};
use std::sync::Arc;

/// What a section says of its checks.
#[derive(Debug, Clone, Default)]
pub(crate) struct CheckDraft {
    kind: Kind,
    /// What the line `option httpchk` says to send.
    request: Request,
    tcp: Rules,
    http: Rules,
    disable_on_404: bool,
    send_state: bool,
    external: ExternalCheck,
    /// `external-check command` or `path`, to blame when no check uses it.
    external_site: Option<Site>,
}

#[derive(Debug, Clone, Default)]
enum Kind {
    #[default]
    Connect,
    Tcp,
    Http,
    Probe(Arc<RuleSet>),
    External,
}

/// Rules of one kind.
#[derive(Debug, Clone, Default)]
struct Rules {
    rules: Vec<Rule>,
    /// The first line, to blame when no check uses the rules.
    site: Option<Site>,
    /// They are those of the `defaults` section: the first of the section's own replaces them.
    inherited: bool,
}

impl Rules {
    fn inherit(&mut self) {
        self.inherited = true;
    }

    /// Drops inherited rules: the section has rules of its own.
    fn own(&mut self) -> &mut Vec<Rule> {
        if std::mem::take(&mut self.inherited) {
            self.rules.clear();
        }
        &mut self.rules
    }
}

impl CheckDraft {
    /// A section takes over what its `defaults` section said.
    pub fn inherit(&mut self) {
        self.tcp.inherit();
        self.http.inherit();
    }

    /// The check as a whole.
    pub fn method(&self) -> CheckMethod {
        CheckMethod::Rules(match &self.kind {
            Kind::External => return CheckMethod::External(Arc::new(self.external.clone())),
            Kind::Connect => Arc::default(),
            Kind::Tcp => Arc::new(RuleSet::tcp(self.tcp.rules.clone())),
            Kind::Http => {
                let (rules, request) = (self.http.rules.clone(), self.request.clone());
                Arc::new(RuleSet::http(rules, request, self.disable_on_404, self.send_state))
            }
            Kind::Probe(set) => Arc::clone(set),
        })
    }

    /// Rules that no check uses: where they begin, and the two keywords.
    pub fn unused(&self) -> impl Iterator<Item = (&Site, &'static str, &'static str)> {
        let tcp = self.tcp.site.as_ref().filter(|_| !matches!(self.kind, Kind::Tcp));
        let http = self.http.site.as_ref().filter(|_| !matches!(self.kind, Kind::Http));
        let tcp = tcp.map(|site| (site, "tcp-check", "option tcp-check"));
        tcp.into_iter().chain(http.map(|site| (site, "http-check", "option httpchk")))
    }
}

impl CheckDraft {
    /// What a check by a program lacks, and a line that says how although none is wanted.
    pub fn settle(&self, title: &str, site: &Site, permitted: bool, cx: &mut Cx<'_>) {
        if !matches!(self.kind, Kind::External) {
            if let Some(site) = &self.external_site {
                let message =
                    format!("'external-check' will be ignored for {title} (requires 'option external-check').");
                cx.warn(site, message);
            }
            return;
        }
        let mut missing = |what: &str, help: &str| {
            let message = format!("{title} : 'option external-check' unable to find required '{what}'.");
            cx.sink.push(Severity::Alert, site, message, Some(help.to_owned()));
        };
        if !permitted {
            missing(
                "global.external-check",
                "programs are run only when the global section has the line 'external-check'",
            );
        }
        if self.external.command.is_empty() {
            missing("external-check command", "say which program: external-check command /path/to/it");
        }
    }
}

/// `option external-check`.
pub(crate) fn option_external_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    x.line.ends_after(1, "option external-check")?;
    x.p.check.kind = Kind::External;
    Ok(())
}

/// `external-check command <program>`, `external-check path <path>`.
pub(crate) fn external_check(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let what = line.need(1, "missing argument after 'external-check'.")?;
    if !matches!(what, "command" | "path") {
        return Err(fault(1, format!("'external-check' only supports 'command' and 'path'. but got '{what}'.")));
    }
    let value = line.need(2, format!("missing argument after '{what}'."))?.to_owned();
    line.ends_after(2, "external-check")?;
    match what {
        "command" => p.check.external.command = value,
        _ => p.check.external.path = Some(value),
    }
    p.check.external_site.get_or_insert_with(|| line.site(1));
    Ok(())
}

/// `option tcp-check`.
pub(crate) fn option_tcp_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    x.line.ends_after(1, "option tcp-check")?;
    x.p.check.kind = Kind::Tcp;
    Ok(())
}

/// `option httpchk [<uri> | <method> <uri> [<version> [<host>]]]`.
pub(crate) fn option_httpchk(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    let line = x.line;
    x.line.ends_after(5, "option httpchk")?;
    let request = &mut x.p.check.request;
    *request = Request::default();
    match (line.word(2), line.word(3)) {
        ("", _) => {}
        // As observed, a lone word is the URI whatever it looks like.
        (_, "") => request.uri = plain(line, 2)?,
        _ => {
            request.method = constant(line, 2)?;
            request.uri = plain(line, 3)?;
        }
    }
    if line.has(4) {
        request.version = version(line, 4)?;
    }
    if line.has(5) {
        let value = Text::of_format(format(x.p, x.cx, line, 5, "'option httpchk' : ")?);
        x.p.check.request.headers.push(("Host".to_owned(), value));
    }
    x.p.check.kind = Kind::Http;
    Ok(())
}

/// The protocol probes without arguments.
fn probe(x: &mut OptionCx<'_, '_, '_>, set: RuleSet) -> Done {
    x.no_negation()?;
    x.line.ends_after(1, &format!("option {}", x.line.word(1)))?;
    x.p.check.kind = Kind::Probe(Arc::new(set));
    Ok(())
}

/// `option redis-check`.
pub(crate) fn option_redis_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    probe(x, RuleSet::redis())
}

/// `option ldap-check`.
pub(crate) fn option_ldap_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    probe(x, RuleSet::ldap())
}

/// `option ssl-hello-chk`.
pub(crate) fn option_ssl_hello_chk(x: &mut OptionCx<'_, '_, '_>) -> Done {
    probe(x, RuleSet::ssl_hello())
}

/// `option spop-check`.
pub(crate) fn option_spop_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    probe(x, RuleSet::spop())
}

/// `option smtpchk [<HELO|EHLO> <domain>]`. Anything else is as if nothing was said.
pub(crate) fn option_smtpchk(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    x.line.ends_after(3, "option smtpchk")?;
    let greeting = match (x.line.word(2), x.line.word(3)) {
        (verb @ ("HELO" | "EHLO"), domain) if !domain.is_empty() => format!("{verb} {domain}"),
        _ => "HELO localhost".to_owned(),
    };
    x.p.check.kind = Kind::Probe(Arc::new(RuleSet::smtp(&greeting)));
    Ok(())
}

/// `option pgsql-check user <username>`.
pub(crate) fn option_pgsql_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    let line = x.line;
    if line.word(2) != "user" || line.word(3).is_empty() {
        let at = if line.word(2) == "user" { 3 } else { 2 };
        return Err(fault(at, "'option pgsql-check' expects 'user <username>' as argument."));
    }
    line.ends_after(3, "option pgsql-check")?;
    x.p.check.kind = Kind::Probe(Arc::new(RuleSet::pgsql(line.word(3))));
    Ok(())
}

/// `option mysql-check [user <username> [pre-41 | post-41 | post-80]]`.
pub(crate) fn option_mysql_check(x: &mut OptionCx<'_, '_, '_>) -> Done {
    x.no_negation()?;
    let line = x.line;
    line.ends_after(4, "option mysql-check")?;
    let user = match line.word(2) {
        "" => None,
        "user" => Some(line.need(3, "'option mysql-check user' expects <username> as argument.")?),
        other => {
            return Err(fault(
                2,
                format!("'option mysql-check' only supports optional values: 'user' (got '{other}')."),
            ));
        }
    };
    let client = match line.word(4) {
        "" | "post-41" => MysqlClient::Since41,
        "pre-41" => MysqlClient::Before41,
        "post-80" => MysqlClient::Since80,
        other => {
            let message = format!("keyword 'user' only supports 'post-41', 'pre-41' and 'post-80' (got '{other}').");
            return Err(fault(4, message));
        }
    };
    x.p.check.kind = Kind::Probe(Arc::new(RuleSet::mysql(user.map(|user| (user, client)))));
    Ok(())
}

/// A word sent as it stands.
fn constant(line: &Line, at: usize) -> Result<String, Fault> {
    let word = line.word(at);
    if word.contains(['\r', '\n']) {
        return Err(fault(at, "a line break is not permitted here."));
    }
    Ok(word.to_owned())
}

fn plain(line: &Line, at: usize) -> Result<Text, Fault> {
    constant(line, at).map(|word| Text::Plain(word.into_bytes()))
}

fn version(line: &Line, at: usize) -> Result<String, Fault> {
    let word = line.word(at);
    if word.contains(['\r', '\n']) {
        return Err(fault(
            at,
            "'option httpchk' : hiding headers or body at the end of the version string is unsupported. \
             Use 'http-check send' directive instead.",
        ));
    }
    let numbers = word.strip_prefix("HTTP/").and_then(|v| v.split_once('.'));
    let digits = |s: &str| s.len() == 1 && s.bytes().all(|b| b.is_ascii_digit());
    match numbers {
        Some((major, minor)) if digits(major) && digits(minor) => Ok(word.to_owned()),
        _ => Err(fault(at, format!("'{word}' is no HTTP version.")).help("write HTTP/1.0 or HTTP/1.1")),
    }
}

/// Reads a log format at word `at`; `outer` is what stands before the message.
fn format(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line, at: usize, outer: &str) -> Result<LogFormat, Fault> {
    let text = line.word(at);
    let parsed = cx.with_sources(|sources| LogFormat::parse(text, sources));
    let format = parsed.map_err(|error| {
        let fault = Fault::of_sample(error, at);
        let message = format!("{outer}'{text}' invalid log-format string ({}).", fault.message.trim_end_matches('.'));
        Fault { message, ..fault }
    })?;
    let references = format.exprs().flat_map(|expr| expr.references().iter().cloned());
    p.references.extend(references.map(|reference| (reference, line.site(at))));
    Ok(format)
}

/// Reads an expression at word `at`; `outer` is what stands before the message.
fn expression(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line, at: usize, outer: &str) -> Result<Expr, Fault> {
    let text = line.need(at, format!("{outer}missing fetch method."))?;
    let parsed = cx.with_sources(|sources| Expr::parse(text, sources));
    let expr = parsed.map_err(|e| Fault::of_sample(e, at).within(outer))?;
    p.references.extend(expr.references().iter().map(|reference| (reference.clone(), line.site(at))));
    Ok(expr)
}
