//! Responses that stand in files: read once, sent as they are.

use crate::body::BodyFraming;
use crate::fault::response_fault;
use crate::response::parse_response;

/// Why a file holds no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// The head is none.
    #[error("unable to parse headers (error offset: {0})")]
    Head(usize),
    /// More or less follows than the head says.
    #[error("payload size does not match the announced content-length ({found} != {said})")]
    Length {
        /// Bytes that follow.
        found: usize,
        /// Bytes that were announced.
        said: u64,
    },
    /// Chunks are for the wire.
    #[error("chunk-encoded payload not supported")]
    Chunked,
}

/// The response that a file holds, as it is sent: names in small letters, lines ended by CR LF; where it asks for the
/// connection's end, that is the last field. An empty file is an empty answer.
///
/// # Errors
/// What is wrong with the file.
pub fn page_from_file(bytes: &[u8]) -> Result<Vec<u8>, FileFault> {
    const MOST_FIELDS: usize = 256;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let head = match parse_response(bytes, MOST_FIELDS, false) {
        Ok(Some(head)) if head.leading == 0 => head,
        // Where a head breaks off, its end is what is wrong.
        Ok(None) => return Err(FileFault::Head(bytes.len())),
        Ok(Some(_)) => return Err(FileFault::Head(0)),
        Err(_) => return Err(FileFault::Head(response_fault(bytes, MOST_FIELDS))),
    };
    let body = bytes.get(head.len as usize..).unwrap_or_default();
    if head.headers.values(bytes, "transfer-encoding").next().is_some() {
        return Err(FileFault::Chunked);
    }
    let announced = head.headers.values(bytes, "content-length").next().is_some();
    let said = match head.framing {
        BodyFraming::Length(said) => said,
        BodyFraming::None => 0,
        BodyFraming::Chunked | BodyFraming::UntilClose => body.len() as u64,
    };
    if announced && said != body.len() as u64 {
        return Err(FileFault::Length { found: body.len(), said });
    }
    let first = bytes.get(..head.headers.start()).unwrap_or_default();
    let mut out = first.trim_ascii_end().to_vec();
    out.extend_from_slice(b"\r\n");
    for field in head.headers.iter() {
        let name = field.name.get(bytes);
        if name.eq_ignore_ascii_case(b"connection") {
            continue;
        }
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        out.extend_from_slice(b": ");
        out.extend(field.value.get(bytes).iter().filter(|b| !matches!(b, b'\r' | b'\n')));
        out.extend_from_slice(b"\r\n");
    }
    let mut words = head.headers.values(bytes, "connection").flat_map(|value| value.split(|b| *b == b','));
    if head.minor > 0 && words.any(|word| word.trim_ascii().eq_ignore_ascii_case(b"close")) {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        page_from_file(text.as_bytes()).map(|page| String::from_utf8(page).unwrap()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn files_are_made_responses() {
        assert_eq!(read(""), Ok(String::new()));
        assert_eq!(
            read("HTTP/1.0 403 No\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n<p>\n"),
            Ok("HTTP/1.0 403 No\r\ncontent-type: text/html\r\n\r\n<p>\n".to_owned())
        );
        assert_eq!(read("HTTP/1.1 404 X\nX-A: b\n\nabc"), Ok("HTTP/1.1 404 X\r\nx-a: b\r\n\r\nabc".to_owned()));
        assert_eq!(
            read("HTTP/1.1 503 X\r\nContent-Length: 3\r\n\r\nabc"),
            Ok("HTTP/1.1 503 X\r\ncontent-length: 3\r\n\r\nabc".to_owned())
        );
        assert_eq!(
            read("HTTP/1.1 403 X\r\nConnection: Close\r\nA: b\r\n\r\n"),
            Ok("HTTP/1.1 403 X\r\na: b\r\nconnection: close\r\n\r\n".to_owned())
        );
    }

    #[test]
    fn what_is_no_response_is_refused() {
        assert_eq!(read("HTTX\n"), Err("unable to parse headers (error offset: 4)".to_owned()));
        for (text, message) in [
            ("<html>", "unable to parse headers"),
            ("HTTP/1.1 404 X\r\nX: y\r\n", "unable to parse headers"),
            (
                "HTTP/1.1 503 X\r\nContent-Length: 9\r\n\r\nabc\n",
                "payload size does not match the announced content-length (4 != 9)",
            ),
            (
                "HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\nabc\n",
                "payload size does not match the announced content-length (4 != 0)",
            ),
            ("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunk-encoded payload not supported"),
        ] {
            let found = read(text);
            assert!(found.as_ref().is_err_and(|fault| fault.starts_with(message)), "{text:?}: {found:?}");
        }
    }
}
