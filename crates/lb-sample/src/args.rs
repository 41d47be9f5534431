//! Arguments in parentheses: `name(arg1,arg2)`.

use crate::convert::map::Map;
use crate::pattern::{Matcher, Method, Output};
use crate::users::{NamedList, UserLists};
use crate::vars::{Lookup, VarName, VarTarget};
use crate::{Context, Reference, Sample, SampleError, Sources};
use regex::bytes::{Regex, RegexBuilder};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an argument must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgKind {
    Int,
    Str,
    /// A backend; empty for the stream's own.
    Backend,
    /// A frontend; empty for the stream's own.
    Frontend,
    /// `[backend/]server`.
    Server,
    /// A stick table; empty for the section's own.
    Table,
    /// The number of a stick counter.
    Counter,
    /// A user list.
    UserList,
    Ipv4,
    Ipv6,
    Mask4,
    Mask6,
    Regex,
    /// `true`, `false`, `0`, `1`.
    Bool,
    /// An even number of hexadecimal digits.
    Hex,
    /// A number or a variable.
    Operand,
    /// A variable.
    Var,
    /// A variable that is written, or a condition for it. The first one reads all words.
    VarTarget,
    /// A condition, read with the [`ArgKind::VarTarget`] before it.
    VarCondition,
    /// The name of an environment variable, looked up when parsed.
    Env,
    /// The file of a map, how it is searched and what its values are.
    Map(Method, Output),
    /// An address where a map has none.
    MapAddress,
}

/// An argument, checked.
#[derive(Debug, Clone)]
pub(crate) enum Arg {
    /// Left out.
    None,
    Int(i64),
    Str(Box<str>),
    Proxy(Option<Box<str>>),
    Server {
        backend: Option<Box<str>>,
        server: Box<str>,
    },
    Ipv4(Ipv4Addr),
    Ipv6(Ipv6Addr),
    Regex(Box<Regex>),
    Bytes(Box<[u8]>),
    Var(Box<VarName>),
    VarTarget(Box<VarTarget>),
    Map(Box<Map>),
    Ip(IpAddr),
    UserList(Box<NamedList>),
}

impl Arg {
    /// The number, when there is one.
    pub(crate) fn int(args: &[Self], index: usize) -> Option<i64> {
        match args.get(index) {
            Some(Self::Int(n)) => Some(*n),
            _ => None,
        }
    }

    /// The number given, or that of the variable named.
    pub(crate) fn operand(args: &[Self], index: usize, ctx: &dyn Context) -> Option<i64> {
        match args.get(index) {
            Some(Self::Int(n)) => Some(*n),
            Some(Self::Var(name)) => Self::value(name, ctx)?.to_int(),
            _ => None,
        }
    }

    /// The value of a variable.
    pub(crate) fn value<'a>(name: &VarName, ctx: &dyn Context) -> Option<Sample<'a>> {
        match name.get(ctx) {
            Lookup::Value(value) => Some(value),
            Lookup::Unset | Lookup::OutOfScope => None,
        }
    }

    /// The variable, when there is one.
    pub(crate) fn var(args: &[Self], index: usize) -> Option<&VarName> {
        match args.get(index) {
            Some(Self::Var(name)) => Some(name),
            _ => None,
        }
    }

    /// The user list, when there is one.
    pub(crate) fn users(args: &[Self], index: usize) -> Option<&NamedList> {
        match args.get(index) {
            Some(Self::UserList(list)) => Some(list),
            _ => None,
        }
    }

    /// The text, when there is some.
    pub(crate) fn text(args: &[Self], index: usize) -> Option<&str> {
        match args.get(index) {
            Some(Self::Str(s)) => Some(s),
            _ => None,
        }
    }
}

/// Kinds of all arguments and how many must be given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature {
    pub(crate) kinds: &'static [ArgKind],
    pub(crate) required: usize,
}

