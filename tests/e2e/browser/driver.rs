//! A headless Chromium, driven over the WebDriver protocol of Debian's `chromedriver`.
//!
//! Every wait is for a condition that a script tells; nothing sleeps for luck.

use anyhow::{Context, Result, bail};
use lb_testkit::wait::until_within;
use lb_testkit::{free_port, http};
use serde_json::{Value, json};
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// The name that WebDriver gives to a reference to an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser is slow to start where others use the processor, too.
const PATIENCE: Duration = Duration::from_secs(120);

/// One browser at a time: each is several processes that want a processor of their own.
static TURN: Mutex<()> = Mutex::new(());

/// A browser with one window.
pub struct Browser {
    driver: Child,
    address: SocketAddr,
    session: String,
    profile: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts one. `None` where Chromium is not installed.
    pub fn start(dark: bool) -> Result<Option<Browser>> {
        let (browser, driver) = (Path::new("/usr/bin/chromium"), Path::new("/usr/bin/chromedriver"));
        if !browser.is_file() || !driver.is_file() {
            eprintln!("skipped: Chromium is missing (apt-get install chromium chromium-driver)");
            return Ok(None);
        }
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let port = free_port();
        let child = Command::new(driver)
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("starting chromedriver")?;
        let profile = tempfile::Builder::new().prefix("lb-browser-").tempdir()?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut browser = Browser { driver: child, address, session: String::new(), profile, _turn: turn };
        until_within(PATIENCE, "chromedriver's port", || TcpStream::connect(address).is_ok().then_some(()))?;
        let profile = format!("--user-data-dir={}", browser.profile.path().display());
        // Without a sandbox, as tests may run as root; without what would look for servers elsewhere.
        let mut arguments = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1500,1300",
            &profile,
        ];
        if dark {
            arguments.push("--blink-settings=preferredColorScheme=0");
        }
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": "/usr/bin/chromium", "args": arguments},
            "timeouts": {"script": 60_000, "pageLoad": 60_000}
        }}});
        let answer = browser.send("POST", "/session", &wanted)?;
        answer["sessionId"].as_str().context("a session of the browser")?.clone_into(&mut browser.session);
        Ok(Some(browser))
    }

    /// Opens a page and waits until it is loaded.
    pub fn open(&self, url: &str) -> Result<()> {
        self.command("POST", "url", &json!({"url": url})).map(drop)
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Result<Value> {
        self.command("POST", "execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a script gives to its last argument, a function.
    pub fn run_async(&self, script: &str) -> Result<Value> {
        self.command("POST", "execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until an expression is true.
    pub fn wait(&self, expression: &str) -> Result<()> {
        let held = until_within(PATIENCE, expression, || {
            let told = self.run(&format!("return Boolean({expression})")).ok()?;
            (told == Value::Bool(true)).then_some(())
        });
        held.with_context(|| {
            let page = self.run("return document.body.innerText").ok();
            format!("the page says {:?}", page.as_ref().and_then(Value::as_str))
        })
    }

    /// Clicks as a user does: the element must be in sight.
    pub fn click(&self, selector: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.command("POST", &format!("element/{element}/click"), &json!({})).map(drop)
    }

    /// Types into an element.
    pub fn write(&self, selector: &str, text: &str) -> Result<()> {
        let element = self.element(selector)?;
        self.command("POST", &format!("element/{element}/value"), &json!({"text": text})).map(drop)
    }

    /// Text of an element as it is shown.
    pub fn text(&self, selector: &str) -> Result<String> {
        let element = self.element(selector)?;
        let text = self.command("GET", &format!("element/{element}/text"), &Value::Null)?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// A picture of the window, as base64 of a PNG file.
    pub fn picture(&self) -> Result<String> {
        let picture = self.command("GET", "screenshot", &Value::Null)?;
        Ok(picture.as_str().context("a picture")?.to_owned())
    }

    fn element(&self, selector: &str) -> Result<String> {
        let found = self.command("POST", "element", &json!({"using": "css selector", "value": selector}))?;
        Ok(found[ELEMENT].as_str().context("an element")?.to_owned())
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        self.send(method, &format!("/session/{}/{path}", self.session), body)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes())?;
        let response = http::read_response(&mut BufReader::new(stream), false)?.context("no answer of chromedriver")?;
        let mut answer: Value = serde_json::from_str(&response.text()).context("an answer of chromedriver")?;
        if response.status != 200 {
            bail!("{method} {path}: {}", answer["value"]["message"]);
        }
        Ok(answer["value"].take())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            let _ = self.send("DELETE", &format!("/session/{}", self.session), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
