//! Keywords that concern the process.

use super::{good, shown};
use crate::model::{Capability, CloseSpread, Config, ListenAddress};
use std::time::Duration;

const LISTEN: &str = "listen l\n bind unix@a\n bind /b mode 600\n bind :1\n";

fn global(lines: &str) -> Config {
    good(&format!("global\n{lines}\n{LISTEN}"))
}

#[test]
fn settings() {
    let p = global(
        " fd-hard-limit 5000\n no strict-limits\n set-dumpable\n setcap cap_net_raw,cap_net_bind_service\n \
         mworker-max-reloads 3\n grace 2s\n localpeer me\n close-spread-time 1m",
    )
    .global
    .process;
    assert_eq!((p.fd_hard_limit, p.lax_limits, p.dumpable, p.max_reloads), (Some(5000), true, true, Some(3)));
    assert_eq!(p.capabilities, [Capability::NetRaw, Capability::NetBindService]);
    assert_eq!((p.grace, p.local_peer.as_deref()), (Some(Duration::from_secs(2)), Some("me")));
    assert_eq!(p.close_spread, Some(CloseSpread::Over(Duration::from_secs(60))));
    let p = global(" strict-limits\n set-dumpable\n no set-dumpable\n close-spread-time infinite").global.process;
    assert_eq!((p.lax_limits, p.dumpable, p.close_spread), (false, false, Some(CloseSpread::Never)));
}

#[test]
fn processors_of_threads() {
    let of = |lines: &str| {
        let map = global(lines).global.process.cpu_map;
        let shown = |thread| map.of(thread).map(|set| set.into_iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>());
        (0..4).map(|t| shown(t).map_or("-".to_owned(), |set| set.join(","))).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(""), "- - - -");
    assert_eq!(of(" cpu-map 1 0-1"), "0,1 0,1 0,1 0,1");
    assert_eq!(of(" cpu-map 1/1-2 3"), "3 3 - -");
    assert_eq!(of(" cpu-map auto:1/1-3 0-1 5"), "0 1 5 -");
    assert_eq!(of(" cpu-map 1/odd 0,2\n cpu-map 1/3 7"), "0,2 - 7 -");
    // What a group and its thread have in common; nothing in common binds nothing.
    assert_eq!(of(" cpu-map 1 0-1\n cpu-map 1/1 1-2\n cpu-map 1/2 5"), "1 - 0,1 0,1");
    assert_eq!(of(" cpu-map 1/3- 4"), "- - 4 4");
    // There is no second group.
    assert_eq!(of(" cpu-map 2/1 0\n cpu-map even 1"), "- - - -");
}

#[test]
fn unix_sockets_begin_alike() {
    let config = global(" unix-bind prefix /run/x- mode 660 user haproxy gid 7");
    let [a, b, ip] = config.proxies[0].binds.as_slice() else { panic!() };
    assert_eq!((&a.address, a.mode), (&ListenAddress::Unix("/run/x-a".into()), Some(0o660)));
    assert_eq!((&b.address, b.mode), (&ListenAddress::Unix("/run/x-/b".into()), Some(0o600)));
    assert_eq!((b.uid, b.gid, ip.mode), (Some(101), Some(7), None));
}

#[test]
fn faults() {
    for (line, message) in [
        ("cpu-map", "cpu-map expects a thread set"),
        ("cpu-map 1", "cpu-map expects a thread set"),
        ("cpu-map x 0", "cpu-map : 'x' is not a valid number/range."),
        ("cpu-map 1/0 0", "cpu-map : '0' is not a valid number/range."),
        ("cpu-map 1/1 x", "cpu-map : 'x' is not a valid CPU range."),
        ("cpu-map 1/1 5-2", "cpu-map : '5-2' is not a valid CPU range."),
        ("cpu-map auto:1/1-4 0-1", "must have the same size to be automatically bound"),
        ("setcap", "'setcap' expects a list of capabilities"),
        ("setcap cap_chown", "'setcap' : unsupported capability 'cap_chown'."),
        ("set-dumpable x", "'set-dumpable' only supports 'on', 'off' and 'libs', found 'x'."),
        ("strict-limits x", "'strict-limits' cannot handle unexpected argument 'x'."),
        ("mworker-max-reloads", "'mworker-max-reloads' expects an integer argument."),
        ("fd-hard-limit abc", "'fd-hard-limit' expects an integer argument."),
        ("close-spread-time", "'close-spread-time' expects <time> as argument."),
        ("grace 1x", "unexpected character 'x' in argument to <grace>."),
        ("localpeer a b", "'localpeer' cannot handle unexpected argument 'b'."),
        ("localpeer", "'localpeer' expects a name as an argument."),
        ("unix-bind foo", "'unix-bind' only supports the 'prefix', 'mode', 'uid', 'gid', 'user' and 'group' options."),
        ("unix-bind mode 9", "'unix-bind' : invalid mode '9' (octal integer expected)"),
        ("unix-bind user nobody", "'unix-bind' : unknown user name 'nobody'"),
    ] {
        let said = shown(&format!("global\n {line}\n{LISTEN}"));
        assert!(said.contains("parsing [a.cfg:2] : ") && said.contains(message), "{line}: {said}");
    }
}