impl ArgKind {
    /// The name HAProxy gives to the kind in messages.
    const fn name(self) -> &'static str {
        match self {
            Self::Int | Self::Counter => "integer",
            Self::Backend => "backend",
            Self::Frontend => "frontend",
            Self::Server => "server",
            Self::Table => "table",
            Self::UserList => "userlist",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Mask4 => "IPv4 mask",
            Self::Mask6 => "IPv6 mask",
            Self::Regex => "regex",
            Self::Str
            | Self::Bool
            | Self::Hex
            | Self::Operand
            | Self::Var
            | Self::VarTarget
            | Self::VarCondition
            | Self::Map(..)
            | Self::MapAddress
            | Self::Env => "string",
        }
    }
}

/// Splits the text after `(` at commas, up to the matching `)`: quotes and backslashes protect.
/// Gives the arguments and how many bytes were read, the `)` included.
pub(crate) fn split(text: &str) -> Result<(Vec<String>, usize), SampleError> {
    let mut args = vec![String::new()];
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        let Some(current) = args.last_mut() else { break };
        match (quote, c) {
            _ if escaped => {
                // Only what would have a meaning here loses its backslash; `\.` of a regex keeps it.
                if !matches!(c, '\\' | '\'' | '"' | ',' | ')' | '(' | ' ') {
                    current.push('\\');
                }
                current.push(c);
                escaped = false;
            }
            (Some('"') | None, '\\') => escaped = true,
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => current.push(c),
            (None, '"' | '\'') => quote = Some(c),
            (None, ',') => args.push(String::new()),
            (None, ')') => {
                if args.len() == 1 && args.iter().all(String::is_empty) {
                    args.clear();
                }
                return Ok((args, i + 1));
            }
            (None, _) => current.push(c),
        }
    }
    Err(SampleError::new("expected ')'").help("close the arguments with ')'"))
}

/// Checks arguments against a signature. Messages follow `fetch method 'x'` or `converter 'x'`.
/// An error comes with the number of the argument, from 1.
pub(crate) fn check(
    signature: Signature,
    words: &[String],
    sources: &Sources<'_>,
    references: &mut Vec<Reference>,
) -> Result<Vec<Arg>, (usize, SampleError)> {
    let kinds = signature.kinds;
    if let Some(extra) = words.get(kinds.len()) {
        let rest = words.get(kinds.len()..).unwrap_or_default().join(",");
        let before = if kinds.is_empty() { rest } else { format!(",{rest}") };
        let most = match kinds.len() {
            0 => "it takes no argument".to_owned(),
            n => format!("it takes at most {n} argument{}, '{extra}' is one too many", if n == 1 { "" } else { "s" }),
        };
        return Err((kinds.len().max(1), SampleError::new(format!("expected ')' before '{before})'")).help(most)));
    }
    if words.len() < signature.required {
        let kind = kinds.get(words.len()).map_or("string", |k| k.name());
        // A server is asked for in other words, because it is looked up after parsing.
        if kinds.first() == Some(&ArgKind::Server) {
            return Err((1, SampleError::new("missing server name in arg 1").help("name it as backend/server")));
        }
        if kinds.first() == Some(&ArgKind::UserList) {
            let error = SampleError::new("missing userlist name in arg 1");
            return Err((1, error.help("name a 'userlist' section in parentheses")));
        }
        let message = if words.is_empty() {
            format!("expected type '{kind}' at position 1, but got nothing")
        } else {
            format!("missing arguments (got {}/{}), type '{kind}' expected", words.len(), signature.required)
        };
        return Err((words.len() + 1, SampleError::new(message)));
    }
    let mut args = Vec::with_capacity(kinds.len());
    // A table that is left out is the section's own, unless a counter says which.
    let own_table = |kind: &ArgKind| *kind == ArgKind::Table && !kinds.contains(&ArgKind::Counter);
    if kinds.get(words.len()..).is_some_and(|missing| missing.iter().any(own_table)) {
        references.push(Reference::Table(None));
    }
    for (i, (&kind, word)) in kinds.iter().zip(words).enumerate() {
        let arg = match kind {
            // A regular expression is followed by its replacement and flags.
            ArgKind::Regex => {
                let ignore_case = words.get(i + 2).is_some_and(|flags| flags.contains('i'));
                regex(word, ignore_case).map(|r| Arg::Regex(Box::new(r)))
            }
            ArgKind::VarTarget => {
                VarTarget::parse(words.get(i..).unwrap_or_default(), sources.vars).map(|t| Arg::VarTarget(Box::new(t)))
            }
            _ => parse(kind, word, i, i < signature.required, sources),
        };
        // What is wrong with a map is no matter of how its argument is written.
        let blamed = if matches!(kind, ArgKind::Map(..) | ArgKind::MapAddress) { 0 } else { i + 1 };
        args.push(arg.map_err(|e| (blamed, e))?);
    }
    let of_counter = kinds.contains(&ArgKind::Counter);
    references.extend(args.iter().zip(kinds).filter_map(|(arg, kind)| match (arg, kind) {
        (Arg::Proxy(None), ArgKind::Table) if of_counter => None,
        (Arg::Proxy(name), ArgKind::Table) => Some(Reference::Table(name.as_deref().map(str::to_owned))),
        (Arg::Int(n), ArgKind::Counter) => Some(Reference::Counter(usize::try_from(*n).unwrap_or(usize::MAX))),
        (Arg::UserList(list), _) => Some(Reference::UserList(list.name().to_owned())),
        (Arg::Proxy(Some(name)), ArgKind::Backend) => Some(Reference::Backend(name.to_string())),
        (Arg::Proxy(Some(name)), _) => Some(Reference::Frontend(name.to_string())),
        (Arg::Server { backend, server }, _) => {
            Some(Reference::Server { backend: backend.as_deref().map(str::to_owned), server: server.to_string() })
        }
        _ => None,
    }));
    Ok(args)
}

