//! What `lbctl` writes down is whole, whenever it is killed.

use std::time::Duration;

use crate::support::Engine;

on_both! {
    a_kill_at_any_moment_leaves_whole_files,
}

fn a_kill_at_any_moment_leaves_whole_files(engine: &Engine) {
    assert_eq!(engine.run("context add first lb1=/run/a.sock"), 0);
    assert_eq!(engine.run("drain app/web1 --lease 1h -m größer"), 0);
    for round in 0..30_u64 {
        let node = format!("n{round}=/run/n{round}.sock");
        let weight = format!("{}%", round + 1);
        let lines: [&[&str]; 3] = [
            &["weight", "app/web2", &weight, "-m", "größer"],
            &["context", "add", "first", &node],
            &["drain", "app/web1", "--lease", "2h", "-m", "größer"],
        ];
        let mut running: Vec<_> = lines.iter().map(|words| engine.lbctl(words).spawn().unwrap()).collect();
        // Moments spread over their whole life.
        std::thread::sleep(Duration::from_micros(round * 1_379 % 24_000));
        for child in &mut running {
            // One that has ended cannot be killed.
            let _ = child.kill();
            child.wait().unwrap();
        }
        for line in ["log -o json", "context list -o json", "lease list -o json"] {
            let words: Vec<&str> = line.split(' ').collect();
            let told = engine.lbctl(&words).output().unwrap();
            let text = String::from_utf8_lossy(&told.stdout);
            assert!(told.status.success(), "round {round}, {line}: {told:?}");
            assert!(text.contains("web1") || text.contains("lb1"), "round {round}, {line}: {text}");
        }
    }
    assert_eq!(engine.run("weight app/web2 50%"), 0);
    assert_eq!(engine.run("ready app/web1"), 0);
    let state = engine.path(".local/state/lbctl");
    let left =
        std::fs::read_dir(&state).unwrap().flatten().filter(|e| e.path().extension().is_some_and(|e| e == "tmp"));
    assert!(left.count() <= 1, "what killed ones left piles up in {}", state.display());
}
