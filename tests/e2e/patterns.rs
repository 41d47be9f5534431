//! Maps and ACL files: looked up by traffic, changed by commands and by rules, beside the oracle.

use crate::check_eq;
use crate::support::{HEAD, both, launch, same};
use anyhow::Result;
use lb_testkit::client::Client;
use lb_testkit::{Engine, Normaliser, Origin, Program};

const FILES: &[(&str, &str)] = &[
    (
        "hosts.map",
        "# hosts\na.example.com app\n  b.example.com   other   \nc.example.com two words here\n\na.example.com dup\n",
    ),
    (
        "ips.map",
        "10.0.0.0/8 ten\n10.1.0.0/16 tenone\n2001:db8::/32 six\n192.168.0.1 host\n172.16.0.0/255.240.0.255 odd\n",
    ),
    ("int.map", "1:10 low\n11 eleven\n5 five\n100: high\n"),
    ("beg.map", "/a alpha\n/a/b beta\n/c gamma\n"),
    ("end.map", ".example.com general\nwww.example.com www\n.com any\n"),
    ("reg.map", "^/x([0-9]+) num\\1\n^/y yy\n"),
    ("num.map", "a 1\nb 2\n"),
    ("addr.map", "a 1.2.3.4\nb 2001:db8::1\n"),
    ("sub.map", "needle found\ndl short\n"),
    ("dir.map", "static s\nimg i\n"),
    ("dom.map", "example e\norg o\n"),
    ("deny.acl", "10.0.0.0/8\n192.168.0.0/16\n"),
    ("words.acl", "foo\nBar\n"),
];

const CONFIG: &str = "\
frontend fe
    bind 127.0.0.1:{port:fe}
    acl denied req.hdr_ip(ip) -f {dir}/deny.acl 1.2.3.4
    acl any_case hdr(word) -i -m str -f {dir}/words.acl
    acl begins hdr(word) -m beg -f {dir}/words.acl
    acl key_of_map hdr(host) -M -f {dir}/hosts.map
    acl own hdr(own) -u 100 one two
    acl number hdr(n),map_str_int({dir}/num.map) gt 1
    http-request set-map({dir}/hosts.map) %[hdr(setkey)] %[hdr(setvalue)] if { hdr(setkey) -m found }
    http-request del-map({dir}/hosts.map) %[hdr(delkey)] if { hdr(delkey) -m found }
    http-request add-acl({dir}/words.acl) %[hdr(addword)] if { hdr(addword) -m found }
    http-request del-acl({dir}/words.acl) %[hdr(delword)] if { hdr(delword) -m found }
    http-request set-header x-str %[hdr(host),map({dir}/hosts.map,none)]
    http-request set-header x-ip %[hdr(ip),map_ip({dir}/ips.map,none)]
    http-request set-header x-int %[hdr(i),map_int({dir}/int.map)]
    http-request set-header x-beg %[hdr(path),map_beg({dir}/beg.map,none)]
    http-request set-header x-end %[hdr(host),map_end({dir}/end.map,none)]
    http-request set-header x-reg %[hdr(path),map_reg({dir}/reg.map)]
    http-request set-header x-regm %[hdr(path),map_regm({dir}/reg.map)]
    http-request set-header x-num %[hdr(n),map_str_int({dir}/num.map,7),add(1)]
    http-request set-header x-addr %[hdr(n),map_str_ip({dir}/addr.map,9.9.9.9)]
    http-request set-header x-sub %[hdr(word),map_sub({dir}/sub.map,none)]
    http-request set-header x-dir %[hdr(path),map_dir({dir}/dir.map,none)]
    http-request set-header x-dom %[hdr(host),map_dom({dir}/dom.map,none)]
    http-request set-header x-acls \"%[hdr(none)]denied\" if denied
    http-request add-header x-acls any_case if any_case
    http-request add-header x-acls begins if begins
    http-request add-header x-acls key if key_of_map
    http-request add-header x-acls own if own
    http-request add-header x-acls number if number
    use_backend %[hdr(be),map({dir}/hosts.map)] if { hdr(be) -m found }
    default_backend app
backend app
    server s1 {o1}
backend other
    http-request set-header x-backend other
    server s1 {o1}
";

