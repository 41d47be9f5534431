//! What only shows when everything was read: names, ids, modes, missing parts.

use crate::captures;
use crate::cx::Cx;
use crate::diagnostic::{Diagnostic, Severity, Site};
use crate::dynamic::{DefaultServers, NamedDefaults};
use crate::errors;
use crate::finish_tables::Tables;
use crate::guid;
use crate::log_format;
use crate::log_profile;
use crate::mailers;
use crate::model::{
    BackendChoice, Balance, CheckMethod, Config, Observe, Proxy, ProxyIdx, Server, UseBackend, UsedServer,
};
use crate::proxy::ProxyDraft;
use crate::reader::Draft;
use crate::resolvers;
use crate::ring;
use crate::rules;
use crate::server::ServerDraft;
use crate::server::detour::CheckProto;
use crate::suggest;
use crate::tls;
use crate::users::{self, UsersDraft};
use lb_check::rules::RuleSet;
use lb_model::{Compat, Mode, ProxyKind};
use lb_sample::Reference;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Proxies and servers by name, for resolution.
struct Names<'d> {
    drafts: &'d [ProxyDraft],
    by_name: BTreeMap<&'d str, usize>,
}

impl<'d> Names<'d> {
    fn of(drafts: &'d [ProxyDraft], cx: &mut Cx<'_>) -> Self {
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, draft) in drafts.iter().enumerate() {
            let Some(first) = by_name.get(&*draft.proxy.name).and_then(|j| drafts.get(*j)) else {
                by_name.insert(&draft.proxy.name, i);
                continue;
            };
            let (new, old) = (draft, &first.proxy);
            let kinds = (new.section_name(), old.kind.as_str());
            let suffix = if kinds.0 == kinds.1 {
                "."
            } else {
                ". This is no longer supported as of 3.3. Please rename one or the other."
            };
            let message = format!(
                "{} '{}' has the same name as {} '{}' declared at {}:{}{suffix}",
                kinds.0, new.proxy.name, kinds.1, old.name, old.place.file, old.place.line
            );
            cx.sink.alert(&draft.site, message);
        }
        Self { drafts, by_name }
    }

    fn backend(&self, name: &str) -> Option<(usize, &'d ProxyDraft)> {
        let i = *self.by_name.get(name)?;
        self.drafts.get(i).filter(|draft| draft.has_backend()).map(|draft| (i, draft))
    }

    /// The nearest backend's name, as help.
    fn near_backend(&self, name: &str) -> Option<String> {
        let backends = self.drafts.iter().filter(|d| d.has_backend()).map(|d| &*d.proxy.name);
        suggest::nearest(name, backends).map(|near| format!("did you mean '{near}'?"))
    }
}

