//! `compression`: which responses are pressed, and how.

use crate::cx::Cx;
use crate::keywords;
use crate::line::{Done, Line, fault};
use crate::proxy::ProxyDraft;
use crate::suggest::did_you_mean;

/// What a proxy presses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Compression {
    /// In which ways; none: nothing is pressed.
    pub codings: Vec<Coding>,
    /// Beginnings of the content types that are pressed; none: all are.
    pub types: Vec<String>,
    /// Servers do not learn that clients take pressed responses.
    pub offload: bool,
}

/// A way of pressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// `identity`: not at all, but framed as if.
    Identity,
    /// `gzip`.
    Gzip,
    /// `deflate`: in the frame of zlib.
    Deflate,
    /// `raw-deflate`: without it.
    RawDeflate,
}

impl Coding {
    /// All of them, with their words and the words that clients use.
    pub const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Identity, "identity", "identity"),
        (Self::Gzip, "gzip", "gzip"),
        (Self::Deflate, "deflate", "deflate"),
        (Self::RawDeflate, "raw-deflate", "deflate"),
    ];

    /// What `Accept-Encoding` and `Content-Encoding` call it.
    pub fn token(self) -> &'static str {
        Self::ALL.iter().find(|(coding, ..)| *coding == self).map_or("identity", |(_, _, token)| token)
    }
}

/// `compression algo|algo-res <coding>…`, `compression type|type-res <type>…`, `compression offload`,
/// `compression direction response`.
pub(crate) fn compression(p: &mut ProxyDraft, cx: &mut Cx<'_>, line: &Line) -> Done {
    const USAGE: &str = "'compression' expects 'algo', 'type', 'direction' or 'offload'.";
    let word = line.need(1, USAGE)?;
    let set = &mut p.proxy.compression;
    match word {
        "algo" | "algo-res" => {
            line.need(2, format!("parsing [compression {word}] : expects at least one algorithm."))?;
            for (at, name) in line.from(2).into_iter().enumerate() {
                let known = Coding::ALL.iter().find(|(_, word, _)| *word == name).map(|(coding, ..)| *coding);
                let coding = known.ok_or_else(|| {
                    let near = did_you_mean(name, Coding::ALL.iter().map(|(_, word, _)| *word));
                    fault(at + 2, format!("'{name}' is not a supported algorithm{near}."))
                        .help("algorithms are gzip, deflate, raw-deflate and identity")
                })?;
                if !set.codings.contains(&coding) {
                    set.codings.push(coding);
                }
            }
            Ok(())
        }
        "type" | "type-res" => {
            line.need(2, format!("'{word}' expects <type>."))?;
            set.types.extend(line.from(2).into_iter().map(str::to_owned));
            Ok(())
        }
        "offload" => {
            line.ends_after(1, "compression offload")?;
            if p.kind.is_none() {
                cx.warn(&line.site(1), "'compression offload' ignored in 'defaults' section.");
                return Ok(());
            }
            set.offload = true;
            Ok(())
        }
        "direction" => match line.word(2) {
            "response" => line.ends_after(2, "compression direction"),
            other @ ("request" | "both") => Err(fault(2, keywords::not_yet(&format!("compression direction {other}")))),
            other => Err(fault(2, format!("'direction' expects 'request', 'response' or 'both' (got '{other}')."))),
        },
        other @ ("algo-req" | "type-req" | "minsize-req" | "minsize-res") => {
            Err(fault(1, keywords::not_yet(&format!("compression {other}"))))
        }
        _ => Err(fault(1, USAGE)),
    }
}

/// `filter compression`: what `compression` lines ask for is done without it as well.
pub(crate) fn filter(_: &mut ProxyDraft, _: &mut Cx<'_>, line: &Line) -> Done {
    match line.need(1, "'filter' expects a filter's name.")? {
        "compression" => line.ends_after(1, "filter compression"),
        other => Err(fault(1, keywords::not_yet(&format!("filter {other}")))),
    }
}
