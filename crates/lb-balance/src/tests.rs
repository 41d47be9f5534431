//! Orders and properties over whole balancers.

use crate::rng::Rng;
use crate::{Algorithm, Balancer, Pick, ServerView};

/// `algorithm weights: picks | server=weight | picks …`, recorded from HAProxy 2.6.12 with one
/// request at a time. Weight 0 is a server sent into maintenance.
const ORDERS: &str = include_str!("orders.txt");

fn algorithm(word: &str) -> Algorithm {
    match word {
        "roundrobin" => Algorithm::RoundRobin,
        "static-rr" => Algorithm::StaticRr,
        "leastconn" => Algorithm::LeastConn,
        other => panic!("{other}"),
    }
}

fn view(id: usize, weight: u32) -> ServerView {
    ServerView { id: id as u32 + 1, weight, usable: weight > 0, backup: false }
}

fn views(weights: &[u32]) -> Vec<ServerView> {
    weights.iter().enumerate().map(|(i, &w)| view(i, w)).collect()
}

fn replay(line: &str) -> String {
    let (head, steps) = line.split_once(": ").unwrap();
    let (word, weights) = head.split_once(' ').unwrap();
    let weights: Vec<u32> = weights.split(' ').map(|w| w.parse().unwrap()).collect();
    let mut balancer = Balancer::new(&algorithm(word), &views(&weights), false, 0);
    let mut seen = Vec::new();
    for step in steps.split(" | ") {
        if let Some((server, weight)) = step.split_once('=') {
            let server = server.parse().unwrap();
            balancer.update(server, view(server, weight.parse().unwrap()));
            seen.push(step.to_owned());
            continue;
        }
        let picks = step.split(' ').map(|_| match balancer.pick(|_| 0, |_| false, None, None) {
            Pick::Server(index) => index.to_string(),
            other => format!("{other:?}"),
        });
        seen.push(picks.collect::<Vec<_>>().join(" "));
    }
    format!("{head}: {}", seen.join(" | "))
}

