//! The status page in a real browser: accessible, live, and able to take servers out and bring them back.

mod driver;

use crate::support::{HEAD, start};
use anyhow::{Context, Result};
use driver::Browser;
use lb_testkit::{Engine, Origin, Program};
use serde_json::Value;
use std::path::PathBuf;

/// A program with servers in every state, and its page open in a browser.
struct Shown {
    program: Program,
    browser: Browser,
    _origin: Origin,
}

fn shown(dark: bool) -> Result<Option<Shown>> {
    let engine = Engine::subject()?;
    if engine.is_haproxy {
        return Ok(None);
    }
    let Some(browser) = Browser::start(dark)? else { return Ok(None) };
    let origin = Origin::http("o1")?;
    let config = format!(
        "{HEAD}    default-server inter 200ms fall 1\n\
         frontend web\n    bind 127.0.0.1:{{port:fe}}\n    stats uri /st\n    stats admin if TRUE\n    stats show-legends\n    \
         stats show-node lb1\n    stats show-modules\n    default_backend app\n\
         backend app\n    description The shop\n    server web1 {{o1}} check\n    server web2 {{o1}} check\n    server gone 127.0.0.1:1 check\n    \
         server off {{o1}} disabled\n    server light {{o1}} check weight 0\n    server spare {{o1}} backup\n    server copy {{o1}} track app/web1\n\
         listen tcp\n    mode tcp\n    bind 127.0.0.1:{{port:tcp}}\n    server t1 {{o1}}\n"
    );
    let program = start(&engine, &[("o1", &origin)], &config)?;
    program.admin().await_stat("app", "web1", "check_status", "L4OK")?;
    program.admin().await_stat("app", "web2", "check_status", "L4OK")?;
    program.admin().await_stat("app", "gone", "status", "DOWN")?;
    browser.open(&format!("http://{}/st", program.address("fe")))?;
    browser.wait("document.getElementById('live').textContent === 'Live'")?;
    Ok(Some(Shown { program, browser, _origin: origin }))
}

/// What axe-core, an automated judge of accessibility, complains about on the page.
fn violations(browser: &Browser, axe: &str) -> Result<Vec<String>> {
    browser.run(axe)?;
    let found = browser.run_async(
        "const done = arguments[arguments.length - 1];\
         axe.run(document).then(r => done(r.violations), e => done([{id: String(e), nodes: []}]))",
    )?;
    let found = found.as_array().context("a list of violations")?;
    let told = |violation: &Value| {
        let place = &violation["nodes"][0];
        format!("{}: {} {}", violation["id"], violation["help"], place["html"])
    };
    Ok(found.iter().map(told).collect())
}

/// `cargo xtask test` fetches it into the target directory.
fn axe() -> Option<String> {
    let me = std::env::current_exe().ok()?;
    let found: Option<PathBuf> = me.ancestors().map(|dir| dir.join("axe-core/axe.min.js")).find(|path| path.is_file());
    let text = found.and_then(|path| std::fs::read_to_string(path).ok());
    if text.is_none() {
        eprintln!("skipped: axe-core is missing (cargo xtask axe)");
    }
    text
}

fn row(server: &str) -> String {
    format!("tr[data-row='app,{server}']")
}

/// Leaves a picture for people to look at, where that is asked for.
fn picture(browser: &Browser, name: &str) -> Result<()> {
    if let Some(dir) = std::env::var_os("LB_TEST_PICTURES") {
        std::fs::write(PathBuf::from(dir).join(format!("{name}.png.base64")), browser.picture()?)?;
    }
    Ok(())
}

#[test]
fn the_page_is_accessible_in_both_colour_schemes() {
    let Some(axe) = axe() else { return };
    for dark in [true, false] {
        let Some(page) = shown(dark).unwrap() else { return };
        let browser = &page.browser;
        let told = browser.run("return matchMedia('(prefers-color-scheme: dark)').matches").unwrap();
        assert_eq!(told, Value::Bool(dark));
        // Everything that folds is shown to the judge, too.
        browser.run("for (const d of document.querySelectorAll('details')) d.open = true").unwrap();
        browser.wait("!document.querySelector('.changed')").unwrap();
        picture(browser, if dark { "dark" } else { "light" }).unwrap();
        assert_eq!(violations(browser, &axe).unwrap(), Vec::<String>::new(), "dark: {dark}");
        browser.click(&format!("{} button[data-action=maint]", row("web1"))).unwrap();
        browser.wait("document.getElementById('confirm').open").unwrap();
        picture(browser, if dark { "dark-question" } else { "light-question" }).unwrap();
        assert_eq!(violations(browser, &axe).unwrap(), Vec::<String>::new(), "dark: {dark}, with the question");
    }
}

