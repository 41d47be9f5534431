//! The Runtime API's connection, fed in arbitrary pieces, and the functions beside it. The first byte of an
//! input chooses the level and the limits.

use crate::corpus::Signature;
use crate::literals;
use crate::random::Random;
use lb_admin::{
    COMMANDS, CommandLine, Names, Reply, Request, Session, Settings, SeverityOutput, Step, complete, find, split_line,
    suggestions,
};
use lb_model::{Compat, Level};
use std::time::Duration;

/// Recorded commands, the table's examples, and the texts of the crate's tests.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> =
        COMMANDS.iter().map(|command| format!("{}\n", command.example).into_bytes()).collect();
    for line in literals::text("tests/data/probes.jsonl").lines() {
        let probe: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        texts.extend(probe["in"].as_str().map(|text| text.as_bytes().to_vec()));
    }
    texts.extend(literals::below("crates/lb-admin/tests").into_iter().filter(|text| text.ends_with(b"\n")));
    texts.into_iter().map(|text| [&[0b10_u8][..], &text].concat()).collect()
}

const LEVELS: [Level; 4] = [Level::User, Level::Operator, Level::Admin, Level::Admin];
const SEVERITIES: [SeverityOutput; 2] = [SeverityOutput::None, SeverityOutput::String];

/// The longest answer that this crate makes by itself: the list of all commands, and what it repeats of the input.
const LONGEST_OWN: usize = 32 << 10;

/// Runs one input.
pub fn run(input: &[u8], signature: &mut Signature) {
    let Some((control, bytes)) = input.split_first() else { return };
    let settings = Settings {
        level: LEVELS[usize::from(control & 3)],
        severity_output: SEVERITIES[usize::from(control >> 2 & 1)],
        max_line: if control & 8 == 0 { 16_384 } else { 64 },
        max_payload: if control & 16 == 0 { 131_072 } else { 64 },
        compat: if control & 32 == 0 { Compat::Extended } else { Compat::Strict },
    };
    let mut random = Random(input.len() as u64 ^ u64::from(*control));
    let whole = talk(settings, &[bytes], signature);
    let pieces = talk(settings, &random.pieces(bytes), &mut Signature::default());
    assert_eq!(whole.0.escape_ascii().to_string(), pieces.0.escape_ascii().to_string(), "the pieces show");
    assert_eq!((whole.1, whole.2), (pieces.1, pieces.2), "the pieces show");
    check_helpers(bytes);
}

/// What was answered, whether the connection was closed before the end of input, and the commands handed out.
fn talk(settings: Settings, pieces: &[&[u8]], signature: &mut Signature) -> (Vec<u8>, bool, Vec<Request>) {
    let uptime = Duration::from_secs(93_784);
    let mut session = Session::new(settings);
    let (mut answer, mut requests, mut fed, mut steps) = (Vec::new(), Vec::new(), 0, 0);
    let total: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut pieces = pieces.iter();
    let mut over = false;
    loop {
        steps += 1;
        assert!(steps <= 8 * total + 64, "{steps} steps for {total} bytes");
        match session.poll(uptime) {
            Step::Command(request) => {
                let command = request.id.command();
                assert_eq!(find(&request.words).map(|found| found.id), Some(request.id));
                assert!(command.level <= request.level && request.level <= settings.level, "{request:?}");
                assert_eq!(session.poll(uptime), Step::Busy);
                signature.add((request.id, request.payload.is_some()));
                signature.add_size(request.words.len());
                session.complete(carry_out(&request), uptime);
                requests.push(request);
            }
            Step::Reply(bytes) => {
                assert!(!bytes.is_empty() && bytes.len() <= LONGEST_OWN + fed, "{} bytes at once", bytes.len());
                signature.add(answer_kind(&bytes));
                answer.extend(bytes);
            }
            Step::SetIdleTimeout(timeout) => signature.add(timeout.is_zero()),
            Step::NeedInput => match pieces.next() {
                Some(piece) => {
                    fed += piece.len();
                    session.feed(piece);
                }
                None => {
                    assert!(!over, "input is asked for after its end");
                    over = true;
                    session.finish();
                }
            },
            Step::Busy => panic!("nothing runs"),
            Step::Close => break,
        }
    }
    session.feed(b"show info\n");
    assert_eq!(session.poll(uptime), Step::Close, "closed, then not");
    assert!(session.level() <= settings.level);
    signature.add(over);
    // Where the input ends without closing, how much of it was read is the same; where it closes, too.
    (answer, over, requests)
}

/// An answer's beginning, without what it repeats of the input.
fn answer_kind(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.iter().position(|b| matches!(b, b'\'' | b'\n')).unwrap_or(bytes.len());
    bytes[..end.min(24)].to_vec()
}

/// Answers of every kind.
fn carry_out(request: &Request) -> Reply {
    match request.words.iter().map(String::len).sum::<usize>() % 5 {
        0 => Reply::Empty,
        1 => Reply::err("No such server."),
        2 => Reply::Raw(b"# name\napp\n".to_vec()),
        3 => Reply::Streamed,
        _ => Reply::notice("Done."),
    }
}

struct Cluster;

impl Names for Cluster {
    fn backends(&self) -> Vec<String> {
        vec!["app".to_owned(), "a b;c".to_owned()]
    }

    fn frontends(&self) -> Vec<String> {
        vec!["fe".to_owned()]
    }

    fn servers(&self, backend: &str) -> Vec<String> {
        if backend == "app" { vec!["web1".to_owned(), "web2".to_owned()] } else { Vec::new() }
    }
}

fn check_helpers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(512)]);
    let line = text.lines().next().unwrap_or_default();
    let completion = complete(line, &Cluster);
    assert!(line.is_char_boundary(completion.start), "{} in {line:?}", completion.start);
    let word = &line[completion.start..];
    assert!(completion.candidates.iter().all(|candidate| candidate.starts_with(word)), "{completion:?}");
    assert!(completion.candidates.is_sorted());
    let words: Vec<&str> = line.split_whitespace().collect();
    for compat in [Compat::Strict, Compat::Extended] {
        assert!(suggestions(&words, compat).len() <= COMMANDS.len());
    }
    // What a client writes is read back as it was meant.
    let Some(command) = COMMANDS.get(bytes.len() % COMMANDS.len()) else { return };
    let args: Vec<&str> = text.split('\n').filter(|arg| !arg.is_empty()).take(4).collect();
    let written = args.iter().fold(CommandLine::new(command.id), CommandLine::arg);
    if let Ok(line) = written.to_line() {
        let read = split_line(line.as_bytes());
        assert_eq!(read.len(), 1, "{line:?} is several commands");
        let mut expected: Vec<&str> = command.words.split(' ').collect();
        expected.extend(&args);
        assert_eq!(read[0].words, expected, "{line:?}");
    }
}