/// Whether a complaint is about a value that can be read but makes no sense: HAProxy puts other words before those.
pub(crate) fn makes_no_sense(message: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "Expects",
        "expects an integer or a variable",
        "invalid variable",
        "invalid syntax",
        "Empty variable",
        "unknown condition",
    ];
    BEGINNINGS.iter().any(|beginning| message.starts_with(beginning))
}

fn parse(kind: ArgKind, word: &str, index: usize, required: bool, sources: &Sources<'_>) -> Result<Arg, SampleError> {
    if word.is_empty() && !required {
        return Ok(match kind {
            ArgKind::Backend | ArgKind::Frontend | ArgKind::Table => Arg::Proxy(None),
            // An explicitly empty text is a text: `field(2,_,)` aside, nothing distinguishes them.
            _ => Arg::None,
        });
    }
    let bad =
        || SampleError::new(format!("failed to parse '{word}' as type '{}' at position {}", kind.name(), index + 1));
    Ok(match kind {
        ArgKind::Int | ArgKind::Counter => Arg::Int(word.parse().map_err(|_| bad())?),
        ArgKind::Str => Arg::Str(word.into()),
        ArgKind::Backend | ArgKind::Frontend | ArgKind::Table => Arg::Proxy(Some(word.into())),
        ArgKind::Server => match word.split_once('/') {
            Some((backend, server)) => Arg::Server { backend: Some(backend.into()), server: server.into() },
            None => Arg::Server { backend: None, server: word.into() },
        },
        ArgKind::UserList => {
            Arg::UserList(Box::new(sources.users.map_or_else(|| UserLists::default().named(word), |l| l.named(word))))
        }
        ArgKind::Ipv4 => Arg::Ipv4(word.parse().map_err(|_| bad())?),
        ArgKind::Ipv6 => Arg::Ipv6(word.parse().map_err(|_| bad())?),
        ArgKind::Mask4 => Arg::Ipv4(mask4(word).ok_or_else(bad)?),
        ArgKind::Mask6 => Arg::Ipv6(mask6(word).ok_or_else(bad)?),
        ArgKind::Regex => Arg::Regex(Box::new(regex(word, false)?)),
        ArgKind::Bool => match word.to_ascii_lowercase().as_str() {
            "true" | "1" => Arg::Int(1),
            "false" | "0" => Arg::Int(0),
            _ => return Err(SampleError::new("Expects 'true', 'false', '0' or '1'")),
        },
        ArgKind::Hex => Arg::Bytes(hex(word)?.into()),
        ArgKind::Operand => match word.parse() {
            Ok(number) => Arg::Int(number),
            Err(_) => match VarName::parse(word, sources.vars) {
                Ok(name) => Arg::Var(Box::new(name)),
                Err(_) => return Err(SampleError::new("expects an integer or a variable name")),
            },
        },
        ArgKind::Var => Arg::Var(Box::new(VarName::parse(word, sources.vars)?)),
        ArgKind::Map(method, output) => {
            let matcher = Matcher::of_file(word, method, false, true, Some(output), sources)?;
            Arg::Map(Box::new(Map { matcher, output }))
        }
        ArgKind::MapAddress => {
            let bad = || SampleError::new(format!("map: cannot parse default ip <{word}>."));
            Arg::Ip(word.parse().map_err(|_| bad())?)
        }
        // Both are read where all words are at hand.
        ArgKind::VarTarget | ArgKind::VarCondition => Arg::None,
        ArgKind::Env => (sources.env)(word).map_or(Arg::None, |value| Arg::Str(value.into())),
    })
}

