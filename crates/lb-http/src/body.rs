//! How a message's body is delimited, and where it ends.

use crate::chunk::{ChunkDecoder, ChunkError, ChunkStep};

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is none.
    None,
    /// By its length in bytes, above zero.
    Length(u64),
    /// By the chunked coding.
    Chunked,
    /// By the end of the connection (responses only).
    UntilClose,
}

/// How far a body was followed in some input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that belong to the message.
    pub consumed: usize,
    /// The message ended inside the input.
    pub done: bool,
}

/// Follows one body as raw bytes pass by.
#[derive(Debug, Clone)]
pub enum BodyTracker {
    /// Ended.
    Done,
    /// This many bytes to come.
    Length(u64),
    /// In a chunked body.
    Chunked(ChunkDecoder),
    /// Until the connection ends.
    UntilClose,
}

impl BodyTracker {
    /// A tracker for a body framed like this.
    pub fn new(framing: BodyFraming) -> Self {
        match framing {
            BodyFraming::None => Self::Done,
            BodyFraming::Length(n) => Self::Length(n),
            BodyFraming::Chunked => Self::Chunked(ChunkDecoder::default()),
            BodyFraming::UntilClose => Self::UntilClose,
        }
    }

    /// Whether the body ended.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Takes the bytes of `input` that belong to the body.
    ///
    /// # Errors
    /// [`ChunkError`] when a chunked body is invalid.
    pub fn advance(&mut self, input: &[u8]) -> Result<Progress, ChunkError> {
        match self {
            Self::Done => Ok(Progress { consumed: 0, done: true }),
            Self::UntilClose => Ok(Progress { consumed: input.len(), done: false }),
            Self::Length(remaining) => {
                let n = (*remaining).min(input.len() as u64);
                *remaining -= n;
                let done = *remaining == 0;
                if done {
                    *self = Self::Done;
                }
                Ok(Progress { consumed: n as usize, done })
            }
            Self::Chunked(decoder) => {
                let progress = follow_chunks(decoder, input)?;
                if progress.done {
                    *self = Self::Done;
                }
                Ok(progress)
            }
        }
    }
}

fn follow_chunks(decoder: &mut ChunkDecoder, input: &[u8]) -> Result<Progress, ChunkError> {
    let mut consumed = 0;
    loop {
        match decoder.step(input.get(consumed..).unwrap_or_default())? {
            ChunkStep::Framing(n) | ChunkStep::Data(n) => consumed += n,
            ChunkStep::End(n) => return Ok(Progress { consumed: consumed + n, done: true }),
            ChunkStep::NeedMore => return Ok(Progress { consumed, done: false }),
        }
    }
}

/// The content of a body of which these bytes came, without its framing.
pub fn content(framing: BodyFraming, bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    match framing {
        BodyFraming::None => (&[][..]).into(),
        BodyFraming::UntilClose => bytes.into(),
        BodyFraming::Length(n) => {
            let most = usize::try_from(n).unwrap_or(usize::MAX).min(bytes.len());
            bytes.get(..most).unwrap_or_default().into()
        }
        BodyFraming::Chunked => {
            let (mut chunks, mut out, mut rest) = (ChunkDecoder::default(), Vec::new(), bytes);
            while let Ok(step) = chunks.step(rest) {
                let passed = match step {
                    ChunkStep::Framing(n) => n,
                    ChunkStep::Data(n) => {
                        out.extend_from_slice(rest.get(..n).unwrap_or_default());
                        n
                    }
                    ChunkStep::End(_) | ChunkStep::NeedMore => break,
                };
                rest = rest.get(passed..).unwrap_or_default();
            }
            out.into()
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn contents_have_no_framing() {
        for (framing, bytes, expected) in [
            (BodyFraming::None, "abc", ""),
            (BodyFraming::Length(2), "abc", "ab"),
            (BodyFraming::Length(9), "abc", "abc"),
            (BodyFraming::Chunked, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET", "abcde"),
            (BodyFraming::Chunked, "3\r\nabc\r\n5\r\nde", "abcde"),
            (BodyFraming::Chunked, "x", ""),
        ] {
            assert_eq!(content(framing, bytes.as_bytes()), expected.as_bytes(), "{framing:?}");
        }
    }

    use super::*;

    #[test]
    fn lengths() {
        let mut body = BodyTracker::new(BodyFraming::Length(5));
        assert_eq!(body.advance(b"abc"), Ok(Progress { consumed: 3, done: false }));
        assert_eq!(body.advance(b"defg"), Ok(Progress { consumed: 2, done: true }));
        assert!(body.is_done());
    }

    #[test]
    fn chunks() {
        let mut body = BodyTracker::new(BodyFraming::Chunked);
        assert_eq!(body.advance(b"3\r\nab"), Ok(Progress { consumed: 5, done: false }));
        assert_eq!(body.advance(b"c\r\n0\r\n\r\nNEXT"), Ok(Progress { consumed: 8, done: true }));
    }
}