/// Resolves and checks everything that was read. What is wrong goes to `cx`.
pub(crate) fn finish(draft: Draft, cx: &mut Cx<'_>) -> Config {
    let Draft {
        global,
        mut proxies,
        defaults,
        healthchecks,
        http_errors,
        mailers,
        mut rings,
        log_profiles,
        peers,
        resolvers: mut sections,
        stores,
        traces,
        users,
    } = draft;
    let mut mailers = mailers::Sections::of(mailers);
    let users = users::settle(users, cx);
    let healthchecks: BTreeMap<String, CheckMethod> =
        healthchecks.iter().map(|check| (check.name.clone(), check.method())).collect();
    // After a fault in the lines, what seems missing may just not have been understood.
    let readable = !cx.sink.has_errors();
    refuse_own_words(global.global.compat, cx);
    let mut loader = global.loader;
    stores.into_iter().for_each(|store| store.settle(&mut loader, cx));
    assign_proxy_ids(&mut proxies, cx);
    for proxy in &mut proxies {
        settle_modes(proxy, cx);
        settle_servers(proxy, &healthchecks, cx);
        if proxy.has_backend() {
            proxy.check.settle(&proxy.title(), &proxy.site, global.global.external_check, cx);
        }
        assign_bind_ids(proxy);
    }
    guid::unique(&proxies, cx);
    let mut tables = Tables::of(&proxies, &peers);
    tables.check_peers(&proxies, &peers, cx);
    proxies.iter().for_each(|draft| tables.check(draft, cx));
    if sections.iter().all(|section| section.name != "default") {
        sections.push(resolvers::system(cx));
    }
    let mut done = Vec::with_capacity(proxies.len());
    {
        let names = Names::of(&proxies, cx);
        for (i, draft) in proxies.iter().enumerate() {
            let mut proxy = draft.proxy.clone();
            proxy.use_backend = switches(draft, i, &names, cx);
            proxy.default_backend = default_backend(draft, i, &names, cx);
            proxy.http_request.extend(draft.redirects.iter().cloned());
            proxy.error_pages = errors::settle(draft, &http_errors, |severity, site, message, help| {
                cx.sink.push(severity, site, message, help);
            });
            for rules in [&mut proxy.http_request, &mut proxy.http_response] {
                errors::settle_rules(rules, draft, &http_errors, cx);
            }
            let http = proxy.mode == Mode::Http;
            for words in &draft.bind_words {
                let about = (&*proxy.name, draft.section_name(), http);
                let settled = tls::bind::settle(words, &global.bind_words, about, &mut loader, cx);
                for bind in proxy.binds.get_mut(words.binds.clone()).into_iter().flatten() {
                    bind.tls.clone_from(&settled);
                }
            }
            global.global.process.unix.apply(&mut proxy.binds);
            proxy.servers = servers(draft, i, &names, cx);
            proxy.use_server = rules::servers::settle(draft, cx);
            proxy.check = draft.check.method();
            for (server, draft) in proxy.servers.iter_mut().zip(&draft.servers) {
                // Nobody else has it yet.
                let server = Arc::make_mut(server);
                let method = server.check_method.as_ref().unwrap_or(&proxy.check);
                let by_rule = method.rules().is_some_and(RuleSet::asks_tls);
                server.tls = tls::server::settle(draft, &proxy.name, by_rule, &mut loader, cx);
                server.resolution = resolvers::settle(draft, &proxy.name, &sections, cx);
            }
            proxy.default_servers = DefaultServers::of(draft);
            proxy.logs = log_format::targets(draft, &global.global.logs);
            proxy.email_alert = mailers.settle(draft, cx);
            log_format::settle(draft, &mut proxy, cx);
            captures::check(draft, cx);
            tables.resolve(&mut proxy);
            references(draft, &names, (&tables, &users), cx);
            if readable {
                warnings(draft, &proxy, cx);
            }
            done.push(proxy);
        }
    }
    if errors::are_made(&done) {
        done.iter_mut().for_each(|proxy| proxy.makes_pages = true);
    }
    cx.patterns.number();
    let mut global = global.global;
    global.environment = std::mem::take(&mut cx.environment);
    mark_references(&mut done, &proxies);
    if readable {
        mailers.warn_unused(cx);
    }
    let parts = (&*global.logs, &mailers, &*http_errors);
    let defaults = defaults.iter().filter_map(|section| NamedDefaults::of(section, parts)).collect();
    let ignored_tuning = std::mem::take(&mut cx.ignored);
    rings.append(&mut cx.stream_rings);
    ring::check_uses(&rings, cx);
    log_profile::settle(log_profiles, cx);
    let (tables, vars, patterns) = (tables.into_list(), Arc::clone(&cx.vars), Arc::clone(&cx.patterns));
    let peers = peers.into_iter().map(|section| section.name).collect();
    Config {
        global,
        proxies: done,
        tables,
        peers,
        rings,
        vars,
        patterns,
        resolvers: sections,
        tls: loader.files,
        ignored_tuning,
        traces,
        defaults,
        healthchecks,
    }
}

/// Hands out the free numbers: the counter moves on at every object, whether it took a number or had
/// one, as seen on a running HAProxy.
struct Ids {
    next: u32,
}

impl Ids {
    fn take(&mut self, own: u32, used: &dyn Fn(u32) -> bool) -> u32 {
        let mut id = own;
        if id == 0 {
            while used(self.next) {
                self.next += 1;
            }
            id = self.next;
        }
        self.next += 1;
        id
    }
}

