//! Sample expressions: a fetch and its converters.

use crate::args::{self, Arg};
use crate::convert::{self, Converter};
use crate::fetch::{self, Fetch};
use crate::place::{Place, Source};
use crate::sample::Type;
use crate::suggest::nearest;
use crate::{Context, Reference, Sample, SampleError, Sources};
use lb_table::KeyType;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// A sample expression, as in `%[…]`, `balance hash …` or the criterion of an ACL. Cheap to clone.
#[derive(Clone)]
pub struct Expr(Arc<Inner>);

struct Inner {
    text: Box<str>,
    fetch: &'static Fetch,
    args: Vec<Arg>,
    converters: Vec<(&'static Converter, Vec<Arg>)>,
    references: Vec<Reference>,
}

impl fmt::Debug for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expr").field(&self.0.text).finish()
    }
}

impl Expr {
    /// Reads `fetch(args),converter(args),…`.
    ///
    /// # Errors
    /// [`SampleError`] names the unknown word or the wrong argument, in HAProxy's words.
    pub fn parse(text: &str, sources: &Sources<'_>) -> Result<Self, SampleError> {
        let name = leading_name(text);
        let fetch = find_fetch(name)?;
        Self::parse_with(text, fetch, &format!("fetch method '{name}'"), sources)
    }

    /// Reads the rest of an expression whose fetch is known. `subject` names it in messages.
    pub(crate) fn parse_with(
        text: &str,
        fetch: &'static Fetch,
        subject: &str,
        sources: &Sources<'_>,
    ) -> Result<Self, SampleError> {
        let mut references = Vec::new();
        let mut rest = text.get(leading_name(text).len()..).unwrap_or_default();
        let (words, after) = arguments(rest).map_err(|e| e.within(subject))?;
        let args = args::check(fetch.signature, &words, sources, &mut references).map_err(|(_, e)| {
            let makes_no_sense = args::makes_no_sense(&e.message);
            e.within(&if makes_no_sense { format!("invalid args in {subject}") } else { subject.to_owned() })
        })?;
        rest = after;
        let mut converters = Vec::new();
        let mut output = fetch.output;
        while !rest.is_empty() {
            let offset = text.len() - rest.len();
            let Some(next) = rest.strip_prefix(',') else {
                return Err(SampleError::new("missing comma after fetch keyword").shifted(offset));
            };
            // A comma at the end is forgiven.
            if next.trim_start_matches(',').is_empty() {
                break;
            }
            let (converter, arguments, after) =
                parse_converter(next, sources, &mut references).map_err(|e| e.shifted(offset + 1))?;
            if !output.casts_to(converter.input) {
                return Err(SampleError::new(format!("converter '{}' cannot be applied", converter.name))
                    .shifted(offset + 1)
                    .help(format!("it does not take the output of what stands before it in '{text}'")));
            }
            if converter.output != Type::Any {
                output = converter.output;
            }
            converters.push((converter, arguments));
            rest = after;
        }
        Ok(Self(Arc::new(Inner { text: text.into(), fetch, args, converters, references })))
    }

    /// The value, or `None` when what it is taken from is not there.
    pub fn eval<'a>(&'a self, ctx: &'a dyn Context) -> Option<Sample<'a>> {
        let inner = &*self.0;
        self.convert((inner.fetch.one)(ctx, &inner.args)?, ctx)
    }

