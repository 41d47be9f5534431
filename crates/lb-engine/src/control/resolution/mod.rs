//! Names of servers, followed while traffic flows.
//!
//! Each name is asked for once for all servers that follow it, by a task of its own. What it learns goes through
//! [`Control::change`] like any other event: a server whose name does not resolve is in maintenance until it does.

mod ask;
mod choose;
mod wire;

use super::Control;
use crate::shared::{ProxyState, ServerState, Target};
use lb_config::model::{Resolution, Resolvers};
use lb_model::{AdminState, ParsedWeight, Severity};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use wire::{Answer, Failure, Question};

pub use wire::Service;

/// What happened with one name server.
#[derive(Debug, Default)]
pub struct Counts {
    /// Questions sent.
    pub sent: Cell<u64>,
    /// Questions that could not be sent.
    pub send_error: Cell<u64>,
    /// Valid answers.
    pub valid: Cell<u64>,
    /// Answers that changed a server.
    pub update: Cell<u64>,
    /// Names that do not exist.
    pub nx: Cell<u64>,
    /// Questions without an answer in time.
    pub timeout: Cell<u64>,
    /// Refusals.
    pub refused: Cell<u64>,
    /// Other errors.
    pub other: Cell<u64>,
    /// What was no answer.
    pub invalid: Cell<u64>,
    /// Answers that were cut.
    pub truncated: Cell<u64>,
    /// Questions under way.
    waiting: Cell<u64>,
}

/// A `resolvers` section at work.
#[derive(Debug)]
pub struct Section {
    /// Its configuration.
    pub config: &'static Resolvers,
    /// Counts by name server.
    pub counts: Vec<Counts>,
}

/// What a lookup is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    section: usize,
    name: String,
    /// `None`: services; else whether IPv4 is preferred.
    prefers_v4: Option<bool>,
}

/// A server by its place.
type Place = (usize, usize);

/// All sections, and who follows which name.
#[derive(Debug, Default)]
pub struct Names {
    sections: Vec<Rc<Section>>,
    followers: RefCell<HashMap<Key, Vec<Place>>>,
}

impl Names {
    /// The sections of the configuration.
    pub fn new(sections: &'static [Resolvers]) -> Self {
        let section = |config: &'static Resolvers| {
            let counts = config.nameservers.iter().map(|_| Counts::default()).collect();
            Rc::new(Section { config, counts })
        };
        Self { sections: sections.iter().map(section).collect(), followers: RefCell::default() }
    }

    /// Every section, in order.
    pub fn sections(&self) -> &[Rc<Section>] {
        &self.sections
    }
}

impl Control {
    /// Puts servers without an address in maintenance. Called once, before anybody sees them.
    pub(super) fn hold_unresolved(&self) {
        for proxy in self.shared.proxies.live() {
            for server in proxy.servers.live().filter(|server| server.is_unresolved()) {
                self.change(proxy.index, server.index, |own, now, actions| own.health.begin_unresolved(now, actions));
            }
        }
    }

    /// Begins to follow the names of all servers that ask for it.
    pub(super) fn follow_names(self: &Rc<Self>) {
        for proxy in self.shared.proxies.live() {
            for server in proxy.servers.live() {
                self.follow_name(proxy, server);
            }
        }
    }

    /// Begins to follow a server's name, or its services.
    pub fn follow_name(self: &Rc<Self>, proxy: &ProxyState, server: &ServerState) {
        let config = server.config();
        let Some(rule) = config.resolution.as_deref() else { return };
        let place = (proxy.index, server.index);
        if let Some(services) = &rule.srv {
            self.enlist(Key { section: rule.section, name: services.clone(), prefers_v4: None }, place);
        }
        if let Some(name) = self.name_of(place) {
            self.enlist(Key { section: rule.section, name, prefers_v4: Some(rule.prefers_v4) }, place);
        }
    }

    /// Follows no name for this server any longer.
    pub fn unfollow_name(&self, place: Place) {
        for followers in self.names.followers.borrow_mut().values_mut() {
            followers.retain(|follower| *follower != place);
        }
    }

