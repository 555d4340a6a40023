//! The backplane's thread: connect, both ways, reconnect.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::inlet::{Inlet, is_foreign};
use super::link::{LinkError, Publisher, Subscriber};
use super::outlet::{Backplane, Figures, Outgoing};
use super::parcel::{Content, Parcel, Place};
use crate::server::worker::Shared;

/// Messages that are given to the broker at once.
const PER_BATCH: usize = 64;
/// How often a server says something to itself through the broker.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// A broker that brings nothing for this long, not even what we say to ourselves, is lost.
const SILENCE: Duration = Duration::from_secs(15);
/// The first wait before another attempt; each is twice as long as the one before.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest.
const LAST_DELAY: Duration = Duration::from_secs(5);
/// How long the last messages may take at the end.
const PARTING: Duration = Duration::from_secs(1);

/// Runs until told to stop.
pub(super) fn run(shared: &Arc<Shared>, queue: mpsc::Receiver<Outgoing>) {
    let Some(backplane) = &shared.backplane else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            return tracing::error!(%error, "no event loop for the backplane: rooms stay on this server");
        }
    };
    runtime.block_on(async {
        let (inlet, incoming) = Inlet::new();
        let mut line = Line {
            shared,
            backplane,
            inlet: &inlet,
            queue,
        };
        tokio::select! {
            () = inlet.deliver(incoming, shared) => {}
            () = line.keep_up() => {}
        }
    });
}

/// The server's end of the line to the broker.
struct Line<'a> {
    shared: &'a Shared,
    backplane: &'a Backplane,
    inlet: &'a Inlet,
    queue: mpsc::Receiver<Outgoing>,
}

/// How a conversation with the broker ended.
enum End {
    Lost(LinkError),
    Stopped,
}

impl Line<'_> {
    /// Connects, and connects again, until told to stop.
    async fn keep_up(&mut self) {
        let backplane = self.backplane;
        let broker = backplane.config.url.to_string();
        let mut delay = FIRST_DELAY;
        let mut attempts = 0_u32;
        loop {
            let connected = tokio::select! {
                connected = backplane.broker.connect(&backplane.config) => connected,
                () = backplane.stop.notified() => return,
            };
            match connected {
                Ok((publisher, subscriber)) => {
                    tracing::info!(broker, attempts, "backplane connected: rooms are shared");
                    (delay, attempts) = (FIRST_DELAY, 0);
                    backplane.figures.up.store(true, Relaxed);
                    let end = self.converse(publisher, subscriber).await;
                    backplane.figures.up.store(false, Relaxed);
                    self.discard();
                    match end {
                        End::Stopped => return,
                        End::Lost(error) => {
                            backplane.figures.lost.fetch_add(1, Relaxed);
                            tracing::warn!(broker, %error, "backplane lost: rooms stay on this server until it is back");
                        }
                    }
                }
                Err(error) => {
                    attempts += 1;
                    if attempts == 1 {
                        tracing::warn!(broker, %error, "backplane cannot be reached: rooms stay on this server; trying on");
                    } else {
                        tracing::debug!(broker, %error, attempts, "backplane cannot be reached");
                    }
                }
            }
            // Servers that lost the broker together do not all come back at the same moment.
            let wait = delay.mul_f64(rand::random_range(0.5..1.0));
            delay = (delay * 2).min(LAST_DELAY);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = backplane.stop.notified() => return,
            }
        }
    }

    /// Sends and receives until the connection is lost or the server stops.
    async fn converse(&mut self, publisher: Publisher, subscriber: Subscriber) -> End {
        let (backplane, inlet) = (self.backplane, self.inlet);
        let parting = Notify::new();
        let mut sending = pin!(self.send(publisher, &parting));
        tokio::select! {
            end = &mut sending => return end,
            error = receive(subscriber, inlet, backplane) => return End::Lost(error),
            () = backplane.stop.notified() => {}
        }
        // Those who left in the end shall not stay on the other servers' lists, so what is being sent is not broken off.
        parting.notify_one();
        let _ = timeout(PARTING, sending).await;
        End::Stopped
    }

    /// Gives to the broker what comes, and from time to time a sign of life; after `parting`, what waits and no more.
    async fn send(&mut self, mut publisher: Publisher, parting: &Notify) -> End {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut waiting = Vec::new();
        loop {
            let sent = tokio::select! {
                biased;
                _ = heartbeat.tick() => {
                    let heartbeat = self.encode(Content::Heartbeat);
                    publisher.publish(&[heartbeat]).await.map(drop)
                }
                _ = self.queue.recv_many(&mut waiting, PER_BATCH) => {
                    let batch = waiting.drain(..).map(|outgoing| self.wrap(&outgoing));
                    self.publish(&mut publisher, batch.collect()).await
                }
                () = parting.notified() => return End::Stopped,
            };
            if let Err(error) = sent {
                return End::Lost(error);
            }
        }
    }

    async fn publish(&self, publisher: &mut Publisher, batch: Vec<Bytes>) -> Result<(), LinkError> {
        let count = batch.len() as u64;
        settle(&self.backplane.figures, count, publisher.publish(&batch)).await
    }

    /// What waits is out of date.
    fn discard(&mut self) {
        while let Ok(outgoing) = self.queue.try_recv() {
            self.backplane.release(outgoing.size());
            self.backplane.figures.dropped.fetch_add(1, Relaxed);
        }
    }

    fn wrap(&self, outgoing: &Outgoing) -> Bytes {
        self.backplane.release(outgoing.size());
        match outgoing {
            Outgoing::Publication(publication) => {
                let place = Place {
                    path: self.shared.path(publication.route),
                    room: publication.room.as_str(),
                };
                let message = &publication.message;
                self.encode(Content::Message(place, message.kind(), message.payload()))
            }
            Outgoing::Match((route, room), update) => {
                let place = Place {
                    path: self.shared.path(*route),
                    room: room.as_str(),
                };
                self.encode(Content::Match(place, update))
            }
        }
    }

    fn encode(&self, content: Content<'_>) -> Bytes {
        let origin = self.backplane.origin;
        Bytes::from(Parcel { origin, content }.encode())
    }
}

