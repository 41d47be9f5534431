//! Conditions: `if` or `unless` and ACLs.

use crate::suggest::nearest;
use crate::{Acl, Context, SampleError, Sources};
use std::sync::Arc;

/// An `if`/`unless` condition. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Condition {
    /// `unless`.
    negate: bool,
    /// Alternatives; each is a conjunction.
    alternatives: Arc<[Vec<Term>]>,
}

/// A name or an anonymous ACL, perhaps negated.
#[derive(Debug)]
struct Term {
    negate: bool,
    /// All lines of one name: any of them may match.
    tests: Vec<Acl>,
}

/// Names that need no declaration, with what they stand for.
const PREDEFINED: &[(&str, &[&str])] = &[
    ("FALSE", &["always_false"]),
    ("HTTP", &["req.proto_http"]),
    ("HTTP_1.0", &["req.ver", "1.0"]),
    ("HTTP_1.1", &["req.ver", "1.1"]),
    ("HTTP_2.0", &["req.ver", "2.0"]),
    ("HTTP_3.0", &["req.ver", "3.0"]),
    ("HTTP_CONTENT", &["req.hdr_val(content-length)", "gt", "0"]),
    ("HTTP_URL_ABS", &["url_reg", "^[^/:]*://"]),
    ("HTTP_URL_SLASH", &["url_beg", "/"]),
    ("HTTP_URL_STAR", &["url", "*"]),
    ("LOCALHOST", &["src", "127.0.0.1/8", "::1"]),
    ("METH_CONNECT", &["method", "CONNECT"]),
    ("METH_DELETE", &["method", "DELETE"]),
    ("METH_GET", &["method", "GET", "HEAD"]),
    ("METH_HEAD", &["method", "HEAD"]),
    ("METH_OPTIONS", &["method", "OPTIONS"]),
    ("METH_POST", &["method", "POST"]),
    ("METH_PUT", &["method", "PUT"]),
    ("METH_TRACE", &["method", "TRACE"]),
    ("RDP_COOKIE", &["req.rdp_cookie_cnt", "gt", "0"]),
    ("REQ_CONTENT", &["req.len", "gt", "0"]),
    ("TRUE", &["always_true"]),
    ("WAIT_END", &["wait_end"]),
];

impl Condition {
    /// Reads `if|unless` and the words after it. `known` are the section's ACLs, several of one name
    /// included; predefined names (`TRUE`, `METH_GET`…) need no declaration.
    ///
    /// Empty alternatives are dropped, and a condition left without any never holds, as in HAProxy.
    ///
    /// # Errors
    /// [`SampleError::word`] indexes `words`.
    pub fn parse<S: AsRef<str>>(words: &[S], known: &[Acl], sources: &Sources<'_>) -> Result<Self, SampleError> {
        let word = |i: usize| words.get(i).map(AsRef::as_ref).unwrap_or_default();
        let negate = match word(0) {
            "if" => false,
            "unless" => true,
            other => {
                return Err(SampleError::new(format!(
                    "expects either 'if' or 'unless' followed by a condition but found '{other}'"
                )));
            }
        };
        let mut alternatives = Vec::new();
        let mut terms = Vec::new();
        let mut negated = false;
        let mut i = 1;
        while i < words.len() {
            let mut name = word(i);
            while let Some(rest) = name.strip_prefix('!') {
                negated = !negated;
                name = rest;
            }
            match name {
                // The negation belongs to the next word.
                "" => {
                    i += 1;
                    continue;
                }
                "or" | "||" => {
                    alternatives.push(std::mem::take(&mut terms));
                    negated = false;
                    i += 1;
                    continue;
                }
                _ => {}
            }
            let tests = if name == "{" {
                let start = i + 1;
                let length = words.iter().skip(start).position(|w| w.as_ref() == "}").ok_or_else(|| {
                    SampleError::new("missing closing '}' in condition").at(i).help("put ' }' behind the last value")
                })?;
                i = start + length;
                let inner = words.get(start..i).unwrap_or_default();
                vec![Acl::parse_unnamed("", inner, sources).map_err(|e| {
                    let word = e.word + start;
                    e.at(word)
                })?]
            } else {
                find(name, known, sources).map_err(|e| e.at(i))?
            };
            terms.push(Term { negate: std::mem::take(&mut negated), tests });
            i += 1;
        }
        alternatives.push(terms);
        alternatives.retain(|terms| !terms.is_empty());
        Ok(Self { negate, alternatives: alternatives.into() })
    }

    /// Whether the rule applies.
    pub fn eval(&self, ctx: &dyn Context) -> bool {
        let holds = self
            .alternatives
            .iter()
            .any(|terms| terms.iter().all(|term| term.tests.iter().any(|acl| acl.eval(ctx)) != term.negate));
        holds != self.negate
    }

    /// Whether the rule applies; `None`: bytes that may still come decide.
    pub fn decide(&self, ctx: &dyn Context) -> Option<bool> {
        let mut undecided = false;
        for terms in self.alternatives.iter() {
            let mut waits = false;
            let all = terms.iter().all(|term| {
                let _ = ctx.take_awaited();
                let holds = term.tests.iter().any(|acl| acl.eval(ctx));
                // A match stands, whatever comes.
                let unknown = ctx.take_awaited() && !holds;
                waits |= unknown;
                unknown || holds != term.negate
            });
            if all && !waits {
                return Some(!self.negate);
            }
            undecided |= all;
        }
        (!undecided).then_some(self.negate)
    }

    /// Every ACL it uses, anonymous and predefined ones included (anonymous: empty name).
    pub fn acls(&self) -> impl Iterator<Item = &Acl> {
        self.alternatives.iter().flatten().flat_map(|term| &term.tests)
    }

    /// The first ACL that can only match in HTTP mode.
    pub fn requires_http(&self) -> Option<&Acl> {
        self.acls().find(|acl| acl.requires_http())
    }
}

/// All ACLs of the name, or the predefined one.
fn find(name: &str, known: &[Acl], sources: &Sources<'_>) -> Result<Vec<Acl>, SampleError> {
    let declared: Vec<Acl> = known.iter().filter(|acl| acl.name() == name).cloned().collect();
    if !declared.is_empty() {
        return Ok(declared);
    }
    if let Some((_, words)) = PREDEFINED.iter().find(|(n, _)| *n == name) {
        return Ok(vec![Acl::parse_unnamed(name, words, sources)?]);
    }
    let error = SampleError::new(format!("no such ACL : '{name}'"));
    Err(match name {
        "and" | "&&" => error.help("ACLs written one after the other must all match; there is no word for it"),
        _ if name.starts_with('{') || name.ends_with('}') => error.help("braces need spaces around them"),
        _ => match nearest(name, known.iter().map(Acl::name).chain(PREDEFINED.iter().map(|(n, _)| *n))) {
            Some(near) => error.help(format!("did you mean '{near}'?")),
            None => error,
        },
    })
}