fn program(engine: &Engine) -> Result<(Program, Origin)> {
    let origin = Origin::http("o1")?;
    let mut launch = launch(engine, &[("o1", &origin)])?;
    for (name, text) in FILES {
        launch = launch.file(name, text)?;
    }
    let program = launch.start(&format!("{HEAD}{CONFIG}"))?;
    Ok((program, origin))
}

/// Sends a request with these header lines; gives what the origin got in `x-` fields.
fn seen(program: &Program, origin: &Origin, path: &str, fields: &str) -> Result<Vec<(String, String)>> {
    let mut client = Client::connect(program.address("fe"))?;
    client.send(format!("GET {path} HTTP/1.1\r\n{fields}\r\n\r\n"))?;
    check_eq!(client.response()?.status, 200);
    let head = origin.requests_for(path)[0].head.clone();
    Ok(head.fields.into_iter().filter(|(name, _)| name.starts_with("x-")).collect())
}

#[test]
fn traffic_finds_what_the_oracle_finds() {
    same(|engine| {
        let (program, origin) = program(engine)?;
        let mut all = Vec::new();
        for (index, fields) in [
            "host: a.example.com\r\nip: 10.1.2.3\r\ni: 7\r\npath: /a/b/c\r\nn: a\r\nword: a needle here",
            "host: c.example.com\r\nip: 10.2.2.3\r\ni: 11\r\npath: /x77\r\nn: b\r\nword: foo",
            "host: www.example.com\r\nip: 2001:db8::7\r\ni: 100000\r\npath: /img/static/\r\nn: c\r\nword: FOO",
            "host: nothing.org\r\nip: ::ffff:10.1.2.3\r\ni: 50\r\npath: /y\r\nown: one\r\nword: Barking",
            "host: A.example.com\r\nip: 172.16.9.0\r\ni: x\r\npath: /c\r\nown: three\r\nword: paddle",
            "host: b.example.com\r\nip: 172.16.9.1\r\ni: -5\r\npath: /ab\r\nbe: b.example.com",
            "host: b.example.com\r\nip: 192.168.0.1\r\npath: /static.html\r\nbe: c.example.com",
            "host: b.example.com\r\nip: 1.2.3.4\r\npath: \r\nbe: nothing",
            "host: x\r\nip: no address\r\nword: ",
        ]
        .into_iter()
        .enumerate()
        {
            all.push(seen(&program, &origin, &format!("/{index}"), fields)?);
        }
        Ok(all)
    });
}

#[test]
fn rules_change_maps_and_acls() {
    same(|engine| {
        let (program, origin) = program(engine)?;
        let mut all = Vec::new();
        for (index, fields) in [
            "host: new.example.com\r\nsetkey: new.example.com\r\nsetvalue: fresh",
            "host: new.example.com",
            "host: a.example.com\r\nsetkey: a.example.com\r\nsetvalue: changed twice",
            "host: a.example.com\r\ndelkey: a.example.com",
            "host: a.example.com\r\nword: baz\r\naddword: baz",
            "host: b.example.com\r\nword: BAZ\r\naddword: baz",
            "host: b.example.com\r\nword: foo\r\ndelword: foo",
        ]
        .into_iter()
        .enumerate()
        {
            all.push(seen(&program, &origin, &format!("/{index}"), fields)?);
        }
        let dir = program.dir().display().to_string();
        for (command, set) in [("map", "hosts.map"), ("acl", "words.acl")] {
            let dump = program.admin().ask(&format!("show {command} {dir}/{set}"))?;
            all.push(vec![(set.to_owned(), Normaliser::standard().apply(&dump))]);
        }
        Ok(all)
    });
}

