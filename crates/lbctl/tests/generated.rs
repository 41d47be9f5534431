//! The committed manual pages and completion scripts are those that the command line makes.
use std::path::Path;

#[test]
fn generated_files_are_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        lbctl::generate(&root).unwrap();
    }
    for (path, bytes) in lbctl::generated().unwrap() {
        let committed = std::fs::read(root.join(&path)).unwrap_or_default();
        assert!(committed == bytes, "{} is not current: run `cargo xtask codegen`", path.display());
    }
}
