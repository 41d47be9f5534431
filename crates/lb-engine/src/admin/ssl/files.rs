//! `… ssl ca-file` and `… ssl crl-file`, which differ in words and in what a file holds.

use super::{describe, other, starred};
use crate::control::Control;
use crate::tls::store::{self, Kind, Store};
use lb_admin::{Reply, Request};
use lb_tls::{Certificate, Crl, Trust};
use std::fmt::Write;
use std::sync::Arc;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Family {
    Ca,
    Crl,
}

impl Family {
    /// The word after `ssl`.
    fn word(self) -> &'static str {
        match self {
            Self::Ca => "ca-file",
            Self::Crl => "crl-file",
        }
    }

    /// As sentences call it.
    fn name(self) -> &'static str {
        match self {
            Self::Ca => "CA",
            Self::Crl => "CRL",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Ca => Kind::Trust,
            Self::Crl => Kind::Crl,
        }
    }

    fn empty(self, store: &mut Store) -> &mut Vec<String> {
        match self {
            Self::Ca => &mut store.empty.trusts,
            Self::Crl => &mut store.empty.crls,
        }
    }

    fn is_known(self, store: &Store, name: &str) -> bool {
        match self {
            Self::Ca => store.files.trusts.contains_key(name) || store.empty.trusts.iter().any(|own| own == name),
            Self::Crl => store.files.crls.contains_key(name) || store.empty.crls.iter().any(|own| own == name),
        }
    }

    fn open(self, store: &Store) -> Option<String> {
        match self {
            Self::Ca => store.trust.as_ref().map(|(name, _)| name.clone()),
            Self::Crl => store.crl.as_ref().map(|(name, _)| name.clone()),
        }
    }
}

fn needed<'r>(request: &'r Request, verb: &str, family: Family) -> Result<&'r str, Reply> {
    match request.arg(0) {
        "" => Err(Reply::err(format!("'{verb} ssl {} expects a filename", family.word()))),
        name => Ok(name),
    }
}

/// `show ssl ca-file|crl-file [[*]file[:index]]`.
pub(in super::super) fn show(control: &Control, request: &Request, family: Family) -> Result<Reply, Reply> {
    let store = control.tls.borrow();
    if request.arg(0).is_empty() {
        return Ok(Reply::Raw(names(&store, family).into_bytes()));
    }
    let (open, wanted) = starred(request.arg(0));
    let (name, index) = match wanted.rsplit_once(':').and_then(|(name, n)| Some((name, n.parse::<usize>().ok()?))) {
        Some((name, index)) => (name, Some(index)),
        None => (wanted, None),
    };
    let unknown = || Reply::err(format!("Can't display the {} file : Not found!", family.name()));
    if !open && !family.is_known(&store, name) {
        return Err(unknown());
    }
    let shown = if open { format!("*{name}") } else { name.to_owned() };
    let used = !open && store::is_used(control.shared, family.kind(), name);
    let mut text = format!("Filename: {shown}\nStatus: {}\n", if used { "Used" } else { "Unused" });
    let mut entries = 0;
    let wants = |n: usize| index.is_none_or(|index| index == n);
    match family {
        Family::Ca => {
            let held = store.files.trusts.get(name).map(Arc::as_ref);
            let trust = if open { store.trust.as_ref().filter(|(own, _)| own == name).map(|(_, t)| t) } else { held };
            for (n, der) in (1..).zip(trust.map(|t| t.certificates.as_slice()).unwrap_or_default()) {
                let Some(certificate) = Certificate::parse(der).filter(|_| wants(n)) else { continue };
                entries += 1;
                let _ = write!(text, " \nCertificate #{n}:\n");
                describe(&certificate, der, &mut text);
            }
        }
        Family::Crl => {
            let held = store.files.crls.get(name).map(Arc::as_ref);
            let crl = if open { store.crl.as_ref().filter(|(own, _)| own == name).map(|(_, c)| c) } else { held };
            for (n, list) in (1..).zip(crl.map(Crl::described).unwrap_or_default()) {
                if !wants(n) {
                    continue;
                }
                entries += 1;
                let _ = write!(text, " \nCertificate Revocation List #{n}:\n{list}");
            }
        }
    }
    Ok(if entries == 0 { Reply::Empty } else { Reply::Raw(text.into_bytes()) })
}

