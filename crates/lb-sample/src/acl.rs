//! ACLs: an expression compared with patterns.

use crate::expr::{Expr, find_fetch, leading_name};
use crate::fetch;
use crate::pattern::{Matcher, Method, Operator};
use crate::place::Place;
use crate::suggest::nearest;
use crate::{Context, Reference, SampleError, Sources};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

/// One `acl` line: a name, a criterion, patterns. Cheap to clone.
#[derive(Clone)]
pub struct Acl(Arc<Inner>);

struct Inner {
    /// Empty for an anonymous one.
    name: Box<str>,
    expr: Expr,
    method: Method,
    /// Those of files, then those of the line.
    patterns: Vec<Matcher>,
    references: Vec<Reference>,
    warnings: Vec<String>,
}

impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acl").field("name", &self.0.name).field("criterion", &self.criterion()).finish_non_exhaustive()
    }
}

/// ACL keywords made of a fetch and a matching method, as `haproxy -dKacl` lists them: prefix of
/// the keyword, fetch behind it. `hdr_*` mean the request, unlike the fetch `hdr`.
const DERIVED: [(&str, &str); 7] = [
    ("base", "base"),
    ("cook", "req.cook"),
    ("hdr", "req.hdr"),
    ("path", "path"),
    ("shdr", "res.hdr"),
    ("url", "url"),
    ("urlp", "urlp"),
];
const SUFFIXES: [&str; 7] = ["beg", "dir", "dom", "end", "len", "reg", "sub"];

impl Acl {
    /// Reads the words after `acl`: name, criterion, flags, operator, values.
    /// Several lines of one name are alternatives; keep them all in declaration order.
    ///
    /// # Errors
    /// [`SampleError::word`] indexes `words`.
    pub fn parse<S: AsRef<str>>(words: &[S], sources: &Sources<'_>) -> Result<Self, SampleError> {
        let name = words.first().map(AsRef::as_ref).unwrap_or_default();
        if name.is_empty() {
            return Err(SampleError::new("missing ACL name").help("acl <name> <criterion> [flags] [values]"));
        }
        if let Some(c) = name.chars().find(|c| !lb_model::is_valid_name(&c.to_string())) {
            return Err(SampleError::new(format!("character '{c}' is not permitted in acl name '{name}'"))
                .help("use letters, digits, '-', '_', '.' and ':'"));
        }
        if name == "or" {
            return Err(SampleError::new("name 'or' is reserved for conditions"));
        }
        Self::parse_unnamed(name, words.get(1..).unwrap_or_default(), sources).map_err(|mut e| {
            e.message = format!("error detected while parsing ACL '{name}' : {}", e.message);
            e.word += 1;
            e
        })
    }

    /// Reads criterion, flags and values; [`SampleError::word`] counts from the criterion.
    pub(crate) fn parse_unnamed<S: AsRef<str>>(
        name: &str,
        words: &[S],
        sources: &Sources<'_>,
    ) -> Result<Self, SampleError> {
        let criterion = words.first().map(AsRef::as_ref).unwrap_or_default();
        let (expr, keyword_method) = parse_criterion(criterion, sources)?;
        let mut parser = ValueParser {
            sources,
            expr: &expr,
            keyword_method,
            method: None,
            ignore_case: false,
            has_values: false,
            id: None,
            files: Vec::new(),
            words: Vec::new(),
        };
        let explicit_end = parser.read(words.get(1..).unwrap_or_default()).map_err(|e| {
            let word = e.word + 1;
            e.at(word)
        })?;
        let chosen = parser.method;
        let name_of_criterion = if expr.has_converters() { expr.keyword() } else { leading_name(criterion) };
        let mut references = expr.references().to_vec();
        if expr.keyword() == "http_auth_group"
            && let Some(Reference::UserList(list)) = references.first()
        {
            let groups = parser.words.iter().map(|group| (list.clone(), group.to_string()));
            let groups: Vec<_> = groups.map(|(list, group)| Reference::Group { list, group }).collect();
            references.extend(groups);
        }
        let (method, patterns) = parser.into_patterns(name_of_criterion)?;
        let mut warnings = Vec::new();
        if keyword_method.is_some_and(|m| m != Method::Str) && (expr.has_converters() || chosen.is_some()) {
            warnings.push(format!(
                "original matching method '{}' was overwritten and will not be applied as expected",
                leading_name(criterion)
            ));
        }
        if patterns.iter().all(Matcher::is_empty) && !explicit_end && !method.needs_no_pattern() {
            warnings.push(format!(
                "parsing acl keyword '{criterion}' :\n  \
                 no pattern to match against were provided, so this ACL will never match.\n  \
                 If this is what you intended, please add '--' to get rid of this warning.\n  \
                 If you intended to match only for existence, please use '-m found'.\n  \
                 If you wanted to force an int to match as a bool, please use '-m bool'."
            ));
        }
        Ok(Self(Arc::new(Inner { name: name.into(), expr, method, patterns, references, warnings })))
    }

