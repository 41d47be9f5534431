//! What was done, and undoing it; leases.

use expect_test::expect;

use crate::support::Engine;

on_both! {
    undoing,
    leases,
}

fn undoing(engine: &Engine) {
    engine.check(
        "undo",
        &expect![[r#"
        --- stderr
        error: there is nothing to undo
        hint: 'lbctl log' lists what there is
        --- exit 4
    "#]],
    );
    assert_eq!(engine.run("drain app/web1 app/web2 -m deploy --then maint"), 0);
    engine.check("log -o csv", &expect![[r#"
        id,at,user,on,address,object,what,before,after,undoes,command,message
        1,<date>,<user>,$DIR/admin.sock,$DIR/admin.sock,app/web1,state,ready,<user>,,drain app/web1 app/web2 -m deploy --then maint,deploy
        1,<date>,<user>,$DIR/admin.sock,$DIR/admin.sock,app/web2,state,ready,<user>,,drain app/web1 app/web2 -m deploy --then maint,deploy
        1,<date>,<user>,$DIR/admin.sock,$DIR/admin.sock,app/web1,state,drain,maint,,drain app/web1 app/web2 -m deploy --then maint,deploy
        1,<date>,<user>,$DIR/admin.sock,$DIR/admin.sock,app/web2,state,drain,maint,,drain app/web1 app/web2 -m deploy --then maint,deploy
        --- exit 0
    "#]]);
    engine.check(
        "undo --dry-run",
        &expect![[r#"
        app/web2: would ready it, which is in maintenance
        app/web1: would ready it, which is in maintenance
        --- exit 0
    "#]],
    );
    // Somebody changes one of them, past lbctl.
    engine.ask("set server app/web2 state drain");
    engine.check(
        "undo",
        &expect![[r#"
        --- stderr
        error: operation 1 cannot be undone: something changed since
          app/web2: state was set to maint, and is drain
        hint: nothing was put back; 'lbctl log' shows who changed it, if it was done with lbctl here
        --- exit 6
    "#]],
    );
    engine.ask("set server app/web2 state maint");
    engine.check(
        "undo 1",
        &expect![[r#"
        app/web2: ready and running
        app/web1: ready and running
        --- exit 0
    "#]],
    );
    engine.check(
        "undo",
        &expect![[r#"
        --- stderr
        error: there is nothing to undo
        hint: 'lbctl log' lists what there is
        --- exit 4
    "#]],
    );
    assert_eq!(engine.run("weight app/web2 50%"), 0);
    engine.check(
        "undo",
        &expect![[r#"
        app/web2: weight 50
        --- exit 0
    "#]],
    );
    engine.check(
        "undo 99",
        &expect![[r#"
        --- stderr
        error: there is no operation 99
        hint: 'lbctl log' lists what there is
        --- exit 4
    "#]],
    );
    engine.check(
        "health app/web1 stopping",
        &expect![[r#"
        app/web1: health stopping
        --- exit 0
    "#]],
    );
    engine.check(
        "undo",
        &expect![[r#"
        --- stderr
        error: app/web1: a change of its health cannot be undone
        hint: nothing was put back; do the contrary by hand
        --- exit 1
    "#]],
    );
}

fn leases(engine: &Engine) {
    assert_eq!(engine.run("maint app/web1 app/web2"), 0);
    assert_eq!(engine.run("drain app/web1 tcpb/db1 --lease 1h -m deploy"), 0);
    engine.check(
        "lease list -o csv",
        &expect![[r#"
        server,on,address,until,left_seconds,then,user,message
        app/web1,$DIR/admin.sock,$DIR/admin.sock,<date>,<n>,maint,<user>,deploy
        tcpb/db1,$DIR/admin.sock,$DIR/admin.sock,<date>,<n>,ready,<user>,deploy
        --- exit 0
    "#]],
    );
    engine.check("lease reap", &expect!["--- exit 0\n"]);
    // Back by hand: the lease has ended.
    assert_eq!(engine.run("ready tcpb/db1"), 0);
    assert_eq!(engine.run("drain app/web1 tcpb/* --lease 1s"), 0);
    // Somebody takes one further out: it is theirs now.
    engine.ask("set server tcpb/db2 state maint");
    lb_testkit::until("the leases to expire", || {
        assert_eq!(engine.run("lease reap"), 0);
        let list = engine.lbctl(&["lease", "list", "-o", "name"]).output().unwrap().stdout;
        list.is_empty().then_some(())
    })
    .unwrap();
    engine.check("show servers app/web1 tcpb -o csv", &expect![[r#"
        server,status,role,weight,initial_weight,sessions,queued,rate,sessions_total,errors_connect,errors_response,check,check_says,since_seconds,address,tracks,admin_state,op_state,out
        app/web1,MAINT,active,1,1,0,0,0,0,0,0,,,<t>,127.0.0.1:<port>,,1,0,true
        tcpb/db1,no check,active,1,1,0,0,0,0,0,0,,,<t>,127.0.0.1:<port>,,0,2,false
        tcpb/db2,MAINT,backup,1,1,0,0,0,0,0,0,,,<t>,127.0.0.1:<port>,,1,0,true
        --- exit 0
    "#]]);
}
