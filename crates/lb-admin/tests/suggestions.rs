//! The suggestion rule on the command list of HAProxy 3.5, against what it suggested there.

use lb_admin::{Help, suggest, suggestions};
use lb_model::Compat;

#[track_caller]
fn check(request: &str, expected: &[&str]) {
    let reference: Vec<Vec<&str>> =
        include_str!("data/reference_commands.txt").lines().map(|line| line.split(' ').collect()).collect();
    let found: Vec<String> = suggest(&reference, &request.split(' ').collect::<Vec<_>>())
        .into_iter()
        .map(|index| reference[index].join(" "))
        .collect();
    assert_eq!(found, expected, "{request}");
}

#[test]
fn right_words_list_what_may_follow() {
    check("set maxconn", &["set maxconn frontend", "set maxconn global", "set maxconn server"]);
    check("show servers", &["show servers conn", "show servers state"]);
    check("clear", &["clear acl", "clear counters", "clear map", "clear table"]);
    check("set server", &["set server"]);
}

#[test]
fn misspelt_words_list_what_is_near() {
    check("foo", &["echo", "show fd", "show info", "user", "wait"]);
    check("reload", &["add acl", "add map", "add server", "del acl", "del map"]);
    check("@1 show info", &["show info"]);
    check("show cli level;foo", &["show cli level"]);
    check("show servers foo", &["show servers conn", "show servers state"]);
    check("shutdown foo", &["shutdown frontend", "shutdown session", "shutdown sessions server"]);
    check(
        "enable foo",
        &["enable agent", "enable dynamic-cookie backend", "enable frontend", "enable health", "enable server"],
    );
}

#[test]
fn ties_go_by_the_order_of_commands() {
    // HAProxy breaks the tie among the last places by an order of its own: it shows `show sess`
    // here instead of `show acl`, which is exactly as far.
    check("show foo", &["show acl", "show anon", "show fd", "show info", "show pools"]);
}

#[test]
fn short_words_need_something_in_common() {
    // Observed on 2.6, whose commands these are.
    let get: Vec<Vec<&str>> =
        ["get acl", "get map", "get var", "get weight"].iter().map(|c| c.split(' ').collect()).collect();
    let found = |word: &str| suggest(&get, &["get", word]);
    assert_eq!(found("x"), [3]);
    assert_eq!(found("xq"), [3]);
    assert_eq!(found("xx"), [0, 1, 2, 3]);
    assert_eq!(found("xqz"), [0, 1, 2, 3]);
    assert_eq!(found("l"), [0]);
    assert_eq!(found("le"), [0, 3]);
    assert_eq!(found("a"), [0, 1, 2]);
    assert_eq!(found("c"), [0, 3]);
    assert_eq!(found("WEIGTH"), [3]);
    // Nothing is near enough: all are shown.
    assert_eq!(suggest(&get[..3], &["get", "x"]), [0, 1, 2]);
}

#[test]
fn nothing_breaks_it() {
    for request in ["", "é", "\u{0}", "-", "--", "a-", &"z".repeat(20_000)] {
        assert!(suggestions(&[request], Compat::Extended).iter().all(|c| c.help == Help::Listed), "{request}");
    }
    assert!(suggest::<Vec<&str>, &str>(&[], &["x"]).is_empty());
    assert!(!suggestions::<&str>(&[], Compat::Extended).is_empty());
}
