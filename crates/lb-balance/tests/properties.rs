//! What must hold for any servers.

use lb_balance::node::of_id;
use lb_balance::{Algorithm, Balancer, Request, ServerView};
use std::cell::RefCell;

const ALL: [Algorithm; 7] = [
    Algorithm::RoundRobin,
    Algorithm::StaticRr,
    Algorithm::LeastConn,
    Algorithm::First,
    Algorithm::Random { draws: 2 },
    Algorithm::MapHash,
    Algorithm::ConsistentHash,
];

/// A small generator, so that runs repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32 % sides
    }
}

fn servers(dice: &mut Dice, count: u32) -> Vec<ServerView> {
    (0..count)
        .map(|i| ServerView {
            id: i + 1,
            node: of_id(i + 1),
            weight: dice.roll(20),
            usable: dice.roll(4) > 0,
            backup: dice.roll(5) == 0,
        })
        .collect()
}

/// Random changes and picks: never an unusable, full or needless backup server; always one when there is one.
#[test]
fn picks_only_what_may_serve() {
    let mut dice = Dice(1);
    for round in 0..300 {
        let algorithm = ALL[round % ALL.len()];
        let mut list = servers(&mut dice, 1 + (round % 9) as u32);
        let all_backups = dice.roll(2) == 0;
        let mut balancer = Balancer::new(algorithm, &list, all_backups, round as u64);
        for _ in 0..200 {
            let index = dice.roll(list.len() as u32) as usize;
            if dice.roll(3) == 0 {
                list[index].weight = dice.roll(20);
                list[index].usable = dice.roll(4) > 0;
                balancer.update(index, list[index]);
            }
            let serves = |s: &ServerView| s.usable && s.weight > 0;
            let active = list.iter().any(|s| serves(s) && !s.backup);
            let hash = (dice.roll(2) == 0).then(|| dice.roll(u32::MAX));
            let full = dice.roll(list.len() as u32) as usize;
            let avoid = (dice.roll(2) == 0).then(|| dice.roll(list.len() as u32) as usize);
            let pick = balancer.pick(&Request { hash, avoid }, |i| i as u32, |i| i == full);
            let eligible: Vec<usize> = (0..list.len()).filter(|i| balancer.is_eligible(*i)).collect();
            match pick {
                Some(i) => {
                    assert!(serves(&list[i]) && list[i].backup != active, "{algorithm:?} {list:?} {i}");
                    assert!(i != full || hash.is_some(), "{algorithm:?} picked a full server");
                    assert!(Some(i) != avoid || eligible.iter().all(|e| *e == i || *e == full), "{algorithm:?}");
                }
                None => assert!(eligible.iter().all(|i| *i == full), "{algorithm:?} {list:?}"),
            }
            if !active && !all_backups {
                assert!(eligible.len() <= 1);
            }
        }
    }
}

fn shares(algorithm: Algorithm, weights: &[u32], picks: u32) -> Vec<u32> {
    let list: Vec<_> = weights
        .iter()
        .enumerate()
        .map(|(i, w)| ServerView {
            id: i as u32 + 1,
            node: of_id(i as u32 + 1),
            weight: *w,
            usable: true,
            backup: false,
        })
        .collect();
    let mut balancer = Balancer::new(algorithm, &list, false, 42);
    let mut dice = Dice(7);
    let counts = RefCell::new(vec![0; weights.len()]);
    for _ in 0..picks {
        let hash = Some(dice.roll(u32::MAX));
        let pick = balancer.pick(&Request { hash, avoid: None }, |i| counts.borrow()[i], |_| false);
        pick.into_iter().for_each(|i| counts.borrow_mut()[i] += 1);
    }
    counts.into_inner()
}

#[test]
fn shares_follow_weights() {
    for weights in [&[1, 2, 5][..], &[10, 20, 50, 7], &[1, 1, 1], &[100, 1], &[3, 8, 2, 9, 4]] {
        let total: u32 = weights.iter().sum();
        for algorithm in [Algorithm::RoundRobin, Algorithm::StaticRr] {
            let expected: Vec<u32> = weights.iter().map(|w| w * 10).collect();
            assert_eq!(shares(algorithm, weights, total * 10), expected, "{algorithm:?}");
        }
        for algorithm in [Algorithm::LeastConn, Algorithm::Random { draws: 2 }, Algorithm::MapHash] {
            let picks = total * 400;
            for (count, weight) in shares(algorithm, weights, picks).iter().zip(weights) {
                let expected = f64::from(weight * 400);
                let slack = expected * 0.15 + 60.0;
                assert!((f64::from(*count) - expected).abs() < slack, "{algorithm:?} {weights:?}: {count}/{expected}");
            }
        }
    }
    // With 16 points for each unit of weight the ring is only roughly fair.
    for (count, weight) in shares(Algorithm::ConsistentHash, &[100, 200, 100], 40_000).iter().zip([100, 200, 100]) {
        assert!((f64::from(*count) / f64::from(weight * 100) - 1.0).abs() < 0.2, "{count} for {weight}");
    }
}

/// When a server leaves the ring, only its keys move; when it returns, all are back.
#[test]
fn consistent_keys_stay() {
    let mut list: Vec<_> =
        (1..=10).map(|id| ServerView { id, node: of_id(id), weight: 4, usable: true, backup: false }).collect();
    let mut balancer = Balancer::new(Algorithm::ConsistentHash, &list, false, 0);
    let place = |balancer: &mut Balancer| -> Vec<Option<usize>> {
        (0..4000u32)
            .map(|i| balancer.pick(&Request { hash: Some(i.wrapping_mul(1_073_741)), avoid: None }, |_| 0, |_| false))
            .collect()
    };
    let before = place(&mut balancer);
    list[3].usable = false;
    balancer.update(3, list[3]);
    let without = place(&mut balancer);
    for (old, new) in before.iter().zip(&without) {
        assert!(old == new || *old == Some(3), "{old:?} moved to {new:?}");
        assert_ne!(*new, Some(3));
    }
    list[3].usable = true;
    balancer.update(3, list[3]);
    assert_eq!(place(&mut balancer), before);
}

#[test]
fn random_repeats_for_a_seed() {
    let list: Vec<_> =
        (1..=5).map(|id| ServerView { id, node: of_id(id), weight: 1, usable: true, backup: false }).collect();
    let run = |seed| {
        let mut balancer = Balancer::new(Algorithm::Random { draws: 2 }, &list, false, seed);
        (0..50).map(|_| balancer.pick(&Request::default(), |_| 0, |_| false)).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn nothing_to_pick() {
    for algorithm in ALL {
        let mut balancer = Balancer::new(algorithm, &[], false, 0);
        assert_eq!(balancer.pick(&Request { hash: Some(5), avoid: Some(0) }, |_| 0, |_| false), None);
        balancer.update(0, ServerView { id: 1, node: of_id(1), weight: 1, usable: true, backup: false });
        assert_eq!(balancer.pick(&Request::default(), |_| 0, |_| false), Some(0));
        assert_eq!(balancer.pick(&Request { hash: Some(5), avoid: Some(0) }, |_| 0, |_| false), Some(0));
    }
}
