//! Counters that outlive a process: `guid`, `dump stats-file` and `stats-file`. HAProxy 2.6 knows none of them; what
//! a 3.5 answered is the model.

use crate::check_eq;
use anyhow::{Context, Result};
use lb_testkit::client::get;
use lb_testkit::{Engine, Launch, Origin, Program};
use std::collections::BTreeMap;

fn start(engine: &Engine, origin: &Origin, file: Option<&str>) -> Result<Program> {
    let launch = Launch::new(engine)?.set("o1", origin.address());
    let launch = match file {
        Some(text) => launch.file("kept", text)?,
        None => launch,
    };
    launch.start(
        "global\n stats socket {sock} level admin\n stats-file {dir}/kept\n\
         defaults web\n mode http\n timeout connect 60s\n timeout client 60s\n timeout server 60s\n\
         frontend fe\n guid f1\n option socket-stats\n bind 127.0.0.1:{port:fe} guid-prefix ff\n default_backend app\n\
         backend app\n guid b1\n balance roundrobin\n server s1 {o1} guid s1\n server s2 127.0.0.1:1 disabled\n",
    )
}

/// The lines of a dump: what stands in each column, by the identifier.
fn rows(dump: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
    let (mut rows, mut columns) = (BTreeMap::new(), Vec::new());
    for line in dump.lines().filter(|line| !line.is_empty()) {
        if let Some(names) = line.strip_prefix('#') {
            columns = names.trim_end_matches(',').split(',').map(str::to_owned).collect();
            continue;
        }
        let (guid, _) = line.split_once(',').context("a comma")?;
        let cells = columns.iter().cloned().zip(line.split(',').map(str::to_owned));
        rows.insert(guid.to_owned(), cells.collect());
    }
    Ok(rows)
}

fn counters(program: &Program) -> Result<Vec<String>> {
    let rows = rows(&program.admin().ask("dump stats-file")?)?;
    let told =
        [("f1", "stot"), ("f1", "req_tot"), ("f1", "hrsp_2xx"), ("ff-0", "bin"), ("s1", "lbtot"), ("b1", "bout")];
    told.iter()
        .map(|(guid, column)| Ok(rows.get(*guid).context(*guid)?.get(*column).context(*column)?.clone()))
        .collect()
}

fn subject() -> Option<Engine> {
    Engine::subject().ok().filter(|engine| !engine.is_haproxy)
}

#[test]
fn counters_go_on_where_a_former_process_ended() {
    let Some(engine) = subject() else { return };
    let case = || -> Result<()> {
        let origin = Origin::http("s1")?;
        let program = start(&engine, &origin, None)?;
        let missing = "config: Can't load stats-file '";
        check_eq!(program.stderr().contains(missing), true, "{}", program.stderr());
        for _ in 0..3 {
            check_eq!(get(program.address("fe"), "/")?.status, 200);
        }
        program.admin().await_stat("fe", "FRONTEND", "scur", "0")?;
        let (before, dump) = (counters(&program)?, program.admin().ask("dump stats-file")?);
        check_eq!(before.iter().all(|n| n.parse::<u64>().is_ok_and(|n| n >= 3)), true, "{before:?}");
        let named = rows(&dump)?;
        check_eq!(named.keys().collect::<Vec<_>>(), ["b1", "f1", "ff-0", "s1"]);
        drop(program);

        let program = start(&engine, &origin, Some(&dump))?;
        check_eq!(program.stderr().contains("stats-file"), false, "{}", program.stderr());
        check_eq!(counters(&program)?, before);
        let admin = program.admin();
        let shown = ["stot", "bin", "h1sess"].map(|column| admin.stat("fe", "FRONTEND", column).unwrap_or_default());
        let kept = named.get("f1").context("f1")?;
        check_eq!(shown.each_ref().map(Some), [kept.get("stot"), kept.get("bin"), kept.get("h1sess")]);
        // What belongs to the process alone begins anew, and without an identifier nothing is kept.
        check_eq!(admin.stat("fe", "FRONTEND", "smax")?, "0");
        check_eq!(admin.stat("fe", "FRONTEND", "h1_total_connections")?, "0");
        check_eq!(get(program.address("fe"), "/")?.status, 200);
        admin.await_stat("fe", "FRONTEND", "scur", "0")?;
        check_eq!(admin.stat("app", "s1", "stot")?, "4");
        check_eq!(admin.stat("fe", "sock-1", "stot")?, "4");
        check_eq!(admin.ask("clear counters server app/s1")?, "Server counters cleared.\n\n");
        check_eq!((admin.stat("app", "s1", "stot")?, admin.stat("app", "BACKEND", "stot")?), ("0".into(), "4".into()));
        check_eq!(admin.ask("clear counters all")?, "\n");
        check_eq!(
            (admin.stat("app", "BACKEND", "stot")?, admin.stat("fe", "FRONTEND", "bin")?),
            ("0".into(), "0".into())
        );
        Ok(())
    };
    case().unwrap();
}

