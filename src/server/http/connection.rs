//! A connection from its acceptance to the upgrade, driven by hyper.

use std::cell::RefCell;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1::{self, Parts};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::dispatch::Dispatcher;
use crate::clock;
use crate::server::config::ConnectionLimits;
use crate::server::listener::Surface;
use crate::server::refusal::{Refusal, RefusalCode};
use crate::server::session::{Session, Transport};
use crate::server::worker::Worker;

/// How long a client whose request was refused may take to read the answer.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

/// Serves a connection until it ends or becomes a session.
///
/// A session is a task of its own, so that nothing of TLS handshake and hyper stays in memory for it.
pub(crate) async fn serve(worker: Rc<Worker>, surface: Surface, tcp: TcpStream, peer: SocketAddr) {
    let accepted = clock::now();
    // A connection that is gone already will say so when it is read.
    let _ = tcp.set_nodelay(true);
    let settings = worker.current_settings();
    let patience = settings.limits.handshake_timeout.0;
    let tls = settings.tls.as_ref().filter(|_| surface == Surface::Everything);
    let transport = match tls.map(|tls| tls.config.clone()) {
        None => Transport::Tcp(tcp),
        Some(tls) => match timeout(patience, TlsAcceptor::from(tls).accept(tcp)).await {
            Ok(Ok(tls)) => Transport::Tls(Box::new(tls)),
            Ok(Err(error)) => {
                tracing::debug!(%peer, %error, "TLS handshake failed");
                return worker.metrics().tls_failures.add(1);
            }
            Err(_) => return worker.metrics().tls_failures.add(1),
        },
    };
    let upgraded = Rc::new(RefCell::new(None));
    let dispatcher = Dispatcher {
        worker: worker.clone(),
        peer,
        surface,
        upgraded: upgraded.clone(),
    };
    let mut connection = builder(&settings.limits).serve_connection(TokioIo::new(transport), dispatcher);
    let served = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let Parts { io, read_buf, .. } = connection.into_parts();
    let transport = io.into_inner();
    if let Err(error) = served {
        tracing::debug!(%peer, %error, "no complete request");
        worker.metrics().request_failures.add(1);
        refuse(transport, error.is_timeout(), &worker.shared.instance).await;
    } else if let Some(upgraded) = upgraded.take() {
        let route = upgraded.route;
        let session = Session::new(worker.clone(), upgraded, transport, &read_buf);
        worker.metrics().routes[route.index()]
            .times
            .handshake
            .add(worker.now() - accepted);
        spawn_local(session);
    }
}

/// Ends a connection whose request could not be read. If it was malformed or too long, hyper has answered.
///
/// Closing at once would reset the connection while the client still sends, and the answer might never be read; so
/// the rest is discarded, but not for long.
async fn refuse(mut transport: Transport, timed_out: bool, instance: &str) {
    let end = async {
        if timed_out {
            let refusal = Refusal::new(
                RefusalCode::RequestTimeout,
                "the request was not complete in time",
            );
            let body = refusal.body();
            let length = body.len();
            let reply = format!(
                "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nX-Instance-Id: {instance}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            transport.write_all(reply.as_bytes()).await?;
        }
        transport.shutdown().await?;
        let mut discarded = [0; 4096];
        while transport.read(&mut discarded).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    // Whether the client reads the answer is its own affair.
    let _ = timeout(FAREWELL_TIME, end).await;
}

fn builder(limits: &ConnectionLimits) -> http1::Builder {
    let bounded = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits.handshake_timeout.0)
        .max_headers(bounded(limits.max_headers.0))
        // Below 8 KiB hyper refuses to work.
        .max_buf_size(bounded(limits.max_header_size.0).max(8 * 1024));
    builder
}
