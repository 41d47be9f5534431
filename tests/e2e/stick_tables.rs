//! Stick tables: what is counted, what is limited by it, and whom clients stick to.

use crate::check_eq;
use crate::support::{HEAD, both, same, start};
use anyhow::{Context, Result};
use lb_testkit::client::{self, Client};
use lb_testkit::{Origin, Program, until};

/// An answer of the admin socket without what differs between runs: pointers and times; 2.6 has no shards.
fn settled(answer: &str) -> String {
    let word = |word: &str| match word.split_once('=') {
        Some(("exp", "0")) => Some("exp=0".to_owned()),
        Some(("exp", _)) => Some("exp=T".to_owned()),
        Some(("shard", _)) => None,
        _ if word.starts_with("0x") => Some("P:".to_owned()),
        _ => Some(word.to_owned()),
    };
    let line = |line: &str| line.split(' ').filter_map(word).collect::<Vec<_>>().join(" ");
    answer.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn ask(program: &Program, line: &str) -> Result<String> {
    Ok(settled(&program.admin().ask(line)?))
}

/// Waits until nobody holds an entry of the table, and gives it.
fn at_rest(program: &Program, table: &str) -> Result<String> {
    until("connections' ends", || {
        let text = ask(program, &format!("show table {table}")).ok()?;
        text.lines().filter(|line| line.starts_with("P:")).all(|line| line.contains(" use=0 ")).then_some(text)
    })
}

fn get(program: &Program, path: &str, fields: &str) -> Result<lb_testkit::Response> {
    let mut client = Client::connect(program.address("fe"))?;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{fields}\r\n"))?;
    client.response()
}

const STORE: &str = "store gpt0,gpc0,gpc0_rate(1m),conn_cnt,conn_cur,conn_rate(1m),sess_cnt,sess_rate(1m),http_req_cnt,\
                     http_req_rate(1m),http_err_cnt,http_err_rate(1m),http_fail_cnt,http_fail_rate(1m),gpc1,gpc1_rate(1m)";

#[test]
fn events_are_counted_where_they_are_tracked() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 100 expire 1h {STORE}
    tcp-request connection track-sc0 src
    http-request track-sc1 src table requests
    http-request track-sc2 hdr(x-k) table keys
    http-request deny deny_status 404 if {{ path /404 }}
    http-request deny deny_status 503 if {{ path /503 }}
    http-request sc-inc-gpc0(0) if {{ path /inc }}
    http-request sc-set-gpt0(0) int(77) if {{ path /tag }}
    default_backend app
frontend requests
    bind 127.0.0.1:{{port:requests}}
    stick-table type ip size 100 expire 1h {STORE}
    default_backend app
backend keys
    stick-table type string len 8 size 3 expire 1h store gpc0,http_req_cnt
backend app
    server s1 {{o1}}
"
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        for path in ["/", "/404", "/503", "/inc", "/tag", "/status/500", "/status/404", "/status/501"] {
            get(&program, path, "")?;
        }
        let mut kept = Client::connect(program.address("fe"))?;
        for _ in 0..2 {
            kept.send("GET / HTTP/1.1\r\nHost: t\r\nX-K: abcdefghij\r\n\r\n")?;
            kept.response()?;
        }
        drop(kept);
        let mut bad = Client::connect(program.address("fe"))?;
        bad.send("GARBAGE\r\n\r\n")?;
        bad.read_to_end()?;
        Ok([at_rest(&program, "fe")?, at_rest(&program, "requests")?, at_rest(&program, "keys")?])
    });
}

#[test]
fn a_connection_is_counted_while_it_lasts() {
    both(|engine| {
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 100 store conn_cur
    tcp-request connection track-sc0 src
    http-request deny
"
        );
        let program = start(engine, &[], &config)?;
        let clients: Vec<Client> = (0..3).map(|_| Client::connect(program.address("fe"))).collect::<Result<_>>()?;
        until("three connections", || {
            ask(&program, "show table fe").ok()?.contains("use=3 exp=0 conn_cur=3").then_some(())
        })?;
        check_eq!(ask(&program, "clear table fe key 127.0.0.1")?, "Entry currently in use, cannot remove\n");
        drop(clients);
        check_eq!(at_rest(&program, "fe")?.contains("conn_cur=0"), true);
        check_eq!(ask(&program, "clear table fe key 127.0.0.1")?, "");
        check_eq!(ask(&program, "show table fe")?, "# table: fe, type: ip, size:100, used:0\n");
        Ok(())
    });
}

