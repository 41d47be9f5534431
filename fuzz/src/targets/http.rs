//! Heads, edits of heads, and bodies. The first byte of an input chooses how the rest is read.

use crate::corpus::Signature;
use crate::literals;
use crate::random::Random;
use lb_http::{
    BodyFraming, BodyTracker, ChunkDecoder, ChunkStep, HeadEdit, HeaderList, Span, is_token, parse_request,
    parse_response,
};

/// Requests and responses of the repository's tests.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = ["crates/lb-http/src", "tests/e2e", "crates/lb-engine/src/data/http"].map(literals::below).concat();
    let mut seeds = Vec::new();
    for text in texts {
        if text.windows(5).any(|w| w == b"HTTP/") {
            let kind = u8::from(text.starts_with(b"HTTP/"));
            seeds.push([&[kind | 0xf0][..], &text].concat());
        } else if text.windows(2).any(|w| w == b"\r\n") {
            let head = b"\xf0POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
            seeds.push([&head[..], &text].concat());
        }
    }
    seeds
}

/// A head of either kind.
struct Head {
    leading: usize,
    len: usize,
    first_words: Vec<Vec<u8>>,
    headers: HeaderList,
    framing: BodyFraming,
}

/// Reads a head, and asserts what holds for the spans of each kind.
fn read(buf: &[u8], response: bool, to_head: bool, most: usize) -> Result<Option<Head>, String> {
    if response {
        let Some(head) = parse_response(buf, most, to_head).map_err(|e| e.to_string())? else { return Ok(None) };
        assert!((100..=999).contains(&head.status), "{}", head.status);
        let first_words = vec![head.status.to_string().into_bytes()];
        return Ok(Some(Head {
            leading: head.leading as usize,
            len: head.len as usize,
            first_words,
            headers: head.headers,
            framing: head.framing,
        }));
    }
    let Some(head) = parse_request(buf, most).map_err(|e| e.to_string())? else { return Ok(None) };
    for span in [head.method, head.target] {
        assert!(head.leading <= span.start && span.start < span.end && span.end < head.len, "{span:?} of {}", head.len);
    }
    assert!(is_token(head.method.get(buf)), "method {:?}", head.method.get(buf));
    assert!(head.target.get(buf).iter().all(|b| *b > b' ' && *b != 0x7f), "target {:?}", head.target.get(buf));
    assert!(head.host.is_none_or(|index| usize::from(index) < head.headers.len()));
    Ok(Some(Head {
        leading: head.leading as usize,
        len: head.len as usize,
        first_words: vec![head.method.get(buf).to_vec(), head.target.get(buf).to_vec()],
        headers: head.headers,
        framing: head.framing,
    }))
}

/// Runs one input.
pub fn run(input: &[u8], signature: &mut Signature) {
    let Some((control, buf)) = input.split_first() else { return };
    let (response, to_head) = (control & 1 != 0, control & 2 != 0);
    let most = usize::from(control >> 4) * 17;
    let mut random = Random(input.len() as u64 ^ u64::from(*control));
    let read = |buf: &[u8]| read(buf, response, to_head, most);
    let whole = read(buf);
    signature.add((response, to_head));
    match &whole {
        Ok(None) => signature.add(0),
        Err(error) => {
            signature.add(error);
            // What no further byte can repair stays refused.
            assert!(read(&[buf, b"\r\n\r\n"].concat()).is_err(), "refused, then not");
        }
        Ok(Some(head)) => {
            check_spans(head, buf, most);
            signature.add(std::mem::discriminant(&head.framing));
            signature.add_size(head.headers.len());
            signature.add((head.leading > 0, buf[..head.len].windows(2).any(|w| w == b"\n\n")));
            // A part of it is not complete, and not wrong either.
            for _ in 0..4 {
                let part = read(&buf[..random.below(head.len)]);
                assert!(matches!(part, Ok(None)), "a part of a good head: {:?}", part.err());
            }
            check_edit(head, buf, response, to_head, &mut random);
            check_body(head.framing, &buf[head.len..], signature, &mut random);
        }
    }
    check_chunks(buf, signature, &mut random);
}

fn check_spans(head: &Head, buf: &[u8], most: usize) {
    assert!(head.leading <= head.len && head.len <= buf.len(), "{} of {}", head.len, buf.len());
    assert!(head.headers.len() <= most, "{} fields of {most}", head.headers.len());
    assert!(head.headers.start() <= head.headers.end() && head.headers.end() <= head.len);
    assert!(buf[..head.len].ends_with(b"\n"));
    let mut before = head.headers.start();
    for (index, field) in head.headers.iter().enumerate() {
        let line = head.headers.line(index);
        assert!(line.range().start == before && field.name.start == line.start, "{line:?} after {before}");
        assert!(field.name.end <= field.value.start || field.value.is_empty(), "{field:?}");
        assert!(field.value.end <= line.end && line.end as usize <= head.len, "{field:?} {line:?}");
        assert!(is_token(field.name.get(buf)), "{:?}", field.name.get(buf));
        assert!(!field.value.get(buf).contains(&0), "{:?}", field.value.get(buf));
        before = line.range().end;
    }
    assert_eq!(before, head.headers.end());
}

