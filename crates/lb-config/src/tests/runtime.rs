//! What the Runtime API begins with: limits, keys, traces.

use super::{good, shown};
use crate::model::Profiling;

#[test]
fn settings_that_may_be_changed_later() {
    let config = good(
        "global\n maxconnrate 10\n maxsessrate 20\n maxcomprate 30\n anonkey 4294967295\n profiling.tasks on lock\n \
         tune.cli.max-payload-size 64k\ntraces\n trace h1 sink buf0 level developer start now\n trace all follow session\n",
    );
    let runtime = &config.global.runtime;
    assert_eq!((runtime.max_connection_rate, runtime.max_session_rate, runtime.max_compression_rate), (10, 20, 30));
    assert_eq!((runtime.anon_key, runtime.max_payload), (Some(u32::MAX), Some(65_536)));
    assert_eq!(runtime.profiling, Profiling::On);
    let [first, second] = &config.traces[..] else { panic!("two lines") };
    assert_eq!(first.words.join(" "), "h1 sink buf0 level developer start now");
    assert_eq!((&*second.place.file, second.place.line), ("a.cfg", 10));
}

#[test]
fn faults() {
    for (text, message) in [
        ("global\n maxconnrate\n", "'maxconnrate' expects an integer argument."),
        ("global\n maxsessrate x\n", "'maxsessrate' expects an integer argument."),
        ("global\n anonkey 4294967296\n", "'anonkey' expects a number from 0 to 4294967295."),
        ("global\n profiling.tasks\n", "'profiling.tasks' expects either 'on', 'auto', or 'off' but got ''."),
        ("global\n profiling.tasks foo\n", "'profiling.tasks' expects either 'on', 'auto', or 'off' but got 'foo'."),
        ("global\n tune.cli.max-payload-size 0\n", "'tune.cli.max-payload-size' expects a positive integer argument."),
        ("traces\n trace\n", "'trace' expects a source"),
        ("traces\n trac h1\n", "unknown keyword 'trac' in 'traces' section; did you mean 'trace' maybe ?"),
    ] {
        let told = shown(text);
        assert!(told.contains(message), "{text:?}: {told}");
    }
}