fn assign_proxy_ids(proxies: &mut [ProxyDraft], cx: &mut Cx<'_>) {
    let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
    for (i, draft) in proxies.iter().enumerate() {
        let Some(site) = &draft.id_site else { continue };
        match taken.get(&draft.proxy.id).and_then(|j| proxies.get(*j)) {
            None => {
                taken.insert(draft.proxy.id, i);
            }
            Some(first) => {
                let place = &first.proxy.place;
                let message = format!(
                    "{} {} reuses same custom id as {} {} (declared at {}:{}).",
                    noun(draft),
                    draft.proxy.name,
                    noun(first),
                    first.proxy.name,
                    place.file,
                    place.line
                );
                cx.sink.alert(site, message);
            }
        }
    }
    // The first number belongs to the admin sockets' own proxy.
    let mut ids = Ids { next: 2 };
    for draft in proxies {
        draft.proxy.forced_id = draft.proxy.id > 0;
        draft.proxy.id = ids.take(draft.proxy.id, &|id| taken.contains_key(&id));
    }
}

fn noun(draft: &ProxyDraft) -> &'static str {
    if draft.kind == Some(ProxyKind::Listen) { "proxy" } else { draft.section_name() }
}

fn assign_bind_ids(draft: &mut ProxyDraft) {
    let taken: Vec<u32> = draft.proxy.binds.iter().map(|b| b.id).filter(|id| *id > 0).collect();
    let mut ids = Ids { next: 1 };
    for bind in &mut draft.proxy.binds {
        bind.id = ids.take(bind.id, &|id| taken.contains(&id));
    }
}

/// Drops what the proxy's mode makes meaningless, with a warning.
pub(crate) fn settle_modes(draft: &mut ProxyDraft, cx: &mut Cx<'_>) {
    let title = draft.title();
    let proxy = &mut draft.proxy;
    if draft.abortonclose.is_none() {
        // On by default in HTTP backends since 3.5.
        proxy.options.abortonclose = proxy.mode == Mode::Http && draft.kind.is_some_and(ProxyKind::has_backend);
    } else {
        proxy.options.abortonclose = draft.abortonclose == Some(true);
    }
    if proxy.mode == Mode::Http {
        return;
    }
    let mut dropped = |site: &Option<Site>, message: String| {
        if let Some(site) = site {
            cx.warn(site, message);
        }
    };
    if proxy.cookie.take().is_some() {
        dropped(&draft.cookie_site, format!("cookie will be ignored for {title} (needs 'mode http')."));
    }
    if matches!(proxy.balance, Balance::Uri { .. } | Balance::Header(_) | Balance::UrlParam(_)) {
        proxy.balance = Balance::RoundRobin;
        let message =
            format!("Layer 7 hash not possible for {title} (needs 'mode http'). Falling back to round robin.");
        dropped(&draft.balance_site, message);
    }
    if proxy.options.forwardfor.take().is_some() {
        let message = format!("'option forwardfor' ignored for {title} as it requires HTTP mode.");
        dropped(&draft.forwardfor_site, message);
    }
    let rules = [
        ("http-request", !std::mem::take(&mut proxy.http_request).is_empty()),
        ("http-response", !std::mem::take(&mut proxy.http_response).is_empty()),
        ("http-after-response", !std::mem::take(&mut proxy.http_after_response).is_empty()),
        ("redirect", !std::mem::take(&mut draft.redirects).is_empty()),
    ];
    for (name, _) in rules.iter().filter(|(_, had)| *had) {
        dropped(&draft.http_rules_site, format!("'{name}' rules ignored for {title} as they require HTTP mode."));
    }
}

