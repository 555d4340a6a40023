//! Pulls events from JetStream, pushes them to the clients, and acknowledges them.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::sleep;

use super::config::{Deliver, NotificationsConfig};
use super::event::Event;
use super::feed::{Feed, offer};
use super::recent::Recent;
use crate::server::broker::nats::{self, Client, jetstream};
use crate::server::ids::RouteId;
use crate::server::message::SharedMessage;
use crate::server::worker::Shared;
use crate::wire::MessageKind;

/// How long a request for events stands before it is made again.
const REQUEST_TIME: Duration = Duration::from_secs(5);
/// How often the connection is looked at while nothing comes.
const LOOK: Duration = Duration::from_millis(250);
/// How long to wait after a failure; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When an event is to come again that no client was there for.
const RETURN_DELAY: Duration = Duration::from_millis(250);
/// A consumer whose name nobody chose is forgotten after so long without its server.
const INACTIVE: Duration = Duration::from_secs(3600);
/// How long a stream that was created here keeps its events.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// A failure of the broker or of what is between. It heals or does not; there is nothing to tell apart.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What it takes to serve a route.
struct Consumer {
    feed: Arc<Feed>,
    route: RouteId,
    shared: Arc<Shared>,
    recent: Recent,
}

/// Brings events to the clients of a route, for ever.
pub(crate) async fn run(feed: Arc<Feed>, route: RouteId, shared: Arc<Shared>) {
    let Some(url) = &feed.config.nats else { return };
    let client = match nats::connect(url, "wsbench notifications").await {
        Ok(client) => client,
        Err(error) => return tracing::error!(%error, "cannot use `nats` of the notifications"),
    };
    let client = feed.broker.get_or_init(|| client).clone();
    let mut consumer = Consumer {
        feed: feed.clone(),
        route,
        shared,
        recent: Recent::default(),
    };
    let mut pause = FIRST_PAUSE;
    loop {
        while !nats::is_connected(&client) {
            sleep(LOOK).await;
        }
        let failure = consumer.serve(&client).await;
        if feed.ready.swap(false, Relaxed) {
            pause = FIRST_PAUSE;
        }
        tracing::warn!(error = %failure, "no notifications from NATS; trying again");
        sleep(pause).await;
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}

impl Consumer {
    /// Serves until something fails.
    async fn serve(&mut self, client: &Client) -> Failure {
        let source = match self.open(client).await {
            Ok(source) => source,
            Err(failure) => return failure,
        };
        self.feed.ready.store(true, Relaxed);
        tracing::info!(consumer = %source.cached_info().name, "notifications from NATS");
        loop {
            self.feed.client().await;
            if let Err(failure) = self.pull(client, &source).await {
                return failure;
            }
        }
    }

    /// The consumer, created if need be.
    async fn open(&mut self, client: &Client) -> Result<jetstream::PullConsumer, Failure> {
        let config = &self.feed.config;
        let context = jetstream::new(client.clone());
        let stream = if config.create_stream {
            context.get_or_create_stream(stream_config(config)).await?
        } else {
            context.get_stream(&config.stream).await?
        };
        self.recent
            .of_stream(stream.cached_info().created.unix_timestamp_nanos());
        let wanted = consumer_config(config, &self.shared.instance, self.shared.path(self.route));
        let name = wanted.durable_name.clone().unwrap_or_default();
        Ok(stream.get_or_create_consumer(&name, wanted).await?)
    }

    /// Asks for events once, and deals with what comes until the request ends.
    async fn pull(&mut self, client: &Client, source: &jetstream::PullConsumer) -> Result<(), Failure> {
        let count = usize::try_from(self.feed.config.batch.0.max(1))?;
        let request = source.batch().max_messages(count).expires(REQUEST_TIME);
        let mut events = request.messages().await?.ready_chunks(count);
        loop {
            let come = tokio::select! {
                come = events.next() => come,
                () = lost(client) => return Err("the connection was lost".into()),
            };
            let Some(come) = come else { return Ok(()) };
            let come = come.into_iter().collect::<Result<Vec<_>, _>>()?;
            if !self.deliver(come).await? {
                return Ok(());
            }
        }
    }

    /// Pushes events and acknowledges those that somebody got; says whether that is all of them.
    async fn deliver(&mut self, events: Vec<jetstream::Message>) -> Result<bool, Failure> {
        let (mut fresh, mut messages) = (Vec::new(), Vec::new());
        for event in events {
            let info = event.info()?;
            let seq = info.stream_sequence;
            // A broker that crashed may not remember that it has sent this, so its count of deliveries is no help.
            if self.recent.contains(seq) {
                self.feed.repeated.add(1);
                event.ack().await?;
                continue;
            }
            let text = Event {
                seq,
                subject: &event.subject,
                payload: &event.payload,
                time: i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000)?,
            }
            .to_json();
            messages.push(SharedMessage::new(MessageKind::Text, text.as_bytes()));
            fresh.push((seq, event));
        }
        let taken = offer(&self.shared, self.route, &messages).await;
        let mut all = true;
        for ((seq, event), taken) in fresh.into_iter().zip(taken) {
            if taken > 0 {
                self.recent.insert(seq);
                self.feed.delivered.add(1);
                event.ack().await?;
            } else {
                all = false;
                self.feed.returned.add(1);
                event
                    .ack_with(jetstream::AckKind::Nak(Some(RETURN_DELAY)))
                    .await?;
            }
        }
        Ok(all)
    }
}

