//! `crt-store` sections: certificates under names of their own, each made of the files that its line says.

use super::files::Loader;
use crate::cx::Cx;
use crate::diagnostic::Site;
use crate::keywords;
use crate::line::{Done, Fault, Line, fault};
use crate::suggest::did_you_mean;
use lb_model::is_valid_name;

/// What a certificate is made of.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// The certificate and its chain.
    pub crt: String,
    /// Its key, where the first has none.
    pub key: Option<String>,
    /// An OCSP response.
    pub ocsp: Option<String>,
    /// The issuer's certificate.
    pub issuer: Option<String>,
    /// Signed timestamps.
    pub sctl: Option<String>,
}

/// A section being read.
#[derive(Debug)]
pub(crate) struct Store {
    name: String,
    crt_base: Option<String>,
    key_base: Option<String>,
    entries: Vec<(String, Parts, Site)>,
}

const KEYWORDS: [&str; 3] = ["crt-base", "key-base", "load"];

impl Store {
    /// `crt-store [<name>]`.
    pub fn open(line: &Line, others: &[Self]) -> Result<Self, Fault> {
        let name = line.word(1);
        line.ends_after(1, "crt-store")?;
        if line.has(1) && !is_valid_name(name) {
            return Err(fault(1, format!("character not permitted in crt-store name '{name}'."))
                .help("names are made of letters, digits, '.', ':', '_' and '-'"));
        }
        if others.iter().any(|other| other.name == name) {
            return Err(fault(1.min(line.len() - 1), format!("crt-store '{name}' is there already.")));
        }
        Ok(Self { name: name.to_owned(), crt_base: None, key_base: None, entries: Vec::new() })
    }

    /// Reads a line.
    pub fn line(&mut self, line: &Line) -> Done {
        match line.word(0) {
            word @ ("crt-base" | "key-base") => {
                let path = line.need(1, format!("'{word}' expects a directory path as an argument."))?.to_owned();
                line.ends_after(1, word)?;
                if !self.entries.is_empty() {
                    return Err(fault(0, format!("'{word}' must stand before the first 'load'.")));
                }
                *(if word == "crt-base" { &mut self.crt_base } else { &mut self.key_base }) = Some(path);
                Ok(())
            }
            "load" => self.load(line),
            other => {
                let near = did_you_mean(other, KEYWORDS);
                Err(fault(0, format!("unknown keyword '{other}' in 'crt-store' section{near}")))
            }
        }
    }

    /// `load crt <file> [key <file>] [ocsp <file>] [issuer <file>] [sctl <file>] [alias <name>] …`.
    fn load(&mut self, line: &Line) -> Done {
        let mut parts = Parts::default();
        let mut alias = None;
        let mut at = 1;
        while line.has(at) {
            let word = line.word(at);
            let argument = || line.need(at + 1, format!("'load' : '{word}' expects an argument.")).map(str::to_owned);
            match word {
                "crt" => parts.crt = argument()?,
                "key" => parts.key = Some(argument()?),
                "ocsp" => parts.ocsp = Some(argument()?),
                "issuer" => parts.issuer = Some(argument()?),
                "sctl" => parts.sctl = Some(argument()?),
                "alias" => alias = Some(argument()?),
                "ocsp-update" if argument()? == "on" => {
                    let message = "'load' : 'ocsp-update' : responses are not fetched.";
                    return Err(fault(at, message).help("name one with 'ocsp', or set it with 'set ssl ocsp-response'"));
                }
                "ocsp-update" => {}
                "jwt" if argument()? == "off" => {}
                "generate-dummy" if argument()? == "off" => {}
                "acme" | "domains" | "ips" | "jwt" | "generate-dummy" | "keytype" | "bits" | "curves" => {
                    return Err(fault(at, keywords::not_yet(&format!("load … {word}"))));
                }
                other => {
                    let known = ["crt", "key", "ocsp", "issuer", "sctl", "ocsp-update", "alias"];
                    let near = did_you_mean(other, known);
                    return Err(fault(at, format!("'load' : unknown keyword '{other}'{near}")));
                }
            }
            at += 2;
        }
        if parts.crt.is_empty() {
            return Err(fault(0, "'load' expects 'crt <file>'."));
        }
        let own = alias.unwrap_or_else(|| parts.crt.clone());
        let name = format!("@{}/{own}", self.name);
        if self.entries.iter().any(|(known, ..)| *known == name) {
            return Err(fault(0, format!("'load' : '{name}' is there already.")).help("give one of them an 'alias'"));
        }
        self.entries.push((name, parts, line.site(0)));
        Ok(())
    }

    /// Loads the certificates, whoever uses them.
    pub fn settle(self, loader: &mut Loader, cx: &mut Cx<'_>) {
        let crt_base = self.crt_base.or_else(|| loader.crt_base.clone());
        let key_base = self.key_base.or_else(|| loader.key_base.clone());
        let based = |base: &Option<String>, path: String| match base {
            Some(base) if !path.starts_with('/') => format!("{base}/{path}"),
            _ => path,
        };
        for (name, parts, site) in self.entries {
            let of_certificate = |path: Option<String>| path.map(|path| based(&crt_base, path));
            let parts = Parts {
                crt: based(&crt_base, parts.crt),
                key: parts.key.map(|path| based(&key_base, path)),
                ocsp: of_certificate(parts.ocsp),
                issuer: of_certificate(parts.issuer),
                sctl: of_certificate(parts.sctl),
            };
            if let Err(why) = loader.assemble(&name, &parts, cx) {
                cx.sink.alert(&site, format!("'load' : {why}"));
            }
        }
    }
}