/// Commands in their order; `$` stands for the directory of the files.
const COMMANDS: &[&str] = &[
    "show map",
    "show acl",
    "show map $/hosts.map",
    "show acl $/deny.acl",
    "show acl #100",
    "show map hosts.map",
    "show map #99",
    "get map $/hosts.map a.example.com",
    "get map $/ips.map 10.1.2.3",
    "get map $/ips.map 2001:db8::1",
    "get map $/ips.map ::ffff:10.1.2.3",
    "get map $/ips.map bad",
    "get map $/int.map 7",
    "get map $/int.map x",
    "get map $/beg.map /a/b/c",
    "get map $/reg.map /x77",
    "get map $/num.map a",
    "get map $/addr.map a",
    "get acl $/words.acl FOO",
    "get acl $/words.acl foobar",
    "get acl $/hosts.map a.example.com",
    "get acl #100 one",
    "get acl",
    "get acl nope",
    "get acl nope x",
    "get map #0",
    "add map $/hosts.map a.example.com third",
    "add map $/hosts.map x y z w",
    "show map $/hosts.map",
    "set map $/hosts.map a.example.com newval",
    "show map $/hosts.map",
    "del map $/hosts.map a.example.com",
    "show map $/hosts.map",
    "del map $/hosts.map",
    "set map $/hosts.map",
    "set map $/hosts.map b.example.com",
    "set map nope a b",
    "set map $/hosts.map nope b",
    "set map $/hosts.map #0x123 b",
    "del map $/hosts.map #0x123",
    "del map $/hosts.map nope",
    "del map nope x",
    "add map nope a b",
    "add map",
    "add map $/hosts.map",
    "add acl",
    "add acl $/words.acl",
    "add acl nope x",
    "add acl $/words.acl qux",
    "show acl $/words.acl",
    "add acl $/deny.acl notanip",
    "add acl $/deny.acl 1.1.1.1/99",
    "add map $/num.map k notint",
    "add map $/ips.map bad v",
    "add map $/int.map 5: v",
    "get map $/int.map 60",
    "show map $/num.map",
    "clear map",
    "clear map nope",
    "clear acl nope",
    "clear map $/beg.map",
    "show map $/beg.map",
    "add map $/beg.map /z last",
    "get map $/beg.map /zz",
    "prepare map",
    "prepare map nope",
    "commit map",
    "commit map $/num.map",
    "commit map @1 $/num.map",
    "prepare map $/num.map",
    "prepare map $/num.map",
    "add map @2 $/num.map k 5",
    "add map @1 $/num.map k 4",
    "show map @1 $/num.map",
    "show map @2 $/num.map",
    "show map @3 $/num.map",
    "get map $/num.map k",
    "commit map @2 $/num.map",
    "show map $/num.map",
    "get map $/num.map k",
    "get map $/num.map a",
    "commit map @1 $/num.map",
    "commit map @2 $/num.map",
    "clear map @1 $/num.map",
    "add map @9 $/num.map a 1",
    "show map @1 $/num.map",
    "prepare acl $/words.acl",
    "add acl @1 $/words.acl zz",
    "add acl @2 $/words.acl zz",
    "commit acl @1 $/words.acl",
    "show acl $/words.acl",
    "del acl $/words.acl nope",
    "del acl $/words.acl zz",
    "del acl $/words.acl",
    "show acl $/words.acl",
    "add map $/num.map <<\na 1\nb 2\n",
    "show map $/num.map",
    "add map nope <<\na 1\nb 2\n",
];

#[test]
fn commands_answer_as_the_oracle() {
    same(|engine| {
        let (program, _origin) = program(engine)?;
        let dir = program.dir().display().to_string();
        let normal = Normaliser::standard().literal(&dir, "$");
        let mut answers = Vec::new();
        for command in COMMANDS {
            let answer = normal.apply(&program.admin().ask(&command.replace('$', &dir))?);
            // HAProxy's own HTTP client has ACLs too.
            let answer: Vec<String> =
                answer.lines().filter(|line| !line.contains("'httpclient'")).map(ToOwned::to_owned).collect();
            answers.push((command, answer));
        }
        Ok(answers)
    });
}

#[test]
fn an_element_is_named_by_its_reference() {
    both(|engine| {
        let (program, _origin) = program(engine)?;
        let map = format!("{}/hosts.map", program.dir().display());
        let admin = program.admin();
        let reference = |at: usize| -> Result<String> {
            let dump = admin.ask(&format!("show map {map}"))?;
            Ok(dump.lines().nth(at).and_then(|line| line.split(' ').next()).unwrap_or_default().to_owned())
        };
        check_eq!(admin.ask(&format!("set map {map} #{} changed", reference(3)?))?, "\n");
        check_eq!(admin.ask(&format!("del map {map} #{}", reference(0)?))?, "\n");
        let dump = admin.ask(&format!("show map {map}"))?;
        let left: Vec<&str> = dump.lines().filter_map(|line| line.split_once(' ')).map(|(_, entry)| entry).collect();
        check_eq!(left, ["b.example.com other", "c.example.com two words here", "a.example.com changed"]);
        Ok(())
    });
}