/// A value as it looks when line folding is undone.
fn unfolded(value: &[u8]) -> Vec<u8> {
    value.iter().map(|b| if matches!(b, b'\r' | b'\n') { b' ' } else { *b }).collect()
}

fn fields(headers: &HeaderList, buf: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    headers.iter().map(|field| (field.name.get(buf).to_vec(), unfolded(field.value.get(buf)))).collect()
}

/// Removes a field, adds one, writes the head: it reads as the same head with those changes, and as no more.
fn check_edit(head: &Head, buf: &[u8], response: bool, to_head: bool, random: &mut Random) {
    let mut edit = HeadEdit::default();
    let removed = random.below(head.headers.len() + 1);
    let frames = |name: &[u8]| {
        let names = [&b"content-length"[..], b"transfer-encoding", b"upgrade", b"connection"];
        names.iter().any(|n| name.eq_ignore_ascii_case(n))
    };
    let mut expected = fields(&head.headers, buf);
    let is_removed = expected.get(removed).is_some_and(|(name, _)| !frames(name));
    if is_removed {
        expected.remove(removed);
        edit.remove(removed);
    }
    edit.add(b"X-Added", b"a\r\nContent-Length: 5\r\n\r\n\0b");
    expected.push((b"X-Added".to_vec(), b"aContent-Length: 5b".to_vec()));
    let mut out = Vec::new();
    edit.write(buf, Span::new(head.leading, head.headers.start()), &head.headers, &mut out);
    let again = match read(&out, response, to_head, 256) {
        Ok(Some(again)) => again,
        _ if expected.len() > 256 => return,
        other => panic!("an edited head reads {:?}: {}", other.map(|_| ()), out.escape_ascii()),
    };
    assert_eq!(again.len, out.len(), "more than a head: {}", out.escape_ascii());
    assert_eq!(again.first_words, head.first_words);
    assert_eq!(again.framing, head.framing, "{}", out.escape_ascii());
    assert_eq!(fields(&again.headers, &out), expected);
    assert!(!out.windows(2).any(|w| w[1] == b'\n' && w[0] != b'\r'), "a bare LF: {}", out.escape_ascii());
}

/// The same end of the body whatever the pieces.
fn check_body(framing: BodyFraming, rest: &[u8], signature: &mut Signature, random: &mut Random) {
    let follow = |pieces: &[&[u8]]| {
        let (mut body, mut total) = (BodyTracker::new(framing), 0);
        for piece in pieces {
            let progress = body.advance(piece)?;
            assert!(progress.consumed <= piece.len(), "{progress:?} of {}", piece.len());
            assert_eq!(progress.done, body.is_done());
            total += progress.consumed;
            if progress.done {
                break;
            }
            assert_eq!(progress.consumed, piece.len(), "neither done nor all taken");
        }
        Ok::<_, lb_http::ChunkError>((total, body.is_done()))
    };
    let whole = follow(&[rest]);
    assert_eq!(whole, follow(&random.pieces(rest)));
    signature.add(whole.is_ok_and(|(_, done)| done));
}

/// What a chunked body's decoding yields: its data, how much it consumed, how it ended.
type Decoded = (Vec<u8>, Result<Option<usize>, &'static str>);

fn decode(pieces: &[&[u8]]) -> Decoded {
    let (mut decoder, mut data, mut total) = (ChunkDecoder::default(), Vec::new(), 0);
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let n = match decoder.step(rest) {
                Err(error) => return (data, Err(error.0)),
                Ok(ChunkStep::NeedMore) => {
                    assert!(rest.is_empty(), "more is asked for while {} bytes are there", rest.len());
                    break;
                }
                Ok(ChunkStep::End(n)) => {
                    assert!(decoder.is_done() && n <= rest.len());
                    return (data, Ok(Some(total + n)));
                }
                Ok(ChunkStep::Data(n)) => {
                    data.extend(&rest[..n]);
                    n
                }
                Ok(ChunkStep::Framing(n)) => n,
            };
            assert!(n > 0, "a step without progress");
            total += n;
            rest = &rest[n..];
        }
    }
    (data, Ok(None))
}

fn check_chunks(buf: &[u8], signature: &mut Signature, random: &mut Random) {
    // The body of a message, or the whole input.
    let at = buf.windows(4).position(|w| w == b"\r\n\r\n").map_or(0, |at| at + 4);
    let whole = decode(&[&buf[at..]]);
    assert_eq!(whole, decode(&random.pieces(&buf[at..])));
    signature.add(whole.1.err());
    signature.add_size(whole.0.len());
}