    /// The host name that a server's address follows.
    pub fn name_of(&self, (p, s): Place) -> Option<String> {
        self.backends.borrow().get(p)?.servers.get(s)?.name.clone()
    }

    /// Gives a server another name to follow. `None`: its name is not followed at all.
    pub fn rename_host(
        self: &Rc<Self>,
        proxy: &'static ProxyState,
        server: &'static ServerState,
        name: &str,
    ) -> Option<()> {
        server.config().resolution.as_deref()?;
        let place = (proxy.index, server.index);
        self.set_name(place, Some(name.to_owned()));
        self.follow_name(proxy, server);
        Some(())
    }

    fn set_name(&self, place: Place, name: Option<String>) {
        let former = self.name_of(place);
        if let Some(former) = &former {
            for (key, followers) in self.names.followers.borrow_mut().iter_mut() {
                if key.prefers_v4.is_some() && key.name == *former {
                    followers.retain(|follower| *follower != place);
                }
            }
        }
        self.change(place.0, place.1, |own, _, _| {
            own.name = name;
            own.health.set_named();
        });
    }

    fn enlist(self: &Rc<Self>, key: Key, place: Place) {
        let Some(section) = self.names.sections.get(key.section).map(Rc::clone) else { return };
        let mut followers = self.names.followers.borrow_mut();
        if let Some(others) = followers.get_mut(&key) {
            if !others.contains(&place) {
                others.push(place);
            }
            return;
        }
        followers.insert(key.clone(), vec![place]);
        let control = Rc::clone(self);
        tokio::task::spawn_local(async move { control.look_up(&section, &key).await });
    }

    /// Asks again and again, for as long as somebody follows the name.
    async fn look_up(self: Rc<Self>, section: &Rc<Section>, key: &Key) {
        let kinds: &[Question] = match key.prefers_v4 {
            None => &[Question::Srv],
            Some(true) => &[Question::A, Question::Aaaa],
            Some(false) => &[Question::Aaaa, Question::A],
        };
        let mut known = Known { valid_at: self.now(), addresses: Vec::new(), services: Vec::new() };
        while self.is_followed(key) {
            match ask::ask(section, &key.name, kinds, &|| self.random() as u16).await {
                Ok(heard) => {
                    known.valid_at = self.now();
                    self.learn(section, key, &mut known, heard);
                }
                Err(failure) => {
                    let (hold, why) = held(section.config, failure);
                    if self.now().saturating_sub(known.valid_at) >= hold {
                        known.addresses.clear();
                        known.services.clear();
                        self.lose(key, why);
                    }
                }
            }
            tokio::time::sleep(section.config.resolve).await;
        }
    }

    /// Whether anybody still follows a name; if not, it is forgotten.
    fn is_followed(&self, key: &Key) -> bool {
        let mut followers = self.names.followers.borrow_mut();
        let followed = followers.get(key).is_some_and(|places| !places.is_empty());
        if !followed {
            followers.remove(key);
        }
        followed
    }

    fn followers_of(&self, key: &Key) -> Vec<(&'static ProxyState, &'static ServerState, Arc<Resolution>)> {
        let places = self.names.followers.borrow().get(key).cloned().unwrap_or_default();
        let server = |(p, s): Place| {
            let proxy = self.shared.proxies.get(p)?;
            let server = proxy.servers.get(s)?;
            let rule = server.config().resolution.as_ref().map(Arc::clone)?;
            Some((proxy, server, rule))
        };
        places.into_iter().filter_map(server).collect()
    }

    fn learn(self: &Rc<Self>, section: &Section, key: &Key, known: &mut Known, heard: ask::Heard) {
        let obsolete = section.config.hold.obsolete;
        let now = self.now();
        let changed = match heard.answer {
            Answer::Addresses(found) => {
                let found = merged(&mut known.addresses, found, now, obsolete);
                let server = section.config.nameservers.get(heard.from).map_or("", |server| &server.name);
                self.place_servers(key, &found, &format!("{}/{server}", section.config.name))
            }
            Answer::Services(found) => {
                let found = merged(&mut known.services, found, now, obsolete);
                self.place_services(key, &found)
            }
        };
        if changed && let Some(counts) = section.counts.get(heard.from) {
            counts.update.set(counts.update.get() + 1);
        }
    }

