//! [`Endpoint`]: what a route does with HTTP requests.

use std::pin::Pin;
use std::rc::Rc;

use crate::server::http::{EndpointRequest, Reply};
use crate::server::worker::Worker;

/// An answer that may take time.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Reply>>>;

/// What a route does with GET and HEAD requests; hyper leaves the body of an answer to HEAD out.
pub(crate) trait Endpoint {
    /// The answer.
    fn answer(&self, request: EndpointRequest, worker: Rc<Worker>) -> Answer;
}
