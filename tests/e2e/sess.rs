//! `show sess` in all its forms.

use crate::check_eq;
use crate::support::{HEAD, start};
use anyhow::{Context, Result};
use lb_testkit::client::Client;
use lb_testkit::{Engine, Mode, Origin, Program, until};

/// The lines that begin with a stream's number, admin connections left out.
fn streams(program: &Program, words: &str) -> Result<Vec<String>> {
    let answer = program.admin().ask(&format!("show sess {words}"))?;
    let lines = answer.lines().filter(|line| line.starts_with("0x") && !line.contains("proto=unix_stream"));
    Ok(lines.map(str::to_owned).collect())
}

#[test]
fn streams_are_shown_one_all_and_chosen_unless_haproxy_is_the_measure() -> Result<()> {
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        // Most of it is of 3.x.
        return Ok(());
    }
    let origin = Origin::with(Mode::Hang)?;
    let config = format!(
        "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    default_backend app\nfrontend tcp\n    mode tcp\n    \
         bind 127.0.0.1:{{port:tcp}}\n    default_backend other\nbackend app\n    server s1 {{o1}}\nbackend other\n    \
         mode tcp\n    server s2 {{o1}}\n"
    );
    let program = start(&engine, &[("o1", &origin)], &config)?;
    let admin = program.admin();
    // From the first time on that they are asked for, requests' lines are kept where no log wants them.
    check_eq!(admin.ask("show sess show-uri")?.contains("fe=GLOBAL"), true);
    let mut http = Client::connect(program.address("fe"))?;
    http.send("GET /secret?a=b HTTP/1.1\r\nHost: t\r\n\r\n")?;
    let _tcp = Client::connect(program.address("tcp"))?;
    until("both streams", || (streams(&program, "").ok()?.len() == 2).then_some(()))?;

    let [line] = &streams(&program, "frontend fe show-uri")?[..] else { anyhow::bail!("not one stream") };
    check_eq!(line.contains(" fe=fe be=app srv=s1 "), true, "{line}");
    check_eq!(line.ends_with(" rc=0 c_exp= uri=\"GET /secret?a=b HTTP/1.1\""), true, "{line}");
    check_eq!(streams(&program, "frontend fe")?[0].ends_with(" c_exp="), true, "only where it is asked for");
    let hidden = admin.ask("set anon on 7; show sess frontend fe show-uri")?;
    check_eq!(hidden.contains("secret"), false, "{hidden}");

    for (words, shown) in [
        ("backend app", 1),
        ("backend other", 1),
        ("server other/s2", 1),
        ("server app/s1 frontend tcp", 0),
        ("older 0", 2),
        ("older 1h", 0),
        ("backend app older 0 show-uri", 1),
        ("susp", 0),
        ("all", 2),
        ("all backend other", 1),
    ] {
        check_eq!(streams(&program, words)?.len(), shown, "{words}");
    }
    let id = line.split(':').next().context("a number")?;
    let detail = admin.ask(&format!("show sess {id} show-uri"))?;
    for part in [
        "  frontend=fe (id=2 mode=http), listener=? (id=1) addr=127.0.0.1:",
        "  backend=app (id=4 mode=http)\n",
        "  server=s1 (id=1) addr=127.0.0.1:",
        "requests=1 uri=\"GET /secret?a=b HTTP/1.1\"\n",
    ] {
        check_eq!(detail.contains(part), true, "{part} in {detail}");
    }
    for (words, answer) in [
        ("0x1", "Session not found.\n\n"),
        ("nonsense", "Unsupported option 'nonsense', try 'help' for more info.\n\n"),
        ("backend app nonsense", "Unsupported option 'nonsense', try 'help' for more info.\n\n"),
        ("server app/nobody", "No such server.\n\n"),
        ("backend nobody", "No such backend.\n\n"),
        ("frontend nobody", "No such frontend.\n\n"),
        ("older soon", "Invalid age.\n\n"),
    ] {
        check_eq!(admin.ask(&format!("show sess {words}"))?, answer, "{words}");
    }
    let help = admin.ask("show sess help")?;
    for word in ["backend", "frontend", "server", "older", "show-uri", "susp"] {
        check_eq!(help.contains(&format!("\n  {word} ")), true, "{word} in {help}");
    }
    Ok(())
}
