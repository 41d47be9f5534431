//! The texts of `-v`, `-vv` and `-vq`, in HAProxy's layout because tools look for its parts
//! (`+FEATURE`, `Built with …`), with nothing in them that is not true of this program.

use lb_config::{COMPATIBLE_VERSION as COMPATIBLE, FEATURES};
use std::fmt::Write;

/// Which text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionText {
    /// `-v`.
    Short,
    /// `-vv`.
    Long,
    /// `-vq`: the version.
    Number,
    /// `-vqs`: the version without what follows its numbers.
    Plain,
    /// `-vqb`: the branch.
    Branch,
}

/// Build options of HAProxy, by its names. Those of [`FEATURES`] are here, the others are not.
const KNOWN: &[&str] = &[
    "51DEGREES",
    "ACCEPT4",
    "BACKTRACE",
    "CPU_AFFINITY",
    "DEVICEATLAS",
    "DL",
    "EPOLL",
    "GETADDRINFO",
    "KQUEUE",
    "LIBCRYPT",
    "LINUX_SPLICE",
    "LINUX_TPROXY",
    "LUA",
    "NS",
    "OPENSSL",
    "OT",
    "PCRE",
    "PCRE2",
    "POLL",
    "PRCTL",
    "PROMEX",
    "QUIC",
    "SLZ",
    "SYSTEMD",
    "TFO",
    "THREAD",
    "TPROXY",
    "WURFL",
    "ZLIB",
];

/// One of the version texts, with its final newline.
pub fn version(text: VersionText) -> String {
    match text {
        VersionText::Short => short(),
        VersionText::Long => long(),
        VersionText::Number => format!("{COMPATIBLE}\n"),
        VersionText::Plain => {
            let end = COMPATIBLE.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(COMPATIBLE.len());
            format!("{}\n", COMPATIBLE.get(..end).unwrap_or(COMPATIBLE))
        }
        VersionText::Branch => {
            let parts: Vec<_> = COMPATIBLE.split('.').take(2).collect();
            format!("{}\n", parts.join("."))
        }
    }
}

fn short() -> String {
    let mut text = format!("lbd version {}, compatible with HAProxy version {COMPATIBLE}\n", env!("CARGO_PKG_VERSION"));
    text.push_str("Status: development branch - not safe for use in production.\n");
    let kernel = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    let parts = [kernel("ostype"), kernel("osrelease"), kernel("version"), std::env::consts::ARCH.to_owned()];
    // Writing to a String cannot fail.
    let _ = writeln!(text, "Running on: {}", parts.each_ref().map(|part| part.trim()).join(" "));
    text
}

fn long() -> String {
    let mut text = short();
    let features: Vec<String> =
        KNOWN.iter().map(|name| format!("{}{name}", if FEATURES.contains(name) { '+' } else { '-' })).collect();
    let options: Vec<String> = FEATURES.iter().map(|name| format!("USE_{name}=1")).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "Build options :
  TARGET  = {os}-{arch}
  CC      = rustc
  CFLAGS  = {profile}
  OPTIONS = {options}
  DEBUG   = {debug}

Feature list : {features}

Default settings :
  bufsize = {bufsize}, maxrewrite = {maxrewrite}

Built with multi-threading support (MAX_TGROUPS=1, default={threads}).
Built without SSL library.
Built without compression support.
Encrypted password support via crypt(3): no

Available polling systems :
      epoll : pref=300,  test result OK
Total: 1 (1 usable), will use epoll.

Available multiplexer protocols :
(protocols marked as <default> cannot be specified using 'proto' keyword)
  <default> : mode=HTTP  side=FE|BE  mux=H1    flags=
  <default> : mode=TCP   side=FE|BE  mux=PASS  flags=

Available services : none

Available filters : none

",
        os = std::env::consts::OS,
        arch = std::env::consts::ARCH,
        profile = if cfg!(debug_assertions) { "profile=debug" } else { "profile=release" },
        options = options.join(" "),
        debug = if cfg!(debug_assertions) { "debug_assertions" } else { "" },
        features = features.join(" "),
        bufsize = 16384,
        maxrewrite = 1024,
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(version(VersionText::Number), format!("{COMPATIBLE}\n"));
        assert_eq!(version(VersionText::Plain), "3.5.0\n");
        assert_eq!(version(VersionText::Branch), "3.5\n");
    }

    #[test]
    fn long_text_has_the_parts_tools_look_for() {
        let text = version(VersionText::Long);
        for part in ["lbd version ", "Build options :\n", "\nFeature list : -51DEGREES +ACCEPT4 ", "Default settings :"]
        {
            assert!(text.contains(part), "{part}");
        }
        assert!(text.starts_with(&version(VersionText::Short)));
    }

    #[test]
    fn features_are_in_alphabetical_order() {
        assert!(KNOWN.is_sorted());
    }

    #[test]
    fn every_feature_is_a_known_one() {
        assert!(FEATURES.iter().all(|feature| KNOWN.contains(feature)));
    }
}
