//! Which nodes and which options: flags over environment over the project's file over the user's; engines that are found.

use std::path::Path;

use expect_test::expect;

use crate::support::Engine;

on_both! {
    what_wins,
    engines_of_this_host,
}

/// What `lbctl WORDS` tells with these variables.
fn told(engine: &Engine, words: &str, variables: &[(&str, &str)], directory: &Path) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let mut command = engine.lbctl(&words);
    command.env_remove("LBCTL_SOCKET").current_dir(directory);
    for (name, value) in variables {
        command.env(name, value);
    }
    engine.told(&command.output().unwrap())
}

fn what_wins(engine: &Engine) {
    let socket = |name: &str| engine.path(name).display().to_string();
    let (admin, operator, user) = (socket("admin.sock"), socket("operator.sock"), socket("user.sock"));
    let deep = engine.path("project/deploy/web");
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::create_dir_all(engine.path(".config/lbctl")).unwrap();
    let nowhere = "error: no admin socket is named";
    assert!(told(engine, "raw show cli level", &[], &deep).contains(nowhere) || Path::new("/run/haproxy").exists());
    // The user's file.
    let contexts = format!(
        "context = 'one'\noutput = 'csv'\n[contexts.one.nodes]\nuser = '{user}'\n[contexts.two.nodes]\noperator = '{operator}'\n"
    );
    std::fs::write(engine.path(".config/lbctl/config.toml"), contexts).unwrap();
    let level = |variables: &[(&str, &str)], flags: &str| {
        told(engine, &format!("{flags}raw show cli level"), variables, &deep).lines().next().unwrap_or("").to_owned()
    };
    assert_eq!(level(&[], ""), "user");
    // The project's file of a folder above.
    std::fs::write(engine.path("project/.lbctl.toml"), "context = 'two'\noutput = 'jsonl'\n").unwrap();
    assert_eq!(level(&[], ""), "operator");
    let names = |flags: &str| told(engine, &format!("{flags}show backends tcpb --columns backend"), &[], &deep);
    expect![[r#"
        {"backend":"tcpb"}
        --- exit 0
    "#]]
    .assert_eq(&names(""));
    // The nearer one wins, and only it is read.
    std::fs::write(engine.path("project/deploy/.lbctl.toml"), "context = 'two'\n").unwrap();
    expect![[r#"
        backend
        tcpb
        --- exit 0
    "#]]
    .assert_eq(&names(""));
    expect![[r#"
        tcpb
        --- exit 0
    "#]]
    .assert_eq(&names("-o name "));
    // The environment.
    assert_eq!(level(&[("LBCTL_CONTEXT", "one")], ""), "user");
    assert_eq!(level(&[("LBCTL_CONTEXT", "one"), ("LBCTL_SOCKET", &admin)], ""), "admin");
    // Flags.
    assert_eq!(level(&[("LBCTL_SOCKET", &admin)], "--context one "), "user");
    assert_eq!(level(&[("LBCTL_CONTEXT", "one")], "-s ../../../operator.sock "), "operator");
    expect![[r#"
        --- stderr
        error: the argument '--socket <ADDRESS>' cannot be used with '--context <NAME>'

        Usage: lbctl --socket <ADDRESS>

        For more information, try '--help'.
        --- exit 2
    "#]]
    .assert_eq(&told(engine, "-s a -c one show info", &[], &deep));
}

fn engines_of_this_host(engine: &Engine) {
    let info = String::from_utf8(engine.ask("show info")).unwrap();
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid: ")).unwrap();
    let text = told(engine, &format!("context discover --pid {pid} -o json"), &[], &engine.path(""));
    let json: serde_json::Value = serde_json::from_str(text.split("--- ").next().unwrap()).unwrap();
    let row = &json[0];
    assert_eq!(row["pid"].to_string(), pid);
    assert_eq!((&row["node"], &row["level"]), (&"lb-test".into(), &"admin".into()));
    assert_eq!(row["socket"], "$DIR/admin.sock");
    assert_eq!(row["configuration"], "$DIR/haproxy.cfg");
    engine.check(
        &format!("context discover --pid {pid} --add here"),
        &expect![[r#"
        here has lb-test
        --- exit 0
    "#]],
    );
    engine.check(
        "context list -o csv",
        &expect![[r#"
        context,in_use,member,socket,master,read_only
        here,false,lb-test,$DIR/admin.sock,,false
        --- exit 0
    "#]],
    );
    engine.check(
        "context discover --pid 1",
        &expect![[r#"
        --- stderr
        error: no such process is an engine
        hint: 'lbctl context add NAME NODE=ADDRESS' names nodes elsewhere, also by ssh://
        --- exit 4
    "#]],
    );
    assert_eq!(told(engine, "-c here raw show cli level", &[], &engine.path("")), "admin\n\n--- exit 0\n");
}

#[test]
fn a_master_and_its_worker() {
    let Some(engine) = Engine::start_haproxy_master() else { return };
    let shown = engine.lbctl(&["-s", "master.sock", "raw", "show", "proc"]).output().unwrap().stdout;
    let shown = String::from_utf8(shown).unwrap();
    let pid = shown.lines().find(|line| line.contains(" master ")).and_then(|line| line.split(' ').next()).unwrap();
    assert_eq!(engine.run(&format!("context discover --pid {pid} --add here")), 0);
    let path = engine.path(".config/lbctl/config.toml");
    expect![[r#"
        [contexts.here.nodes]
        lb-test = { socket = "$DIR/admin.sock", master = "$DIR/master.sock" }
    "#]]
    .assert_eq(&engine.normal(&std::fs::read_to_string(&path).unwrap()));
    // Where the configuration cannot be read, the master's socket is there; the host's name is the node's.
    std::fs::remove_file(engine.path("haproxy.cfg")).unwrap();
    assert_eq!(engine.run(&format!("context discover --pid {pid} --add here")), 0);
    let text = engine.normal(&std::fs::read_to_string(&path).unwrap());
    assert!(text.contains(" = \"$DIR/master.sock@1\"\n"), "{text}");
}