/// Names, ids and the parts of a server that depend on each other.
fn settle_servers(draft: &mut ProxyDraft, healthchecks: &BTreeMap<String, CheckMethod>, cx: &mut Cx<'_>) {
    let owner = Arc::clone(&draft.proxy.name);
    let mut by_name: BTreeMap<Arc<str>, u32> = BTreeMap::new();
    let mut by_id: BTreeMap<u32, (Site, Arc<str>)> = BTreeMap::new();
    for server in &draft.servers {
        let name = &server.server.name;
        if let Some(first) = by_name.get(name) {
            let message = format!(
                "proxy '{owner}', another server named '{name}' was already defined at line {first}, \
                 please use distinct names."
            );
            cx.sink.alert(&server.site, message);
        } else {
            by_name.insert(Arc::clone(name), server.site.line);
        }
        let Some(site) = &server.id_site else { continue };
        match by_id.get(&server.server.id) {
            None => {
                by_id.insert(server.server.id, (site.clone(), Arc::clone(name)));
            }
            Some((first, other)) => {
                let message = format!(
                    "'server {owner}/{name}' : 'id' : custom id {} already used at {}:{} ('server {other}')",
                    server.server.id, first.file, first.line
                );
                cx.sink.alert(site, message);
            }
        }
    }
    let mut ids = Ids { next: 1 };
    let backend_method = draft.check.method();
    for server in &mut draft.servers {
        server.settle_way(draft.proxy.source.as_ref());
        if let Some(name) = &server.healthcheck {
            server.server.check_method = healthchecks.get(name).cloned();
            if server.server.check_method.is_none() {
                let own = &server.server.name;
                let near = suggest::nearest(name, healthchecks.keys().map(String::as_str));
                let help = near.map(|near| format!("did you mean '{near}'?"));
                let message = format!("healthcheck section '{name}' not found for server '{own}'.");
                cx.sink.push(Severity::Alert, &server.site, message, help);
            }
        }
        let method = server.server.check_method.as_ref().unwrap_or(&backend_method);
        let rules_say_port = method.rules().is_some_and(RuleSet::says_port);
        server.server.forced_id = server.server.id > 0;
        server.server.id = ids.take(server.server.id, &|id| by_id.contains_key(&id));
        let http = method.rules().is_some_and(RuleSet::is_http);
        if let Some(proto) = server.check_proto
            && server.server.check
            && http == (proto == CheckProto::None)
        {
            let own = &server.server.name;
            let message = format!(
                "config: backend '{owner}': server '{own}' uses an incompatible MUX protocol for the selected check type"
            );
            let help = "h1 and h2 are for HTTP checks, none for all others".to_owned();
            cx.sink.push(Severity::Alert, &server.site, message, Some(help));
        }
        settle_checks(server, &owner, rules_say_port, cx);
    }
}

fn settle_checks(draft: &mut ServerDraft, owner: &str, rules_say_port: bool, cx: &mut Cx<'_>) {
    let server = &draft.server;
    let title = format!("'server {owner}/{}'", server.name);
    if draft.track.is_some() && server.check {
        cx.sink.alert(&draft.site, format!("{title} : unable to enable checks and tracking at the same time!"));
    }
    if draft.track.is_some() && draft.init_state {
        cx.sink.alert(&draft.site, format!("{title} : unable to set init-state and tracking at the same time!"));
    }
    if draft.placed && draft.lacks_check_port() && !rules_say_port {
        let message = format!("proxy '{owner}': server '{}' has neither service port nor check port.", server.name);
        let help = Some("give the address a port, or add 'port <n>'".to_owned());
        cx.sink.push(Severity::Alert, &draft.site, message, help);
    }
    if draft.on_error && server.observe == Observe::None {
        let message = format!("{title} : 'on-error' has no effect without 'observe'.");
        let help = Some(
            "add 'observe layer4' to count failed connections, or 'observe layer7' for wrong answers too".to_owned(),
        );
        cx.sink.push(Severity::Warning, &draft.site, message, help);
    }
    if draft.fail_timeout && server.max_fails == 0 {
        let message = format!("{title} : 'fail-timeout' has no effect without 'max-fails'.");
        let help = Some("add 'max-fails <n>'; nginx's default is 1".to_owned());
        cx.sink.push(Severity::Warning, &draft.site, message, help);
    }
    if draft.agent_check && draft.agent.port == 0 {
        let message =
            format!("{title} : server {} does not have agent port. Agent check has been disabled.", server.name);
        cx.sink.push(Severity::Alert, &draft.site, message, Some("add 'agent-port <n>'".to_owned()));
    }
    draft.settle_agent();
}

fn incompatible(frontend: &ProxyDraft, backend: &ProxyDraft) -> bool {
    // A TCP frontend may hand a connection to an HTTP backend, never the other way round.
    frontend.proxy.mode == Mode::Http && backend.proxy.mode == Mode::Tcp
}

