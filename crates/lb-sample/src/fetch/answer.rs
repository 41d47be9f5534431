//! What a health check received: its bytes, and the body of an HTTP response.

use super::{Fetch, row};
use crate::Sample;
use crate::args::{Arg, ArgKind};
use crate::place::Source;
use crate::sample::Type;
use std::borrow::Cow;

pub(super) const ROWS: &[Fetch] = &[
    row("res.body", Type::Bin, Source::ResponseBuffer, |ctx, _| ctx.response_body().map(Sample::Bin)),
    row("res.body_len", Type::Int, Source::ResponseBuffer, |ctx, _| ctx.response_body().map(|b| length(&b))),
    row("res.body_size", Type::Int, Source::ResponseBuffer, |ctx, _| ctx.response_body().map(|b| length(&b))),
    row("res.len", Type::Int, Source::ResponseBuffer, |ctx, _| ctx.response_buffer().map(length)),
    row("res.payload", Type::Bin, Source::ResponseBuffer, |ctx, args| {
        let from = usize::try_from(Arg::int(args, 0)?).ok()?;
        let rest = ctx.response_buffer()?.get(from..)?;
        // A length of 0 means all there is.
        match usize::try_from(Arg::int(args, 1)?).ok()? {
            0 => Some(Sample::Bin(Cow::Borrowed(rest))),
            wanted => rest.get(..wanted).map(|bytes| Sample::Bin(Cow::Borrowed(bytes))),
        }
    })
    .args(&[ArgKind::Int, ArgKind::Int], 2),
];

fn length(bytes: &[u8]) -> Sample<'static> {
    Sample::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}
