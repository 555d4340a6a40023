//! [`Exporter`]: serves the figures of a run to Prometheus while it goes on.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::exposition;
use crate::metrics::{Recorder, Snapshot};
use crate::report::prometheus::{self, RunLabels};

/// How old the page may be; scrapes come every few seconds at most.
const RENDER_EVERY: Duration = Duration::from_secs(1);
/// How long a client may take for its request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections at once; more wait.
const MAX_CONNECTIONS: usize = 16;
/// Between attempts to accept when the system has no file left.
const RETRY: Duration = Duration::from_millis(200);

/// The page that is served, renewed from the recorder.
#[derive(Debug)]
pub(super) struct Exporter {
    labels: RunLabels,
    page: watch::Sender<Bytes>,
    listener: Option<std::net::TcpListener>,
    next: Duration,
}

impl Exporter {
    /// Takes the address, so that one that cannot be had is known before the run begins.
    pub(super) fn bind(address: SocketAddr, labels: RunLabels) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            labels,
            page: watch::Sender::new(Bytes::new()),
            listener: Some(listener),
            next: Duration::ZERO,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref()?.local_addr().ok()
    }

    /// Begins to answer, from the first request on with what there is; ends with the runtime that this is called in.
    pub(super) fn serve(&mut self, snapshot: &Snapshot, recorder: &Recorder) -> io::Result<()> {
        self.show(snapshot, recorder);
        if let Some(listener) = self.listener.take() {
            let listener = TcpListener::from_std(listener)?;
            tokio::spawn(accept(listener, self.page.subscribe()));
        }
        Ok(())
    }

    /// Renews the page, if it is time to.
    pub(super) fn show(&mut self, snapshot: &Snapshot, recorder: &Recorder) {
        if snapshot.elapsed >= self.next {
            self.next = snapshot.elapsed + RENDER_EVERY;
            let text = prometheus::render(&self.labels, snapshot, recorder.groups());
            self.page.send_replace(Bytes::from(text));
        }
    }
}

async fn accept(listener: TcpListener, page: watch::Receiver<Bytes>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::debug!(%error, "cannot accept a scrape");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let page = page.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let response = answer(&request, page.borrow().clone());
                async move { Ok::<_, Infallible>(response) }
            });
            let served = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
            if let Err(error) = served {
                tracing::debug!(%error, "a scrape failed");
            }
            drop(permit);
        });
    }
}

fn answer(request: &Request<Incoming>, page: Bytes) -> Response<Full<Bytes>> {
    let (status, kind, body) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (StatusCode::OK, exposition::CONTENT_TYPE, page),
        (_, "/metrics") => (
            StatusCode::METHOD_NOT_ALLOWED,
            "text/plain",
            Bytes::from_static(b"only GET\n"),
        ),
        _ => (
            StatusCode::NOT_FOUND,
            "text/plain",
            Bytes::from_static(b"the metrics are at /metrics\n"),
        ),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::clock::now;

    #[tokio::test]
    async fn a_scrape_before_anything_was_measured_has_a_page() {
        let labels = RunLabels {
            scenario: "short".to_owned(),
            target: "embedded".to_owned(),
        };
        let mut exporter = Exporter::bind("127.0.0.1:0".parse().unwrap(), labels).unwrap();
        let address = exporter.address().unwrap();
        let (mut recorder, _shards) = Recorder::new(&["only"], 1, now());
        let begin = recorder.tick(now());
        exporter.serve(&begin, &recorder).unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.contains("wsbench_run_info{"), "{answer}");
    }
}
