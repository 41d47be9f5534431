//! The chunked transfer coding, decoded step by step without copying.

/// Longest chunk-size line or trailer section accepted, in bytes.
const MAX_LINE: u32 = 8_192;

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkStep {
    /// This many bytes of framing (sizes, line ends, trailers).
    Framing(usize),
    /// This many bytes of data.
    Data(usize),
    /// The body is complete; the given number of framing bytes ends it.
    End(usize),
    /// More input is needed.
    NeedMore,
}

/// Why a chunked body is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid chunked body: {0}")]
pub struct ChunkError(pub &'static str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Reading hexadecimal digits; `digits` seen so far.
    Size {
        digits: u8,
    },
    /// In a chunk extension or blanks after the size.
    Extension,
    /// After the CR of the size line.
    SizeLf,
    Data,
    /// Expecting the CR after a chunk's data.
    DataCr,
    DataLf,
    /// At the start of a trailer line.
    TrailerStart,
    /// Inside a trailer line.
    Trailer,
    TrailerLf,
    EndLf,
    Done,
}

/// Decoder of one chunked body. Bytes are shown with [`ChunkDecoder::step`], never stored.
#[derive(Debug, Clone)]
pub struct ChunkDecoder {
    state: State,
    remaining: u64,
    line: u32,
}

impl Default for ChunkDecoder {
    fn default() -> Self {
        Self { state: State::Size { digits: 0 }, remaining: 0, line: 0 }
    }
}

impl ChunkDecoder {
    /// Whether the whole body was seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Says what the first bytes of `input` are, and advances past them.
    ///
    /// # Errors
    /// [`ChunkError`] on anything but CRLF line ends, hexadecimal sizes and bounded lines. A bare LF is refused:
    /// peers disagree on it, which is how requests are smuggled.
    pub fn step(&mut self, input: &[u8]) -> Result<ChunkStep, ChunkError> {
        if self.state == State::Done {
            return Ok(ChunkStep::End(0));
        }
        if self.state == State::Data {
            let n = self.remaining.min(input.len() as u64);
            if n == 0 {
                return Ok(ChunkStep::NeedMore);
            }
            self.remaining -= n;
            if self.remaining == 0 {
                self.state = State::DataCr;
            }
            return Ok(ChunkStep::Data(n as usize));
        }
        for (i, &byte) in input.iter().enumerate() {
            self.framing_byte(byte)?;
            match self.state {
                State::Done => return Ok(ChunkStep::End(i + 1)),
                State::Data => return Ok(ChunkStep::Framing(i + 1)),
                _ => {}
            }
        }
        Ok(if input.is_empty() { ChunkStep::NeedMore } else { ChunkStep::Framing(input.len()) })
    }

    fn framing_byte(&mut self, byte: u8) -> Result<(), ChunkError> {
        self.line += 1;
        if self.line > MAX_LINE {
            return Err(ChunkError("line too long"));
        }
        self.state = match (self.state, byte) {
            (State::Size { digits }, b) if b.is_ascii_hexdigit() => {
                if digits >= 15 {
                    return Err(ChunkError("chunk size too large"));
                }
                let digit = char::from(b).to_digit(16).unwrap_or(0);
                self.remaining = self.remaining << 4 | u64::from(digit);
                State::Size { digits: digits + 1 }
            }
            (State::Size { digits: 1.. }, b'\r') => State::SizeLf,
            (State::Size { digits: 1.. }, b';' | b' ' | b'\t') => State::Extension,
            (State::Size { .. }, _) => return Err(ChunkError("chunk size")),
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, b) if b >= 0x20 && b != 0x7f || b == b'\t' => State::Extension,
            (State::Extension, _) => return Err(ChunkError("chunk extension")),
            (State::SizeLf, b'\n') => {
                self.line = 0;
                if self.remaining == 0 { State::TrailerStart } else { State::Data }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => {
                self.line = 0;
                State::Size { digits: 0 }
            }
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart, b) if b.is_ascii_graphic() => State::Trailer,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::Trailer, b) if b >= 0x20 && b != 0x7f || b == b'\t' => State::Trailer,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(ChunkError("line end")),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes in pieces of `piece` bytes: data, bytes consumed, whether it ended.
    fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), ChunkError> {
        let mut decoder = ChunkDecoder::default();
        let (mut data, mut at) = (Vec::new(), 0);
        loop {
            let window = &input[at..(at + piece).min(input.len())];
            match decoder.step(window)? {
                ChunkStep::Framing(n) => at += n,
                ChunkStep::Data(n) => {
                    data.extend_from_slice(&window[..n]);
                    at += n;
                }
                ChunkStep::End(n) => return Ok((data, at + n, true)),
                ChunkStep::NeedMore => return Ok((data, at, false)),
            }
        }
    }

    #[test]
    fn decodes_whatever_the_pieces() {
        let input = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nA: b\r\n\r\nGET";
        for piece in 1..input.len() {
            assert_eq!(decode(input, piece), Ok((b"hello world".to_vec(), input.len() - 3, true)), "{piece}");
        }
    }

    #[test]
    fn refuses_ambiguous_framing() {
        for input in [
            &b"5\nhello\r\n"[..],
            b"zz\r\n",
            b"\r\n",
            b"5\r\nhelloX\r\n",
            b"0\r\n\n",
            b"-1\r\n",
            b"0x5\r\nhello",
            b"5;\n\r\nhello",
            b"FFFFFFFFFFFFFFFF\r\n",
            b"0\r\nA: b\n\r\n",
        ] {
            assert!(decode(input, 64).is_err(), "{:?}", String::from_utf8_lossy(input));
        }
    }
}
