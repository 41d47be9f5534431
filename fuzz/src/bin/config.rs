//! Configurations: any text yields a configuration or alerts at existing places, never both, never neither.

use fuzz::{Target, fingerprint};
use lb_config::{Host, Severity, Source, parse, render};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    fuzz::main(&Target {
        name: "config",
        words: &[
            "global\n",
            "defaults\n",
            "defaults base\n",
            "frontend fe\n",
            "backend app\n",
            "backend b from base\n",
            "listen all\n",
            "    mode http\n",
            "    mode tcp\n",
            "    bind :80\n",
            "    bind ipv6@[::1]:80\n",
            "    bind 127.0.0.1:80-90\n",
            "    server s1 127.0.0.1:80",
            " check",
            " inter 2s",
            " weight 10",
            " maxconn 5",
            " cookie a",
            " track app/s1",
            " backup",
            "    default-server inter 1s\n",
            "    timeout client 10s\n",
            "    option httpchk GET /\n",
            "    option forwardfor\n",
            "    balance roundrobin\n",
            "    acl a path_beg /x\n",
            "    use_backend app if a\n",
            " { path /x }",
            " !a",
            " or ",
            "    default_backend app\n",
            "    log 127.0.0.1 local0\n",
            "    cookie SRV insert indirect\n",
            "    maxconn 10\n",
            "    stats socket /tmp/x level admin\n",
            ".if ",
            ".elif 1\n",
            ".else\n",
            ".endif\n",
            "defined(X)",
            "streq(a,b)",
            "${X}",
            "\"${X-y}\"",
            "\"",
            "'",
            "\\",
            "#",
            "\\x41",
            "99999999999",
            "5x",
            "1d",
            "10m",
            "é",
        ],
        run,
    })
}

fn run(input: &[u8]) -> u64 {
    let source = Source { name: "f.cfg".to_owned(), text: input.to_vec() };
    let outcome = parse(&[source], &Nowhere);
    let alerts = outcome.diagnostics.iter().filter(|d| d.severity == Severity::Alert).count();
    assert_eq!(outcome.config.is_none(), alerts > 0, "a configuration exists unless there are alerts");
    let lines = input.split(|byte| *byte == b'\n').count();
    for diagnostic in &outcome.diagnostics {
        assert!(diagnostic.line as usize <= lines + 1, "line {} of {lines}", diagnostic.line);
        assert!(render(diagnostic, 1, false).ends_with('\n'));
    }
    // The words of a finding without what the input brought into it.
    let kinds: Vec<String> = outcome
        .diagnostics
        .iter()
        .take(6)
        .map(|d| d.message.split('\'').step_by(2).collect::<String>().chars().filter(|c| !c.is_ascii_digit()).collect())
        .collect();
    let proxies = outcome.config.as_ref().map(|config| config.proxies.len().min(4));
    fingerprint(&(proxies, kinds))
}

/// A world without files, names or variables, but for `X`.
struct Nowhere;

impl Host for Nowhere {
    fn env(&self, name: &str) -> Option<String> {
        (name == "X").then(|| "x y".to_owned())
    }

    fn resolve(&self, name: &str) -> Option<IpAddr> {
        (name == "localhost").then_some(IpAddr::from([127, 0, 0, 1]))
    }

    fn user_id(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn group_id(&self, name: &str) -> Option<u32> {
        (name == "root").then_some(0)
    }

    fn read_file(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Ok(b"10.0.0.0/8\n# text\nvalue other\n".to_vec())
    }

    fn hostname(&self) -> String {
        "host".to_owned()
    }
}
