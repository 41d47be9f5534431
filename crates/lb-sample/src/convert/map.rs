//! Maps: a value looked up in a set of patterns.

use super::text::expand;
use super::{Converter, row};
use crate::args::{Arg, ArgKind};
use crate::pattern::{Matcher, Method, Output};
use crate::sample::Type;
use crate::{Context, Sample};

/// A map as a converter has it.
#[derive(Debug, Clone)]
pub(crate) struct Map {
    pub(crate) matcher: Matcher,
    pub(crate) output: Output,
}

const fn converter(name: &'static str, input: Type, output: Type, kinds: &'static [ArgKind]) -> Converter {
    row(name, input, output, look_up).args(kinds, 1)
}

/// The converters of one matching method: for text, numbers and addresses, and for the key.
macro_rules! family {
    ($method:ident, $input:ident, $name:literal) => {
        [
            converter($name, Type::$input, Type::Str, &[ArgKind::Map(Method::$method, Output::Str), ArgKind::Str]),
            converter(
                concat!($name, "_int"),
                Type::$input,
                Type::Int,
                &[ArgKind::Map(Method::$method, Output::Int), ArgKind::Int],
            ),
            converter(
                concat!($name, "_ip"),
                Type::$input,
                Type::Addr,
                &[ArgKind::Map(Method::$method, Output::Ip), ArgKind::MapAddress],
            ),
            converter(concat!($name, "_key"), Type::$input, Type::Str, &[ArgKind::Map(Method::$method, Output::Key)]),
        ]
    };
}

const FAMILIES: [[Converter; 4]; 9] = [
    family!(Str, Str, "map_str"),
    family!(Beg, Str, "map_beg"),
    family!(Sub, Str, "map_sub"),
    family!(Dir, Str, "map_dir"),
    family!(Dom, Str, "map_dom"),
    family!(End, Str, "map_end"),
    family!(Reg, Str, "map_reg"),
    family!(Int, Int, "map_int"),
    family!(Ip, Addr, "map_ip"),
];

pub(super) const ROWS: &[Converter] = FAMILIES.as_flattened();

pub(super) const OTHERS: &[Converter] = &[
    converter("map", Type::Str, Type::Str, &[ArgKind::Map(Method::Str, Output::Str), ArgKind::Str]),
    converter("map_regm", Type::Str, Type::Str, &[ArgKind::Map(Method::Reg, Output::Groups), ArgKind::Str]),
];

fn look_up<'a>(sample: Sample<'a>, args: &'a [Arg], _: &'a dyn Context) -> Option<Sample<'a>> {
    let Some(Arg::Map(map)) = args.first() else { return None };
    // What is no address or number at all is not looked up: it has no default either.
    let sample = match map.matcher.method() {
        Method::Ip => Sample::Ip(sample.to_ip()?),
        Method::Int => Sample::Int(sample.to_int()?),
        _ => sample,
    };
    let found = map.matcher.find(&sample, &mut |element, regex| match (map.output, regex) {
        (Output::Key, _) => Some(Sample::owned(element.key().to_vec())),
        (Output::Groups, Some(regex)) => sample.with_text(|text| {
            let mut out = Vec::new();
            expand(element.value(), &regex.captures(text)?, &mut out);
            Some(Sample::owned(out))
        }),
        (output, _) => output.sample(element.value()),
    });
    found.flatten().or_else(|| match args.get(1)? {
        Arg::Str(text) => Some(Sample::text(text.as_bytes())),
        Arg::Int(number) => Some(Sample::Int(*number)),
        Arg::Ip(ip) => Some(Sample::Ip(*ip)),
        _ => None,
    })
}
