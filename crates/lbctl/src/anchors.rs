//! What other tools for load balancers and clusters do, and the command that does it here.

use std::fmt::Write;

/// A tool's feature.
struct Feature {
    tool: &'static str,
    what: &'static str,
    /// The command line here; nothing where there is none.
    here: Option<&'static str>,
    /// What is to be known about it.
    note: &'static str,
}

macro_rules! features {
    ($($tool:literal { $($what:literal => $here:expr, $note:literal;)* })*) => {
        &[$($(Feature { tool: $tool, what: $what, here: $here, note: $note },)*)*]
    };
}

const FEATURES: &[Feature] = features! {
    "hatop" {
        "live view of proxies and servers" => Some("lbctl top"), "";
        "views of status, traffic, HTTP answers, errors (modes 1 to 4)" => Some("lbctl top"), "the same keys; 6 shows who holds a server";
        "F4 weight back, F5 −10, F6 −1, F7 +1, F8 +10" => Some("lbctl top"), "the same keys";
        "F9 enable, F10 disable" => Some("lbctl top"), "the same keys; also `r`, `m`, and `d` to drain";
        "up, down, page, home, end, Tab, q" => Some("lbctl top"), "the same keys";
        "help screen (H), menu of a service (Enter), identifier taken to the command line (Space)" => Some("lbctl top"), "the same keys";
        "command line in the program (mode 5)" => Some("lbctl top"), "the same key; `lbctl repl` knows more";
        "`-n` read only" => Some("lbctl top --read-only"), "";
        "`-i` interval" => Some("lbctl top --every 3s"), "";
        "`-p` one proxy" => Some("lbctl top app"), "";
        "`-f` by numbers" => Some("lbctl raw show stat 3 4 -1"), "";
    }
    "haproxyctl" {
        "`show health`" => Some("lbctl show servers"), "";
        "`show backend`, `show stat`, `show info`" => Some("lbctl show backends"), "and `show stat`, `show info`";
        "`enable`, `disable` a server in one or all backends" => Some("lbctl maint '*/web1'"), "and `ready`";
        "`enable all EXCEPT`, `disable all EXCEPT`" => Some("lbctl maint '*/*' --except '*/web1'"), "";
        "any command of the socket" => Some("lbctl raw 'show sess'"), "";
        "`nagios`, `cloudkick` checks" => None, "`lbctl doctor` judges in words and by its exit status";
        "start, stop, restart, status" => None, "the service manager's";
        "reload" => Some("lbctl -s /run/master.sock raw reload"), "through the master's socket";
        "`configcheck`" => None, "`lbd -c -f FILE`";
    }
    "haproxy-cli" {
        "list frontends, backends, servers" => Some("lbctl show servers -o name"), "and `show frontends`, `show backends`";
        "enable, disable, weight" => Some("lbctl weight app/web1 50%"), "and `ready`, `maint`";
        "`show info`, `show errors`, `show sess`" => Some("lbctl show sessions"), "and `show info`, `show errors`";
        "commands for every process of several sockets" => Some("lbctl -s /run/a.sock -s /run/b.sock show servers"), "";
    }
    "haproxytool" {
        "`server -l`, `-s`, `-r`, `-W`, `-A`, `-c`, `-C`, `-S`" => Some("lbctl show checks"), "and `show servers -o wide`";
        "`server -e`, `-d`, `-n`, `-R`, `-t`" => Some("lbctl drain app/web1"), "and `ready`, `maint`";
        "`server -w`, `-a`" => Some("lbctl server addr app/web1 10.0.0.7"), "and `weight`";
        "`server -x` (port)" => Some("lbctl server addr app/web1 10.0.0.7:8080"), "";
        "`frontend -l`, `-s`, `-r`, `-m`" => Some("lbctl show frontends"), "and `show stat web --columns …`";
        "`frontend -e`, `-d`, `-t`, `-w maxconn`" => Some("lbctl raw disable frontend web"), "and its kin";
        "`backend -l`, `-S`, `-s`, `-m`" => Some("lbctl show backends"), "";
        "`haproxy -i`, `-m`, `-e`, `-a`, `-A`" => Some("lbctl counters clear --all"), "and `show info`, `show errors`";
        "`haproxy -w`" => Some("lbctl raw set maxconn global 5000"), "";
        "`dump`" => Some("lbctl snapshot"), "";
        "`map`, `acl`" => Some("lbctl map set hosts.map www.example.com app"), "and `show maps`, `show acls`, `acl`";
        "several sockets at once (`-D`)" => Some("lbctl context discover"), "or `-s` several times";
    }
    "Ansible's haproxy module" {
        "`state=drain`, `drain=true wait=true`" => Some("lbctl drain app/web1 --wait --deadline 5m"), "";
        "`wait_interval`, `wait_retries`" => Some("lbctl wait app/web1 --for up --deadline 2m"), "a deadline instead of a count";
        "`state=disabled`" => Some("lbctl maint app/web1"), "";
        "`shutdown_sessions`" => Some("lbctl kill-sessions app/web1"), "";
        "`state=enabled wait=true`" => Some("lbctl ready app/web1 --wait"), "";
        "`weight`" => Some("lbctl weight app/web1 50%"), "";
        "`health`, `agent`" => Some("lbctl health app/web1 enable"), "and `agent`";
        "`host` in every backend" => Some("lbctl maint '*/web1'"), "";
        "`fail_on_not_found`" => Some("lbctl maint app/web1"), "always: exit status 4";
        "changed or not" => Some("lbctl maint app/web1 -o json"), "`\"result\": \"already\"`";
    }
    "kubectl drain" {
        "`--dry-run`" => Some("lbctl drain app/web1 --dry-run"), "`=wire` shows the very commands";
        "`--timeout`" => Some("lbctl drain app/web1 --deadline 5m"), "";
        "`--force`, `--grace-period`" => Some("lbctl drain app/web1 --deadline 30s --on-deadline kill"), "";
        "disruption budgets" => Some("lbctl drain app/web1 --min-up 2"), "and `--max-peer-load`";
        "`--disable-eviction`" => Some("lbctl maint app/web1"), "no guard is asked that is not named";
        "`--selector`" => Some("lbctl drain 'app/web*' --except app/web9"), "by names and addresses: servers have no labels";
        "`--ignore-daemonsets`, `--delete-emptydir-data`, `--pod-selector`" => None, "servers hold nothing of the kind";
        "`cordon`, `uncordon`" => Some("lbctl ready app/web1"), "`drain` without `--wait` is a cordon";
    }
    "nomad node drain" {
        "`-enable -deadline`" => Some("lbctl drain app/web1 --deadline 1h"), "";
        "`-no-deadline`" => Some("lbctl drain app/web1 --wait"), "";
        "`-force`" => Some("lbctl drain app/web1 --deadline 1s --on-deadline kill"), "";
        "`-disable`" => Some("lbctl ready app/web1"), "";
        "`-keep-ineligible`" => Some("lbctl drain app/web1 --wait --then maint"), "";
        "`-detach`, `-monitor`" => Some("lbctl drain app/web1 --wait --detach"), "and `drain --monitor ID`";
        "`-m`" => Some("lbctl drain app/web1 -m 'deploy 4711'"), "told by `lbctl log`";
        "`-yes`" => Some("lbctl drain 'app/*' --yes"), "";
        "`-ignore-system`, `-meta`" => None, "";
        "`-self`" => Some("lbctl drain --addr 10.0.0.7"), "the own address, named";
        "eligibility for a time" => Some("lbctl drain app/web1 --lease 30m"), "and `lease list`, `lease reap`";
    }
};

/// The part of the document on compatibility that compares with other tools.
pub fn anchors() -> String {
    let mut text = String::from(
        "\n## Other tools\n\nWhat other tools do with a HAProxy-compatible socket, or with the nodes of a cluster, and the \
         command that does it here. docs/tools.md tells which of them were run on `lbd`.\n\n| tool | what it does | lbctl \
         | |\n|---|---|---|---|\n",
    );
    for feature in FEATURES {
        let here = feature.here.map_or("no".to_owned(), |line| format!("`{line}`"));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {} | {here} | {} |", feature.tool, feature.what, feature.note);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    #[test]
    fn every_command_that_is_named_is_one() {
        for line in FEATURES.iter().filter_map(|feature| feature.here) {
            let words = crate::repl::split_words(line);
            assert!(Cli::try_parse_from(&words).is_ok(), "{line}: {:?}", Cli::try_parse_from(&words).err());
        }
        let table = anchors();
        let rows = table.lines().filter(|line| line.starts_with("| ")).count();
        // With its heading.
        assert_eq!(rows, FEATURES.len() + 1, "a cell holds a line break or a bar");
        assert!(table.lines().filter(|line| line.starts_with('|')).all(|line| line.matches('|').count() == 5));
    }
}