/// Compiles a regular expression over bytes.
pub(crate) fn regex(pattern: &str, ignore_case: bool) -> Result<Regex, SampleError> {
    RegexBuilder::new(pattern).unicode(false).case_insensitive(ignore_case).build().map_err(|e| {
        let text = e.to_string();
        let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let error = SampleError::new(format!("regex '{pattern}' is invalid (error={reason})"));
        if reason.contains("look-around") || reason.contains("backreferences") {
            error.help("write it without look-around and back-references, which are not supported")
        } else {
            error
        }
    })
}

/// Reads pairs of hexadecimal digits.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, SampleError> {
    let digits = text
        .chars()
        .map(|c| c.to_digit(16).ok_or_else(|| SampleError::new(format!("an hex digit is expected (found '{c}')"))))
        .collect::<Result<Vec<_>, _>>()?;
    if !digits.len().is_multiple_of(2) {
        return Err(SampleError::new("an even number of hex digit is expected"));
    }
    // Two digits below 16 make a byte.
    Ok(digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, d| byte * 16 + *d as u8)).collect())
}

/// A mask as a number of bits or in dotted form.
pub(crate) fn mask4(text: &str) -> Option<Ipv4Addr> {
    match text.parse::<u32>() {
        Ok(bits) if bits <= 32 => Some(Ipv4Addr::from(u32::MAX.checked_shl(32 - bits).unwrap_or(0))),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    }
}

/// A mask as a number of bits or as an address.
pub(crate) fn mask6(text: &str) -> Option<Ipv6Addr> {
    match text.parse::<u32>() {
        Ok(bits) if bits <= 128 => Some(Ipv6Addr::from(u128::MAX.checked_shl(128 - bits).unwrap_or(0))),
        Ok(_) => None,
        Err(_) => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitting() {
        let of = |s: &str| split(s).map(|(a, n)| (a.join("|"), n)).map_err(|e| e.message);
        assert_eq!(of("a,b)x"), Ok(("a|b".into(), 4)));
        assert_eq!(of(")"), Ok((String::new(), 1)));
        assert_eq!(of(",1)"), Ok(("|1".into(), 3)));
        assert_eq!(of("\"a)b\",' c,')"), Ok(("a)b| c,".into(), 12)));
        assert_eq!(of(r"\(a\),\.x)"), Ok((r"(a)|\.x".into(), 10)));
        assert_eq!(of("a"), Err("expected ')'".into()));
    }

    #[test]
    fn masks() {
        assert_eq!(mask4("24"), Some(Ipv4Addr::new(255, 255, 255, 0)));
        assert_eq!(mask4("0"), Some(Ipv4Addr::UNSPECIFIED));
        assert_eq!(mask4("33"), None);
        assert_eq!(mask6("ffff::"), "ffff::".parse().ok());
    }
}