#[test]
fn requests_above_a_rate_are_denied() {
    same(|engine| {
        let origin = Origin::http("o1")?;
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 1k expire 1h store http_req_rate(1h),gpc0
    http-request track-sc0 src
    http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 3 }}
    default_backend app
backend app
    server s1 {{o1}}
"
        );
        let program = start(engine, &[("o1", &origin)], &config)?;
        let statuses: Vec<String> = (0..6).map(|_| Ok(get(&program, "/", "")?.head.start)).collect::<Result<_>>()?;
        Ok((statuses, at_rest(&program, "fe")?, origin.requests().len()))
    });
}

#[test]
fn connections_above_a_rate_are_rejected() {
    both(|engine| {
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 1k expire 1h store conn_rate(1h)
    tcp-request connection reject if {{ src_conn_rate ge 2 }}
    tcp-request connection track-sc0 src
    http-request return status 200
"
        );
        let program = start(engine, &[], &config)?;
        for _ in 0..2 {
            check_eq!(get(&program, "/", "")?.head.start, "HTTP/1.1 200 OK");
        }
        for _ in 0..2 {
            let answer = Client::connect(program.address("fe")).and_then(|mut client| {
                client.offer("GET / HTTP/1.1\r\nHost: t\r\n\r\n");
                client.read_to_end()
            });
            // A reset and an end are both a refusal.
            check_eq!(answer.unwrap_or_default().len(), 0);
        }
        Ok(())
    });
}

#[test]
fn expressions_read_entries() {
    const WHAT: &[&str] = &[
        "%[sc_http_req_cnt(0)]",
        "%[sc0_http_req_cnt]",
        "%[sc_http_req_cnt(2)]",
        "%[src_http_req_cnt]",
        "%[src_http_req_cnt(fe)]",
        "%[src_get_gpc0(arrays)]",
        "%[sc0_conn_cur]",
        "%[sc0_tracked] %[sc2_tracked] %[sc_tracked(1)]",
        "%[sc0_trackers]",
        "%[sc0_kbytes_in]",
        "%[src,table_http_req_cnt(fe)]",
        "%[str(zzz),table_gpc0(keys)]",
        "%[src,in_table(fe)] %[str(zz),in_table(keys)]",
        "%[sc0_inc_gpc0] %[sc0_get_gpc0] %[sc0_clr_gpc0] %[sc0_get_gpc0]",
        "%[sc0_inc_gpc1] %[src_get_gpc1]",
        "%[sc1_get_gpc0]",
        "%[sc1_http_req_cnt(fe)]",
        "%[src,table_expire(keys,5)] %[src,table_idle(keys,6)] %[src,table_expire(keys)]",
        "%[src_inc_gpc0(keys)] %[src_inc_gpc0(keys)] %[src_clr_gpc0(keys)] %[src_get_gpc0(keys)]",
        "%[src_updt_conn_cnt] %[src_conn_cnt]",
        "%[table_cnt(keys)] %[table_avl(keys)]",
        "%[sc_get_gpc(1,2)] %[src_get_gpc(1,arrays)] %[src_gpc_rate(1,arrays)] %[sc_gpc_rate(1,2)]",
        "%[sc_get_gpc(7,2)] %[src_get_gpt(1,arrays)] %[src,table_gpc(1,arrays)] %[sc_get_gpt(1,2)]",
        "%[sc2_inc_gpc0] %[src_get_gpc(0,arrays)]",
    ];
    same(|engine| {
        let rules: Vec<String> = (0..)
            .zip(WHAT)
            .map(|(n, what)| format!("    http-request redirect location \"/r {what}\" if {{ path /{n} }}\n"))
            .collect();
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 100 expire 1h {STORE},bytes_in_cnt
    http-request track-sc0 src
    http-request track-sc1 src table bare
    http-request track-sc2 src table arrays if {{ path_beg /2 }}
    http-request sc-inc-gpc(1,2)
    http-request sc-set-gpt(1,2) int(4)
{}backend keys
    stick-table type string size 30 expire 1h store gpc0
backend bare
    stick-table type ip size 30 expire 1h store http_req_cnt
backend arrays
    stick-table type integer size 1k store gpt(2),gpc(3),gpc_rate(2,1h)
",
            rules.concat()
        );
        let program = start(engine, &[], &config)?;
        let mut seen = Vec::new();
        for (n, what) in WHAT.iter().enumerate() {
            let response = get(&program, &format!("/{n}"), "").with_context(|| (*what).to_owned())?;
            seen.push((*what, response.get("location").map(str::to_owned)));
        }
        Ok((seen, at_rest(&program, "arrays")?))
    });
}

