//! Every keyword that HAProxy 2.6 to 3.5 knows, section by section, and what this crate does with it.
//!
//! A row names the keyword, where it may stand and its [`Status`]. Dispatch, complaints about unknown or
//! misplaced words, suggestions and the list of ignored tuning words all come from these rows.

mod bind;
mod global;
mod options;
mod proxy;
mod rules;
mod server;

pub(crate) use bind::{Acts, BIND};
pub(crate) use global::GLOBAL;
pub(crate) use options::OPTIONS;
pub(crate) use proxy::PROXY;
pub(crate) use rules::{
    ActionRow, HTTP_AFTER_RESPONSE, HTTP_REQUEST, HTTP_RESPONSE, TCP_CONNECTION, TCP_CONTENT, TCP_SESSION,
};
pub(crate) use server::{DYNAMIC_SERVER, OWN, SERVER, ServerRow};

use lb_model::ProxyKind;

/// What is done with a keyword.
pub(crate) enum Status<F> {
    /// Read by this handler.
    Supported(F),
    /// Accepted, without effect here; named once at the end.
    Tuning,
    /// HAProxy has it, lbd has not.
    NotYet,
    /// HAProxy had it and refuses it with this message.
    Gone(&'static str),
}

/// A keyword of a section.
pub(crate) struct Keyword<F> {
    pub name: &'static str,
    pub scope: Scope,
    pub status: Status<F>,
}

/// The names worth proposing in place of an unknown one.
pub(crate) fn offered<F>(table: &[Keyword<F>]) -> impl Iterator<Item = &'static str> {
    table.iter().filter(|row| !matches!(row.status, Status::Gone(_))).map(|row| row.name)
}

/// Where a keyword of a proxy may stand. A set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scope(u8);

impl Scope {
    /// Any `defaults` section.
    pub const D: Self = Self(1);
    /// Only a `defaults` section with a name.
    pub const N: Self = Self(2);
    /// Needs a frontend: `frontend`, `listen`.
    pub const F: Self = Self(4);
    /// Needs a backend: `backend`, `listen`.
    pub const B: Self = Self(8);
    /// Misplaced, it is an error; without this mark it is ignored with a warning.
    pub const STRICT: Self = Self(16);

    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

pub(crate) const FB: Scope = Scope::F.and(Scope::B);
pub(crate) const DF: Scope = Scope::D.and(Scope::F);
pub(crate) const DB: Scope = Scope::D.and(Scope::B);
pub(crate) const DFB: Scope = Scope::D.and(FB);
pub(crate) const NFB: Scope = Scope::N.and(FB);

pub(crate) const NB: Scope = Scope::N.and(Scope::B);

/// The message for a keyword that HAProxy has and lbd has not; `what` as messages spell the keyword.
pub(crate) fn not_yet(what: &str) -> String {
    format!("'{what}' is a HAProxy keyword that lbd does not support yet.")
}

/// A keyword that begins a section.
pub(crate) struct SectionRow {
    pub name: &'static str,
    pub section: Section,
}

/// What a section is.
pub(crate) enum Section {
    Global,
    Defaults,
    Proxy(ProxyKind),
    HealthCheck,
    HttpErrors,
    LogProfile,
    Mailers,
    Ring,
    Peers,
    Resolvers,
    UserList,
    CrtStore,
    Traces,
    NotYet,
    Gone(&'static str),
}

pub(crate) const SECTIONS: &[SectionRow] = &[
    SectionRow { name: "global", section: Section::Global },
    SectionRow { name: "defaults", section: Section::Defaults },
    SectionRow { name: "frontend", section: Section::Proxy(ProxyKind::Frontend) },
    SectionRow { name: "backend", section: Section::Proxy(ProxyKind::Backend) },
    SectionRow { name: "listen", section: Section::Proxy(ProxyKind::Listen) },
    SectionRow { name: "acme", section: Section::NotYet },
    SectionRow { name: "cache", section: Section::NotYet },
    SectionRow { name: "crt-store", section: Section::CrtStore },
    SectionRow { name: "fcgi-app", section: Section::NotYet },
    SectionRow { name: "healthcheck", section: Section::HealthCheck },
    SectionRow { name: "http-errors", section: Section::HttpErrors },
    SectionRow { name: "log-forward", section: Section::NotYet },
    SectionRow { name: "log-profile", section: Section::LogProfile },
    SectionRow { name: "mailers", section: Section::Mailers },
    SectionRow { name: "peers", section: Section::Peers },
    SectionRow {
        name: "program",
        section: Section::Gone(
            "'program' sections do not exist any more: let the service manager start other programs.",
        ),
    },
    SectionRow { name: "resolvers", section: Section::Resolvers },
    SectionRow { name: "ring", section: Section::Ring },
    SectionRow { name: "traces", section: Section::Traces },
    SectionRow { name: "userlist", section: Section::UserList },
];

/// Keywords that `no` and `default` may precede; options decide by themselves.
const NEGATABLE: &[&str] =
    &["option", "log", "busy-polling", "set-dumpable", "strict-limits", "insecure-fork-wanted", "numa-cpu-mapping"];

pub(crate) fn may_be_negated(keyword: &str) -> bool {
    NEGATABLE.contains(&keyword)
}

pub(crate) const NO_NEGATION: &str = "negation/default currently supported only for options, log, busy-polling, \
                                      set-dumpable, strict-limits, insecure-fork-wanted and numa-cpu-mapping.";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn unique<'a>(table: &str, names: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for name in names {
            assert!(seen.insert(name), "{table}: {name} twice");
            assert!(!name.is_empty() && name.is_ascii() && !name.contains(' '), "{table}: {name}");
        }
    }

    #[test]
    fn names_are_unique() {
        unique("sections", SECTIONS.iter().map(|r| r.name));
        unique("global", GLOBAL.iter().map(|r| r.name));
        unique("proxy", PROXY.iter().map(|r| r.name));
        unique("option", OPTIONS.iter().map(|r| r.name));
        unique("bind", BIND.iter().map(|r| r.name));
        unique("server", SERVER.iter().map(|r| r.name));
        for (table, rows) in [
            ("http-request", HTTP_REQUEST),
            ("http-response", HTTP_RESPONSE),
            ("http-after-response", HTTP_AFTER_RESPONSE),
            ("tcp-request connection", TCP_CONNECTION),
            ("tcp-request session", TCP_SESSION),
            ("tcp-request content", TCP_CONTENT),
        ] {
            unique(table, rows.iter().map(|r| r.name));
        }
    }

    #[test]
    fn what_servers_made_at_run_time_may_have_is_in_the_table() {
        for name in DYNAMIC_SERVER {
            assert!(SERVER.iter().any(|row| row.name == *name), "{name}");
        }
    }

    #[test]
    fn every_proxy_keyword_has_a_place() {
        for row in PROXY {
            assert!(row.scope.has(FB), "{}", row.name);
            assert!(!(row.scope.has(Scope::D) && row.scope.has(Scope::N)), "{}", row.name);
        }
    }
}
