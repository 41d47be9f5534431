//! Agreeing with other machines through etcd on who acts, where a context names one.
//!
//! What is claimed is a key bound to a lease that is renewed for as long as the claim lives: who is killed lets go a few
//! seconds later. Spoken is etcd's JSON gateway, one connection a request (`wire`).

mod wire;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::exit::Exit;
use crate::fault::Fault;

/// How long a claim outlives its holder, in seconds.
const TTL: u64 = 10;
/// How often a claim is renewed.
const RENEW: Duration = Duration::from_secs(3);
/// How often it is looked whether to end.
const LOOK: Duration = Duration::from_millis(50);
/// Where a context's operators agree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Etcd {
    /// `http://host:port` or `https://host:port`, any of which will do.
    pub endpoints: Vec<String>,
    /// What keeps contexts apart: the context's name.
    pub prefix: String,
    /// Who may have signed the certificates of `https` endpoints; the system's authorities without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The certificate that is shown to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert: Option<PathBuf>,
    /// Its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// Keys held until dropped.
#[derive(Debug)]
pub struct Claim {
    etcd: Etcd,
    lease: String,
    stop: Arc<AtomicBool>,
    lost: Arc<AtomicBool>,
    renewer: Option<JoinHandle<()>>,
}

/// Checks an endpoint as a settings' file has it.
///
/// # Errors
/// A sentence, when it cannot be used.
pub fn check(endpoint: &str) -> Result<(), String> {
    let form = || format!("'{endpoint}' is not http://HOST:PORT or https://HOST:PORT");
    let rest = ["http://", "https://"].iter().find_map(|scheme| endpoint.strip_prefix(scheme)).ok_or_else(form)?;
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':').unwrap_or((rest, ""));
    let port = port.parse::<u16>().map_err(|_| format!("'{endpoint}' has no port"))?;
    if host.is_empty() || host.contains('/') || port == 0 { Err(form()) } else { Ok(()) }
}

