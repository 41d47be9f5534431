//! Log formats: text with `%` aliases and `%[…]` expressions.

use crate::expr::Expr;
use crate::log_alias::{Alias, Flags, Output};
use crate::log_encode::{Encoding, Label, Object, Value, to_digits};
use crate::place::Place;
use crate::suggest::nearest;
use crate::{Context, LogRecord, Reference, SampleError, Sources};
use std::sync::Arc;

/// A parsed format. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LogFormat(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    parts: Vec<Part>,
    /// `%{+json}o` or `%{+cbor}o`: the named items make one object, nothing else is written.
    object: Flags,
}

#[derive(Debug)]
enum Part {
    /// Text without spaces.
    Text(Box<str>),
    /// So many spaces: one in a log line, all of them in a value.
    Spaces(usize),
    Alias(Alias, Flags, Label),
    Expr(Expr, Flags, Label),
}

impl LogFormat {
    /// `option httplog`.
    pub const HTTP: &'static str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
                                    %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
    /// `option httplog clf`.
    pub const HTTP_CLF: &'static str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s \
                                        %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
    /// `option tcplog`.
    pub const TCP: &'static str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
    /// `option tcplog clf`.
    pub const TCP_CLF: &'static str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s \
                                       %Th %Tw %Tc %Td %Tt %tsc %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";
    /// `option httpslog`.
    pub const HTTPS: &'static str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc \
                                     %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r \
                                     %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] \
                                     %[ssl_fc_sni]/%sslv/%sslc";