    /// Gives each follower an address. Says whether one changed.
    fn place_servers(&self, key: &Key, found: &[IpAddr], by: &str) -> bool {
        let followers = self.followers_of(key);
        let mut changed = false;
        for (proxy, server, rule) in &followers {
            let current = address_of(server);
            let others = followers.iter().filter(|(p, s, _)| p.index == proxy.index && s.index != server.index);
            let taken: Vec<IpAddr> = others.filter_map(|(_, other, _)| address_of(other)).collect();
            match choose::address(found, rule, current, &taken) {
                Some(ip) => {
                    // The first change is told of with its source, others take what is known then.
                    let source = if changed { "DNS cache" } else { by };
                    changed |= self.set_address(proxy, server, ip, source);
                }
                None => self.set_unresolved(proxy, server, "No IP for server "),
            }
        }
        changed
    }

    fn set_address(&self, proxy: &'static ProxyState, server: &'static ServerState, ip: IpAddr, by: &str) -> bool {
        let current = address_of(server);
        let changed = current != Some(ip);
        let names = (&proxy.config.name, &server.config().name);
        if changed {
            let port = match server.target() {
                Target::Ip(address) => address.port(),
                Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_) => return false,
            };
            server.set_target(Target::Ip(SocketAddr::new(ip, port)));
            proxy.moved(server);
            let old = current.map_or_else(|| "(none)".to_owned(), |ip| ip.to_string());
            let text = format!("{}/{} changed its IP from {old} to {ip} by {by}.", names.0, names.1);
            self.tell_proxy(proxy, Severity::Notice, &text);
        }
        let (p, s) = (proxy.index, server.index);
        let unresolved =
            self.change(p, s, |own, _, _| own.health.admin().intersects(AdminState::RESOLUTION_MAINT)).unwrap_or(false);
        if unresolved {
            self.change(p, s, |own, now, actions| own.health.set_resolution_failed(None, now, actions));
            let text = format!("Server {}/{} administratively READY thanks to valid DNS answer.", names.0, names.1);
            self.tell_proxy(proxy, Severity::Notice, &text);
        }
        changed
    }

    fn set_unresolved(&self, proxy: &'static ProxyState, server: &'static ServerState, why: &'static str) {
        if let Target::Ip(address) = server.target()
            && !address.ip().is_unspecified()
        {
            server.set_target(Target::Ip(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port())));
        }
        self.change(proxy.index, server.index, |own, now, actions| {
            own.health.set_resolution_failed(Some(why), now, actions);
        });
    }

    /// The name does not resolve any longer: none of its followers has an address.
    fn lose(&self, key: &Key, why: &'static str) {
        for (proxy, server, _) in self.followers_of(key) {
            self.set_unresolved(proxy, server, why);
        }
    }

    /// Gives each service a server. Says whether one changed.
    fn place_services(self: &Rc<Self>, key: &Key, found: &[Service]) -> bool {
        let followers = self.followers_of(key);
        let mut changed = false;
        let same = |a: &Service, b: &Service| a.target == b.target && a.port == b.port;
        let service_of = |server: &ServerState, proxy: &ProxyState| {
            self.backends.borrow().get(proxy.index)?.servers.get(server.index)?.service.clone()
        };
        for (proxy, server, rule) in &followers {
            let Some(own) = service_of(server, proxy) else { continue };
            match found.iter().find(|service| same(service, &own)) {
                Some(service) if service.weight == own.weight => {}
                Some(service) => self.weigh(proxy, server, rule, service),
                None => {
                    changed = true;
                    self.set_unresolved(proxy, server, "entry removed from SRV record");
                    self.set_name((proxy.index, server.index), None);
                    self.change(proxy.index, server.index, |own, _, _| own.service = None);
                    server.set_target(Target::Ip(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0)));
                }
            }
        }
        let mut backends: Vec<usize> = followers.iter().map(|(proxy, ..)| proxy.index).collect();
        backends.dedup();
        for backend in backends {
            let own: Vec<_> = followers.iter().filter(|(proxy, ..)| proxy.index == backend).collect();
            let served: Vec<Service> = own.iter().filter_map(|(proxy, server, _)| service_of(server, proxy)).collect();
            let unserved = found.iter().filter(|service| !served.iter().any(|other| same(other, service)));
            let free = own.iter().filter(|(proxy, server, _)| service_of(server, proxy).is_none());
            for ((proxy, server, rule), service) in free.zip(unserved) {
                changed = true;
                self.serve(proxy, server, rule, service);
            }
        }
        changed
    }

    /// A server stands for a service from now on.
    fn serve(
        self: &Rc<Self>,
        proxy: &'static ProxyState,
        server: &'static ServerState,
        rule: &Resolution,
        service: &Service,
    ) {
        server.set_target(Target::Ip(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), service.port)));
        self.weigh(proxy, server, rule, service);
        self.set_name((proxy.index, server.index), Some(service.target.clone()));
        let text = format!(
            "{}/{} changed its FQDN from (null) to {} by 'SRV record'",
            proxy.config.name,
            server.config().name,
            service.target
        );
        self.tell_proxy(proxy, Severity::Notice, &text);
        self.follow_name(proxy, server);
    }

    fn weigh(&self, proxy: &ProxyState, server: &ServerState, rule: &Resolution, service: &Service) {
        self.change(proxy.index, server.index, |own, _, actions| {
            own.service = Some(service.clone());
            if !rule.ignore_weight {
                // A static balancer keeps its weights, whatever the record says.
                let _ = own.health.set_weight(Ok(ParsedWeight::Absolute(choose::weight(service.weight))), actions);
            }
        });
    }
}

