//! `stats …`: the status page that a proxy serves.

use crate::cx::Cx;
use crate::line::{Done, Line, TIME_HELP, fault, time_complaint};
use crate::proxy::ProxyDraft;
use crate::rules::condition;
use crate::suggest::nearest;
use lb_model::{TimeUnit, parse_time};
use lb_sample::{Condition, Place};
use std::time::Duration;

/// A status page served by a proxy.
#[derive(Debug, Clone)]
pub struct StatsPage {
    /// `stats uri`: requests whose target begins with it are for the page.
    pub uri: String,
    /// `stats realm`, shown by browsers that ask for a password.
    pub realm: String,
    /// `stats auth`: names and passwords; none: everybody may look.
    pub users: Vec<(String, String)>,
    /// `stats admin`: whoever meets one of them may change servers.
    pub admin: Vec<Condition>,
    /// `stats http-request`, in order.
    pub rules: Vec<StatsRule>,
    /// `stats refresh`.
    pub refresh: Option<Duration>,
    /// `stats show-version`.
    pub shows_version: bool,
    /// `stats scope`: proxies shown, `.` being the page's own; none: all.
    pub scope: Vec<String>,
    /// `stats show-legends`.
    pub legends: bool,
    /// `stats show-modules`.
    pub modules: bool,
    /// `stats show-node`.
    pub node: Option<String>,
    /// `stats show-desc`; empty: the global description.
    pub description: Option<String>,
}

impl Default for StatsPage {
    fn default() -> Self {
        Self {
            uri: "/haproxy?stats".to_owned(),
            realm: "HAProxy Statistics".to_owned(),
            users: Vec::new(),
            admin: Vec::new(),
            rules: Vec::new(),
            refresh: None,
            shows_version: false,
            scope: Vec::new(),
            legends: false,
            modules: false,
            node: None,
            description: None,
        }
    }
}

/// A `stats http-request` rule.
#[derive(Debug, Clone)]
pub struct StatsRule {
    /// What it decides.
    pub verdict: StatsVerdict,
    /// When; `None`: always.
    pub condition: Option<Condition>,
}

/// What a `stats http-request` rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatsVerdict {
    /// The page is shown.
    Allow,
    /// The page is refused.
    Deny,
    /// Ask for a name and a password, under this realm.
    Auth(Option<String>),
}