    /// Reads a format.
    ///
    /// # Errors
    /// [`SampleError::offset`] is the byte where the fault is.
    pub fn parse(text: &str, sources: &Sources<'_>) -> Result<Self, SampleError> {
        let mut parser = Parser {
            sources,
            parts: Vec::new(),
            literal: String::new(),
            defaults: Flags::default(),
            object: Flags::default(),
        };
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            let (before, from) = rest.split_at(at);
            parser.text(before);
            let offset = text.len() - from.len();
            let after = from.get(1..).unwrap_or_default();
            rest = parser.item(after).map_err(|e| e.shifted(offset))?;
        }
        parser.text(rest);
        parser.flush();
        Ok(Self(Arc::new(Parsed { parts: parser.parts, object: parser.object })))
    }

    /// Appends a log line: what cannot be printed is escaped, spaces are merged.
    pub fn render(&self, ctx: &dyn Context, out: &mut Vec<u8>) {
        if self.0.object.encoding != Encoding::Plain {
            return self.render_object(ctx, out);
        }
        let record = ctx.log();
        // Spaces are merged across parts that print nothing, and dropped at the start.
        let mut after_space = true;
        for part in &self.0.parts {
            let before = out.len();
            match part {
                Part::Spaces(_) if after_space => continue,
                Part::Spaces(_) => {
                    out.push(b' ');
                    after_space = true;
                    continue;
                }
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Alias(_, flags, _) | Part::Expr(_, flags, _) if flags.encoding != Encoding::Plain => {
                    with_value(part, ctx, &record, |value, label| value.write(flags.encoding, label.wanted, out));
                    if flags.encoding == Encoding::Cbor {
                        to_digits(before, out);
                    }
                }
                Part::Alias(alias, flags, _) => alias.write(*flags, Output::Log, ctx, &record, out),
                Part::Expr(expr, flags, _) => flags.write_sample(expr.eval(ctx), Output::Log, out),
            }
            after_space &= out.len() == before;
        }
    }

    /// The named items as one object.
    fn render_object(&self, ctx: &dyn Context, out: &mut Vec<u8>) {
        let (record, flags, start) = (ctx.log(), self.0.object, out.len());
        let mut object = Object::open(flags.encoding, out);
        for part in &self.0.parts {
            with_value(part, ctx, &record, |value, label| {
                if let Some(key) = &label.key {
                    object.member(key, value, label.wanted, out);
                }
            });
        }
        object.close(out);
        if flags.encoding == Encoding::Cbor && !flags.binary {
            to_digits(start, out);
        }
    }

    /// Appends plain text for a header, a path or a location: spaces are kept, what is missing is
    /// empty, control characters of expressions are percent-encoded.
    pub fn render_value(&self, ctx: &dyn Context, out: &mut Vec<u8>) {
        if self.0.object.encoding != Encoding::Plain {
            return self.render_object(ctx, out);
        }
        let mut record = None;
        for part in &self.0.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Spaces(count) => out.resize(out.len() + count, b' '),
                Part::Alias(alias, flags, _) => {
                    alias.write(*flags, Output::Value, ctx, record.get_or_insert_with(|| ctx.log()), out);
                }
                Part::Expr(expr, flags, _) => flags.write_sample(expr.eval(ctx), Output::Value, out),
            }
        }
    }

    /// The text, when the format is constant.
    pub fn as_constant(&self) -> Option<String> {
        if self.0.object.encoding != Encoding::Plain {
            return None;
        }
        let parts = self.0.parts.iter();
        parts
            .map(|part| match part {
                Part::Text(text) => Some(text.to_string()),
                Part::Spaces(count) => Some(" ".repeat(*count)),
                Part::Alias(..) | Part::Expr(..) => None,
            })
            .collect()
    }

    /// The expressions inside.
    pub fn exprs(&self) -> impl Iterator<Item = &Expr> {
        self.0.parts.iter().filter_map(|part| match part {
            Part::Expr(expr, ..) => Some(expr),
            _ => None,
        })
    }

    /// Fails when an expression can have no value where the format is used.
    ///
    /// # Errors
    /// The sentence HAProxy prints for it.
    pub fn check(&self, place: Place) -> Result<(), SampleError> {
        self.exprs().try_for_each(|expr| expr.check(place))
    }

    /// The first alias or expression that only exists in HTTP mode, as written.
    pub fn requires_http(&self) -> Option<&str> {
        self.0.parts.iter().find_map(|part| match part {
            Part::Alias(alias, ..) if alias.is_http() => Some(alias.name()),
            Part::Expr(expr, ..) if expr.requires_http() => Some(expr.text()),
            _ => None,
        })
    }

    /// Whether it shows an address of the server's connection, which is asked for only then.
    pub fn shows_back_address(&self) -> bool {
        self.0.parts.iter().any(|part| match part {
            Part::Alias(alias, ..) => alias.is_back_address(),
            Part::Expr(expr, ..) => expr.text().starts_with("bc_src") || expr.text().starts_with("bc_dst"),
            Part::Text(_) | Part::Spaces(_) => false,
        })
    }

    /// Objects named in arguments, for the caller to verify.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.exprs().flat_map(Expr::references)
    }
}

/// Calls `f` with the value of an item; literal text is none.
fn with_value(part: &Part, ctx: &dyn Context, record: &LogRecord, f: impl FnOnce(Value<'_>, &Label)) {
    match part {
        Part::Text(_) | Part::Spaces(_) => {}
        Part::Alias(alias, flags, label) => {
            let mut text = Vec::new();
            alias.write(flags.bare(), Output::Encoded, ctx, record, &mut text);
            f(Value::of_alias(alias.kind(), &text, flags.hexadecimal), label);
        }
        Part::Expr(expr, _, label) => Value::with_sample(expr.eval(ctx).as_ref(), |value| f(value, label)),
    }
}

struct Parser<'a> {
    sources: &'a Sources<'a>,
    parts: Vec<Part>,
    literal: String,
    /// From `%{…}o`.
    defaults: Flags,
    /// The first of them that encode.
    object: Flags,
}