fn names(store: &Store, family: Family) -> String {
    let count = |n: usize| if family == Family::Ca { format!(" - {n} certificate(s)") } else { String::new() };
    let mut text = String::new();
    if let Some(open) = family.open(store) {
        let n = store.trust.as_ref().map_or(0, |(_, trust)| trust.certificates.len());
        let _ = write!(text, "# transaction\n*{open}{}\n", count(n));
    }
    text.push_str("# filename\n");
    let mut lines: Vec<String> = match family {
        Family::Ca => {
            let held =
                store.files.trusts.iter().map(|(name, trust)| format!("{name}{}", count(trust.certificates.len())));
            held.chain(store.empty.trusts.iter().map(|name| format!("{name}{}", count(0)))).collect()
        }
        Family::Crl => store.files.crls.keys().chain(&store.empty.crls).cloned().collect(),
    };
    lines.sort();
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// `new ssl ca-file|crl-file file`.
pub(in super::super) fn new(control: &Control, request: &Request, family: Family) -> Result<Reply, Reply> {
    let name = needed(request, "new", family)?;
    let mut store = control.tls.borrow_mut();
    if family.is_known(&store, name) {
        return Err(Reply::err(format!("{} file '{name}' already exists!", family.name())));
    }
    family.empty(&mut store).push(name.to_owned());
    Ok(Reply::notice(format!("New {} file created '{name}'!", family.name())))
}

/// `set ssl ca-file|crl-file file <payload>`.
pub(in super::super) fn set(control: &Control, request: &Request, family: Family) -> Result<Reply, Reply> {
    change(control, request, family, false)
}

/// `add ssl ca-file file <payload>`: to what the file or the change under way holds.
pub(in super::super) fn add_ca(control: &Control, request: &Request) -> Result<Reply, Reply> {
    change(control, request, Family::Ca, true)
}

fn change(control: &Control, request: &Request, family: Family, adds: bool) -> Result<Reply, Reply> {
    let name = request.arg(0);
    let Some(payload) = request.payload.as_ref().filter(|_| !name.is_empty()) else {
        let what = if family == Family::Ca { "CAs" } else { "CRLs" };
        return Err(Reply::err(format!("'set ssl {} expects a filename and {what} as a payload", family.word())));
    };
    let mut store = control.tls.borrow_mut();
    let open = family.open(&store);
    if let Some(open) = open.as_ref().filter(|open| *open != name) {
        return Err(other(open, name, "update"));
    }
    if !family.is_known(&store, name) {
        return Err(Reply::err(format!(
            "Can't replace a {} file which is not referenced by the configuration!\nCan't update {name}!\n",
            family.name()
        )));
    }
    let refused = |why: String| Reply::err(format!("unable to load '{name}' ({why}).\nCan't update {name}!\n"));
    match family {
        Family::Ca => {
            let mut trust = Trust::parse(payload).map_err(refused)?;
            if adds {
                let held = store.trust.as_ref().map(|(_, trust)| trust.certificates.clone());
                let held = held.or_else(|| store.files.trusts.get(name).map(|trust| trust.certificates.clone()));
                let mut all = held.unwrap_or_default();
                all.append(&mut trust.certificates);
                trust = Trust::of(all);
            }
            store.trust = Some((name.to_owned(), trust));
        }
        Family::Crl => store.crl = Some((name.to_owned(), Crl::parse(payload).map_err(refused)?)),
    }
    let done = if open.is_some() { "updated" } else { "created" };
    Ok(Reply::notice(format!("transaction {done} for {} {name}!", family.name())))
}

/// `abort ssl ca-file|crl-file file`.
pub(in super::super) fn abort(control: &Control, request: &Request, family: Family) -> Result<Reply, Reply> {
    let name = needed(request, "abort", family)?;
    let mut store = control.tls.borrow_mut();
    match family.open(&store) {
        None => Err(Reply::err("No ongoing transaction!")),
        Some(open) if open != name => Err(Reply::err(format!(
            "The ongoing transaction is about '{open}' but you are trying to abort a transaction for '{name}'"
        ))),
        Some(_) => {
            match family {
                Family::Ca => store.trust = None,
                Family::Crl => store.crl = None,
            }
            Ok(Reply::notice(format!("Transaction aborted for certificate '{name}'!")))
        }
    }
}

/// `commit ssl ca-file|crl-file file`.
pub(in super::super) fn commit(control: &Control, request: &Request, family: Family) -> Result<Reply, Reply> {
    let name = needed(request, "commit", family)?;
    let mut store = control.tls.borrow_mut();
    match family.open(&store) {
        None => return Err(Reply::err(format!("No ongoing transaction! !\nCan't commit {name}!\n"))),
        Some(open) if open != name => return Err(other(&open, name, "commit")),
        Some(_) => {}
    }
    let mut files = store.files.clone();
    if let Some((_, trust)) = store.trust.as_ref().filter(|_| family == Family::Ca) {
        files.trusts.insert(name.to_owned(), Arc::new(trust.clone()));
    }
    if let Some((_, crl)) = store.crl.as_ref().filter(|_| family == Family::Crl) {
        files.crls.insert(name.to_owned(), Arc::new(crl.clone()));
    }
    let prepared = store::prepare(control.shared, family.kind(), name, &files);
    let prepared = prepared.map_err(|why| Reply::err(format!("{why}\nCan't commit {name}!\n")))?;
    let dots = ".".repeat(prepared.changes());
    prepared.apply();
    store.files = files;
    family.empty(&mut store).retain(|own| own != name);
    match family {
        Family::Ca => store.trust = None,
        Family::Crl => store.crl = None,
    }
    Ok(Reply::Raw(format!("Committing {name}{dots}\nSuccess!\n").into_bytes()))
}

/// `del ssl ca-file|crl-file file`.
pub(in super::super) fn del(control: &Control, request: &Request, family: Family) -> Result<Reply, Reply> {
    let name = needed(request, "del", family)?;
    let mut store = control.tls.borrow_mut();
    let kind = family.name();
    let failed = |why: &str| Reply::err(format!("Can't remove the {kind} file: {kind} file '{name}' {why}!\n\n"));
    if !family.is_known(&store, name) {
        return Err(failed("doesn't exist"));
    }
    if store::is_used(control.shared, family.kind(), name) {
        return Err(failed("in use, can't be deleted"));
    }
    family.empty(&mut store).retain(|own| own != name);
    match family {
        Family::Ca => store.files.trusts.remove(name).is_some(),
        Family::Crl => store.files.crls.remove(name).is_some(),
    };
    Ok(Reply::notice(format!("{kind} file '{name}' deleted!")))
}
