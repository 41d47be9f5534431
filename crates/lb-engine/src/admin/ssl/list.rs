//! `… ssl crt-list`, and `show ssl sni`.

use crate::control::Control;
use crate::tls::store;
use lb_admin::{Reply, Request};
use lb_config::model::CrtLine;
use lb_tls::{Named, Offer, date_text};
use std::fmt::Write;
use std::sync::Arc;

/// `show ssl crt-list [-n] [list]`.
pub(in super::super) fn show(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let store = control.tls.borrow();
    let (numbered, name) = match request.arg(0) {
        "-n" => (true, request.arg(1)),
        name => (false, name),
    };
    if name.is_empty() {
        let names: String = store.files.lists.keys().map(|name| format!("{name}\n")).collect();
        return Ok(if names.is_empty() { Reply::Empty } else { Reply::Raw(names.into_bytes()) });
    }
    let lines = store.files.lists.get(name).ok_or_else(|| Reply::err("didn't find the specified filename"))?;
    let mut text = format!("# {name}\n");
    for line in lines {
        text.push_str(&line.file);
        if numbered {
            let _ = write!(text, ":{}", line.number);
        }
        if !line.options.is_empty() {
            let _ = write!(text, " [{}]", line.options);
        }
        for filter in &line.filters {
            let _ = write!(text, " {filter}");
        }
        text.push('\n');
    }
    Ok(Reply::Raw(text.into_bytes()))
}

/// `add ssl crt-list list cert`, or a line as payload.
pub(in super::super) fn add(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let list = request.arg(0);
    let payload = request.payload.as_deref().map(String::from_utf8_lossy);
    let line = payload.as_deref().map(str::trim).unwrap_or(request.arg(1));
    if list.is_empty() || line.is_empty() {
        return Err(Reply::err("'add ssl crtlist' expects a filename and a certificate name"));
    }
    let failed = |why: String| Reply::err(format!("Can't edit the crt-list: {why}"));
    let mut store = control.tls.borrow_mut();
    let Some(lines) = store.files.lists.get(list) else {
        return Err(failed(format!("crt-list '{list}' does not exist!")));
    };
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let filters: Vec<String> = words.map(str::to_owned).collect();
    if filters.first().is_some_and(|word| word.starts_with('[')) {
        return Err(failed("options are read at start only: put the line into the file".to_owned()));
    }
    let Some(held) = store.files.certificates.get(name) else {
        return Err(failed(format!("certificate '{name}' does not exist!")));
    };
    let number = lines.iter().map(|line| line.number).max().unwrap_or(0) + 1;
    let file = Named { name: name.to_owned(), held: Arc::clone(held) };
    let mut ready = Vec::new();
    for (_, _, security) in listeners_of(control, list) {
        let sites = security.sites();
        let mut offers: Vec<Offer> = sites.offers().cloned().collect();
        offers.push(Offer {
            file: file.clone(),
            settings: Arc::clone(&security.config.settings),
            filters: filters.clone(),
            line: Some((list.to_owned(), number)),
            default: false,
        });
        ready.push((security, security.prepare(&offers).map_err(failed)?));
    }
    let dots = ".".repeat(ready.len());
    for (security, sites) in ready {
        security.put(sites);
    }
    let new = CrtLine { number, file: name.to_owned(), options: String::new(), filters };
    store.files.lists.entry(list.to_owned()).or_default().push(new);
    Ok(Reply::Raw(format!("Inserting certificate '{name}' in crt-list '{list}'{dots}\nSuccess!\n").into_bytes()))
}

type Listener<'a> = (&'a crate::shared::ProxyState, &'a crate::shared::ListenerState, &'a crate::tls::ListenerSecurity);

/// The listeners whose lines name the list.
fn listeners_of<'a>(control: &'a Control, list: &str) -> Vec<Listener<'a>> {
    let named = |listener: &Listener<'_>| {
        let offers = &listener.2.config.offers;
        offers.iter().any(|offer| offer.line.as_ref().is_some_and(|(name, _)| name == list))
    };
    store::listeners(control.shared).into_iter().filter(named).collect()
}

