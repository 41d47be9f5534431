//! What the program prints and how it exits when it does not serve; compared with HAProxy where the
//! words are meant to be the same.

use crate::support::{Bench, lbd, normalise, oracle, wait_for};
use expect_test::{Expect, expect};

fn check(args: &[&str], expected: Expect) {
    let bench = Bench::new();
    expected.assert_eq(&normalise(&bench.output(lbd(), args)));
}

/// Both programs print the same and exit alike.
fn same(args: &[&str]) {
    let Some(haproxy) = oracle() else { return };
    let bench = Bench::new();
    let (ours, theirs) = (bench.output(lbd(), args), bench.output(&haproxy, args));
    assert_eq!(normalise(&ours), normalise(&theirs), "{args:?}");
}

/// Both programs exit alike.
fn same_status(args: &[&str]) {
    let Some(haproxy) = oracle() else { return };
    let bench = Bench::new();
    let (ours, theirs) = (bench.output(lbd(), args), bench.output(&haproxy, args));
    assert_eq!(ours.status.code(), theirs.status.code(), "{args:?}: {}", String::from_utf8_lossy(&ours.stderr));
}

#[test]
fn a_good_configuration() {
    check(
        &["-c", "-f", "good.cfg"],
        expect![[r#"
            exit 0
            Configuration file is valid"#]],
    );
    same(&["-c", "-f", "good.cfg"]);
    same(&["-c", "-V", "-f", "good.cfg"]);
    same(&["-c", "-q", "-f", "good.cfg"]);
    same(&["-W", "-c", "-f", "good.cfg"]);
    same(&["-D", "-c", "--", "good.cfg"]);
    same(&["-c", "-dM", "-dS", "-dG", "-dr", "-n", "10", "-m", "500", "-L", "me", "-f", "good.cfg"]);
    same(&["-cV", "-dbx", "-Wsx", "-f", "good.cfg"]);
}

#[test]
fn a_bad_configuration() {
    let bench = Bench::new();
    let output = bench.output(lbd(), &["-c", "-f", "bad.cfg"]);
    let text = normalise(&output);
    assert!(
        text.starts_with(
            "exit 1\n[ALERT]    (PID) : config : parsing [bad.cfg:3] : unknown keyword 'foo' in 'frontend' section"
        ),
        "{text}"
    );
    assert!(
        text.ends_with(
            "[ALERT]    (PID) : config : Error(s) found in configuration file : bad.cfg\n\
             [ALERT]    (PID) : config : Fatal errors found in configuration."
        ),
        "{text}"
    );
    same_status(&["-f", "bad.cfg"]);
    same_status(&["-W", "-f", "bad.cfg"]);
    same_status(&["-D", "-f", "bad.cfg"]);
    same(&["-c", "-q", "-f", "bad.cfg"]);
}

#[test]
fn files_that_are_not_there() {
    check(
        &["-c", "-f", "none.cfg"],
        expect![[r#"
            exit 1
            [ALERT]    (PID) : config : Cannot open configuration file/directory none.cfg : No such file or directory"#]],
    );
    same(&["-c", "-f", "none.cfg"]);
    same(&["-C", "nowhere", "-c", "-f", "good.cfg"]);
}

#[test]
fn warnings() {
    let bench = Bench::new();
    bench.write("warn.cfg", &bench.good().replace("    timeout client 5s\n", ""));
    let text = normalise(&bench.output(lbd(), &["-c", "-f", "warn.cfg"]));
    assert!(
        text.starts_with("exit 0\nWarnings were found.\nConfiguration file is valid\n[WARNING]  (PID) : "),
        "{text}"
    );
    let text = normalise(&bench.output(lbd(), &["-c", "-dW", "-f", "warn.cfg"]));
    assert!(text.starts_with("exit 1\n[WARNING]"), "{text}");
    assert!(
        text.ends_with("[ALERT]    (PID) : config : Some warnings were found and 'zero-warning' is set. Aborting."),
        "{text}"
    );
    let text = normalise(&bench.output(lbd(), &["-dW", "-f", "warn.cfg"]));
    assert!(text.starts_with("exit 1\n[WARNING]"), "{text}");
}

#[test]
fn nothing_to_listen_on() {
    let bench = Bench::new();
    bench.write("none.cfg", "global\n    maxconn 10\n");
    let text = normalise(&bench.output(lbd(), &["-f", "none.cfg"]));
    assert!(text.ends_with("No enabled listener found (check for 'bind' directives) ! Exiting."), "{text}");
    assert!(text.starts_with("exit 1\n"), "{text}");
    bench.write("admin.cfg", &format!("global\n    stats socket {}\n", bench.path("a.sock").display()));
    for program in std::iter::once(lbd().to_owned()).chain(crate::support::oracle()) {
        let mut alone = bench.command(&program, &["-db", "-f", "admin.cfg"]).spawn().unwrap();
        let path = bench.path("a.sock");
        wait_for("an admin socket", || std::os::unix::net::UnixStream::connect(&path).is_ok());
        alone.kill().unwrap();
        alone.wait().unwrap();
        std::fs::remove_file(path).unwrap();
    }
    // 2.6 exits with 2, 3.5 with 0.
    assert_eq!(bench.output(lbd(), &["-c", "-f", "none.cfg"]).status.code(), Some(0));
}

#[test]
fn conditions() {
    for condition in ["streq(a,a)", "streq(a,b)", "1", "0", "", "foo"] {
        same(&["-cc", condition]);
    }
    same_status(&["-cc"]);
}

#[test]
fn usage() {
    for args in [&[][..], &["-c"], &["-zz"], &["--help"], &["good.cfg"], &["-f"], &["-c", "-f", "good.cfg", "-sf", "x"]]
    {
        same_status(args);
    }
    let output = Bench::new().output(lbd(), &["-zz"]);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("lbd version "));
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("Usage : lbd [-f <cfgfile|cfgdir>]* "));
}

#[test]
fn words_are_utf_8() {
    use std::os::unix::ffi::OsStrExt;
    let bench = Bench::new();
    let word = std::ffi::OsStr::from_bytes(b"g\xffod.cfg");
    let output = bench.command(lbd(), &["-c", "-f"]).arg(word).output().unwrap();
    let text = normalise(&output);
    let expected =
        "exit 1\n[ALERT]    (PID) : The command line holds a word that is not valid UTF-8: 'g\u{fffd}od.cfg'.";
    assert_eq!(text, expected);
}

#[test]
fn versions() {
    for args in [&["-v"][..], &["-vv"], &["-q", "-v", "-zz"]] {
        let output = Bench::new().output(lbd(), args);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}");
        assert!(text.starts_with("lbd version ") && text.contains("HAProxy version "), "{text}");
        assert_eq!(text.contains("\nFeature list : "), args == ["-vv"]);
    }
    check(
        &["-vqb"],
        expect![[r#"
            exit 0
            3.5"#]],
    );
}

#[test]
fn options_that_are_not_served_say_so() {
    check(
        &["-dKall", "-c", "-f", "good.cfg"],
        expect![[r#"
            exit 1
            [ALERT]    (PID) : option '-dK' is not supported yet."#]],
    );
}
