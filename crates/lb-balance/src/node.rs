//! What a server's places on the ring of consistent hashing begin with.
//!
//! By its number, those places are where a running HAProxy has them. The other keys exist since 3.2 and were not seen
//! running: what matters of them is that two proxies with the same servers in any order agree.

use crate::consistent::POINTS_PER_SERVER;
use lb_model::hash::{avalanche, xxh64};

/// By the server's number.
pub fn of_id(id: u32) -> u32 {
    id.wrapping_mul(POINTS_PER_SERVER)
}

/// By the server's number, all 32 bits of it.
pub fn of_whole_id(id: u32) -> u32 {
    avalanche(id)
}

/// By a name or an address.
pub fn of_text(text: &str) -> u32 {
    let hash = xxh64(text.as_bytes(), 0);
    (hash ^ (hash >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_servers_apart() {
        assert_eq!(of_id(1 << 20), of_id(0), "20 bits of a number count beside 12 for the points");
        assert_ne!(of_whole_id(1 << 20), of_whole_id(0));
        assert_ne!(of_text("10.0.0.1:80"), of_text("10.0.0.1:81"));
    }
}