/// `del ssl crt-list list cert[:line]`.
pub(in super::super) fn del(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let (list, wanted) = (request.arg(0), request.arg(1));
    if list.is_empty() || wanted.is_empty() {
        return Err(Reply::err("'del ssl crtlist' expects a filename and a certificate name"));
    }
    let failed = |why: String| Reply::err(format!("Can't delete the entry: {why}"));
    let mut store = control.tls.borrow_mut();
    let Some(lines) = store.files.lists.get(list) else {
        return Err(failed(format!("crt-list '{list}' does not exist!")));
    };
    let (name, number) = match wanted.rsplit_once(':').and_then(|(name, n)| Some((name, n.parse::<u32>().ok()?))) {
        Some((name, number)) => (name, Some(number)),
        None => (wanted, None),
    };
    if !store.files.certificates.contains_key(name) {
        return Err(failed(format!("certificate '{name}' does not exist!")));
    }
    let matches = |line: &&CrtLine| line.file == name && number.is_none_or(|number| line.number == number);
    let Some(number) = lines.iter().find(matches).map(|line| line.number) else {
        return Err(failed(format!("certificate '{name}' can't be found in crt-list '{list}'!")));
    };
    let is_it = |offer: &Offer| {
        offer.file.name == name && offer.line.as_ref().is_some_and(|(own, n)| own == list && *n == number)
    };
    let mut ready = Vec::new();
    let mut defaults = String::new();
    for (_, listener, security) in listeners_of(control, list) {
        let sites = security.sites();
        if sites.offers().enumerate().any(|(at, offer)| is_it(offer) && sites.is_default(at)) {
            let place = &listener.config.place;
            let _ = writeln!(defaults, "\t- {}:{}", place.file, place.line);
        }
        let offers: Vec<Offer> = sites.offers().filter(|offer| !is_it(offer)).cloned().collect();
        ready.push((security, offers));
    }
    if !defaults.is_empty() {
        return Err(failed(format!(
            "certificate '{name}' cannot be deleted, it is used as default certificate by the following frontends:\n\
             {defaults}\n"
        )));
    }
    let ready: Result<Vec<_>, String> =
        ready.into_iter().map(|(security, offers)| Ok((security, security.prepare(&offers)?))).collect();
    for (security, sites) in ready.map_err(failed)? {
        security.put(sites);
    }
    store.files.lists.entry(list.to_owned()).or_default().retain(|line| line.number != number || line.file != name);
    Ok(Reply::notice(format!("Entry '{name}' deleted in crtlist '{list}'!")))
}

/// `show ssl sni [-f frontend] [-A] [-t offset]`.
pub(in super::super) fn sni(control: &Control, request: &Request) -> Result<Reply, Reply> {
    let mut words = request.args().iter().map(String::as_str);
    let (mut frontend, mut expired, mut ahead) = (None, false, 0);
    while let Some(word) = words.next() {
        match word {
            "-f" => frontend = Some(words.next().unwrap_or_default()),
            "-A" => expired = true,
            "-t" => {
                let offset = words.next().ok_or_else(|| Reply::err("'-t' requires an offset argument!"))?;
                let offset = lb_model::parse_time(offset, lb_model::TimeUnit::Secs);
                ahead = offset.map_err(|_| Reply::err("'-t' requires an offset argument!"))?.as_secs() as i64;
                expired = true;
            }
            _ => {
                let text = "Invalid parameters, 'show ssl sni' only supports '-f', '-A' or '-t' options!";
                return Err(Reply::err(text));
            }
        }
    }
    let clock = control.shared.clock;
    let until = (clock.start_unix_secs() + clock.uptime().as_secs()) as i64 + ahead;
    let mut found = frontend.is_none();
    let mut text = "# Frontend/Bind\tSNI\tNegative Filter\tType\tFilename\tNotAfter\tNotBefore\n".to_owned();
    for (proxy, listener, security) in store::listeners(control.shared) {
        if frontend.is_some_and(|name| name != &*proxy.config.name) {
            continue;
        }
        found = true;
        let sites = security.sites();
        for (at, offer) in sites.offers().enumerate() {
            let Some(certificate) = offer.file.held.describe() else { continue };
            if expired && certificate.not_after > until {
                continue;
            }
            let mut names = offer.names();
            if sites.is_default(at) {
                names.insert(0, "*".to_owned());
            }
            let negative = offer.excluded().iter().map(|n| format!("!{n}")).collect::<Vec<_>>().join(" ");
            for name in names {
                let negative = if negative.is_empty() || !name.starts_with("*.") { "-" } else { &negative };
                let place = &listener.config.place;
                let _ = writeln!(
                    text,
                    "{}/{}:{}\t{name}\t{negative}\t{}\t{}\t{}\t{}",
                    proxy.config.name,
                    place.file,
                    place.line,
                    offer.file.held.key_word(),
                    offer.file.name,
                    date_text(certificate.not_after),
                    date_text(certificate.not_before),
                );
            }
        }
    }
    if found { Ok(Reply::Raw(text.into_bytes())) } else { Err(Reply::err("Couldn't find the specified frontend!")) }
}
