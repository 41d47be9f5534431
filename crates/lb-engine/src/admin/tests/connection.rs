//! Commands that change or hold up the connection they come on.

use super::{Node, QUIET, check, on_a_runtime};
use expect_test::expect;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

#[test]
fn waiting_takes_words() {
    check(
        QUIET,
        &["wait", "wait foo", "wait 0", "wait 10us", "wait 5 ; show version", "wait 5 foo", "wait -h"],
        expect![[r#"
            > wait
            Expects a duration in milliseconds.

            > wait foo
            Invalid duration.

            > wait 0
            Invalid duration.

            > wait 10us
            Invalid duration.

            > wait 5 ; show version
            Done.

            3.5.0

            > wait 5 foo
            Usage: wait {-h|<delay>} [<condition> [<args>...]]
            Answers after a delay, in milliseconds or with a unit: us, ms, s, m, h, d. With a condition, it answers as soon as that
            holds, or when it never can.
              srv-removable <backend>/<server> : 'del server' would delete the server
              be-removable <backend> : 'del backend' would delete the backend
            It ends early when the client closes its side of the connection.

            > wait -h
            Usage: wait {-h|<delay>} [<condition> [<args>...]]
            Answers after a delay, in milliseconds or with a unit: us, ms, s, m, h, d. With a condition, it answers as soon as that
            holds, or when it never can.
              srv-removable <backend>/<server> : 'del server' would delete the server
              be-removable <backend> : 'del backend' would delete the backend
            It ends early when the client closes its side of the connection.

        "#]],
    );
}

#[test]
fn waiting_keeps_nobody_else_waiting() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let mut waiting = UnixStream::connect(&node.path).await.unwrap();
        waiting.write_all(b"prompt i;wait 300\nshow cli level\n").await.unwrap();
        let begin = std::time::Instant::now();
        node.ask("show backend").await;
        assert!(begin.elapsed() < Duration::from_millis(250));
        let mut answer = [0; 64];
        // `prompt` answers at once, `wait` later, and then what was sent in the meantime.
        let mut shown = String::new();
        while !shown.ends_with("admin\n\n") {
            let n = waiting.read(&mut answer).await.unwrap();
            assert!(n > 0, "{shown}");
            shown += std::str::from_utf8(&answer[..n]).unwrap();
        }
        assert_eq!(shown, "\nDone.\n\nadmin\n\n");
        assert!(begin.elapsed() >= Duration::from_millis(300));
    });
}

#[test]
fn a_wait_ends_with_the_client_s_side() {
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        for begun in [false, true] {
            let mut stream = UnixStream::connect(&node.path).await.unwrap();
            stream.write_all(b"wait 1m;echo on\n").await.unwrap();
            if begun {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            stream.shutdown().await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert_eq!(answer, "Interrupted.\n\non\n\n");
        }
        // A client that floods while it waits is read up to a line's length.
        let mut stream = UnixStream::connect(&node.path).await.unwrap();
        stream.write_all(b"wait 100\n").await.unwrap();
        let flood = vec![b'x'; 8 << 20];
        let sent = tokio::time::timeout(Duration::from_millis(50), stream.write_all(&flood)).await;
        assert!(sent.is_err());
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"Done.\n\n");
    });
}

#[test]
fn names_are_hashed_on_demand() {
    check(
        QUIET,
        &[
            "show anon",
            "set anon on 1234;show anon;user;show anon;set anon off;show anon",
            "set anon on 7x",
            "set anon on 4294967296",
            "set anon global-key",
            "set anon global-key 77;show anon;set anon on;show anon",
            "set anon on 1234;show servers state st;show backend",
            "show servers state st",
            "set anon",
        ],
        expect![[r#"
            > show anon
            Anonymized mode disabled

            > set anon on 1234;show anon;user;show anon;set anon off;show anon

            Anonymized mode enabled
            Key : 1234


            Anonymized mode enabled


            Anonymized mode disabled

            > set anon on 7x
            A key is a number from 0 to 4294967295.

            > set anon on 4294967296
            A key is a number from 0 to 4294967295.

            > set anon global-key
            A key is a number from 0 to 4294967295.

            > set anon global-key 77;show anon;set anon on;show anon

            Anonymized mode disabled


            Anonymized mode enabled
            Key : 77

            > set anon on 1234;show servers state st;show backend

            1
            # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
            4 524d0e 1 238337 127.0.0.1 2 0 10 10 0 1 0 2 0 0 0 0 - 8006 - 0 0 - - 0

            # name
            app
            st
            off

            > show servers state st
            1
            # be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port
            4 st 1 s1 127.0.0.1 2 0 10 10 0 1 0 2 0 0 0 0 - 8006 - 0 0 - - 0

            > set anon
            Unknown command: 'set', but maybe one of the following ones is a better match:
              set anon global-key <value>             : choose the key that 'set anon on' takes by default
              set anon off                            : show names in this connection's answers
              set anon on [value]                     : show hashes in place of names in this connection's answers
              help [<command>]                        : list all commands, or those like the given one
              prompt [help | n | i | p | timed ]*     : choose whether this connection stays open and prompts
              quit                                    : close this connection

        "#]],
    );
    on_a_runtime(async || {
        let node = Node::start(QUIET);
        let keys = [node.ask("set anon on;show anon").await, node.ask("set anon on;show anon").await];
        assert_ne!(keys[0], keys[1]);
    });
}
