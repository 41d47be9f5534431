//! Orders and properties over whole balancers.

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
