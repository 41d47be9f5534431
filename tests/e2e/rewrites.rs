//! Rules that change the request line and header fields, beside the oracle.

use crate::check_eq;
use crate::support::{HEAD, same, start};
use lb_testkit::Origin;
use lb_testkit::client::Client;

const RULES: &[&str] = &[
    "set-method PUT",
    "set-path /new/%[path]",
    "set-pathq /new?%[query]&x=1",
    "set-query a=%[path]",
    "set-query ?b=2",
    "set-uri /other",
    "replace-path (.*)/foo /foo\\1",
    "replace-path /nothing /x",
    "replace-pathq ([^?]*)\\?(.*) \\1/\\2",
    "replace-uri ^/(a)(.*) /\\2\\1",
    "replace-header cookie (a|b)=([^;]*)(.*) \\2\\3",
    "replace-header list two.* x",
    "replace-value list ^t(.*) \\1!",
    "replace-value absent x y",
];

#[test]
fn requests_are_rewritten_as_on_the_oracle() {
    same(|engine| {
        let mut seen = Vec::new();
        for rule in RULES {
            let origin = Origin::http("o1")?;
            let text = format!(
                "{HEAD}frontend fe\n    bind 127.0.0.1:{{port:fe}}\n    http-request {rule}\n    default_backend app\n\
                 backend app\n    http-response replace-header server .* changed\n    server s1 {{o1}}\n"
            );
            let program = start(engine, &[("o1", &origin)], &text)?;
            for target in ["/a/foo?q=1", "/b"] {
                let mut client = Client::connect(program.address("fe"))?;
                let fields = "Host: t\r\nCookie: a=1; b=2\r\nList: one, two,three\r\nList: two";
                client.send(format!("GET {target} HTTP/1.1\r\n{fields}\r\n\r\n"))?;
                check_eq!(client.response()?.status, 200, "{rule}");
            }
            for request in origin.requests() {
                let mut fields: Vec<String> = ["cookie", "list"]
                    .into_iter()
                    .flat_map(|name| request.head.all(name).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>())
                    .collect();
                fields.sort();
                seen.push((rule, request.head.start.clone(), fields));
            }
        }
        Ok(seen)
    });
}
