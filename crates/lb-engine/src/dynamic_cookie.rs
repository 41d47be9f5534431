//! Persistence cookies made from servers' addresses (`cookie … dynamic`).
//!
//! As observed on a running HAProxy, a server's cookie is the XXH64 hash of the key, the bytes of its address and its port as
//! 32 bits big-endian: load balancers that share the key agree on it, so it must not be made otherwise.

use crate::shared::{ProxyState, ServerState, Target, lock};
use arc_swap::ArcSwapOption;
use lb_config::model::Proxy;
use lb_model::hash::xxh64;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

/// What a backend makes cookies from; changed by operators.
#[derive(Debug)]
pub struct DynamicCookies(Mutex<Settings>);

#[derive(Debug, Clone)]
struct Settings {
    enabled: bool,
    key: Option<String>,
}

impl Settings {
    fn of(config: &Proxy) -> Self {
        let enabled = config.cookie.as_ref().is_some_and(|cookie| cookie.dynamic);
        Self { enabled, key: config.dynamic_cookie_key.clone() }
    }
}

impl DynamicCookies {
    /// As configured.
    pub fn of(config: &Proxy) -> Self {
        Self(Mutex::new(Settings::of(config)))
    }

    /// As another backend is configured.
    pub fn begin_anew(&self, config: &Proxy) {
        *lock(&self.0) = Settings::of(config);
    }
}

/// A server's cookie that was made for it.
#[derive(Debug, Default)]
pub struct MadeCookie(ArcSwapOption<String>);

impl ProxyState {
    /// Switches cookies made from addresses on or off.
    pub fn enable_dynamic_cookies(&self, enabled: bool) {
        lock(&self.dynamic_cookies.0).enabled = enabled;
        self.renew_cookies();
    }

    /// Changes the key. Cookies that clients have are worth nothing from here on.
    pub fn set_dynamic_cookie_key(&self, key: &str) {
        lock(&self.dynamic_cookies.0).key = Some(key.to_owned());
        self.renew_cookies();
    }

    /// Makes all servers' cookies anew.
    pub fn renew_cookies(&self) {
        self.servers.live().for_each(|server| self.renew_cookie(server));
    }

    /// Makes a server's cookie anew, after its address or its life has changed.
    pub fn renew_cookie(&self, server: &ServerState) {
        let settings = lock(&self.dynamic_cookies.0).clone();
        let key = settings.key.filter(|_| settings.enabled);
        let made = key.and_then(|key| made(&key, &server.target()));
        server.made_cookie.0.store(made.map(Arc::new));
    }
}

impl ServerState {
    /// The server's cookie: the configured one, else the one made for it.
    pub fn cookie(&self) -> Option<String> {
        match self.config().cookie.as_deref() {
            Some(configured) => Some(configured.to_owned()),
            None => self.made_cookie.0.load().as_ref().map(ToString::to_string),
        }
    }

    /// Whether that is the server's cookie.
    pub fn has_cookie(&self, value: &[u8]) -> bool {
        match self.config().cookie.as_deref() {
            Some(configured) => configured.as_bytes() == value,
            None => self.made_cookie.0.load().as_ref().is_some_and(|made| made.as_bytes() == value),
        }
    }
}

fn made(key: &str, target: &Target) -> Option<String> {
    let Target::Ip(address) = target else { return None };
    let mut bytes = key.as_bytes().to_vec();
    match address.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    bytes.extend(u32::from(address.port()).to_be_bytes());
    Some(format!("{:016x}", xxh64(&bytes, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_those_seen_on_a_running_haproxy() {
        for (key, address, cookie) in [
            ("MYKEY", "127.0.0.1:28189", "e8c266b5e8db5944"),
            ("OTHER", "127.0.0.2:28189", "36b9d434ab79f846"),
            ("OTHER", "127.0.0.1:28189", "3fe8e687863b20f6"),
            ("K", "[::1]:28189", "0757bdd79a61093b"),
        ] {
            let target = Target::Ip(address.parse().unwrap());
            assert_eq!(made(key, &target).as_deref(), Some(cookie), "{key} {address}");
        }
    }
}
