//! HTTP/1 messages: heads, body framing, chunks, head edits and the proxy's own answers.
//!
//! Heads are parsed in place: a parsed head is a list of spans into the caller's buffer, so that
//! unchanged bytes are forwarded without being copied into strings. The crate does no I/O and
//! keeps no buffer of its own.
//!
//! Strictness follows RFC 9112: where a message's framing could be read in two ways it is refused,
//! or one reading is imposed on both sides and the connection is not reused.

mod body;
mod chunk;
mod edit;
mod fault;
mod file;
mod head;
mod normalize;
mod page;
mod request;
mod response;

pub use body::{BodyFraming, BodyTracker, Progress, content};
pub use chunk::{ChunkDecoder, ChunkError, ChunkStep};
pub use edit::HeadEdit;
pub use fault::{request_fault, response_fault};
pub use file::{FileFault, page_from_file};
pub use head::{HeaderList, HeaderSpan, Span, is_token, list_contains};
pub use normalize::{BadEscape, Normalizer, normalized};
pub use page::{Answer, default_page, error_page, reason, static_response, with_close, without_close};
pub use request::{RequestError, RequestHead, parse_request};
pub use response::{ResponseError, ResponseHead, parse_response};
