//! One of four origins is killed and restarted over and over under load: nobody whose request may be sent again notices.

use crate::support::{HEAD, launch};
use anyhow::{Result, bail};
use lb_testkit::load::Load;
use lb_testkit::{Engine, Origin, until};
use std::time::Duration;

/// Kills; `LB_TEST_KILLS` asks for more.
fn kills() -> usize {
    std::env::var("LB_TEST_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(10)
}

#[test]
fn no_idempotent_request_fails() {
    let engine = Engine::subject().unwrap();
    if engine.is_haproxy {
        return;
    }
    let case = || -> Result<()> {
        let names = ["o1", "o2", "o3", "o4"];
        let origins = names.map(|name| Origin::for_load(name).unwrap());
        let mut lines = String::from(
            "    balance roundrobin\n    retries 3\n    option redispatch\n    \
         retry-on conn-failure empty-response\n",
        );
        for name in names {
            lines.push_str(&format!("    server {name} {{{name}}} check inter 100ms rise 1 fall 2\n"));
        }
        let config =
            format!("{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nbackend app\n{lines}");
        let named: Vec<_> = names.into_iter().zip(&origins).collect();
        let program = launch(&engine, &named)?.start(&config)?;
        let load = Load::start(program.address("fe"), "/", 20, Duration::from_millis(1));
        let more = |what: &str| {
            let seen = load.tally().sent;
            until(what, || (load.tally().sent > seen + 200).then_some(()))
        };
        more("the load's begin")?;
        for n in 0..kills() {
            let Some(origin) = origins.get(n % origins.len()) else { break };
            origin.refuse();
            more("requests without it")?;
            origin.listen()?;
            more("requests with it")?;
            // Two that are out at once are another story.
            for name in names {
                program.admin().await_stat("app", name, "status", "UP")?;
            }
        }
        let tally = load.stop();
        if tally.failed > 0 {
            bail!("{} of {} requests failed: {:?}", tally.failed, tally.sent, tally.failures);
        }
        Ok(())
    };
    case().unwrap();
}
