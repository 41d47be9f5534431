//! The outside world as the parser sees it.

use crate::cli::Args;
use lb_config::Host;
use std::io;
use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::path::Path;

/// This machine.
#[derive(Debug)]
pub struct System {
    /// `-4`.
    ipv4_only: bool,
    /// `-dG`, or when names do not matter.
    no_resolver: bool,
    /// What a name that cannot be resolved stands for, where that is good enough.
    placeholder: Option<IpAddr>,
}

impl System {
    /// For a start.
    pub fn new(args: &Args) -> System {
        System { ipv4_only: args.ipv4_only, no_resolver: args.no_resolver, placeholder: None }
    }

    /// For a check: with `-dr` a name need not be known here, since nothing will connect to it.
    pub fn for_check(args: &Args) -> System {
        let placeholder = args.ignore_unresolved.then_some(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        System { placeholder, ..System::new(args) }
    }

    /// For a look at the global section only.
    pub fn for_peek() -> System {
        System { ipv4_only: false, no_resolver: true, placeholder: Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) }
    }
}

impl Host for System {
    fn env(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }

    fn resolve(&self, name: &str) -> Option<IpAddr> {
        let found = (!self.no_resolver)
            .then(|| (name, 0).to_socket_addrs().ok())
            .flatten()
            .and_then(|found| found.map(|address| address.ip()).find(|ip| ip.is_ipv4() || !self.ipv4_only));
        found.or(self.placeholder)
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        nix::unistd::User::from_name(name).ok().flatten().map(|user| user.uid.as_raw())
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        nix::unistd::Group::from_name(name).ok().flatten().map(|group| group.gid.as_raw())
    }

    fn read_file(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list_dir(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = std::fs::read_dir(path)?.filter_map(Result::ok);
        let files = entries.filter(|entry| entry.path().is_file());
        Ok(files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
    }

    fn hostname(&self) -> String {
        hostname()
    }
}

/// The machine's name.
pub fn hostname() -> String {
    nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_resolve_as_the_options_allow() {
        let args = Args { no_resolver: true, ignore_unresolved: true, ..Args::default() };
        assert_eq!(System::new(&args).resolve("localhost"), None);
        assert_eq!(System::for_check(&args).resolve("localhost"), Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        let args = Args { ipv4_only: true, ..Args::default() };
        assert_eq!(System::new(&args).resolve("localhost"), Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn users_and_groups() {
        let host = System::new(&Args::default());
        assert_eq!((host.user_id("root"), host.group_id("root")), (Some(0), Some(0)));
        assert_eq!(host.user_id("no such user"), None);
    }
}