impl Parser<'_> {
    fn text(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    /// Turns the text gathered into parts, spaces apart.
    fn flush(&mut self) {
        let literal = std::mem::take(&mut self.literal);
        let mut rest = literal.as_str();
        while !rest.is_empty() {
            let spaces = rest.len() - rest.trim_start_matches(' ').len();
            if spaces > 0 {
                self.parts.push(Part::Spaces(spaces));
            }
            let (_, after) = rest.split_at(spaces);
            let (word, next) = after.split_at(after.find(' ').unwrap_or(after.len()));
            if !word.is_empty() {
                self.parts.push(Part::Text(word.into()));
            }
            rest = next;
        }
    }

    /// Reads what follows a `%`; gives the rest.
    fn item<'t>(&mut self, text: &'t str) -> Result<&'t str, SampleError> {
        if let Some(rest) = text.strip_prefix('%') {
            self.text("%");
            return Ok(rest);
        }
        if text.is_empty() {
            return Err(SampleError::new("truncated line after '%'").help("write '%%' for a percent sign"));
        }
        self.flush();
        let (label, mut rest) = label(text)?;
        let mut flags = self.defaults;
        if let Some(inner) = rest.strip_prefix('{') {
            let (words, after) = inner
                .split_once('}')
                .ok_or_else(|| SampleError::new(format!("truncated line after '{inner}'")).help("close it with '}'"))?;
            flags = flags.changed(words)?;
            rest = after;
        }
        if let Some(inner) = rest.strip_prefix('[') {
            let end = end_of_expression(inner)
                .ok_or_else(|| SampleError::new(format!("expected ']' after '{inner}'")).help("close it with ']'"))?;
            let (expression, after) = inner.split_at(end);
            let expr = Expr::parse(expression.trim(), self.sources)
                .map_err(|e| e.within(&format!("failed to parse sample expression <{expression}>")))?;
            self.parts.push(Part::Expr(expr, flags, label));
            return Ok(after.get(1..).unwrap_or_default());
        }
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, after) = rest.split_at(length);
        match name {
            "" if rest.len() < text.len() => {
                Err(SampleError::new(format!("parse argument modifier without variable name near '%{text}'")))
            }
            // Its flags hold for everything that follows.
            "o" => {
                self.defaults = flags;
                if flags.encoding != Encoding::Plain && self.object.encoding == Encoding::Plain {
                    self.object = flags;
                }
                Ok(after)
            }
            _ if flags.binary != self.defaults.binary => {
                Err(SampleError::new("the log-format flag 'bin' is for the whole line").help("write it at '%o'"))
            }
            _ => {
                let alias = Alias::find(name).ok_or_else(|| unknown(name))?;
                self.parts.push(Part::Alias(alias, flags, label));
                Ok(after)
            }
        }
    }
}

/// Reads `(name:type)`, which matters to encodings.
fn label(text: &str) -> Result<(Label, &str), SampleError> {
    let Some(inner) = text.strip_prefix('(') else { return Ok((Label::default(), text)) };
    let (inside, rest) = inner
        .split_once(')')
        .ok_or_else(|| SampleError::new(format!("truncated line after '{inner}'")).help("close it with ')'"))?;
    Ok((Label::parse(inside)?, rest))
}

/// Where the `]` of an expression is: outside of parentheses and quotes.
fn end_of_expression(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    for (i, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (_, '\\') => escaped = true,
            (Some(q), _) if q == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') if depth > 0 => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            (None, ']') if depth == 0 => return Some(i),
            (None, _) => {}
        }
    }
    // A parenthesis left open hides the bracket: the expression's own error is the better one.
    text.rfind(']').filter(|_| depth > 0)
}

fn unknown(name: &str) -> SampleError {
    let error = SampleError::new(format!(
        "no such format alias '{name}'. If you wanted to emit the '%' character verbatim, you need to use '%%'"
    ));
    // An alias runs into text that follows without a separator.
    let glued = (1..name.len()).rev().filter_map(|n| name.get(..n)).find(|start| Alias::find(start).is_some());
    match glued.or_else(|| nearest(name, Alias::names())) {
        Some(near) => error.help(format!("did you mean '%{near}'?")),
        None => error,
    }
}