#[test]
fn broken_and_foreign_files_are_a_warning_at_most() {
    let Some(engine) = subject() else { return };
    let origin = Origin::http("s1").unwrap();
    for (text, warning, stot) in [
        ("", "", "0"),
        ("#xx guid,a,\nf1,1,\n", "", "0"),
        ("what is this\n\u{0}\u{1}\n", "line 1 is passed over, it stands below no header.", "0"),
        ("#fe guid,stot,later_one,\r\nf1,7,x,\r\nnobody,9,9,\r\n", "", "7"),
        ("#fe guid,bin,stot\nf1,5,7\n", "", "7"),
        ("#be guid,stot,\nf1,7,\n", "", "0"),
        (
            "#fe guid,stot,\nff-0,x,\nf1,7,\nf1,9,\nff-0,1,2,\n",
            "line 2 is passed over, no number: 'x'. So is 1 more.",
            "7",
        ),
        ("#fe guid,stot,\nf1,99999999999999999999,\n", "line 2 is passed over, no number", "0"),
        ("#fe guid,stot,\nf1,18446744073709551615", "", "18446744073709551615"),
    ] {
        let program = start(&engine, &origin, Some(text)).unwrap();
        let told = program.stderr();
        assert_eq!(told.contains("stats-file"), !warning.is_empty(), "{text:?}: {told}");
        assert!(told.contains(warning), "{text:?}: {told}");
        assert_eq!(program.admin().stat("fe", "FRONTEND", "stot").unwrap(), stot, "{text:?}");
    }
}

#[test]
fn identifiers_belong_to_one_object() {
    let Some(engine) = subject() else { return };
    let case = || -> Result<()> {
        let origin = Origin::http("s1")?;
        let program = start(&engine, &origin, Some(""))?;
        let admin = program.admin();
        for (command, answer) in [
            ("add server app/n 127.0.0.1:1 guid s1", "GUID insertion : duplicate entry with server app/s1."),
            ("add server app/n 127.0.0.1:1 guid ff-0", "GUID insertion : duplicate entry with listener fe/sock-1."),
            ("add server app/n 127.0.0.1:1 guid a@b", "'guid' : character '@' is not permitted in GUID 'a@b'."),
            ("add server app/n 127.0.0.1:1 guid n", "New server registered."),
            ("add server app/m 127.0.0.1:1 from srv:n guid n", "GUID insertion : duplicate entry with server app/n."),
            (
                "add backend late from web guid s1",
                "Error during backend creation : GUID insertion : duplicate entry with server app/s1.",
            ),
            ("add backend late from web guid late", "New backend registered."),
            ("set server app/n state maint; del server app/n", "\nServer deleted."),
            ("add server app/m 127.0.0.1:1 guid n", "New server registered."),
        ] {
            check_eq!(admin.ask(command)?.trim_end(), answer, "{command}");
        }
        let known = rows(&admin.ask("dump stats-file")?)?;
        check_eq!(known.keys().collect::<Vec<_>>(), ["b1", "f1", "ff-0", "late", "n", "s1"]);
        Ok(())
    };
    case().unwrap();
}
