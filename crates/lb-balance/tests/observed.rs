//! Orders in which a running HAProxy 2.6 picked its servers, replayed.

use lb_balance::key::{KeyHash, UriPart, url_parameter};
use lb_balance::node::of_id;
use lb_balance::{Algorithm, Balancer, Request, ServerView};
use lb_model::hash::HashFunction;
use std::cell::RefCell;

fn up(index: usize, weight: u32) -> ServerView {
    let id = index as u32 + 1;
    ServerView { id, node: of_id(id), weight, usable: true, backup: false }
}

fn views(weights: &str) -> Vec<ServerView> {
    weights.split(',').enumerate().map(|(i, w)| up(i, w.parse().unwrap_or(0))).collect()
}

fn recorded(text: &str) -> impl Iterator<Item = [&str; 3]> {
    text.lines().filter(|l| !l.starts_with('#')).filter_map(|line| {
        let mut cells = line.split('\t');
        Some([cells.next()?, cells.next()?, cells.next()?])
    })
}

fn digit(pick: Option<usize>) -> String {
    pick.map_or("-".to_owned(), |index| index.to_string())
}

fn turns(balancer: &mut Balancer, count: usize) -> String {
    (0..count).map(|_| digit(balancer.pick(&Request::default(), |_| 0, |_| false))).collect()
}

#[test]
fn sequences() {
    for [algorithm, weights, expected] in recorded(include_str!("observed/sequences.tsv")) {
        let servers = views(weights);
        let algorithm = match algorithm {
            "roundrobin" => Algorithm::RoundRobin,
            "static-rr" => Algorithm::StaticRr,
            _ => Algorithm::LeastConn,
        };
        let mut balancer = Balancer::new(algorithm, &servers, false, 0);
        let loads = RefCell::new(vec![0; servers.len()]);
        let picks: String = (0..expected.len())
            .map(|_| {
                let pick = balancer.pick(&Request::default(), |i| loads.borrow()[i], |_| false);
                pick.into_iter().for_each(|i| loads.borrow_mut()[i] += 1);
                digit(pick)
            })
            .collect();
        assert_eq!(picks, expected, "{algorithm:?} {weights}");
    }
}

#[test]
fn hashes() {
    for [kind, weights, expected] in recorded(include_str!("observed/hashes.tsv")) {
        let mut words = kind.split(' ');
        let consistent = words.next() == Some("consistent");
        let hash = match words.next().and_then(HashFunction::parse) {
            Some(function) => KeyHash { function, avalanche: words.next() == Some("avalanche") },
            None => KeyHash::default_for(consistent),
        };
        let algorithm = if consistent { Algorithm::ConsistentHash } else { Algorithm::MapHash };
        let mut balancer = Balancer::new(algorithm, &views(weights), false, 0);
        let picks: String = (0..expected.len())
            .map(|i| {
                let uri = format!("/p{i}/x");
                let hash = Some(hash.bytes(UriPart::default().of(uri.as_bytes())));
                digit(balancer.pick(&Request { hash, avoid: None }, |_| 0, |_| false))
            })
            .collect();
        assert_eq!(picks, expected, "{kind} {weights}");
    }
}

#[test]
fn source_addresses() {
    let picks = |algorithm, weights: &str, avalanche, address: &dyn Fn(u8) -> [u8; 4]| -> String {
        let mut balancer = Balancer::new(algorithm, &views(weights), false, 0);
        let hash = KeyHash { function: HashFunction::Sdbm, avalanche };
        (1..=40)
            .map(|i| {
                let hash = Some(hash.address(address(i).into()));
                digit(balancer.pick(&Request { hash, avoid: None }, |_| 0, |_| false))
            })
            .collect()
    };
    let near = |i| [127, 0, 0, i];
    let far = |i: u8| [127, 0, (u16::from(i) * 7 % 250) as u8, i];
    assert_eq!(picks(Algorithm::MapHash, "1,1,1", false, &near), "2012012012012012012012012012012012012012");
    assert_eq!(picks(Algorithm::MapHash, "1,2,5", false, &near), "2122122021221220212212202122122021221220");
    assert_eq!(picks(Algorithm::MapHash, "1,1,1", false, &far), "0210210210210210210210210210210210202102");
    assert_eq!(picks(Algorithm::MapHash, "1,1,1", true, &far), "2212202220120100210220210222112010010111");
    assert_eq!(picks(Algorithm::ConsistentHash, "1,1,1", true, &near), "1020102002122200020001100002001002110202");
}

#[test]
fn keys() {
    let choose = |uris: &[&str], part: UriPart| -> String {
        let mut balancer = Balancer::new(Algorithm::MapHash, &views("1,1,1"), false, 0);
        uris.iter()
            .map(|uri| {
                let hash = Some(KeyHash::default_for(false).bytes(part.of(uri.as_bytes())));
                digit(balancer.pick(&Request { hash, avoid: None }, |_| 0, |_| false))
            })
            .collect()
    };
    let plain = UriPart::default();
    let depth = ["/a/b", "/a/c", "/a", "/b/x", "/b", "/a?x", "/c/d/e", "/c"];
    assert_eq!(choose(&depth, UriPart { depth: 1, ..plain }), "00011022");
    let length = ["/abc", "/abcd", "/abcdef", "/xyz", "/xyz1"];
    assert_eq!(choose(&length, UriPart { len: 4, ..plain }), "00011");
    assert_eq!(choose(&["/a?x=0", "/a?x=1", "/a?x=10"], UriPart { whole: true, ..plain }), "121");
    let parameter = url_parameter(b"/?k=k10", "k").map(|v| KeyHash::default_for(false).bytes(v) % 3);
    assert_eq!(parameter, Some(1));
}

