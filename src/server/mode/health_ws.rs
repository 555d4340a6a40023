//! `health-ws`: a health check by a WebSocket upgrade (seed C7): 101 if the server is well, else 503.

use http::request;

use super::Mode;
use super::echo::Echo;
use crate::server::conditions::Check;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::server::worker::Shared;

/// Accepts a probe if the server is well. Its messages come back, so that a probe can look further than the upgrade.
pub(super) fn probed(shared: &Shared) -> impl Fn(&request::Parts) -> Result<Box<dyn Mode>, Refusal> + use<> {
    let conditions = shared.conditions.clone();
    move |_| {
        if conditions.is_down(Check::WebSocket) {
            return Err(Refusal::new(
                RefusalCode::ToldUnhealthy,
                "the server was told to be unhealthy",
            ));
        }
        Ok(Box::new(Echo))
    }
}
