//! What was measured in the world.

use std::time::Duration;

use wsbench::metrics::{Books, CloseCause, Counter, ErrorClass, Figures, Histogram, Trend};

use super::World;

impl World {
    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.shard
            .groups()
            .iter()
            .map(|tally| tally.counter(counter))
            .sum()
    }

    pub(crate) fn cause(&self, cause: CloseCause) -> u64 {
        self.shard.groups().iter().map(|tally| tally.cause(cause)).sum()
    }

    pub(crate) fn errors(&self, class: ErrorClass) -> u64 {
        self.shard
            .groups()
            .iter()
            .map(|tally| tally.errors().count(class))
            .sum()
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures::new(&self.shard.groups()[0], Duration::from_secs(1))
    }

    pub(crate) fn trend(&self, trend: Trend) -> Histogram {
        self.shard.groups()[0]
            .trend(trend)
            .cloned()
            .unwrap_or_else(Histogram::new)
    }

    /// The one value, or the common value, of a trend.
    pub(crate) fn exactly(&self, trend: Trend) -> Duration {
        let histogram = self.trend(trend);
        assert!(!histogram.is_empty(), "{trend:?} has no value");
        assert_eq!(histogram.min(), histogram.max(), "{trend:?} has several values");
        histogram.min()
    }

    /// Every equation holds, and so do those that the books cannot know.
    pub(crate) fn assert_balanced(&self) {
        let figures = self.figures();
        let books = Books::check(&figures, [("group", &figures)]);
        let broken: Vec<String> = books.broken().map(ToString::to_string).collect();
        assert!(books.balanced(), "{broken:#?}");
        assert_eq!(
            self.count(Counter::SentLostTimeout),
            self.errors(ErrorClass::ReplyTimeout)
        );
        assert_eq!(
            self.cause(CloseCause::CloseTimeout),
            self.errors(ErrorClass::CloseTimeout)
        );
        let lost = self.cause(CloseCause::PeerEof) + self.cause(CloseCause::TransportError);
        assert_eq!(lost, self.errors(ErrorClass::ConnectionLost));
        assert_eq!(
            self.trend(Trend::Response).count(),
            self.count(Counter::SentAnswered)
        );
        assert_eq!(
            self.trend(Trend::Service).count(),
            self.count(Counter::SentAnswered)
        );
        assert_eq!(
            self.trend(Trend::SendLag).count(),
            self.count(Counter::MessagesSent)
        );
        assert_eq!(
            self.trend(Trend::Session).count(),
            self.count(Counter::ConnectOpened)
        );
        assert_eq!(
            self.trend(Trend::Connect).count(),
            self.count(Counter::ConnectOpened)
        );
        let codes: u64 = figures.close_codes.client.codes.values().sum::<u64>()
            + figures.close_codes.server.codes.values().sum::<u64>()
            + figures.close_codes.nobody.codes.values().sum::<u64>();
        assert_eq!(
            codes,
            self.count(Counter::ConnectOpened),
            "one close code for each connection"
        );
    }
}
