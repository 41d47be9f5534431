//! Files that outlive the process.

use super::{good, shown};
use crate::model::LoadState;
use lb_model::Compat;
use std::path::Path;

#[test]
fn state_files() {
    let config = good(
        "global\n server-state-base /base\n server-state-file all\ndefaults\n load-server-state-from-file global\n\
         backend a\nbackend b\n load-server-state-from-file local\n server-state-file-name mine\n\
         backend c\n load-server-state-from-file none\n server-state-file-name use-backend-name\n",
    );
    let files = &config.global.state;
    assert_eq!(files.servers.as_deref(), Some(Path::new("all")));
    assert_eq!(files.locate(Path::new("all")), Path::new("/base/all"));
    assert_eq!(files.locate(Path::new("/else/where")), Path::new("/else/where"));
    let of = |index: usize| (config.proxies[index].load_state, config.proxies[index].state_file.as_deref());
    assert_eq!(of(0), (LoadState::Global, None));
    assert_eq!(of(1), (LoadState::Local, Some(Path::new("mine"))));
    assert_eq!(of(2), (LoadState::None, None));
}

#[test]
fn compatibility() {
    assert_eq!(good("global\n maxconn 5\n").global.compat, Compat::Extended);
    assert_eq!(good("global\n compat strict\n").global.compat, Compat::Strict);
    assert_eq!(good("global\n compat extended\n").global.compat, Compat::Extended);
}

#[test]
fn faults() {
    for (text, words) in [
        ("global\n server-state-file\n", "expect one argument: a file path"),
        ("global\n server-state-base\n", "expects one argument: a directory path"),
        ("global\n server-state-file /a\n server-state-file /b\n", "'server-state-file' already specified"),
        ("global\n compat stric\n", "did you mean 'strict' maybe ?"),
        ("global\n server-state-save 0\n", "above zero"),
        ("global\n server-state-save\n", "how often"),
        ("global\n compat\n", "expects 'extended' or 'strict'"),
        ("backend b\n load-server-state-from-file gobal\n", "did you mean 'global' maybe ?"),
        ("backend b\n server-state-file-name a b\n", "'b'"),
        ("frontend f\n bind :1\n load-server-state-from-file global\n", "no backend capability"),
    ] {
        let told = shown(text);
        assert!(told.contains(words), "{text}: {told}");
    }
}
