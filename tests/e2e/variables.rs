//! Variables: scopes, conditions, and what reads them, beside the oracle.

use crate::check_eq;
use crate::support::{HEAD, both, same, start};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Origin};

const CONFIG: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    tcp-request connection set-var(sess.a) int(1),add(2)
    tcp-request connection set-var(txn.early) str(lost)
    tcp-request session set-var(sess.s) str(S)
    tcp-request content set-var(txn.t) path
    http-request set-var(proc.count) var(proc.count),add(1)
    http-request set-var(txn.a) str(ta)
    http-request set-var(req.a) str(ra)
    http-request set-var(txn.n) int(5)
    http-request set-var(txn.n,ifexists) int(6)
    http-request set-var(txn.m,ifexists) int(6)
    http-request set-var(txn.n,ifnotexists) int(7)
    http-request set-var(txn.n,ifgt) int(8)
    http-request set-var(txn.e) str(abc)
    http-request set-var(txn.e,ifnotempty) str()
    http-request set-var(txn.kept) str(abc)
    http-request set-var(txn.kept) req.hdr(absent)
    http-request set-var-fmt(txn.fmt) \"%[var(txn.n)]-%[path]\"
    http-request set-header x-converted %[str(zz),set-var(txn.conv),upper]
    http-request set-var(txn.u) str(x)
    http-request unset-var(txn.u)
    http-request set-var(sess.seen) var(sess.seen,0),add(1)
    acl five var(txn.n) -m int 6
    http-request set-header x-acl yes if five
    http-request set-header x-vars \"a=%[var(txn.a)] n=%[var(txn.n)] m=%[var(txn.m)] e=%[var(txn.e)] kept=%[var(txn.kept)] fmt=%[var(txn.fmt)] conv=%[var(txn.conv)] u=%[var(txn.u,dflt)] t=%[var(txn.t)] early=%[var(txn.early)] s=%[var(sess.s)] sa=%[var(sess.a)] res=%[var(res.a,none)] add=%[int(1),add(txn.n)] cat=%[str(x),concat(<,txn.a,>)] item=%[str(x),add_item(;,txn.a)] cmp=%[str(ta),strcmp(txn.a)] cmp=%[str(tb),strcmp(txn.a)] count=%[var(proc.count)] seen=%[var(sess.seen)] f=%[var(proc.f)]\"
    default_backend app
    http-response set-var(res.a) str(resa)
    http-response set-header x-vars \"req=%[var(req.a,gone)] res=%[var(res.a)] txn=%[var(txn.a)] n=%[var(txn.n)]\"
backend app
    http-response set-header x-backend %[var(txn.kept)]
    server s1 {o1}
";

fn program(engine: &Engine) -> Result<(lb_testkit::Program, Origin)> {
    let origin = Origin::http("o1")?;
    let head = HEAD
        .replace("    maxconn", "    set-var proc.count int(0)\n    set-var-fmt proc.f \"v%[int(7)]\"\n    maxconn");
    let program = start(engine, &[("o1", &origin)], &format!("{head}{CONFIG}"))?;
    Ok((program, origin))
}

#[test]
fn variables_are_set_and_read_as_on_the_oracle() {
    same(|engine| {
        let (program, origin) = program(engine)?;
        let mut client = Client::connect(program.address("fe"))?;
        let mut seen = Vec::new();
        for path in ["/one", "/two"] {
            let response = client.get(path)?;
            let received = &origin.requests_for(path)[0].head;
            for name in ["x-vars", "x-converted", "x-acl"] {
                seen.push(received.get(name).map(ToOwned::to_owned));
            }
            for name in ["x-vars", "x-backend"] {
                seen.push(response.get(name).map(ToOwned::to_owned));
            }
        }
        Ok(seen)
    });
}

#[test]
fn the_count_of_a_connection_ends_with_it() {
    both(|engine| {
        let (program, origin) = program(engine)?;
        for path in ["/a", "/b"] {
            Client::connect(program.address("fe"))?.get(path)?;
            let head = &origin.requests_for(path)[0].head;
            let vars = head.get("x-vars").unwrap_or_default();
            check_eq!(vars.contains(" seen=1 "), true, "{vars}");
        }
        Ok(())
    });
}