    /// Calls `visit` with each value, where the fetch has several (headers, cookies, parameters),
    /// until it breaks.
    pub fn eval_each<'a>(&'a self, ctx: &'a dyn Context, visit: &mut dyn FnMut(Sample<'a>) -> ControlFlow<()>) {
        let inner = &*self.0;
        let Some(each) = inner.fetch.each else {
            if let Some(sample) = self.eval(ctx) {
                // The only value: whether the visitor wants more does not matter.
                let _ = visit(sample);
            }
            return;
        };
        each(ctx, &inner.args, &mut |sample| match self.convert(sample, ctx) {
            Some(sample) => visit(sample),
            None => ControlFlow::Continue(()),
        });
    }

    fn convert<'a>(&'a self, sample: Sample<'a>, ctx: &'a dyn Context) -> Option<Sample<'a>> {
        self.0.converters.iter().try_fold(sample, |s, (converter, args)| (converter.function)(s, args, ctx))
    }

    /// The expression as written.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The fetch's name, without arguments.
    pub fn keyword(&self) -> &'static str {
        self.0.fetch.name
    }

    /// What the value is taken from.
    pub fn source(&self) -> Source {
        self.0.fetch.source
    }

    /// Whether it can only have a value in HTTP mode.
    pub fn requires_http(&self) -> bool {
        self.source().is_http()
    }

    /// Fails when the expression can have no value where it is used.
    ///
    /// # Errors
    /// The sentence HAProxy prints for it.
    pub fn check(&self, place: Place) -> Result<(), SampleError> {
        if self.source().is_available(place) {
            return Ok(());
        }
        Err(SampleError::new(format!(
            "sample fetch <{}> may not be reliably used here because it needs '{}' which is not available here",
            self.0.text,
            self.source().as_str()
        )))
    }

    /// Objects named in arguments, for the caller to verify.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }

    /// Whether a named backend, a frontend or the like is missing in the arguments, so that the
    /// stream's own is meant: `nbsrv` in a frontend has no meaning.
    pub fn needs_own_backend(&self) -> bool {
        let kinds = self.0.fetch.signature.kinds;
        match kinds.first() {
            Some(args::ArgKind::Backend) => !matches!(self.0.args.first(), Some(Arg::Proxy(Some(_)))),
            _ => false,
        }
    }

    /// Whether values can be keys of a stick table of this type.
    pub fn fits(&self, key: KeyType) -> bool {
        self.output().casts_to(match key {
            KeyType::Ip | KeyType::Ipv6 => Type::Addr,
            KeyType::Integer => Type::Int,
            KeyType::String(_) => Type::Str,
            KeyType::Binary(_) => Type::Bin,
        })
    }

    /// The type of the value.
    pub(crate) fn output(&self) -> Type {
        let own = self.0.converters.iter().rev().map(|(c, _)| c.output).find(|output| *output != Type::Any);
        own.unwrap_or(self.0.fetch.output)
    }

    pub(crate) fn has_converters(&self) -> bool {
        !self.0.converters.is_empty()
    }
}

/// The name an expression starts with.
pub(crate) fn leading_name(text: &str) -> &str {
    let end =
        text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '+'))).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

pub(crate) fn find_fetch(name: &str) -> Result<&'static Fetch, SampleError> {
    if let Some(fetch) = fetch::find(name) {
        return Ok(fetch);
    }
    if name.is_empty() {
        return Err(SampleError::new("missing fetch method"));
    }
    if fetch::is_known_elsewhere(name) {
        return Err(SampleError::new(format!("fetch method '{name}' is not supported yet")));
    }
    let error = SampleError::new(format!("unknown fetch method '{name}'"));
    Err(match nearest(name, fetch::names()) {
        Some(near) => error.help(format!("did you mean '{near}'?")),
        None => error,
    })
}

/// Splits off arguments in parentheses, if there are any.
fn arguments(text: &str) -> Result<(Vec<String>, &str), SampleError> {
    match text.strip_prefix('(') {
        Some(inner) => {
            let (words, read) = args::split(inner)?;
            Ok((words, inner.get(read..).unwrap_or_default()))
        }
        None => Ok((Vec::new(), text)),
    }
}

fn parse_converter<'t>(
    text: &'t str,
    sources: &Sources<'_>,
    references: &mut Vec<Reference>,
) -> Result<(&'static Converter, Vec<Arg>, &'t str), SampleError> {
    let name = leading_name(text);
    let Some(converter) = convert::find(name) else {
        if convert::is_known_elsewhere(name) {
            return Err(SampleError::new(format!("converter '{name}' is not supported yet")));
        }
        let error = SampleError::new(format!("unknown converter '{name}'"));
        return Err(match nearest(name, convert::names()) {
            Some(near) => error.help(format!("did you mean '{near}'?")),
            None => error,
        });
    };
    let rest = text.get(name.len()..).unwrap_or_default();
    let within = |number: usize, e: SampleError| match number == 0 || args::makes_no_sense(&e.message) {
        true => e.within(&format!("invalid args in converter '{name}'")),
        false => e.within(&format!("invalid arg {number} in converter '{name}'")),
    };
    let (words, after) = arguments(rest).map_err(|e| within(1, e))?;
    let args = args::check(converter.signature, &words, sources, references).map_err(|(n, e)| within(n, e))?;
    if matches!(name, "field" | "word") && Arg::int(&args, 0) == Some(0) {
        return Err(SampleError::new(format!("invalid args in converter '{name}' : Unexpected value 0 for index")));
    }
    if matches!(name, "digest" | "hmac") {
        let algorithm = Arg::text(&args, 0).unwrap_or_default();
        if convert::crypto::algorithm(algorithm).is_none() {
            let message = format!("invalid args in converter '{name}' : Algorithm '{algorithm}' is not supported");
            return Err(SampleError::new(message).help("sha1, sha256, sha384 and sha512 are known"));
        }
    }
    Ok((converter, args, after))
}