/// Takes what the broker brings, as fast as it comes, until the connection is lost.
async fn receive(mut subscriber: Subscriber, inlet: &Inlet, backplane: &Backplane) -> LinkError {
    let figures = &backplane.figures;
    loop {
        // Our own parcels come back too, so a way that is open is never silent for long.
        let message = match timeout(SILENCE, subscriber.next()).await {
            Ok(Some(message)) => message,
            Ok(None) => return LinkError::Closed,
            Err(_) => return LinkError::Timeout,
        };
        match is_foreign(&message, backplane) {
            Some(true) => {
                let taken = inlet.offer(message);
                let count = if taken {
                    &figures.received
                } else {
                    &figures.dropped
                };
                count.fetch_add(1, Relaxed);
            }
            Some(false) => {}
            None => tracing::debug!(
                length = message.len(),
                "what came over the backplane is no parcel"
            ),
        }
    }
}

/// Counts `count` messages as published but for those that `sending` says were refused. If it fails or is broken off, whether
/// they arrived is unknown: they count as dropped, and to send them again might deliver them twice.
async fn settle(
    figures: &Figures,
    count: u64,
    sending: impl Future<Output = Result<u64, LinkError>>,
) -> Result<(), LinkError> {
    let mut dropped = Dropped { figures, count };
    dropped.count = sending.await?;
    figures.published.fetch_add(count - dropped.count, Relaxed);
    Ok(())
}

/// Messages that count as dropped when this is.
struct Dropped<'a> {
    figures: &'a Figures,
    count: u64,
}

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.figures.dropped.fetch_add(self.count, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn counted(figures: &Figures) -> (u64, u64) {
        (figures.published.load(Relaxed), figures.dropped.load(Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_when_the_broker_is_lost_counts_as_dropped() {
        let figures = Figures::default();
        settle(&figures, 7, ready(Ok(2))).await.unwrap();
        assert_eq!(counted(&figures), (5, 2));
        let broken_off = timeout(Duration::from_secs(1), settle(&figures, 64, pending())).await;
        assert!(broken_off.is_err());
        assert_eq!(counted(&figures), (5, 66));
    }
}
