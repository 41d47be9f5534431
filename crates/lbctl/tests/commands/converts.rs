//! Configurations of other programs: no node is asked.

use expect_test::expect;

use crate::support::Engine;

#[test]
fn configurations_are_converted() {
    let Some(engine) = Engine::start_lbd() else { return };
    engine.check_stdin(
        "convert -",
        "http { upstream app { server 10.0.0.1:8080 weight=3; } }",
        &expect![[r#"
        # Made of standard input by lbctl convert.

        defaults
            mode http
            timeout connect 60s
            timeout client 60s
            timeout server 60s
            timeout http-request 60s
            timeout http-keep-alive 75s

        backend app
            balance roundrobin
            server s1 10.0.0.1:8080 weight 3
        --- exit 0
    "#]],
    );
    engine.check_stdin(
        "convert -",
        "Listen 8080\nRewriteEngine On\nProxyPass / http://10.0.0.1:81/\n",
        &expect![[r#"
        # Made of standard input by lbctl convert.
        # Not carried over:
        #  line 2: RewriteEngine On: has no counterpart

        defaults
            mode http
            timeout connect 60s
            timeout client 60s
            timeout server 60s
            timeout http-keep-alive 5s

        frontend on-8080
            bind *:8080
            default_backend 10.0.0.1-81

        backend 10.0.0.1-81
            http-request set-header Host 10.0.0.1:81
            option forwardfor
            server s1 10.0.0.1:81
        --- stderr
        error: one directive was not carried over from -
          line 2: RewriteEngine On: has no counterpart
        --- exit 7
    "#]],
    );
    engine.check_stdin(
        "convert --from nginx -",
        "http {",
        &expect![[r#"
        --- stderr
        error: -: a block is not closed at the end
        --- exit 1
    "#]],
    );
}