/// Finds a backend that a rule names; `rule` is its keyword and `role` what the backend is for.
fn target(
    draft: &ProxyDraft,
    own: usize,
    (name, site): (&str, &Site),
    (rule, role): (&str, &str),
    names: &Names<'_>,
    cx: &mut Cx<'_>,
) -> Option<ProxyIdx> {
    let title = &draft.proxy.name;
    let Some((i, backend)) = names.backend(name) else {
        let help = match names.by_name.contains_key(name) {
            true => Some(format!("'{name}' is a frontend")),
            false => names.near_backend(name),
        };
        let message = format!("Proxy '{title}': unable to find required {rule}: '{name}'.");
        cx.sink.push(Severity::Alert, site, message, help);
        return None;
    };
    if i == own {
        cx.sink.alert(site, format!("Proxy '{title}': loop detected for {rule}: '{name}'."));
        return None;
    }
    if incompatible(draft, backend) {
        let (here, there) = (&draft.proxy.place, &backend.proxy.place);
        let message = format!(
            "{} {} '{title}' ({}:{}) tries to use incompatible {} {} '{name}' ({}:{}) as its {role} (see 'mode').",
            draft.proxy.mode,
            noun(draft),
            here.file,
            here.line,
            backend.proxy.mode,
            noun(backend),
            there.file,
            there.line
        );
        cx.sink.alert(site, message);
        return None;
    }
    Some(ProxyIdx(i))
}

fn switches(draft: &ProxyDraft, own: usize, names: &Names<'_>, cx: &mut Cx<'_>) -> Vec<UseBackend> {
    let mut found = Vec::new();
    for switch in &draft.switches {
        let rule = ("use_backend", "dynamic backend");
        let backend = match &switch.computed {
            Some(format) => Some(BackendChoice::Computed(Arc::clone(format))),
            None => target(draft, own, (&switch.backend, &switch.site), rule, names, cx).map(BackendChoice::Named),
        };
        if draft.proxy.mode == Mode::Tcp
            && let Some(acl) = switch.condition.as_ref().and_then(|c| c.requires_http())
        {
            let message = format!(
                "acl '{}' will never match because it uses '{}', which needs 'mode http'.",
                acl.name(),
                acl.criterion()
            );
            cx.warn(&switch.site, message);
        }
        if let Some(backend) = backend {
            found.push(UseBackend { backend, condition: switch.condition.clone() });
        }
    }
    found
}

fn default_backend(draft: &ProxyDraft, own: usize, names: &Names<'_>, cx: &mut Cx<'_>) -> Option<ProxyIdx> {
    let named = draft.default_backend.as_ref().filter(|_| draft.has_frontend());
    match named {
        Some((name, site)) => target(draft, own, (name, site), ("default_backend", "default backend"), names, cx),
        None => (draft.kind == Some(ProxyKind::Listen) && !draft.servers.is_empty()).then_some(ProxyIdx(own)),
    }
}

/// The servers with their tracks resolved.
fn servers(draft: &ProxyDraft, own: usize, names: &Names<'_>, cx: &mut Cx<'_>) -> Vec<Arc<Server>> {
    let mut found: Vec<Arc<Server>> = Vec::with_capacity(draft.servers.len());
    for (i, server) in draft.servers.iter().enumerate() {
        let mut done = server.server.clone();
        done.track = server.track.as_ref().and_then(|(path, site)| match track(draft, (own, i), path, names) {
            Ok((proxy, at)) => Some((ProxyIdx(proxy), at)),
            Err((message, help)) => {
                let message = format!("'server {}/{}' : {message}", draft.proxy.name, server.server.name);
                cx.sink.push(Severity::Alert, site, message, help);
                None
            }
        });
        found.push(Arc::new(done));
    }
    found
}

type TrackFault = (String, Option<String>);

/// Finds a tracked server and follows its own tracking to the end.
fn track(
    draft: &ProxyDraft,
    start: (usize, usize),
    path: &str,
    names: &Names<'_>,
) -> Result<(usize, usize), TrackFault> {
    let first = find_server(draft, start.0, path, names)?;
    let mut at = first;
    // A chain is at most as long as there are servers; a longer one has a loop that misses the start.
    let most = names.drafts.iter().map(|d| d.servers.len()).sum::<usize>() + 1;
    let name = |(proxy, server): (usize, usize)| {
        let draft = names.drafts.get(proxy);
        let server = draft.and_then(|d| d.servers.get(server)).map_or("", |s| &*s.server.name);
        format!("{}/{server}", draft.map_or("", |d| &*d.proxy.name))
    };
    for _ in 0..most {
        if at == start {
            let message = format!(
                "unable to track {} as it belongs to a tracking chain looping back to {}.",
                name(first),
                name(start)
            );
            return Err((message, None));
        }
        let Some((owner, server)) =
            names.drafts.get(at.0).and_then(|owner| owner.servers.get(at.1).map(|server| (owner, server)))
        else {
            break;
        };
        let Some((next, _)) = &server.track else {
            if server.server.check || server.agent_check {
                return Ok(first);
            }
            let message =
                format!("unable to use {} for tracking as it does not have any check nor agent enabled.", name(at));
            return Err((message, Some(format!("add 'check' to server '{}'", server.server.name))));
        };
        match find_server(owner, at.0, next, names) {
            Ok(found) => at = found,
            // That server's own line is blamed.
            Err(_) => return Ok(first),
        }
    }
    Ok(first)
}

