//! A connection from its acceptance to the upgrade, driven by hyper.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::dispatch::Dispatcher;
use crate::server::session::{Session, Transport};
use crate::server::worker::Worker;

/// Serves a connection until it ends or becomes a session.
///
/// A session is a task of its own, so that nothing of TLS handshake and hyper stays in memory for it.
pub(crate) async fn serve(worker: Rc<Worker>, tcp: TcpStream, peer: SocketAddr) {
    // A connection that is gone already will say so when it is read.
    let _ = tcp.set_nodelay(true);
    let patience = worker.shared.limits.handshake_timeout.0;
    let transport = match worker.shared.tls.clone() {
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
    let dispatcher = Dispatcher { worker: worker.clone(), peer, upgraded: upgraded.clone() };
    let connection = builder(&worker, patience).serve_connection(TokioIo::new(transport), dispatcher);
    let parts = match connection.without_shutdown().await {
        Ok(parts) => parts,
        Err(error) => {
            tracing::debug!(%peer, %error, "no complete request");
            return worker.metrics().request_failures.add(1);
        }
    };
    if let Some(upgraded) = upgraded.take() {
        let session = Session::new(worker, upgraded, parts.io.into_inner(), &parts.read_buf);
        tokio::task::spawn_local(session);
    }
}

fn builder(worker: &Worker, patience: Duration) -> http1::Builder {
    let limits = &worker.shared.limits;
    let bounded = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_headers(bounded(limits.max_headers.0))
        // Below 8 KiB hyper refuses to work.
        .max_buf_size(bounded(limits.max_header_size.0).max(8 * 1024));
    builder
}