    /// Its name; empty for an anonymous one.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The criterion as written (`hdr(host)`), for messages.
    pub fn criterion(&self) -> &str {
        self.0.expr.text()
    }

    /// The expression it looks at.
    pub fn expr(&self) -> &Expr {
        &self.0.expr
    }

    /// Whether it matches: any value of the expression, any pattern.
    pub fn eval(&self, ctx: &dyn Context) -> bool {
        let inner = &*self.0;
        let mut matched = false;
        inner.expr.eval_each(ctx, &mut |sample| {
            matched = match inner.method {
                Method::Found => true,
                Method::Bool => sample.to_bool().unwrap_or(false),
                _ => inner.patterns.iter().any(|patterns| patterns.matches(&sample)),
            };
            if matched { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        matched
    }

    /// What is suspicious about it, in HAProxy's words.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// Whether it can only match in HTTP mode.
    pub fn requires_http(&self) -> bool {
        self.0.expr.requires_http()
    }

    /// The sentence to warn with when it can never match where it is used.
    pub fn never_matches_at(&self, place: Place) -> Option<String> {
        if self.0.expr.source().is_available(place) {
            return None;
        }
        let who = if self.0.name.is_empty() { "anonymous acl".to_owned() } else { format!("acl '{}'", self.0.name) };
        Some(format!(
            "{who} will never match because it uses keyword '{}' which is incompatible with '{}'",
            leading_name(self.criterion()),
            place.as_str()
        ))
    }

    /// Objects named in arguments, for the caller to verify.
    pub fn references(&self) -> &[Reference] {
        &self.0.references
    }
}

/// Finds the expression and, for an ACL keyword, its matching method.
fn parse_criterion(criterion: &str, sources: &Sources<'_>) -> Result<(Expr, Option<Method>), SampleError> {
    let name = leading_name(criterion);
    let in_expression = |mut e: SampleError| {
        e.message = format!("{} in ACL expression '{criterion}'", e.message);
        e
    };
    if let Some((fetch, method)) = derived(name) {
        let subject = format!("ACL keyword '{name}'");
        let expr = Expr::parse_with(criterion, find_fetch(fetch)?, &subject, sources)
            .map_err(|e| if e.message.contains(&subject) { e } else { e.within(&subject) })?;
        return Ok((expr, Some(method)));
    }
    let fetch = find_fetch(name).map_err(|e| {
        // A misspelt ACL keyword is nearer to the truth than a fetch.
        let known: Vec<String> = keyword_names().chain(fetch::names().map(str::to_owned)).collect();
        let near = nearest(name, known.iter().map(String::as_str));
        let suggestion = near.filter(|_| e.message.starts_with("unknown"));
        in_expression(match suggestion {
            Some(near) => e.help(format!("did you mean '{near}'?")),
            None => e,
        })
    })?;
    let expr = Expr::parse_with(criterion, fetch, &format!("fetch method '{name}'"), sources).map_err(in_expression)?;
    Ok((expr, None))
}

/// The fetch and method of an ACL keyword.
fn derived(name: &str) -> Option<(&'static str, Method)> {
    match name {
        "method" => return Some(("method", Method::Str)),
        "req_ver" => return Some(("req.ver", Method::Str)),
        "resp_ver" => return Some(("res.ver", Method::Str)),
        _ => {}
    }
    let fetch_of = |prefix: &str| DERIVED.iter().find(|(p, _)| *p == prefix).map(|(_, fetch)| *fetch);
    if let Some(fetch) = fetch_of(name) {
        return Some((fetch, Method::Str));
    }
    let (prefix, suffix) = name.rsplit_once('_')?;
    let fetch = fetch_of(prefix)?;
    let suffix = SUFFIXES.into_iter().find(|s| *s == suffix)?;
    Method::parse(suffix).map(|method| (fetch, method))
}

fn keyword_names() -> impl Iterator<Item = String> {
    DERIVED.iter().flat_map(|(prefix, _)| SUFFIXES.iter().map(move |suffix| format!("{prefix}_{suffix}")))
}

/// Reads flags and patterns.
struct ValueParser<'a> {
    sources: &'a Sources<'a>,
    expr: &'a Expr,
    keyword_method: Option<Method>,
    /// From `-m`.
    method: Option<Method>,
    ignore_case: bool,
    /// `-M`: files are maps, of which the keys count.
    has_values: bool,
    /// `-u`.
    id: Option<i64>,
    files: Vec<Matcher>,
    /// The line's own patterns.
    words: Vec<String>,
}

impl ValueParser<'_> {
    /// Reads all words; tells whether `--` was among them.
    fn read<S: AsRef<str>>(&mut self, words: &[S]) -> Result<bool, SampleError> {
        let word = |i: usize| words.get(i).map(AsRef::as_ref).unwrap_or_default();
        let last = words.len().saturating_sub(1);
        let mut i = 0;
        let mut ended = false;
        while i < words.len() {
            let flag = word(i);
            if !flag.starts_with('-') {
                break;
            }
            let argument = |e: SampleError| e.at((i + 1).min(last));
            let used = match flag {
                "-i" => {
                    self.ignore_case = true;
                    1
                }
                // Names are never resolved here.
                "-n" => 1,
                "-m" => {
                    self.set_method(word(i + 1)).map_err(argument)?;
                    2
                }
                "-f" => {
                    self.load(word(i + 1)).map_err(argument)?;
                    2
                }
                // A number that identifies the patterns at run time.
                "-u" => {
                    let id = word(i + 1).parse().ok().filter(|id| *id >= 0);
                    self.id =
                        Some(id.ok_or_else(|| argument(SampleError::new("the argument of -u must be an integer")))?);
                    2
                }
                "-M" => {
                    self.has_values = true;
                    1
                }
                "--" => {
                    ended = true;
                    1
                }
                _ => {
                    return Err(SampleError::new(format!(
                        "'{flag}' is not a valid ACL option. Please use '--' before any pattern beginning with a '-'"
                    ))
                    .at(i));
                }
            };
            i += used;
            if ended {
                break;
            }
        }
        let mut operator = Operator::default();
        for (at, pattern) in words.iter().map(AsRef::as_ref).enumerate().skip(i) {
            let method = self.method().map_err(|e| e.at(at))?;
            if matches!(method, Method::Int | Method::Len) {
                match Operator::parse(pattern) {
                    Some(other) => operator = other,
                    None => self.words.push(operator.range(pattern).map_err(|e| e.at(at))?),
                }
                continue;
            }
            // Read here to blame the word.
            crate::pattern::check(method, self.ignore_case, pattern).map_err(|e| e.at(at))?;
            self.words.push(pattern.to_owned());
        }
        Ok(ended)
    }

    fn set_method(&mut self, word: &str) -> Result<(), SampleError> {
        if self.method.is_some() {
            return Err(SampleError::new("only one explicit matching method can be defined with '-m' parameter"));
        }
        if !self.files.is_empty() {
            return Err(SampleError::new("'-m' must only be specified before patterns and files")
                .help("put '-m' directly after the criterion"));
        }
        self.method = Some(Method::parse(word).ok_or_else(|| {
            SampleError::new(format!("unknown matching method '{word}' when parsing ACL expression"))
                .help("one of found, bool, int, ip, bin, len, str, sub, reg, beg, end, dir, dom")
        })?);
        Ok(())
    }

    fn load(&mut self, path: &str) -> Result<(), SampleError> {
        let method = self.method()?;
        let file = Matcher::of_file(path, method, self.ignore_case, self.has_values, None, self.sources)?;
        self.files.push(file);
        Ok(())
    }

    /// The method, which is settled by the first pattern at the latest.
    fn method(&self) -> Result<Method, SampleError> {
        match self.method {
            Some(method) => Ok(method),
            // Converters put the keyword's own method out of force.
            None => match self.keyword_method.filter(|_| !self.expr.has_converters()) {
                Some(method) => Ok(method),
                None => Method::default_for(self.expr.output()).ok_or_else(|| {
                    SampleError::new(format!(
                        "matching method must be specified first (using '-m') when using a sample fetch of this type \
                         ('{}')",
                        self.expr.text()
                    ))
                }),
            },
        }
    }

    fn into_patterns(mut self, criterion: &str) -> Result<(Method, Vec<Matcher>), SampleError> {
        let method = self.method()?;
        let own = Matcher::of_line(&self.words, method, self.ignore_case, self.id, criterion, self.sources)?;
        self.files.push(own);
        Ok((method, self.files))
    }
}
