//! What a health check received: the body of an HTTP response.

use super::{Fetch, row};
use crate::Sample;
use crate::place::Source;
use crate::sample::Type;

pub(super) const ROWS: &[Fetch] = &[
    row("res.body", Type::Bin, Source::ResponseBuffer, |ctx, _| ctx.response_body().map(Sample::Bin)),
    row("res.body_len", Type::Int, Source::ResponseBuffer, |ctx, _| ctx.response_body().map(|b| length(&b))),
    row("res.body_size", Type::Int, Source::ResponseBuffer, |ctx, _| ctx.response_body().map(|b| length(&b))),
];

fn length(bytes: &[u8]) -> Sample<'static> {
    Sample::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}
