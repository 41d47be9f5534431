//! YAML: a list of maps, or one map. Texts that YAML could take for something else are quoted as in JSON.

use std::io::{self, Write};

use super::Cell;

/// One map.
pub fn object(keys: &[String], row: &[Cell], out: &mut dyn Write) -> io::Result<()> {
    for (key, cell) in keys.iter().zip(row) {
        writeln!(out, "{}: {}", text(key), scalar(cell))?;
    }
    Ok(())
}

/// One map of a list.
pub fn item(keys: &[String], row: &[Cell], out: &mut dyn Write) -> io::Result<()> {
    for (at, (key, cell)) in keys.iter().zip(row).enumerate() {
        writeln!(out, "{} {}: {}", if at == 0 { "-" } else { " " }, text(key), scalar(cell))?;
    }
    Ok(())
}

fn scalar(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "null".to_owned(),
        Cell::Text(word) | Cell::Toned(word, _) => text(word),
        other => other.plain(),
    }
}

/// A text as it is where that is safe.
fn text(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-' | ' ' | '(' | ')');
    let begins = word.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '/'));
    // `no` is a truth value to some readers, `.5` and `1e3` numbers to all.
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let plain = begins
        && word.chars().all(safe)
        && !word.ends_with(' ')
        && !reserved.iter().any(|r| word.eq_ignore_ascii_case(r));
    if plain { word.to_owned() } else { serde_json::to_string(word).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let shown = |word: &str| text(word);
        assert_eq!(shown("app/web1"), "app/web1");
        assert_eq!(shown("DOWN 1/2"), "DOWN 1/2");
        assert_eq!(shown("no"), "\"no\"");
        assert_eq!(shown("127.0.0.1:80"), "\"127.0.0.1:80\"");
        assert_eq!(shown(""), "\"\"");
        assert_eq!(shown("a: b"), "\"a: b\"");
        assert_eq!(shown("1e3"), "\"1e3\"");
        let mut out = Vec::new();
        object(&["a".into(), "b".into()], &[Cell::Empty, Cell::Number(3)], &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a: null\nb: 3\n");
    }
}