/// A step of a script: so many picks, or a server's new state or weight.
enum Step {
    Picks(usize),
    Usable(usize, bool),
    Weight(usize, u32),
}

fn script(algorithm: Algorithm, steps: &[Step]) -> String {
    let mut servers = views("1,1,1");
    let mut balancer = Balancer::new(algorithm, &servers, false, 0);
    let mut out = String::new();
    for step in steps {
        let index = match *step {
            Step::Picks(count) => {
                out += &turns(&mut balancer, count);
                out.push(' ');
                continue;
            }
            Step::Usable(index, usable) => {
                servers[index].usable = usable;
                index
            }
            Step::Weight(index, weight) => {
                servers[index].weight = weight;
                index
            }
        };
        balancer.update(index, servers[index]);
    }
    out.trim_end().to_owned()
}

#[test]
fn changes_while_serving() {
    use Step::{Picks, Usable, Weight};
    let drain = [Picks(4), Usable(1, false), Picks(5), Usable(1, true), Picks(9)];
    let maint = [Picks(4), Usable(0, false), Picks(5), Usable(0, true), Picks(9)];
    assert_eq!(script(Algorithm::RoundRobin, &drain), "0120 20202 021021021");
    assert_eq!(script(Algorithm::RoundRobin, &maint), "0120 12121 210210210");
    assert_eq!(script(Algorithm::StaticRr, &drain), "0120 20202 201201201");
    assert_eq!(script(Algorithm::StaticRr, &maint), "0120 21212 201201201");
    let late = [Picks(301), Usable(0, false), Picks(300), Usable(0, true), Picks(12)];
    assert!(script(Algorithm::RoundRobin, &late).ends_with(" 120120120120"));
    assert!(script(Algorithm::StaticRr, &late).ends_with(" 120120120120"));
    let weights = [Picks(4), Weight(0, 3), Picks(12), Weight(0, 1), Picks(9), Weight(1, 0), Picks(6)];
    assert_eq!(script(Algorithm::RoundRobin, &weights), "0120 102001020010 221021021 020202");
}

/// Here each connection ends before the next one comes.
#[test]
fn leastconn_in_turns() {
    let mut servers = views("1,1,1");
    let mut balancer = Balancer::new(Algorithm::LeastConn, &servers, false, 0);
    let mut out = String::new();
    for (count, change) in [(4, Some(false)), (5, Some(true)), (9, None)] {
        for _ in 0..count {
            let pick = balancer.pick(&Request::default(), |_| 0, |_| false);
            pick.into_iter().for_each(|index| balancer.load_changed(index, 0));
            out += &digit(pick);
        }
        if let Some(usable) = change {
            servers[1].usable = usable;
            balancer.update(1, servers[1]);
        }
        out.push(' ');
    }
    assert_eq!(out.trim_end(), "0120 20202 021021021");
}

#[test]
fn first_by_id() {
    let run = |ids: [u32; 3]| {
        let servers = ids.map(|id| ServerView { id, node: of_id(id), ..up(0, 1) });
        let mut balancer = Balancer::new(Algorithm::First, &servers, false, 0);
        let loads = RefCell::new([0u32; 3]);
        (0..7)
            .map(|_| {
                let pick = balancer.pick(&Request::default(), |_| 0, |i| loads.borrow()[i] >= 2);
                pick.into_iter().for_each(|i| loads.borrow_mut()[i] += 1);
                digit(pick)
            })
            .collect::<String>()
    };
    assert_eq!(run([1, 2, 3]), "001122-");
    assert_eq!(run([30, 20, 10]), "221100-");
}

/// Connections stay open; the middle server takes three, the others one.
#[test]
fn full_servers_are_passed_over() {
    for algorithm in [Algorithm::RoundRobin, Algorithm::StaticRr, Algorithm::LeastConn] {
        let mut balancer = Balancer::new(algorithm, &views("1,1,1"), false, 0);
        let loads = RefCell::new([0u32; 3]);
        let full = |i: usize| loads.borrow()[i] >= [1, 3, 1][i];
        let picks: String = (0..6)
            .map(|_| {
                let pick = balancer.pick(&Request::default(), |i| loads.borrow()[i], full);
                pick.into_iter().for_each(|i| loads.borrow_mut()[i] += 1);
                digit(pick)
            })
            .collect();
        assert_eq!(picks, "01211-", "{algorithm:?}");
    }
}

#[test]
fn backups() {
    let run = |all: bool| {
        let mut servers = views("1,1,1,1");
        servers[2].backup = true;
        servers[3].backup = true;
        let mut balancer = Balancer::new(Algorithm::RoundRobin, &servers, all, 0);
        let mut out = turns(&mut balancer, 4);
        for down in [&[0, 1][..], &[2]] {
            for index in down {
                servers[*index].usable = false;
                balancer.update(*index, servers[*index]);
            }
            out = format!("{out} {}", turns(&mut balancer, 5));
        }
        servers[0].usable = true;
        balancer.update(0, servers[0]);
        format!("{out} {}", turns(&mut balancer, 3))
    };
    assert_eq!(run(false), "0101 22222 33333 000");
    assert_eq!(run(true), "0101 23232 33333 000");
}