#[test]
fn clients_stick_to_a_server_until_it_is_gone() {
    both(|engine| {
        let origins: Vec<Origin> = ["s1", "s2", "s3"].into_iter().map(Origin::http).collect::<Result<_>>()?;
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    default_backend app
backend app
    balance roundrobin
    stick-table type string len 20 size 1k expire 1h
    stick on hdr(x-user)
    server s1 {{s1}}
    server s2 {{s2}}
    server s3 {{s3}}
"
        );
        let named: Vec<(&str, &Origin)> = ["s1", "s2", "s3"].into_iter().zip(&origins).collect();
        let program = start(engine, &named, &config)?;
        let server = |user: &str| -> Result<String> {
            let response = get(&program, "/", &format!("X-User: {user}\r\n"))?;
            Ok(response.get("x-origin").unwrap_or_default().to_owned())
        };
        let first = server("ann")?;
        let entry = |id: &str, name: &str| {
            let text = ask(&program, "show table app").ok()?;
            text.contains(&format!("key=ann use=0 exp=T server_id={id} server_key={name}")).then_some(())
        };
        until("the entry", || entry(first.trim_start_matches('s'), &first))?;
        for _ in 0..4 {
            check_eq!(server("ann")?, first);
        }
        let admin = program.admin();
        // A drained server keeps its clients, one in maintenance does not.
        check_eq!(admin.ask(&format!("set server app/{first} state drain"))?, "\n");
        check_eq!(server("ann")?, first);
        check_eq!(admin.ask(&format!("set server app/{first} state maint"))?, "\n");
        let second = server("ann")?;
        check_eq!(second == first, false);
        until("the entry's change", || entry(second.trim_start_matches('s'), &second))?;
        check_eq!(admin.ask(&format!("set server app/{first} state ready"))?, "\n");
        for _ in 0..4 {
            check_eq!(server("ann")?, second);
        }
        // What an operator writes decides too.
        let third = ["s1", "s2", "s3"].into_iter().find(|s| *s != first && *s != second).unwrap_or_default();
        check_eq!(admin.ask("clear table app")?, "\n");
        admin.ask(&format!("set table app key ann data.server_id {}", third.trim_start_matches('s')))?;
        check_eq!(server("ann")?, third);
        Ok(())
    });
}

#[test]
fn a_response_teaches_whom_to_stick_to() {
    both(|engine| {
        let origins: Vec<Origin> = ["s1", "s2"].into_iter().map(Origin::http).collect::<Result<_>>()?;
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    default_backend app
backend app
    balance roundrobin
    stick-table type string size 1k expire 1h srvkey addr
    stick match hdr(x-want)
    stick store-response res.hdr(x-origin) if {{ status 200 }}
    server s1 {{s1}}
    server s2 {{s2}}
"
        );
        let named: Vec<(&str, &Origin)> = ["s1", "s2"].into_iter().zip(&origins).collect();
        let program = start(engine, &named, &config)?;
        for _ in 0..2 {
            get(&program, "/", "")?;
        }
        until("both entries", || ask(&program, "show table app").ok()?.contains("used:2").then_some(()))?;
        for wanted in ["s2", "s2", "s1", "s1", "s1"] {
            let response = get(&program, "/", &format!("X-Want: {wanted}\r\n"))?;
            check_eq!(response.get("x-origin"), Some(wanted));
        }
        let table = ask(&program, "show table app")?;
        let address = format!("key=s1 use=0 exp=T server_id=1 server_key={}", origins[0].address());
        check_eq!(table.contains(&address), true, "{table}");
        Ok(())
    });
}

#[test]
fn connections_stick_too() {
    both(|engine| {
        let origins: Vec<Origin> = ["s1", "s2"].into_iter().map(Origin::http).collect::<Result<_>>()?;
        let config = format!(
            "{HEAD}listen fe
    mode tcp
    bind 127.0.0.1:{{port:fe}}
    balance roundrobin
    stick-table type ip size 1k expire 1h store conn_cnt,bytes_out_cnt
    tcp-request connection track-sc0 src
    stick on src
    server s1 {{s1}}
    server s2 {{s2}}
"
        );
        let named: Vec<(&str, &Origin)> = ["s1", "s2"].into_iter().zip(&origins).collect();
        let program = start(engine, &named, &config)?;
        for _ in 0..4 {
            get(&program, "/", "")?;
        }
        let seen: Vec<usize> = origins.iter().map(|origin| origin.requests().len()).collect();
        check_eq!(seen.contains(&4), true, "{seen:?}");
        let table = at_rest(&program, "fe")?;
        check_eq!(table.contains(" conn_cnt=4 "), true, "{table}");
        check_eq!(table.contains(" bytes_out_cnt=0 "), false, "{table}");
        Ok(())
    });
}