#[test]
fn orders_are_as_observed() {
    let wrong: Vec<String> = ORDERS
        .lines()
        .filter_map(|l| Some(replay(l)).filter(|r| r != l).map(|r| format!("want {l}\n got {r}")))
        .collect();
    assert!(wrong.is_empty(), "{} orders differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Sessions that stay: weights and the order recorded from HAProxy 2.6.12.
#[test]
fn leastconn_fills_by_weight_as_observed() {
    for (weights, order) in
        [([1, 2, 5], "0 1 2 2 2 2 1 2 2 2 1 2 2 0 1 2"), ([5, 2, 1], "0 1 2 0 0 0 1 0 0 0 1 0 0 2 1 0")]
    {
        let mut loads = [0; 3];
        let mut balancer = Balancer::new(&Algorithm::LeastConn, &views(&weights), false, 0);
        let seen: Vec<String> = order
            .split(' ')
            .map(|_| {
                let index = server(balancer.pick(|s| loads[s], |_| false, None, None)).unwrap();
                loads[index] += 1;
                index.to_string()
            })
            .collect();
        assert_eq!(seen.join(" "), order);
    }
}

/// Server 0 takes one session, server 1 two, server 2 any number: recorded likewise.
#[test]
fn full_servers_are_passed_over() {
    for (algorithm, limits, order) in [
        (Algorithm::RoundRobin, [1, 2, 99], "0 1 2 1 2 2 2 2 2"),
        (Algorithm::StaticRr, [1, 2, 99], "0 1 2 1 2 2 2 2 2"),
        (Algorithm::First, [2, 2, 2], "0 0 1 1 2 2 full"),
        (Algorithm::MapHash, [1, 1, 1], "0 1 2 full"),
        (Algorithm::ConsistentHash, [1, 1, 1], "0 1 2 full"),
    ] {
        let mut loads = [0; 3];
        let mut balancer = Balancer::new(&algorithm, &views(&[1, 1, 1]), false, 0);
        for expected in order.split(' ') {
            let picked = balancer.pick(|s| loads[s], |s| loads[s] >= limits[s], None, None);
            match server(picked) {
                Some(index) => {
                    loads[index] += 1;
                    assert_eq!(index.to_string(), expected, "{algorithm:?}");
                }
                None => assert_eq!((picked, expected), (Pick::AllFull, "full"), "{algorithm:?}"),
            }
        }
    }
}

fn server(pick: Pick) -> Option<usize> {
    match pick {
        Pick::Server(index) => Some(index),
        Pick::AllFull | Pick::None => None,
    }
}

fn all() -> [Algorithm; 7] {
    [
        Algorithm::RoundRobin,
        Algorithm::StaticRr,
        Algorithm::LeastConn,
        Algorithm::First,
        Algorithm::Random { draws: 2 },
        Algorithm::MapHash,
        Algorithm::ConsistentHash,
    ]
}

#[test]
fn a_storm_of_updates_never_yields_a_wrong_server() {
    for algorithm in all() {
        let mut rng = Rng::new(7);
        for _ in 0..40 {
            let n = 1 + rng.below(9) as usize;
            let all_backups = rng.below(2) == 0;
            let mut servers = vec![ServerView::default(); n];
            let mut balancer = Balancer::new(&algorithm, &servers, all_backups, rng.next());
            for _ in 0..300 {
                let index = rng.below(n as u64) as usize;
                servers[index] = ServerView {
                    id: index as u32 + 1,
                    weight: [0, 1, 2, 7, 100][rng.below(5) as usize],
                    usable: rng.below(3) > 0,
                    backup: rng.below(3) == 0,
                };
                balancer.update(index, servers[index].clone());
                let serves = |s: &usize| servers[*s].usable && servers[*s].weight > 0;
                let mains: Vec<usize> = (0..n).filter(serves).filter(|&s| !servers[s].backup).collect();
                let mut eligible = mains.clone();
                if mains.is_empty() {
                    eligible = (0..n).filter(serves).take(if all_backups { n } else { 1 }).collect();
                }
                for _ in 0..4 {
                    let (full, avoid) = (rng.next(), Some(rng.below(n as u64) as usize));
                    let full = |s: usize| full >> s & 1 == 1;
                    let key = (rng.below(2) == 0).then(|| rng.next());
                    let hashed = key.is_some() && matches!(algorithm, Algorithm::MapHash | Algorithm::ConsistentHash);
                    let free: Vec<usize> = eligible.iter().copied().filter(|&s| hashed || !full(s)).collect();
                    match balancer.pick(|s| s as u32, full, key, avoid) {
                        Pick::Server(s) => {
                            assert!(free.contains(&s), "{algorithm:?} {servers:?} {s}");
                            assert!(avoid != Some(s) || free == [s], "{algorithm:?} {servers:?} {s}");
                        }
                        Pick::AllFull => assert!(!eligible.is_empty() && free.is_empty(), "{algorithm:?} {servers:?}"),
                        Pick::None => assert!(eligible.is_empty(), "{algorithm:?} {servers:?}"),
                    }
                }
            }
        }
    }
}

#[test]
fn shares_follow_weights() {
    let weights = [10, 20, 50, 20];
    for algorithm in all() {
        let tolerance = match algorithm {
            // These look at other things than weights alone.
            Algorithm::First | Algorithm::LeastConn => continue,
            Algorithm::RoundRobin | Algorithm::StaticRr => 0.002,
            Algorithm::ConsistentHash => 0.06,
            _ => 0.02,
        };
        let algorithm =
            if let Algorithm::Random { .. } = algorithm { Algorithm::Random { draws: 1 } } else { algorithm };
        let mut rng = Rng::new(3);
        let mut balancer = Balancer::new(&algorithm, &views(&weights), false, 11);
        let mut counts = [0u32; 4];
        for _ in 0..10_000 {
            let key = matches!(algorithm, Algorithm::MapHash | Algorithm::ConsistentHash).then(|| rng.next());
            counts[server(balancer.pick(|_| 0, |_| false, key, None)).unwrap()] += 1;
        }
        for (count, weight) in counts.iter().zip(weights) {
            let error = f64::from(*count) / 10_000.0 - f64::from(weight) / 100.0;
            assert!(error.abs() <= tolerance, "{algorithm:?} {counts:?}");
        }
    }
}

#[test]
fn consistent_hash_moves_only_what_a_lost_server_held() {
    let mut balancer = Balancer::new(&Algorithm::ConsistentHash, &views(&[10; 8]), false, 0);
    let mut rng = Rng::new(1);
    let keys: Vec<u64> = (0..2000).map(|_| rng.next()).collect();
    let map = |b: &mut Balancer| -> Vec<usize> {
        keys.iter().map(|&k| server(b.pick(|_| 0, |_| false, Some(k), None)).unwrap()).collect()
    };
    let before = map(&mut balancer);
    balancer.update(3, view(3, 0));
    let without = map(&mut balancer);
    assert!(before.iter().zip(&without).all(|(b, w)| if *b == 3 { *w != 3 } else { b == w }));
    balancer.update(3, view(3, 10));
    assert_eq!(map(&mut balancer), before);
}

#[test]
fn the_same_seed_draws_the_same_servers() {
    let draw = |seed| {
        let mut balancer = Balancer::new(&Algorithm::Random { draws: 2 }, &views(&[1; 9]), false, seed);
        (0..50).map(|_| balancer.pick(|_| 0, |_| false, None, None)).collect::<Vec<_>>()
    };
    assert_eq!(draw(5), draw(5));
    assert_ne!(draw(5), draw(6));
}
