//! `userlist` sections and what names them.

use super::{good, shown};

const FRONTEND: &str = "frontend f\n mode http\n timeout client 1s\n bind 127.0.0.1:1\n";

/// Messages as seen on a running HAProxy, but for what it lets pass.
#[test]
fn faults() {
    let first = |text: &str| shown(text).lines().next().unwrap_or_default().to_owned();
    for (text, message) in [
        ("userlist\n", "'userlist' expects <name> as arguments."),
        ("userlist a b\n", "'userlist' cannot handle unexpected argument 'b'."),
        ("userlist a-%\n", "character '%' is not permitted in 'userlist' name 'a-%'."),
        ("userlist a\nuserlist a\n", "ignoring duplicated userlist 'a'."),
        ("userlist a\n foo bar\n", "unknown keyword 'foo' in 'users' section"),
        ("userlist a\n user\n", "'user' expects <name> as arguments."),
        ("userlist a\n user x\n", "user 'x' has no password"),
        ("userlist a\n user x password\n", "'password' of user 'x' expects a password's hash."),
        ("userlist a\n user x password $zz$q\n", "of a kind that cannot be checked"),
        (
            "userlist a\n user x insecure-password y foo\n",
            "'user' only supports 'password', 'insecure-password' and 'groups' options.",
        ),
        (
            "userlist a\n user x insecure-password y groups nope\n",
            "userlist 'a': no such group 'nope' specified in user 'x'",
        ),
        ("userlist a\n group g users nope\n", "userlist 'a': no such user 'nope' specified in group 'g'"),
        (
            "userlist a\n user x insecure-password a\n user x insecure-password b\n",
            "ignoring duplicated user 'x' in userlist 'a'.",
        ),
        ("userlist a\n group g\n group g\n", "ignoring duplicated group 'g' in userlist 'a'."),
        ("userlist a\n group\n", "'group' expects <name> as arguments."),
        ("userlist a\n group g foo\n", "'group' only supports 'users' option."),
    ] {
        let found = first(text);
        assert!(found.contains(message), "{text:?}: {found}");
    }
    for (rule, message) in [
        ("http-request auth unless { http_auth(u) }", "unable to find userlist 'u'"),
        ("http-request auth unless { http_auth }", "missing userlist name in arg 1"),
        ("http-request auth foo if TRUE", "expects either 'if' or 'unless' followed by a condition but found 'foo'."),
        ("http-request auth realm", "missing realm value."),
        ("http-request deny if { http_auth_group(known) zz }", "invalid group 'zz' of userlist 'known'"),
    ] {
        let text = format!("{FRONTEND} {rule}\nuserlist known\n group g\n");
        let found = first(&text);
        assert!(found.contains(message), "{rule:?}: {found}");
    }
}

#[test]
fn a_list_may_follow_what_names_it() {
    let list = "userlist u\n group g users x\n user x insecure-password a groups g\n";
    good(&format!("{FRONTEND} http-request deny if {{ http_auth_group(u) g }}\n{list}"));
}
