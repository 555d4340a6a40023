//! [`serve`]: listens, and answers requests.

use std::convert::Infallible;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::load::Control;
use crate::metrics::Snapshot;

use super::action::{Action, ActionError};
use super::guard::Guard;
use super::status::{RunIdentity, status};

/// The longest body; a scale takes some thirty bytes.
const MAX_BODY: usize = 1024;
/// Connections at once: a person, a script and a coordinator, several times over.
const MAX_CONNECTIONS: usize = 16;
/// For the head of a request, and for its body.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts to accept, after one that failed.
const RETRY: Duration = Duration::from_millis(20);

/// What the interface shows and steers.
#[derive(Clone)]
pub struct Remote {
    /// What the run is.
    pub run: RunIdentity,
    /// What steers it.
    pub control: Control,
    /// What it has measured.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Who may ask.
    pub guard: Guard,
}

/// Answers requests until it is dropped.
pub async fn serve(listener: TcpListener, remote: Remote) {
    let remote = Arc::new(remote);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let reserve = Arc::new(Reserve::default());
    reserve.refill();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (remote, reserve) = (Arc::clone(&remote), Arc::clone(&reserve));
                tokio::spawn(async move {
                    converse(stream, remote).await;
                    reserve.refill();
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "the control interface cannot accept a connection");
                // Before anything else of this process takes the file that has become free.
                if !reserve.release() {
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }
}

/// An open file that is given up for a connection when there is none left: a run that has taken them all is the one that
/// somebody wants to stop.
#[derive(Default)]
struct Reserve(Mutex<Option<File>>);

impl Reserve {
    /// Whether there was one to give up.
    fn release(&self) -> bool {
        let file = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        file.is_some()
    }

    fn refill(&self) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if file.is_none() {
            *file = File::open("/dev/null").ok();
        }
    }
}

async fn converse(stream: TcpStream, remote: Arc<Remote>) {
    let service = service_fn(move |request| {
        let remote = Arc::clone(&remote);
        async move { Ok::<_, Infallible>(answer(&remote, request).await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = conversation.await {
        tracing::debug!(%error, "a connection to the control interface broke");
    }
}

async fn answer(remote: &Remote, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if !remote.guard.admits(request.headers()) {
        let text = "send the control token as `Authorization: Bearer TOKEN`; without one, ask from this machine \
                    and not from a web page";
        let mut refusal = json_response(StatusCode::UNAUTHORIZED, &error_body(text));
        refusal
            .headers_mut()
            .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refusal;
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(PATIENCE, Limited::new(body, MAX_BODY).collect()).await;
    let Ok(Ok(body)) = read else {
        return json_response(
            StatusCode::BAD_REQUEST,
            &error_body("a body of up to 1024 bytes, within 10 s"),
        );
    };
    let done = Action::of(&head.method, head.uri.path(), &body.to_bytes()).and_then(|action| {
        if action != Action::Status {
            tracing::info!(?action, "asked for over the control interface");
        }
        action.apply(&remote.control, &remote.run)
    });
    match done {
        Ok(()) => {
            let snapshot = Arc::clone(&remote.snapshots.borrow());
            json_response(StatusCode::OK, &status(&remote.run, &remote.control, &snapshot))
        }
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &ActionError) -> Response<Full<Bytes>> {
    let code = match error {
        ActionError::NotFound(_) => StatusCode::NOT_FOUND,
        ActionError::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
        ActionError::Body(_) => StatusCode::BAD_REQUEST,
        ActionError::Open | ActionError::Closed | ActionError::Ending => StatusCode::CONFLICT,
    };
    let mut response = json_response(code, &error_body(&error.to_string()));
    if let ActionError::Method(expected) = error {
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(expected));
    }
    response
}

fn error_body(text: &str) -> serde_json::Value {
    serde_json::json!({ "error": text })
}

fn json_response(code: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!("{body}\n"))));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
