//! Responses that are pressed for clients that take it, beside the oracle: the same heads, and the same content in them.

use crate::check_eq;
use crate::support::{HEAD, canonical, launch, same};
use anyhow::Result;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use lb_testkit::client::Client;
use lb_testkit::{Mode, Origin};
use std::io::Read;

const RULES: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    compression algo gzip deflate
    compression type text/html text/plain application/json
    filter compression
    use_backend off if { path_beg /off }
    default_backend app
backend app
    http-response set-header content-type image/png if { res.hdr(x-as) png }
    server s1 {o1}
backend off
    compression offload
    compression algo gzip
    compression type text/html
    server s1 {o1}
frontend all
    bind 127.0.0.1:{port:all}
    compression algo gzip
    default_backend plain
backend plain
    server s1 {o1}
";

/// What an origin answers, and who asks: method and version, fields of the request.
const CASES: &[(&str, &str, &str, &str)] = &[
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: br, gzip;q=0.5, deflate", "200 OK|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: deflate, gzip", "200 OK|Content-Type: text/html; charset=utf-8"),
    ("fe", "GET", "Accept-Encoding: GZIP", "201 OK|Content-Type: TEXT/HTML"),
    ("fe", "GET", "Accept-Encoding: gzip;q=0", "200 OK|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: br", "200 OK|Content-Type: text/html"),
    ("fe", "GET", "X: y", "200 OK|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: image/png"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|X: y"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|Content-Encoding: br"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|Cache-Control: public, no-transform"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|ETag: \"abc\""),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|ETag: W/\"abc\""),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|ETag: abc"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|ETag: \"a\"|ETag: \"b\""),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|Vary: Cookie"),
    ("fe", "GET", "Accept-Encoding: gzip", "404 No|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: gzip", "206 Part|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|Transfer-Encoding: chunked"),
    (
        "fe",
        "GET",
        "Accept-Encoding: gzip|User-Agent: Mozilla/4.0 (compatible; MSIE 6.0)",
        "200 OK|Content-Type: text/html",
    ),
    (
        "fe",
        "GET",
        "Accept-Encoding: gzip|User-Agent: Mozilla/4.0 (compatible; MSIE 7.0)",
        "200 OK|Content-Type: text/html",
    ),
    ("fe", "HEAD", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html"),
    ("fe", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: text/html|X-As: png"),
    ("off", "GET", "Accept-Encoding: gzip, deflate", "200 OK|Content-Type: text/html"),
    ("off", "GET", "Accept-Encoding: deflate", "200 OK|Content-Type: text/html"),
    ("all", "GET", "Accept-Encoding: gzip", "200 OK|X: y"),
    ("all", "GET", "Accept-Encoding: gzip", "200 OK|Content-Type: multipart/form-data"),
];

/// A body as its head says it was pressed. The oracle's `deflate` may lack the frame of zlib.
fn content(coding: Option<&str>, body: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match coding {
        Some("gzip") => GzDecoder::new(body).read_to_end(&mut out)?,
        Some("deflate") if body.first() == Some(&0x78) => ZlibDecoder::new(body).read_to_end(&mut out)?,
        Some("deflate") => DeflateDecoder::new(body).read_to_end(&mut out)?,
        _ => return Ok(body.to_vec()),
    };
    Ok(out)
}

#[test]
fn responses_are_pressed_as_on_the_oracle() {
    same(|engine| {
        let origin = Origin::with(Mode::Close)?;
        let program = launch(engine, &[("o1", &origin)])?.start(&format!("{HEAD}{RULES}"))?;
        let mut seen = Vec::new();
        for (number, (place, method, fields, answer)) in CASES.iter().enumerate() {
            for body in ["hello hello hello hello".to_owned(), "0123456789abcdef".repeat(4_000)] {
                let mut head = format!("HTTP/1.1 {}", answer.replace('|', "\r\n"));
                let sent = if *method == "HEAD" { "" } else { body.as_str() };
                let framed = match answer.contains("chunked") {
                    true => format!("{:x}\r\n{sent}\r\n0\r\n\r\n", sent.len()),
                    false => {
                        head.push_str(&format!("\r\nContent-Length: {}", body.len()));
                        sent.to_owned()
                    }
                };
                origin.set_mode(Mode::Bytes(format!("{head}\r\n\r\n{framed}").into_bytes()));
                let frontend = if *place == "all" { "all" } else { "fe" };
                let mut client = Client::connect(program.address(frontend))?;
                let fields = fields.replace('|', "\r\n");
                client.send(format!(
                    "{method} /{place}/{number} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n{fields}\r\n\r\n"
                ))?;
                let response = if *method == "HEAD" { client.head_response()? } else { client.response()? };
                let plain = content(response.get("content-encoding").filter(|c| *c != "br"), &response.body)?;
                check_eq!(plain.len(), sent.len(), "case {number}");
                check_eq!(plain, sent.as_bytes(), "case {number}");
                seen.push((number, canonical(&response.head)));
            }
        }
        // The oracle counts the end of a body in chunks as a byte that went in.
        let counted: u64 = program.admin().stat("app", "BACKEND", "comp_in")?.parse()?;
        check_eq!((640_000..641_000).contains(&counted), true, "{counted}");
        let count = |place: &str, object: &str| -> Result<Vec<String>> {
            ["comp_rsp", "comp_byp"].iter().map(|c| program.admin().stat(place, object, c)).collect()
        };
        let counted =
            [count("fe", "FRONTEND")?, count("app", "BACKEND")?, count("off", "BACKEND")?, count("all", "FRONTEND")?];
        Ok((seen, counted))
    });
}
