//! temp
#![allow(missing_docs)]
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerView {
    pub id: u32,
    pub weight: u32,
    pub usable: bool,
    pub backup: bool,
}
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Algorithm {
    RoundRobin,
    StaticRr,
    LeastConn,
    First,
    Random { draws: u32 },
    MapHash,
    ConsistentHash,
}
pub enum Pick {
    Server(usize),
    AllFull,
    None,
}
#[derive(Debug)]
pub struct Balancer {
    v: Vec<ServerView>,
    at: usize,
}
impl Balancer {
    pub fn new(_a: &Algorithm, servers: &[ServerView], _all: bool, _seed: u64) -> Self {
        Self { v: servers.to_vec(), at: 0 }
    }
    pub fn update(&mut self, index: usize, view: ServerView) {
        self.v[index] = view;
    }
    pub fn pick(
        &mut self,
        _load: impl Fn(usize) -> u32,
        _full: impl Fn(usize) -> bool,
        _key: Option<u64>,
        _avoid: Option<usize>,
    ) -> Pick {
        for i in 0..self.v.len() {
            let k = (self.at + i) % self.v.len();
            if self.v[k].usable {
                self.at = k + 1;
                return Pick::Server(k);
            }
        }
        Pick::None
    }
}
pub mod hash {
    pub fn sdbm(b: &[u8]) -> u32 {
        b.len() as u32
    }
}