impl Etcd {
    /// Claims `what` for `who`. A claim of the same `who` is taken over: it is that of a process that was killed.
    ///
    /// # Errors
    /// [`Exit::Guard`] when somebody else has it, [`Exit::Unreachable`] when etcd does not answer.
    pub fn claim(&self, what: &[String], who: &str) -> Result<Claim, Fault> {
        let granted = self.post("lease/grant", &json!({ "TTL": TTL.to_string() }))?;
        let lease = granted.get("ID").and_then(Value::as_str).ok_or_else(|| strange(&granted))?.to_owned();
        let (stop, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        // From here on the lease is given back, whatever happens.
        let mut claim = Claim { etcd: self.clone(), lease, stop, lost, renewer: None };
        for name in what {
            claim.take(&self.key(name), who, name)?;
        }
        let (etcd, lease) = (self.clone(), claim.lease.clone());
        let (stop, lost) = (Arc::clone(&claim.stop), Arc::clone(&claim.lost));
        claim.renewer = Some(std::thread::spawn(move || renew(&etcd, &lease, &stop, &lost)));
        Ok(claim)
    }

    /// Writes a value for good.
    ///
    /// # Errors
    /// [`Exit::Unreachable`] when etcd does not answer.
    pub fn put(&self, name: &str, value: &str) -> Result<(), Fault> {
        let body = json!({ "key": base64(self.key(name).as_bytes()), "value": base64(value.as_bytes()) });
        self.post("kv/put", &body).map(drop)
    }

    /// Removes a value, if it is there.
    ///
    /// # Errors
    /// [`Exit::Unreachable`] when etcd does not answer.
    pub fn remove(&self, name: &str) -> Result<(), Fault> {
        self.post("kv/deleterange", &json!({ "key": base64(self.key(name).as_bytes()) })).map(drop)
    }

    /// Every value whose name begins so, in the order of the names.
    ///
    /// # Errors
    /// [`Exit::Unreachable`] when etcd does not answer.
    pub fn list(&self, beginning: &str) -> Result<Vec<String>, Fault> {
        let key = self.key(beginning).into_bytes();
        // The range ends before the first key that does not begin so.
        let mut end = key.clone();
        if let Some(last) = end.last_mut() {
            *last = last.saturating_add(1);
        }
        let answer = self.post("kv/range", &json!({ "key": base64(&key), "range_end": base64(&end) }))?;
        let rows = answer.get("kvs").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(rows.iter().filter_map(|row| row.get("value")?.as_str().and_then(unbase64)).collect())
    }

    fn key(&self, name: &str) -> String {
        format!("lbctl/{}/{name}", self.prefix)
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value, Fault> {
        let mut last = String::from("no endpoint is named");
        for endpoint in &self.endpoints {
            match wire::request(self, endpoint, path, &body.to_string()) {
                Ok(value) => return Ok(value),
                Err(error) => last = format!("{endpoint}: {error}"),
            }
        }
        Err(Fault::new(Exit::Unreachable, format!("etcd does not answer: {last}"))
            .hint("nothing was changed; the context's 'etcd' names where operators agree on who acts"))
    }
}

impl Claim {
    /// Whether the claim has expired because it could not be renewed.
    pub fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    fn take(&self, key: &str, who: &str, name: &str) -> Result<(), Fault> {
        let (key, value) = (base64(key.as_bytes()), base64(who.as_bytes()));
        let put = json!([{ "requestPut": { "key": key, "value": value, "lease": self.lease } }]);
        let read = json!([{ "requestRange": { "key": key } }]);
        let free = json!([{ "key": key, "target": "CREATE", "result": "EQUAL", "createRevision": "0" }]);
        let own = json!([{ "key": key, "target": "VALUE", "result": "EQUAL", "value": value }]);
        let mut holder = String::new();
        for compare in [free, own] {
            let answer = self.etcd.post("kv/txn", &json!({ "compare": compare, "success": put, "failure": read }))?;
            if answer.get("succeeded").and_then(Value::as_bool) == Some(true) {
                return Ok(());
            }
            let held = answer.pointer("/responses/0/response_range/kvs/0/value").and_then(Value::as_str);
            holder = held.and_then(unbase64).unwrap_or_else(|| "somebody".to_owned());
        }
        Err(Fault::new(Exit::Guard, format!("{name} is held by {holder}"))
            .hint("nothing was changed; who is killed lets go within seconds"))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(renewer) = self.renewer.take() {
            let _ = renewer.join();
        }
        // Where this fails the lease expires by itself.
        let _ = self.etcd.post("lease/revoke", &json!({ "ID": self.lease }));
    }
}

fn renew(etcd: &Etcd, lease: &str, stop: &AtomicBool, lost: &AtomicBool) {
    let mut renewed = Instant::now();
    let mut tried = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
        if tried.elapsed() < RENEW {
            continue;
        }
        tried = Instant::now();
        let answer = etcd.post("lease/keepalive", &json!({ "ID": lease }));
        // A lease that has expired is answered without a time to live.
        let lives = answer.is_ok_and(|a| a.pointer("/result/TTL").and_then(Value::as_str).is_some_and(|t| t != "0"));
        if lives {
            renewed = Instant::now();
        } else if renewed.elapsed() > Duration::from_secs(TTL) {
            lost.store(true, Ordering::Relaxed);
            return;
        }
    }
}

fn strange(answer: &Value) -> Fault {
    let text: String = answer.to_string().chars().take(200).collect();
    Fault::new(Exit::Unreachable, format!("etcd answered '{text}'")).hint("is this etcd 3.4 or later?")
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = (0..3).fold(0u32, |word, at| word << 8 | u32::from(chunk.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            let digit = DIGITS.get((word >> (18 - 6 * at) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn unbase64(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut word = 0u32;
        for at in 0..4 {
            let digit = match chunk.get(at) {
                Some(digit) => DIGITS.iter().position(|d| d == digit)?,
                None => 0,
            };
            word = word << 6 | u32::try_from(digit).ok()?;
        }
        let whole = [(word >> 16) as u8, (word >> 8) as u8, word as u8];
        bytes.extend_from_slice(whole.get(..chunk.len().saturating_sub(1))?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_both_ways() {
        for (plain, coded) in
            [("", ""), ("a", "YQ=="), ("ab", "YWI="), ("abc", "YWJj"), ("lbctl/roll/app", "bGJjdGwvcm9sbC9hcHA=")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
            assert_eq!(unbase64(coded).as_deref(), Some(plain));
        }
    }

    #[test]
    fn endpoints() {
        assert!(check("http://10.0.0.1:2379").is_ok());
        assert!(check("https://etcd.example:2379").is_ok());
        for bad in ["ftp://a:2379", "https://a", "http://a", "http://:1", "http://a:0", "a:2379"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
