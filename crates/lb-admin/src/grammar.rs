//! The grammar of a line: commands separated by `;`, words separated by blanks, `\` before a byte
//! that is to be taken literally, `<<` at the end announcing a payload. Quotes and `#` mean nothing.

/// The longest pattern after `<<`. A longer word is an ordinary argument.
pub const MAX_PATTERN: usize = 64;

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RawCommand {
    /// Its words, escapes undone. None for an empty command.
    pub words: Vec<String>,
    /// The word after `<<` that will end the payload; empty for an empty line. `None`: no payload.
    pub payload: Option<String>,
}

/// The length of the first line in `input`, its line feed included. A line feed after a lone `\`
/// does not end the line. The search may start at `from`, before which no line ends.
pub fn line_length(input: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + input.get(at..)?.iter().position(|&b| b == b'\n')?;
        let escapes = input.get(..found)?.iter().rev().take_while(|&&b| b == b'\\').count();
        if escapes % 2 == 0 {
            return Some(found + 1);
        }
        at = found + 1;
    }
}

/// Cuts a line, given without its line feed, into commands. There is always at least one, maybe empty.
pub fn split_line(line: &[u8]) -> Vec<RawCommand> {
    let line = line.strip_suffix(b"\r").filter(|_| !escaped(line)).unwrap_or(line);
    let (line, payload) = cut_payload(line);
    let mut commands = vec![RawCommand::default()];
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => word.get_or_insert_default().extend(bytes.next()),
            b' ' | b'\t' => end_word(&mut commands, &mut word),
            b';' => {
                end_word(&mut commands, &mut word);
                commands.push(RawCommand::default());
            }
            _ => word.get_or_insert_default().push(byte),
        }
    }
    end_word(&mut commands, &mut word);
    if let Some(last) = commands.last_mut() {
        last.payload = payload;
    }
    commands
}

fn end_word(commands: &mut [RawCommand], word: &mut Option<Vec<u8>>) {
    if let (Some(command), Some(bytes)) = (commands.last_mut(), word.take()) {
        command.words.push(String::from_utf8_lossy(&bytes).into_owned());
    }
}

/// Takes a `<<` or `<<PATTERN` off the end of a line. It must be a word of its own and the very end:
/// a blank after it makes it an ordinary argument.
fn cut_payload(line: &[u8]) -> (&[u8], Option<String>) {
    let start = line.iter().rposition(|b| matches!(b, b' ' | b'\t' | b';')).map_or(0, |at| at + 1);
    let (before, word) = line.split_at(start);
    match word.strip_prefix(b"<<") {
        Some(pattern) if pattern.len() <= MAX_PATTERN && !escaped(before) => {
            (before, Some(String::from_utf8_lossy(pattern).into_owned()))
        }
        _ => (line, None),
    }
}

/// Whether the last byte of `text` is taken literally because of a `\` before it.
fn escaped(text: &[u8]) -> bool {
    let Some((_, before)) = text.split_last() else { return false };
    before.iter().rev().take_while(|&&b| b == b'\\').count() % 2 == 1
}

/// A word as it must be sent to be read back the same.
pub fn escape(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    for c in word.chars() {
        if matches!(c, ' ' | '\t' | ';' | '\\' | '\n' | '\r') || (c == '<' && text.is_empty()) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expected: &[&[&str]]) {
        let commands = split_line(line.as_bytes());
        let words: Vec<Vec<&str>> = commands.iter().map(|c| c.words.iter().map(String::as_str).collect()).collect();
        assert_eq!(words, expected, "{line}");
    }

    #[test]
    fn words_chains_and_escapes() {
        check("show  stat\t-1 4 -1 ", &[&["show", "stat", "-1", "4", "-1"]]);
        check("", &[&[]]);
        check(" \r", &[&[]]);
        check("a;b", &[&["a"], &["b"]]);
        check(";a; ;b;", &[&[], &["a"], &[], &["b"], &[]]);
        check("a\\;b c\\ d \\e", &[&["a;b", "c d", "e"]]);
        check("a\\\\;b", &[&["a\\"], &["b"]]);
        check("a \\", &[&["a", ""]]);
        check("echo \"a b\" # c", &[&["echo", "\"a", "b\"", "#", "c"]]);
        check("show stat\r", &[&["show", "stat"]]);
    }

    #[test]
    fn payload_marks() {
        let payload = |line: &str| split_line(line.as_bytes()).pop().and_then(|c| c.payload);
        assert_eq!(payload("add map x <<"), Some(String::new()));
        assert_eq!(payload("a;add map x <<EOF"), Some("EOF".into()));
        assert_eq!(payload("add map x <<\r"), Some(String::new()));
        assert_eq!(payload("add map x << "), None);
        assert_eq!(payload("add map x << z"), None);
        assert_eq!(payload("add map x<<"), None);
        assert_eq!(payload("add map x \\<<"), None);
        assert_eq!(payload("add map x\\ <<"), None);
        assert_eq!(payload(&format!("a <<{}", "p".repeat(64))), Some("p".repeat(64)));
        assert_eq!(payload(&format!("a <<{}", "p".repeat(65))), None);
        check("add map x <<", &[&["add", "map", "x"]]);
        check("<<", &[&[]]);
    }

    #[test]
    fn lines_end_at_unescaped_line_feeds() {
        assert_eq!(line_length(b"a\nb\n", 0), Some(2));
        assert_eq!(line_length(b"a\\\nb\n", 0), Some(5));
        assert_eq!(line_length(b"a\\\\\nb\n", 0), Some(4));
        assert_eq!(line_length(b"abc", 0), None);
        assert_eq!(line_length(b"", 3), None);
    }

    #[test]
    fn escaping_is_undone_by_splitting() {
        for word in ["plain", "a b", "a;b", "back\\slash", "<<", "<<EOF", "x<<", "tab\t", "é ü", "new\nline\r"] {
            let line = format!("cmd {}", escape(word));
            let commands = split_line(line.as_bytes());
            assert_eq!(commands.len(), 1, "{line}");
            assert_eq!(commands[0].words, ["cmd", word]);
            assert_eq!(commands[0].payload, None);
        }
    }
}