/// What was learned of a name, with the time each part was last seen.
struct Known {
    valid_at: Duration,
    addresses: Vec<(IpAddr, Duration)>,
    services: Vec<(Service, Duration)>,
}

/// What is seen now, and what was seen not long ago.
fn merged<T: Clone + PartialEq>(
    known: &mut Vec<(T, Duration)>,
    found: Vec<T>,
    now: Duration,
    obsolete: Duration,
) -> Vec<T> {
    for one in found {
        match known.iter_mut().find(|(other, _)| *other == one) {
            Some((_, seen)) => *seen = now,
            None => known.push((one, now)),
        }
    }
    known.retain(|(_, seen)| *seen == now || now.saturating_sub(*seen) < obsolete);
    known.iter().map(|(one, _)| one.clone()).collect()
}

fn address_of(server: &ServerState) -> Option<IpAddr> {
    match server.target() {
        Target::Ip(address) => Some(address.ip()).filter(|ip| !ip.is_unspecified()),
        Target::Unix(_) | Target::Abstract(_) | Target::Sockpair(_) => None,
    }
}

/// How long a valid answer outlives a failure, and the failure's name in the log.
fn held(config: &Resolvers, failure: Failure) -> (Duration, &'static str) {
    match failure {
        Failure::Nx => (config.hold.nx, "DNS NX status"),
        Failure::Refused => (config.hold.refused, "DNS refused status"),
        Failure::Timeout => (config.hold.timeout, "DNS timeout status"),
        Failure::Invalid | Failure::Truncated | Failure::Other => (config.hold.other, "unspecified DNS error"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_remembered_for_a_while() {
        let at = Duration::from_secs;
        let mut known = Vec::new();
        assert_eq!(merged(&mut known, vec![1, 2], at(0), at(5)), [1, 2]);
        assert_eq!(merged(&mut known, vec![2], at(3), at(5)), [1, 2]);
        assert_eq!(merged(&mut known, vec![3], at(6), at(5)), [2, 3]);
        assert_eq!(merged(&mut known, vec![4], at(7), at(0)), [4]);
    }
}
