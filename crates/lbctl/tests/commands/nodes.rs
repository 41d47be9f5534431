//! Several nodes, how they are named, and what is refused before anything is sent.

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};

use crate::support::Engine;

on_both! {
    targets,
    dry_runs,
    looking_only,
    guards,
    contexts,
    a_tunnel,
    the_wire,
}

fn targets(engine: &Engine) {
    engine.check(
        "drain */* --except app/* --yes",
        &expect![[r#"
        tcpb/db1: draining
        tcpb/db2: draining
        --- exit 0
    "#]],
    );
    engine.check(
        "ready --addr 127.0.0.1:1",
        &expect![[r#"
        app/web3: ready and down already
        --- exit 0
    "#]],
    );
    engine.check(
        "weight */* 1 --addr 127.0.0.1:1",
        &expect![[r#"
        app/web3: weight 1 already
        --- exit 0
    "#]],
    );
    engine.check(
        "drain app/web* --except app/wbe1",
        &expect![[r#"
        --- stderr
        error: --except app/wbe1 leaves out none of the servers meant
        hint: 'lbctl show servers -o name' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "drain app/web1 --addr 10.9.9.9",
        &expect![[r#"
        --- stderr
        error: no server meant has the address 10.9.9.9
        hint: 'lbctl show servers' lists the servers with their addresses
        --- exit 4
    "#]],
    );
    engine.check(
        "drain",
        &expect![[r#"
        --- stderr
        error: no server is named
        hint: name servers as backend/server, 'backend/*' for all of a backend; or --addr ADDRESS
        --- exit 2
    "#]],
    );
}

fn dry_runs(engine: &Engine) {
    engine.check(
        "drain app/web1 app/web4 --then maint --deadline 5m --dry-run",
        &expect![[r#"
        app/web4: in maintenance already
        app/web1: would drain it, which is ready and running
        app/web1: would wait until it is drained, for 5m0s at most
        app/web1: would put it into maintenance
        --- exit 0
    "#]],
    );
    engine.check(
        "drain app/web1 app/web2 --then maint --dry-run=wire",
        &expect![[r#"
        set server app/web1 state drain
        set server app/web2 state drain
        set server app/web1 state maint
        set server app/web2 state maint
        --- exit 0
    "#]],
    );
    engine.check(
        "weight app/web2 50% --dry-run -o json",
        &expect![[r#"
        [
          {
            "server": "app/web2",
            "action": "weight",
            "result": "planned",
            "state": null,
            "note": "change its weight from 50 to 25"
          }
        ]
        --- exit 0
    "#]],
    );
    // Nothing was changed, and nothing is in the journal.
    engine.check(
        "show stat app/web1 --columns status -o csv",
        &expect![[r#"
        pxname,svname,status
        app,web1,no check
        --- exit 0
    "#]],
    );
    engine.check(
        "log -o csv",
        &expect![[r#"
        id,at,user,on,address,object,what,before,after,undoes,command,message
        --- exit 0
    "#]],
    );
}

fn looking_only(engine: &Engine) {
    engine.check(
        "--read-only drain app/web1",
        &expect![[r#"
        --- stderr
        error: 'set server app/web1 state drain' would change something, and only looking is allowed
        hint: without --read-only, and 'read-only' in the configuration files, it would be sent
        --- exit 6
    "#]],
    );
    engine.check(
        "--read-only raw show cli level; clear counters",
        &expect![[r#"
        --- stderr
        error: 'show cli level; clear counters' would change something, and only looking is allowed
        hint: without --read-only, and 'read-only' in the configuration files, it would be sent
        --- exit 6
    "#]],
    );
    engine.check(
        "--read-only raw show cli level",
        &expect![[r#"
        admin

        --- exit 0
    "#]],
    );
}

fn guards(engine: &Engine) {
    engine.check(
        "drain app/web1 app/web2 --min-up 50%",
        &expect![[r#"
        --- stderr
        error: 1 of 6 servers of app would stay up, and --min-up asks for 50%
        hint: nothing was changed; bring others back first, or take fewer out at a time
        --- exit 6
    "#]],
    );
    engine.check(
        "maint app/web1 --min-up 2",
        &expect![[r#"
        app/web1: in maintenance
        --- exit 0
    "#]],
    );
    // Who is out already takes nothing away.
    engine.check(
        "maint app/web1 --min-up 100%",
        &expect![[r#"
        app/web1: in maintenance already
        --- exit 0
    "#]],
    );
    engine.check(
        "drain app/web2 --max-peer-load 80%",
        &expect![[r#"
        --- stderr
        error: the load of app cannot be told: a server that would stay has no 'maxconn'
        hint: nothing was changed; --min-up needs no 'maxconn'
        --- exit 6
    "#]],
    );
}

fn contexts(engine: &Engine) {
    let admin = engine.path("admin.sock").display().to_string();
    engine.check(
        "--context prod show info",
        &expect![[r#"
        --- stderr
        error: there is no context 'prod'
        hint: 'lbctl context list' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        &format!("context add prod lb1={admin} lb2=gone.sock"),
        &expect![[r#"
        prod has lb1 lb2
        --- exit 0
    "#]],
    );
    engine.check(
        "context use prod",
        &expect![[r#"
        prod is in use
        --- exit 0
    "#]],
    );
    engine.check(
        "context list -o csv",
        &expect![[r#"
        context,in_use,member,socket,master,read_only
        prod,true,lb1,$DIR/admin.sock,,false
        prod,true,lb2,gone.sock,,false
        --- exit 0
    "#]],
    );
    engine.check(
        "--context pord show info",
        &expect![[r#"
        --- stderr
        error: there is no context 'pord'
        hint: did you mean 'prod'? 'lbctl context list' lists what there is
        --- exit 4
    "#]],
    );
    // One node answers, one does not: each is told, and the status says so.
    engine.check("--context prod show servers tcpb -o csv", &expect![[r#"
        node,server,status,role,weight,initial_weight,sessions,queued,rate,sessions_total,errors_connect,errors_response,check,check_says,since_seconds,address,tracks,admin_state,op_state,out
        lb1,tcpb/db1,no check,active,1,1,0,0,0,0,0,0,,,<t>,127.0.0.1:<port>,,0,2,false
        lb1,tcpb/db2,no check,backup,1,1,0,0,0,0,0,0,,,<t>,127.0.0.1:<port>,,0,2,false
        --- stderr
        error: lb2: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
    "#]]);
    engine.check(
        "--context prod drain app/web1 --all-or-nothing",
        &expect![[r#"
        --- stderr
        error: lb2: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        error: not every node can be changed, and so nothing was changed
        hint: without --all-or-nothing the other nodes are changed all the same
        --- exit 6
    "#]],
    );
    engine.check(
        "--context prod drain app/web1 -o csv",
        &expect![[r#"
        node,server,action,result,state,note
        lb1,app/web1,drain,done,draining,
        --- stderr
        error: lb2: cannot connect to gone.sock: No such file or directory (os error 2)
        hint: there is no such file; is the engine running, and does its configuration have 'stats socket gone.sock'?
        --- exit 7
    "#]],
    );
    // A project's file is laid over the user's, the environment over both.
    std::fs::write(
        engine.path(".lbctl.toml"),
        format!("output = 'name'\n[contexts.prod]\nread-only = true\nnodes = {{ only = '{admin}' }}\n"),
    )
    .unwrap();
    engine.check(
        "--context prod ready app/web1",
        &expect![[r#"
        app/web1
        --- stderr
        error: 'set server app/web1 state ready' would change something, and only looking is allowed
        hint: without --read-only, and 'read-only' in the configuration files, it would be sent
        --- exit 6
    "#]],
    );
    engine.check(
        "ready app/web1",
        &expect![[r#"
        app/web1
        --- exit 0
    "#]],
    );
    std::fs::write(engine.path(".lbctl.toml"), "readonly = true\n").unwrap();
    engine.check(
        "ready app/web1",
        &expect![[r#"
        --- stderr
        error: $DIR/.lbctl.toml: there is no setting 'readonly'
        hint: 'lbctl help context' has an example of the file
        --- exit 2
    "#]],
    );
}

/// A program named ssh that forwards as asked, with socat; or that fails as ssh does.
fn fake_ssh(engine: &Engine, script: &str) {
    let bin = engine.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::fs::write(bin.join("ssh"), format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn a_tunnel(engine: &Engine) {
    let check = |line: &str, expected: &Expect| {
        let words: Vec<&str> = line.split(' ').collect();
        let path = format!("{}:/usr/bin:/bin", engine.path("bin").display());
        expected.assert_eq(&engine.told(&engine.lbctl(&words).env("PATH", path).output().unwrap()));
    };
    let forward = "while [ $# -gt 0 ]; do case $1 in -L) pair=$2; shift;; --) host=$2;; esac; shift; done\n\
                   echo \"$host\" >> \"$HOME/hosts\"; exec socat UNIX-LISTEN:${pair%%:*},fork UNIX-CONNECT:${pair#*:}";
    fake_ssh(engine, forward);
    let socket = format!("ssh://op@lb1{}", engine.path("admin.sock").display());
    check(
        &format!("-s {socket} drain app/web1"),
        &expect![[r#"
        app/web1: draining
        --- exit 0
    "#]],
    );
    // One tunnel carried every command.
    assert_eq!(std::fs::read_to_string(engine.path("hosts")).unwrap(), "op@lb1\n");
    fake_ssh(engine, "echo 'op@lb1: Permission denied (publickey).' >&2; exit 255");
    check(
        &format!("-s {socket} show servers"),
        &expect![[r#"
        --- stderr
        error: cannot connect to ssh://op@lb1$DIR/admin.sock: ssh failed: op@lb1: Permission denied (publickey).
        hint: the same must work by hand: 'ssh USER@HOST'; keys, jump hosts and ports are set in ~/.ssh/config
        --- exit 3
    "#]],
    );
}

fn the_wire(engine: &Engine) {
    engine.check(
        "--trace-wire raw show cli level",
        &expect![[r#"
        admin

        --- stderr
        > show cli level
        < admin
        < 
        --- exit 0
    "#]],
    );
}