/// Ends when the connection is lost.
async fn lost(client: &Client) {
    while nats::is_connected(client) {
        sleep(LOOK).await;
    }
}

fn stream_config(config: &NotificationsConfig) -> jetstream::StreamConfig {
    jetstream::StreamConfig {
        name: config.stream.clone(),
        subjects: config.subjects.clone(),
        max_age: MAX_AGE,
        ..Default::default()
    }
}

fn consumer_config(config: &NotificationsConfig, instance: &str, path: &str) -> jetstream::PullConfig {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let made_up = || format!("wsbench-{instance}{path}").chars().map(plain).collect();
    let mut wanted = jetstream::PullConfig {
        durable_name: Some(config.durable.clone().unwrap_or_else(made_up)),
        ack_policy: jetstream::AckPolicy::Explicit,
        ack_wait: config.ack_wait.0,
        deliver_policy: match config.deliver {
            Deliver::All => jetstream::DeliverPolicy::All,
            Deliver::New => jetstream::DeliverPolicy::New,
        },
        max_deliver: i64::try_from(config.max_deliver.0).unwrap_or(i64::MAX),
        ..Default::default()
    };
    if config.durable.is_none() {
        wanted.inactive_threshold = INACTIVE;
    }
    match &config.subjects[..] {
        // NATS knows this since 2.9, and several only since 2.10.
        [subject] => wanted.filter_subject.clone_from(subject),
        several => wanted.filter_subjects = several.to_vec(),
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d22_each_server_and_route_has_a_consumer_of_its_own() {
        let config = NotificationsConfig::default();
        let wanted = consumer_config(&config, "a.1", "/ws-notifications");
        assert_eq!(
            wanted.durable_name.as_deref(),
            Some("wsbench-a-1-ws-notifications")
        );
        assert_eq!((wanted.inactive_threshold, wanted.max_deliver), (INACTIVE, 0));
        assert_eq!(wanted.filter_subject, "notifications.>");
        let config = NotificationsConfig {
            durable: Some("mine".to_owned()),
            subjects: vec!["a".to_owned(), "b".to_owned()],
            ..config
        };
        let wanted = consumer_config(&config, "a", "/n");
        assert_eq!(wanted.durable_name.as_deref(), Some("mine"));
        assert_eq!(wanted.inactive_threshold, Duration::ZERO);
        assert_eq!(
            (wanted.filter_subject.as_str(), wanted.filter_subjects),
            ("", config.subjects)
        );
    }
}