fn find_server(draft: &ProxyDraft, own: usize, path: &str, names: &Names<'_>) -> Result<(usize, usize), TrackFault> {
    let (proxy, server) = match path.split_once('/') {
        None => ((own, draft), path),
        Some((backend, server)) => match names.backend(backend) {
            Some(found) => (found, server),
            None => {
                let message = format!("unable to find required proxy '{backend}' for tracking.");
                return Err((message, names.near_backend(backend)));
            }
        },
    };
    let known = || proxy.1.servers.iter().map(|s| &*s.server.name);
    match known().position(|name| name == server) {
        Some(at) => Ok((proxy.0, at)),
        None => {
            let near = suggest::nearest(server, known()).map(|near| format!("did you mean '{near}'?"));
            Err((format!("unable to find required server '{server}' for tracking."), near))
        }
    }
}

/// Objects that expressions name must exist.
fn references(draft: &ProxyDraft, names: &Names<'_>, (tables, users): (&Tables, &[UsersDraft]), cx: &mut Cx<'_>) {
    for (reference, site) in &draft.references {
        let missing = match reference {
            Reference::Backend(name) => {
                names.backend(name).is_none().then(|| format!("unable to find backend '{name}'"))
            }
            Reference::Frontend(name) => {
                let known = names.by_name.get(name.as_str()).and_then(|i| names.drafts.get(*i));
                (!known.is_some_and(ProxyDraft::has_frontend)).then(|| format!("unable to find frontend '{name}'"))
            }
            Reference::Table(name) => {
                let name = name.as_deref().unwrap_or(&draft.proxy.name);
                if tables.find(name).is_none() {
                    let message =
                        format!("unable to find table '{name}', referenced in an expression of {}.", draft.title());
                    tables.missing(site, name, message, cx);
                }
                None
            }
            Reference::UserList(name) => {
                let known = users.iter().any(|list| list.name == *name);
                (!known).then(|| format!("unable to find userlist '{name}'"))
            }
            Reference::Group { list, group } => {
                let missing = users.iter().any(|known| known.name == *list && !known.has_group(group));
                missing.then(|| format!("invalid group '{group}' of userlist '{list}'"))
            }
            Reference::Counter(n) => {
                if *n >= cx.stick_counters {
                    let most = cx.stick_counters.saturating_sub(1);
                    cx.warn(site, format!("counter {n} tracks nothing: the last one is {most} (tune.stick-counters)."));
                }
                None
            }
            Reference::Server { backend, server } => {
                let owner = match backend {
                    Some(backend) => names.backend(backend).map(|(_, draft)| draft),
                    None => Some(draft),
                };
                let there = owner.is_some_and(|d| d.servers.iter().any(|s| *s.server.name == **server));
                let owner = backend.as_deref().unwrap_or(&draft.proxy.name);
                (!there).then(|| format!("unable to find server '{server}' in proxy '{owner}'"))
            }
        };
        if let Some(missing) = missing {
            cx.sink.alert(site, format!("{missing}, referenced in an expression of {}.", draft.title()));
        }
    }
}