/// Reads one parameter.
type Handler = fn(&mut StatsPage, &mut ProxyDraft, &mut Cx<'_>, &Line) -> Done;

/// The parameters of `stats` in a proxy.
const PARAMETERS: &[(&str, Handler)] = &[
    ("admin", admin),
    ("auth", auth),
    ("enable", |_, _, _, line| line.ends_after(1, "stats enable")),
    ("hide-version", |page, _, _, line| {
        page.shows_version = false;
        line.ends_after(1, "stats hide-version")
    }),
    ("http-request", http_request),
    ("realm", |page, _, _, line| {
        line.need(2, "'realm' needs an realm name.")?.clone_into(&mut page.realm);
        line.ends_after(2, "stats realm")
    }),
    ("refresh", refresh),
    ("scope", |page, _, _, line| {
        page.scope.push(line.need(2, "'scope' needs a proxy name.")?.to_owned());
        line.ends_after(2, "stats scope")
    }),
    ("show-desc", |page, _, _, line| {
        page.description = Some(line.from(2).join(" "));
        Ok(())
    }),
    ("show-legends", |page, _, _, line| {
        page.legends = true;
        line.ends_after(1, "stats show-legends")
    }),
    ("show-modules", |page, _, _, line| {
        page.modules = true;
        line.ends_after(1, "stats show-modules")
    }),
    ("show-node", |page, _, cx, line| {
        let node = Some(line.word(2)).filter(|node| !node.is_empty()).map(str::to_owned);
        page.node = node.or_else(|| Some(cx.host.hostname()));
        line.ends_after(2, "stats show-node")
    }),
    ("show-version", |page, _, _, line| {
        page.shows_version = true;
        line.ends_after(1, "stats show-version")
    }),
    ("uri", |page, _, _, line| {
        let uri = line.need(2, "'uri' needs an URI prefix.")?;
        if !uri.starts_with('/') {
            return Err(fault(2, format!("'uri' needs an URI prefix, and '{uri}' begins no request's path."))
                .help(format!("write 'stats uri /{uri}'")));
        }
        uri.clone_into(&mut page.uri);
        line.ends_after(2, "stats uri")
    }),
];

/// `stats <parameter> …`. Each of them enables the page.
pub(crate) fn stats(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let names = || {
        let names: Vec<String> = PARAMETERS.iter().map(|(name, _)| format!("'{name}'")).collect();
        names.join(", ")
    };
    let word = line.need(1, format!("missing keyword in 'stats', expects one of {}.", names()))?;
    let Some((_, handler)) = PARAMETERS.iter().find(|(name, _)| *name == word) else {
        let near = nearest(word, PARAMETERS.iter().map(|(name, _)| *name));
        let help = near.map_or_else(|| format!("one of {}", names()), |near| format!("did you mean '{near}'?"));
        return Err(fault(1, format!("unknown stats parameter '{word}'.")).help(help));
    };
    let mut page = p.proxy.stats.take().unwrap_or_default();
    let done = handler(&mut page, p, cx, line);
    p.proxy.stats = Some(page);
    done
}

fn admin(page: &mut StatsPage, p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    if !matches!(line.word(2), "if" | "unless") {
        return Err(fault(2, "'stats admin' requires either 'if' or 'unless' followed by a condition.")
            .help("'stats admin if TRUE' lets everybody who reaches the page change servers"));
    }
    if p.kind.is_none() {
        return Err(fault(1, "'stats admin' is not allowed in a defaults section.")
            .help("say in each proxy who may change servers"));
    }
    page.admin.extend(condition(p, cx, line, 2, Place::FrontendRequest)?);
    Ok(())
}

fn auth(page: &mut StatsPage, _: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let account = line.need(2, "'auth' needs a user:password account.")?;
    let (user, password) = account.split_once(':').unwrap_or((account, ""));
    page.users.push((user.to_owned(), password.to_owned()));
    line.ends_after(2, "stats auth")
}

fn http_request(page: &mut StatsPage, p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    let (verdict, at) = match line.word(2) {
        "allow" => (StatsVerdict::Allow, 3),
        "deny" => (StatsVerdict::Deny, 3),
        "auth" if line.word(3) == "realm" => {
            let realm = line.need(4, "'realm' needs an realm name.")?.to_owned();
            (StatsVerdict::Auth(Some(realm)), 5)
        }
        "auth" => (StatsVerdict::Auth(None), 3),
        other => {
            return Err(fault(
                2,
                format!("'stats http-request' expects 'allow', 'deny' or 'auth', but got '{other}'."),
            ));
        }
    };
    if line.has(at) && !matches!(line.word(at), "if" | "unless") {
        return Err(fault(at, format!("expects 'if' or 'unless' followed by a condition, got '{}'.", line.word(at))));
    }
    let condition = condition(p, cx, line, at, Place::FrontendRequest)?;
    page.rules.push(StatsRule { verdict, condition });
    Ok(())
}

fn refresh(page: &mut StatsPage, _: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let word = line.need(2, "'refresh' needs a time interval.")?;
    page.refresh = match parse_time(word, TimeUnit::Secs) {
        Ok(Duration::ZERO) => None,
        Ok(delay) => Some(delay),
        Err(error) => {
            let complaint = time_complaint(error, word, "argument to stats refresh interval.");
            return Err(fault(2, complaint).help(TIME_HELP));
        }
    };
    line.ends_after(2, "stats refresh")
}