#[test]
fn operators_see_and_change_entries() {
    const LINES: &[&str] = &[
        "show table",
        "show table nope",
        "set table fe key 10.0.0.1 data.conn_cnt 5 data.http_req_rate 7",
        "set table fe key 10.0.0.2",
        "set table fe key",
        "set table fe foo 1",
        "set table fe data.conn_cnt 5",
        "set table",
        "set table nope key 1",
        "set table fe key 10.0.0.2 data.bogus 5",
        "set table fe key 10.0.0.2 data.gpt0 5",
        "show table fe key 10.0.0.1",
        "show table fe key 10.9.9.9",
        "show table fe data.conn_cnt gt 4",
        "show table fe data.conn_cnt gt 4 data.http_req_rate eq 7",
        "show table fe data.conn_cnt gt 4 data.http_req_rate eq 8",
        "show table fe data.conn_cnt gt",
        "show table fe data.conn_cnt",
        "show table fe data.conn_cnt xx 4",
        "show table fe data.gpt0 gt 4",
        "show table fe data.foo gt 4",
        "show table fe foo",
        "show table fe key",
        "show table fe data.conn_cnt gt 4 key 10.0.0.1",
        "show table fe data.conn_cnt gt 4 data.conn_cnt gt 4 data.conn_cnt gt 4 data.conn_cnt gt 4 data.conn_cnt gt 4",
        "show table fe data.conn_cnt gt 4x",
        "clear table fe data.conn_cnt gt 5x",
        "clear table fe foo",
        "clear table fe key",
        "clear table",
        "clear table nope",
        "clear table fe key 10.0.0.2",
        "clear table fe key 10.0.0.2",
        "clear table fe data.conn_cnt gt 5",
        "clear table fe data.conn_cnt eq 5",
        "set table numbers key 7x data.gpt 9 data.gpc 5 data.gpc_rate 3",
        "set table numbers key foo",
        "set table numbers key 6 data.conn_cnt 5000000000",
        "set table numbers key 8 data.conn_cnt -1",
        "show table numbers",
        "show table numbers data.gpc gt 1",
        "show table numbers data.gpc1 gt 1",
        "set table v6 key ::1 data.gpc0 1",
        "set table v6 key 1.2.3.4 data.gpc0 1",
        "show table v6",
        "set table bytes key abcd",
        "show table bytes key abcd",
        "clear table bytes key abcd",
        "set table words key a data.gpc0 1",
        "set table words key b data.gpc0 2",
        "set table words key c=\\ d data.gpc0 3",
        "show table words",
        "set table words key e data.gpc0 4",
        "show table words data.gpc0 gt 1",
        "set table words key averylongone data.gpc0 1",
        "show table words key averylong",
    ];
    same(|engine| {
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 100 expire 1h store conn_cnt,http_req_rate(1h)
    http-request deny
backend numbers
    stick-table type integer size 1k store conn_cnt,gpt(2),gpc(3),gpc_rate(2,1h)
backend v6
    stick-table type ipv6 size 3 store gpc0
backend bytes
    stick-table type binary len 4 size 3 expire 1h store gpc0
backend words
    stick-table type string len 8 size 3 expire 1h store gpc0
"
        );
        let program = start(engine, &[], &config)?;
        LINES.iter().map(|line| Ok((*line, ask(&program, line)?))).collect::<Result<Vec<_>>>()
    });
}

#[test]
fn two_threads_lose_no_count() {
    const CLIENTS: usize = 8;
    const REQUESTS: usize = 150;
    both(|engine| {
        let config = format!(
            "{}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 100 expire 1h store gpc0,conn_cnt,conn_cur,http_req_cnt
    tcp-request connection track-sc0 src
    http-request sc-inc-gpc0(0)
    http-request return status 200
",
            HEAD.replace("nbthread 1", "nbthread 2")
        );
        let program = start(engine, &[], &config)?;
        let address = program.address("fe");
        let done: Vec<Result<()>> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..CLIENTS)
                .map(|_| {
                    scope.spawn(move || {
                        let mut client = Client::connect(address)?;
                        for _ in 0..REQUESTS {
                            client.get("/")?;
                        }
                        Ok(())
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("panicked"))).collect()
        });
        done.into_iter().collect::<Result<()>>()?;
        let all = CLIENTS * REQUESTS;
        let wanted = format!("gpc0={all} conn_cnt={CLIENTS} conn_cur=0 http_req_cnt={all}");
        let table = at_rest(&program, "fe")?;
        check_eq!(table.contains(&wanted), true, "{table}");
        Ok(())
    });
}

#[test]
fn entries_expire() {
    both(|engine| {
        let config = format!(
            "{HEAD}frontend fe
    bind 127.0.0.1:{{port:fe}}
    stick-table type ip size 100 expire 500ms store http_req_cnt
    http-request track-sc0 src
    http-request return status 200
"
        );
        let program = start(engine, &[], &config)?;
        client::get(program.address("fe"), "/")?;
        until("the entry's end", || ask(&program, "show table fe").ok()?.contains("used:0").then_some(()))?;
        client::get(program.address("fe"), "/")?;
        // It began anew.
        let table = ask(&program, "show table fe")?;
        check_eq!(table.contains("http_req_cnt=2"), false, "{table}");
        Ok(())
    });
}
