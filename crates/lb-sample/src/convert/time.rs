//! Times as text: `ltime`, `utime`, and the same of milliseconds and microseconds.

use super::{Converter, Function, row};
use crate::Sample;
use crate::args::{Arg, ArgKind};
use crate::date::strftime;
use crate::sample::Type;

const fn text(name: &'static str, function: Function) -> Converter {
    row(name, Type::Int, Type::Str, function).args(&[ArgKind::Str, ArgKind::Int], 1)
}

/// A time in units of which so many make a second, in local time or not.
macro_rules! time {
    ($name:literal, $units:literal, $local:literal) => {
        text($name, |s, args, ctx| {
            let secs = (s.to_int()?.div_euclid($units)).saturating_add(Arg::int(args, 1).unwrap_or(0));
            let offset = if $local { ctx.now().map_or(0, |now| now.utc_offset_secs) } else { 0 };
            Some(Sample::owned(strftime(Arg::text(args, 0)?, secs, offset, !$local).into_bytes()))
        })
    };
}

pub(super) const ROWS: &[Converter] = &[
    time!("ltime", 1, true),
    time!("utime", 1, false),
    time!("ms_ltime", 1_000, true),
    time!("ms_utime", 1_000, false),
    time!("us_ltime", 1_000_000, true),
    time!("us_utime", 1_000_000, false),
];
