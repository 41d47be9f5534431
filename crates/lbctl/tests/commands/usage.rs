//! Wrong words, each told with what would be right.

use expect_test::expect;

use crate::support::Engine;

// No engine is asked.
#[test]
fn wrong_words() {
    let Some(engine) = Engine::start_lbd() else { return };
    engine.check_all(
        &[
            "drain app",
            "maint app",
            "ready app",
            "weight app 5",
            "health app up",
            "agent app down",
            "wait app --for up",
            "explain app",
            "check app",
            "kill-sessions app",
            "server addr app 127.0.0.2",
            "server del app",
            "server add app 127.0.0.1:1",
            "drain",
            "maint",
            "ready",
            "weight app/web1",
            "weight app/web1 -1",
            "weight app/web1 257",
            "health app/web1 sideways",
            "agent app/web1 sideways",
            "wait app/web1 --for never",
            "wait app/web1 --for scur<x",
            "map set hosts.map",
            "acl add deny.acl",
            "table set sticky",
            "table clear sticky",
            "cert set site.pem",
            "cert new",
            "cert del",
            "counters clear everything",
            "exec --nonsense",
            "exec nonsense",
            "show nothing",
            "show servers --filter status",
            "show info --times 3",
            "lease list nonsense",
            "lease reap nonsense",
            "context list nonsense",
            "context add",
            "context add x nonsense",
            "completion",
            "completion csh",
            "log --nonsense",
            "repl nonsense",
            "top --nonsense",
            "nonsense",
            "-o nonsense show info",
            "-s http://x show info",
            "drain app/web1 --deadline soon",
        ],
        &expect![[r#"
            $ lbctl drain app
            $ lbctl maint app
            $ lbctl ready app
            --- stderr
            error: invalid value 'app' for '[TARGET]...': 'app' names no server; write backend/server, or 'app/*' for all servers of a backend

            For more information, try '--help'.
            --- exit 2
            $ lbctl weight app 5
            $ lbctl health app up
            $ lbctl agent app down
            --- stderr
            error: invalid value 'app' for '<TARGET>...': 'app' names no server; write backend/server, or 'app/*' for all servers of a backend

            For more information, try '--help'.
            --- exit 2
            $ lbctl wait app --for up
            $ lbctl explain app
            $ lbctl check app
            $ lbctl kill-sessions app
            --- stderr
            error: invalid value 'app' for '[TARGET]...': 'app' names no server; write backend/server, or 'app/*' for all servers of a backend

            For more information, try '--help'.
            --- exit 2
            $ lbctl server addr app 127.0.0.2
            $ lbctl server del app
            $ lbctl server add app 127.0.0.1:1
            --- stderr
            error: invalid value 'app' for '<NAME>': 'app' is not of the form backend/server

            For more information, try '--help'.
            --- exit 2
            $ lbctl drain
            $ lbctl maint
            $ lbctl ready
            --- stderr
            error: no server is named
            hint: name servers as backend/server, 'backend/*' for all of a backend; or --addr ADDRESS
            --- exit 2
            $ lbctl weight app/web1
            --- stderr
            error: invalid value 'app/web1' for '<WEIGHT>': a weight is a whole number from 0 to 256, or a percentage of the configured one such as 50%

            For more information, try '--help'.
            --- exit 2
            $ lbctl weight app/web1 -1
            --- stderr
            error: unexpected argument '-1' found

              tip: to pass '-1' as a value, use '-- -1'

            Usage: lbctl weight [OPTIONS] <TARGET>... <WEIGHT>

            For more information, try '--help'.
            --- exit 2
            $ lbctl weight app/web1 257
            --- stderr
            error: invalid value '257' for '<WEIGHT>': a weight is a whole number from 0 to 256, or a percentage of the configured one such as 50%

            For more information, try '--help'.
            --- exit 2
            $ lbctl health app/web1 sideways
            --- stderr
            error: invalid value 'sideways' for '<HEALTH>'
              [possible values: up, stopping, down, enable, disable]

            For more information, try '--help'.
            --- exit 2
            $ lbctl agent app/web1 sideways
            --- stderr
            error: invalid value 'sideways' for '<AGENT>'
              [possible values: up, down, enable, disable]

            For more information, try '--help'.
            --- exit 2
            $ lbctl wait app/web1 --for never
            --- stderr
            error: invalid value 'never' for '--for <GOAL>': this is drained, up, maint or a condition such as 'scur<5'

            For more information, try '--help'.
            --- exit 2
            $ lbctl wait app/web1 --for scur<x
            --- stderr
            error: invalid value 'scur<x' for '--for <GOAL>': 'x' is no number

            For more information, try '--help'.
            --- exit 2
            $ lbctl map set hosts.map
            --- stderr
            error: the following required arguments were not provided:
              <KEY>
              <VALUE>

            Usage: lbctl map set <MAP> <KEY> <VALUE>

            For more information, try '--help'.
            --- exit 2
            $ lbctl acl add deny.acl
            --- stderr
            error: the following required arguments were not provided:
              <PATTERN>

            Usage: lbctl acl add <ACL> <PATTERN>

            For more information, try '--help'.
            --- exit 2
            $ lbctl table set sticky
            --- stderr
            error: the following required arguments were not provided:
              <KEY>
              <TYPE=VALUE>...

            Usage: lbctl table set <TABLE> <KEY> <TYPE=VALUE>...

            For more information, try '--help'.
            --- exit 2
            $ lbctl table clear sticky
            --- stderr
            error: the following required arguments were not provided:
              --key <KEY>

            Usage: lbctl table clear --key <KEY> <TABLE>

            For more information, try '--help'.
            --- exit 2
            $ lbctl cert set site.pem
            --- stderr
            error: the following required arguments were not provided:
              <FILE>

            Usage: lbctl cert set <NAME> <FILE>

            For more information, try '--help'.
            --- exit 2
            $ lbctl cert new
            --- stderr
            error: the following required arguments were not provided:
              <NAME>
              <FILE>

            Usage: lbctl cert new <NAME> <FILE>

            For more information, try '--help'.
            --- exit 2
            $ lbctl cert del
            --- stderr
            error: the following required arguments were not provided:
              <NAME>

            Usage: lbctl cert del <NAME>

            For more information, try '--help'.
            --- exit 2
            $ lbctl counters clear everything
            --- stderr
            error: unexpected argument 'everything' found

            Usage: lbctl counters clear [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl exec --nonsense
            --- stderr
            error: unexpected argument '--nonsense' found

            Usage: lbctl exec [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl exec nonsense
            --- stderr
            error: unexpected argument 'nonsense' found

            Usage: lbctl exec [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl show nothing
            --- stderr
            error: unrecognized subcommand 'nothing'

            Usage: lbctl show [OPTIONS] <COMMAND>

            For more information, try '--help'.
            --- exit 2
            $ lbctl show servers --filter status
            --- stderr
            error: invalid value 'status' for '--filter <CONDITION>': 'status' is no condition: write COLUMN=VALUE, with =, !=, <, <=, >, >= or ~

            For more information, try '--help'.
            --- exit 2
            $ lbctl show info --times 3
            --- stderr
            error: --times is how often --watch looks
            hint: lbctl show servers --watch 1s --times 5
            --- exit 2
            $ lbctl lease list nonsense
            --- stderr
            error: unexpected argument 'nonsense' found

            Usage: lbctl lease list [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl lease reap nonsense
            --- stderr
            error: unexpected argument 'nonsense' found

            Usage: lbctl lease reap [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl context list nonsense
            --- stderr
            error: unexpected argument 'nonsense' found

            Usage: lbctl context list [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl context add
            --- stderr
            error: the following required arguments were not provided:
              <NAME>
              <NODE=ADDRESS>...

            Usage: lbctl context add <NAME> <NODE=ADDRESS>...

            For more information, try '--help'.
            --- exit 2
            $ lbctl context add x nonsense
            --- stderr
            error: invalid value 'nonsense' for '<NODE=ADDRESS>...': this is NAME=ADDRESS, such as lb1=/run/haproxy/admin.sock

            For more information, try '--help'.
            --- exit 2
            $ lbctl completion
            --- stderr
            error: the following required arguments were not provided:
              <SHELL>

            Usage: lbctl completion <SHELL>

            For more information, try '--help'.
            --- exit 2
            $ lbctl completion csh
            --- stderr
            error: invalid value 'csh' for '<SHELL>'
              [possible values: bash, zsh, fish]

              tip: a similar value exists: 'zsh'

            For more information, try '--help'.
            --- exit 2
            $ lbctl log --nonsense
            --- stderr
            error: unexpected argument '--nonsense' found

              tip: to pass '--nonsense' as a value, use '-- --nonsense'

            Usage: lbctl log [OPTIONS] [OBJECT]

            For more information, try '--help'.
            --- exit 2
            $ lbctl repl nonsense
            --- stderr
            error: unexpected argument 'nonsense' found

            Usage: lbctl repl [OPTIONS]

            For more information, try '--help'.
            --- exit 2
            $ lbctl top --nonsense
            --- stderr
            error: unexpected argument '--nonsense' found

              tip: to pass '--nonsense' as a value, use '-- --nonsense'

            Usage: lbctl top [OPTIONS] [TARGET]...

            For more information, try '--help'.
            --- exit 2
            $ lbctl nonsense
            --- stderr
            error: unrecognized subcommand 'nonsense'

            Usage: lbctl [OPTIONS] [COMMAND]

            For more information, try '--help'.
            --- exit 2
            $ lbctl -o nonsense show info
            --- stderr
            error: invalid value 'nonsense' for '--output <FORMAT>'
              [possible values: table, wide, expanded, json, jsonl, csv, yaml, name, raw]

            For more information, try '--help'.
            --- exit 2
            $ lbctl -s http://x show info
            --- stderr
            error: invalid value 'http://x' for '--socket <ADDRESS>': 'http://x' has an unknown scheme; known are unix://, tcp:// and ssh://

            For more information, try '--help'.
            --- exit 2
            $ lbctl drain app/web1 --deadline soon
            --- stderr
            error: invalid value 'soon' for '--deadline <TIME>': unexpected character 's', expected a number with an optional unit (us, ms, s, m, h, d)

            For more information, try '--help'.
            --- exit 2
        "#]],
    );
}
