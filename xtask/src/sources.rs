//! What must not be in a file of the repository: words for work not done, and `unsafe` away from system calls.

use crate::chore::root;
use std::path::{Path, PathBuf};

/// Files above this many lines are named, as a warning: they may be worth splitting.
const LONG_FILE: usize = 600;

/// Words that stand for work not done, written apart so that this file has none of them.
const FORBIDDEN: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("todo", "!("),
    concat!("unimple", "mented!"),
];

/// Text files that are read.
const TEXTS: [&str; 9] = ["rs", "toml", "md", "sh", "cfg", "vtc", "yml", "yaml", "py"];

/// Adds what is wrong in any file; long files are only printed.
///
/// # Errors
/// When a directory cannot be read.
pub fn check(faults: &mut Vec<String>) -> anyhow::Result<()> {
    for path in files()? {
        let kind = path.extension().unwrap_or_default().to_string_lossy();
        if !TEXTS.contains(&kind.as_ref()) {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root().join(&path)) else {
            faults.push(format!("{} is not UTF-8", path.display()));
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            let found = in_line(&path, line).into_iter();
            faults.extend(found.map(|fault| format!("{}:{}: {fault}", path.display(), number + 1)));
        }
        let length = text.lines().count();
        if kind == "rs" && length > LONG_FILE {
            eprintln!("warning: {} has {length} lines", path.display());
        }
    }
    Ok(())
}

/// Directories that are not of the repository: what git and cargo keep, and inputs saved by fuzz targets.
const SKIPPED: [&str; 3] = [".git", "target", "artifacts"];

/// All files of the repository, their paths below its top.
fn files() -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut directories) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(root().join(&directory))? {
            let entry = entry?;
            let path = directory.join(entry.file_name());
            if entry.file_type()?.is_file() {
                files.push(path);
            } else if entry.file_type()?.is_dir() && SKIPPED.iter().all(|name| entry.file_name() != *name) {
                directories.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn in_line(path: &Path, line: &str) -> Vec<String> {
    let mut faults: Vec<String> =
        FORBIDDEN.iter().filter(|word| has_word(line, word)).map(|word| format!("`{word}`")).collect();
    let is_code = path.extension().is_some_and(|kind| kind == "rs") && !line.trim_start().starts_with("//");
    let wraps_system_calls = path.file_name().is_some_and(|name| name == "sys.rs");
    if is_code && !wraps_system_calls && is_unsafe(line) {
        faults.push("`unsafe` outside a module called sys".to_owned());
    }
    faults
}

/// Whether a line begins something unsafe, or permits it.
fn is_unsafe(line: &str) -> bool {
    // Written apart so that these lines are none.
    const LINT: &str = concat!("unsafe", "_code");
    const ATTRIBUTE: &str = concat!("#[", "unsafe(");
    let permits = ["expect(", "allow(", "warn("].iter().any(|lint| line.contains(lint)) && line.contains(LINT);
    let mut words = line.split_whitespace().skip_while(|word| *word != "unsafe").skip(1);
    let begins = ["{", "fn", "impl", "extern", "trait"].contains(&words.next().unwrap_or_default());
    permits || begins || line.contains(ATTRIBUTE)
}

/// Whether `word` stands in `line`, not as a part of a longer word.
fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|text| text.chars().next());
        let ends_in_letter = word.ends_with(is_letter);
        !(before.is_some_and(is_letter) || ends_in_letter && after.is_some_and(is_letter))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forbidden_words_are_words() {
        let path = Path::new("a.rs");
        assert_eq!(in_line(path, &format!("// {}: later", FORBIDDEN[0])).len(), 1);
        assert_eq!(in_line(path, &format!("    {}\"x\")", FORBIDDEN[3])).len(), 1);
        assert_eq!(in_line(path, &format!("mkdtemp(\"a-{0}{0}\")", FORBIDDEN[2])).len(), 0);
    }

    #[test]
    fn unsafe_code_is_for_system_calls() {
        let line = ["let x =", "unsafe", "{ f() };"].join(" ");
        assert_eq!(in_line(Path::new("a/b.rs"), &line).len(), 1);
        assert_eq!(in_line(Path::new("a/sys.rs"), &line).len(), 0);
        assert_eq!(in_line(Path::new("a/b.rs"), &format!("#![expect({}_code)]", "unsafe")).len(), 1);
        assert_eq!(in_line(Path::new("a/b.rs"), "row(\"accept-unsafe-violations\")").len(), 0);
    }
}
