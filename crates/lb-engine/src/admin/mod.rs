//! x
use crate::control::{Control, ControlError};
use std::rc::Rc;
/// x
#[derive(Debug, Default)]
pub struct Registry;
impl Registry {
    pub fn connections(&self) -> usize {
        0
    }
    pub fn stop(&self) {}
}
/// x
#[derive(Debug)]
pub struct BoundAdmin {
    /// x
    pub config: &'static lb_config::model::StatsSocket,
    /// x
    pub socket: socket2::Socket,
}
/// x
pub fn listen(_c: &Rc<Control>, _s: BoundAdmin) -> Result<(), ControlError> {
    Ok(())
}