#[test]
fn servers_are_drained_and_brought_back_by_click() {
    let Some(page) = shown(false).unwrap() else { return };
    let (browser, program) = (&page.browser, &page.program);
    let status = |server: &str| program.admin().stat("app", server, "status").unwrap();
    let button = |action: &str| format!("{} button[data-action={action}]", row("web1"));
    // A slip of the hand changes nothing.
    browser.click(&button("drain")).unwrap();
    browser.wait("document.getElementById('confirm').open").unwrap();
    assert_eq!(browser.text("#confirm-title").unwrap(), "Drain web1 of app?");
    browser.click("#confirm button[value=no]").unwrap();
    browser.wait("!document.getElementById('confirm').open").unwrap();
    assert_eq!(status("web1"), "UP");

    browser.click(&button("drain")).unwrap();
    browser.wait("document.getElementById('confirm').open").unwrap();
    browser.click("#confirm button[value=yes]").unwrap();
    let badge = |server: &str, word: &str| {
        format!("document.querySelector(\"{} .badge\").textContent === '{word}'", row(server))
    };
    browser.wait(&badge("web1", "DRAIN")).unwrap();
    browser.wait("document.getElementById('outcome').textContent === 'Done: drain web1.'").unwrap();
    assert_eq!(status("web1"), "DRAIN");
    let why = browser.text(&format!("{} .why", row("web1"))).unwrap();
    assert!(why.contains("it is drained"), "{why}");
    picture(browser, "drained").unwrap();

    browser.click(&button("ready")).unwrap();
    browser.wait("document.getElementById('confirm').open").unwrap();
    browser.click("#confirm button[value=yes]").unwrap();
    browser.wait(&badge("web1", "UP")).unwrap();
    assert_eq!(status("web1"), "UP");

    // Several at once, by the form below the table.
    browser.click(&format!("{} input[name=s]", row("web1"))).unwrap();
    browser.click(&format!("{} input[name=s]", row("spare"))).unwrap();
    browser.run("document.querySelector('select[name=action]').value = 'maint'").unwrap();
    browser.click("section[data-proxy=app] button[type=submit]").unwrap();
    browser.wait("document.getElementById('confirm').open").unwrap();
    browser.click("#confirm button[value=yes]").unwrap();
    browser.wait(&badge("web1", "MAINT")).unwrap();
    browser.wait(&badge("spare", "MAINT")).unwrap();
    browser.wait(&badge("copy", "MAINT (via app/web1)")).unwrap();
}

#[test]
fn the_page_is_live_and_filters() {
    let Some(page) = shown(false).unwrap() else { return };
    let (browser, program) = (&page.browser, &page.program);
    let shown_rows = || {
        let rows = browser
            .run("return [...document.querySelectorAll('tr[data-row]:not([hidden])')].map(row => row.dataset.row).join(' ')")
            .unwrap();
        rows.as_str().unwrap().to_owned()
    };
    let reason = |server: &str| browser.text(&format!("{} .why", row(server))).unwrap();
    assert!(reason("gone").contains("nothing listens there"), "{}", reason("gone"));
    assert!(reason("off").contains("the configuration disables it"), "{}", reason("off"));
    assert!(reason("light").contains("its weight is 0"), "{}", reason("light"));
    browser.run("window.same = true").unwrap();

    program.admin().ask("set server app/web2 state maint").unwrap();
    browser.wait(&format!("document.querySelector(\"{}\").dataset.state === 'maint'", row("web2"))).unwrap();
    browser.wait("document.querySelector('.facts [data-state=maint] dd').textContent === '2'").unwrap();
    program.admin().ask("set server app/web2 state ready").unwrap();
    browser.wait(&format!("document.querySelector(\"{}\").dataset.state === 'up'", row("web2"))).unwrap();

    browser.write("#filter", "app,web").unwrap();
    assert_eq!(shown_rows(), "app,web1 app,web2");
    browser.run("document.getElementById('filter').value = ''").unwrap();
    browser
        .run("const s = document.getElementById('state'); s.value = 'out'; s.dispatchEvent(new Event('change'))")
        .unwrap();
    assert_eq!(shown_rows(), "app,gone app,off");
    browser
        .run("const s = document.getElementById('state'); s.value = ''; s.dispatchEvent(new Event('change'))")
        .unwrap();

    // A server that comes appears without loading the page anew.
    let answer = program.admin().ask("add server app/late 127.0.0.1:1").unwrap();
    assert!(answer.contains("registered"), "{answer}");
    browser.wait(&format!("document.querySelector(\"{}\")", row("late"))).unwrap();
    assert_eq!(browser.run("return window.same").unwrap(), Value::Bool(true));
    // Nothing came from elsewhere.
    let host = program.address("fe").to_string();
    let loaded = browser.run("return performance.getEntriesByType('resource').map(r => r.name)").unwrap();
    for url in loaded.as_array().unwrap() {
        assert!(url.as_str().unwrap().contains(&host), "{url}");
    }
}