/// Notes what something else names: that cannot be taken out at run time.
fn mark_references(proxies: &mut [Proxy], drafts: &[ProxyDraft]) {
    let mut backends: Vec<ProxyIdx> = Vec::new();
    let mut servers: Vec<(usize, usize)> = Vec::new();
    let by_name = |name: &str| drafts.iter().position(|draft| *draft.proxy.name == *name);
    for (own, (proxy, draft)) in proxies.iter().zip(drafts).enumerate() {
        backends.extend(proxy.default_backend.filter(|backend| backend.0 != own));
        backends.extend(proxy.use_backend.iter().filter_map(|rule| rule.backend.fixed()));
        servers.extend(proxy.servers.iter().filter_map(|server| server.track).map(|(proxy, at)| (proxy.0, at)));
        servers.extend(proxy.use_server.iter().filter_map(|rule| match rule.server {
            UsedServer::Named(at) => Some((own, at)),
            UsedServer::Computed(_) => None,
        }));
        for (reference, _) in &draft.references {
            match reference {
                Reference::Backend(name) => backends.extend(by_name(name).map(ProxyIdx)),
                // A backend with a table is never taken out.
                Reference::Frontend(_)
                | Reference::Table(_)
                | Reference::Counter(_)
                | Reference::UserList(_)
                | Reference::Group { .. } => {}
                Reference::Server { backend, server } => {
                    let owner = backend.as_deref().map_or(Some(own), by_name);
                    let at = owner.and_then(|owner| {
                        let servers = &drafts.get(owner)?.servers;
                        Some((owner, servers.iter().position(|known| *known.server.name == **server)?))
                    });
                    servers.extend(at);
                }
            }
        }
    }
    for backend in backends {
        if let Some(proxy) = proxies.get_mut(backend.0) {
            proxy.referenced = true;
        }
    }
    for (owner, at) in servers {
        if let Some(server) = proxies.get_mut(owner).and_then(|proxy| proxy.servers.get_mut(at)) {
            Arc::make_mut(server).referenced = true;
        }
    }
}

/// What is accepted but hardly meant.
fn warnings(draft: &ProxyDraft, proxy: &Proxy, cx: &mut Cx<'_>) {
    if proxy.disabled {
        return;
    }
    let title = draft.title();
    if draft.has_frontend() && proxy.binds.is_empty() {
        let message = format!("{title} has no 'bind' directive. Please declare it as a backend if this was intended.");
        cx.warn(&draft.site, message);
    }
    let timeouts = &proxy.timeouts;
    let client = draft.has_frontend() && timeouts.client.is_none();
    let server = draft.has_backend()
        && !draft.servers.is_empty()
        && (timeouts.connect.is_none() || (timeouts.server.is_none() && timeouts.tunnel.is_none()));
    if client || server {
        cx.warn(
            &draft.site,
            format!(
                "missing timeouts for {title}.\n\
                 While not properly invalid, you will certainly encounter various problems\n\
                 with such a configuration. To fix this, please ensure that all following\n\
                 timeouts are set to a non-zero value: 'client', 'connect', 'server'."
            ),
        );
    }
    if draft.has_backend() {
        for (site, rules, option) in draft.check.unused() {
            cx.warn(site, format!("{title} uses {rules} rules without '{option}', so the rules are ignored."));
        }
    }
}

impl Config {
    /// Whether an admin socket or a proxy that is not disabled listens somewhere; a start without is refused
    /// ([`crate::NO_LISTENER`]), while a check of the file is not. An admin socket is enough, as in HAProxy: Debian's
    /// default file has nothing else.
    pub fn has_listener(&self) -> bool {
        !self.global.stats_sockets.is_empty() || self.proxies.iter().any(|p| !p.disabled && !p.binds.is_empty())
    }
}

/// One notice that names all tuning words without effect; `None` when there are none.
pub fn tuning_notice(config: &Config) -> Option<Diagnostic> {
    (!config.ignored_tuning.is_empty()).then(|| {
        let words = config.ignored_tuning.join(", ");
        Diagnostic::nowhere(Severity::Notice, format!("accepted without effect in lbd: {words}."))
    })
}

/// `compat strict`: words of server lines that no HAProxy knows are refused by name.
fn refuse_own_words(compat: Compat, cx: &mut Cx<'_>) {
    for (word, site) in std::mem::take(&mut cx.own_words) {
        if compat == Compat::Strict {
            let message = format!("'{word}' is unknown to HAProxy, and refused under 'compat strict'.");
            let help = Some("'observe layer7 error-limit <n> on-error mark-down' with 'check' comes close".to_owned());
            cx.sink.push(Severity::Alert, &site, message, help);
        }
    }
}
