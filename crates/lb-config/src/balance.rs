//! `balance`, `hash-type` and `cookie`: which server takes a session.

use crate::cx::Cx;
use crate::keywords;
use crate::line::{Done, Fault, Line, fault};
use crate::model::{Balance, Cookie, CookieMode};
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;
use lb_model::hash::HashFunction;

/// Algorithms; those with parentheses are written without them.
const ALGORITHMS: &[&str] = &[
    "roundrobin",
    "static-rr",
    "leastconn",
    "first",
    "random",
    "source",
    "uri",
    "url_param",
    "hdr",
    "hash",
    "rdp-cookie",
    "sticky",
    "log-hash",
];

/// `balance <algorithm> [arguments]`. Nothing after it means round robin, as in HAProxy.
pub(crate) fn balance(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let word = line.word(1);
    let (name, argument) = match word.split_once('(') {
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(argument) => (name, Some(argument)),
            None if rest.is_empty() => (name, Some("")),
            None => return Err(fault(1, format!("balance {name} : missing closing parenthesis in '{word}'."))),
        },
        None => (word, None),
    };
    let mut last = 1;
    p.proxy.balance = match (name, argument) {
        ("" | "roundrobin", None) => Balance::RoundRobin,
        ("static-rr", None) => Balance::StaticRr,
        ("leastconn", None) => Balance::LeastConn,
        ("first", None) => Balance::First,
        ("random", None) => Balance::Random(2),
        ("random", Some(draws)) => Balance::Random(random_draws(draws)?),
        ("source", None) => Balance::Source,
        ("uri", None) => uri(line, &mut last)?,
        ("url_param", None) => {
            let parameter = line.need(2, "balance url_param requires an URL parameter name.")?;
            if line.has(3) {
                return Err(fault(3, keywords::not_yet(&format!("balance url_param {}", line.word(3)))));
            }
            last = 2;
            Balance::UrlParam(parameter.to_owned())
        }
        ("hdr", Some("")) => return Err(fault(1, "balance hdr requires an http header field name.")),
        ("hdr", Some(header)) => {
            if line.word(2) == "use_domain_only" {
                return Err(fault(2, keywords::not_yet("use_domain_only")));
            }
            Balance::Header(header.to_owned())
        }
        ("hash" | "rdp-cookie" | "sticky" | "log-hash", _) => {
            return Err(fault(1, keywords::not_yet(&format!("balance {name}"))));
        }
        _ => {
            let near = did_you_mean(name, ALGORITHMS.iter().copied());
            return Err(fault(
                1,
                format!(
                    "balance only supports 'roundrobin', 'static-rr', 'leastconn', 'source', 'uri', 'url_param', \
                     'hdr(name)' and 'rdp-cookie(name)' options{}",
                    if near.is_empty() { "." } else { &near }
                ),
            )
            .help("'first' and 'random[(draws)]' are supported as well"));
        }
    };
    p.balance_site = Some(line.site(1));
    line.ends_after(last, "balance")
}

fn random_draws(text: &str) -> Result<u32, Fault> {
    if let Some(bad) = text.chars().find(|c| !c.is_ascii_digit()) {
        return Err(fault(1, format!("balance random : unexpected character '{bad}' after argument.")));
    }
    match text.parse() {
        Ok(draws) if draws > 0 => Ok(draws),
        _ => Err(fault(1, "balance random : number of draws must be at least 1.")),
    }
}

fn uri(line: &Line, last: &mut usize) -> Result<Balance, Fault> {
    let (mut whole, mut len, mut depth) = (false, 0, 0);
    let mut at = 2;
    while line.has(at) {
        let name = line.word(at);
        let number = || -> Result<usize, Fault> {
            let word = line.word(at + 1);
            let complaint = format!("balance uri : '{name}' expects a positive integer (got '{word}').");
            word.parse().ok().filter(|n| *n > 0).ok_or_else(|| fault(at + 1, complaint))
        };
        match name {
            "len" => len = number()?,
            "depth" => depth = number()?,
            "whole" => whole = true,
            "path-only" => return Err(fault(at, keywords::not_yet("balance uri path-only"))),
            other => {
                let message = format!(
                    "balance uri only accepts parameters 'len', 'depth', 'path-only', and 'whole' (got '{other}')."
                );
                return Err(fault(at, message));
            }
        }
        at += if matches!(name, "len" | "depth") { 2 } else { 1 };
    }
    *last = at - 1;
    Ok(Balance::Uri { whole, len, depth })
}

/// `hash-type <method> [function] [modifier]`.
pub(crate) fn hash_type(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    p.proxy.consistent_hash = match line.word(1) {
        "consistent" => true,
        "map-based" => false,
        _ => return Err(fault(1, "'hash-type' only supports 'consistent' and 'map-based'.")),
    };
    p.proxy.hash_function = None;
    let word = line.word(2);
    if word.is_empty() {
        return Ok(());
    }
    let function = HashFunction::parse(word).ok_or_else(|| {
        fault(2, "'hash-type' only supports 'sdbm', 'djb2', 'crc32', 'wt6' and 'none' hash functions.")
    })?;
    let spread = match line.word(3) {
        "" => false,
        "avalanche" => true,
        _ => return Err(fault(3, "'hash-type' only supports 'avalanche' as modifier for hash functions.")),
    };
    p.proxy.hash_function = Some((function, spread));
    line.ends_after(3, "hash-type")
}

const COOKIE_OPTIONS: &str = "'cookie' supports 'rewrite', 'insert', 'prefix', 'indirect', 'nocache', 'postonly', \
                              'domain', 'maxidle', 'dynamic', 'maxlife' and 'attr' options.";

/// `cookie <name> [options]`.
pub(crate) fn cookie(p: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    let name = line.need(1, "'cookie' expects <cookie_name> as argument.")?;
    let mut cookie = Cookie { name: name.to_owned(), ..Cookie::default() };
    let mut at = 2;
    while line.has(at) {
        let word = line.word(at);
        let mode = match word {
            "insert" => Some(CookieMode::Insert),
            "rewrite" => Some(CookieMode::Rewrite),
            "prefix" => Some(CookieMode::Prefix),
            _ => None,
        };
        match (word, mode) {
            (_, Some(mode)) if cookie.mode == CookieMode::Passive || cookie.mode == mode => cookie.mode = mode,
            (_, Some(_)) => {
                return Err(fault(at, "cookie 'rewrite', 'insert' and 'prefix' modes are incompatible."));
            }
            ("indirect", _) => cookie.indirect = true,
            ("nocache", _) => cookie.nocache = true,
            ("postonly", _) => cookie.postonly = true,
            ("preserve", _) => cookie.preserve = true,
            ("httponly", _) => cookie.httponly = true,
            ("secure", _) => cookie.secure = true,
            ("domain", _) => {
                cookie.domains.push(line.need(at + 1, "'domain' expects <domain> as argument.")?.to_owned());
                at += 1;
            }
            ("attr", _) => {
                cookie.attrs.push(line.need(at + 1, "'attr' expects <value> as argument.")?.to_owned());
                at += 1;
            }
            ("dynamic", _) => cookie.dynamic = true,
            ("maxidle" | "maxlife", _) => {
                return Err(fault(at, keywords::not_yet(&format!("cookie … {word}"))));
            }
            _ => return Err(fault(at, COOKIE_OPTIONS)),
        }
        at += 1;
    }
    p.proxy.cookie = Some(cookie);
    p.cookie_site = Some(line.site(0));
    Ok(())
}
