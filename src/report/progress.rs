//! How a run is doing in a line or a few, for logs and other places that are no full terminal.

use std::time::Duration;

use crate::metrics::{Counter, Snapshot, Trend};

use super::format::{bytes, count, counted, millis, rate, seconds};

/// `00:12  2,000/2,000 clients  2,000 open  sent 1,993/s  received 1,993/s  480 kB/s  p50 1.2ms  p99 3.4ms`
///
/// Rates and percentiles are those of the last window. What went wrong follows, if anything did: failed connects, lost
/// connections, lost messages and pings, failed flows, dropped arrivals.
#[must_use]
pub fn progress_line(snapshot: &Snapshot) -> String {
    parts(snapshot).join(BETWEEN)
}

/// The same in lines of at most so many columns, as far as no single figure is wider.
#[must_use]
pub fn progress_lines(snapshot: &Snapshot, width: usize) -> String {
    let mut text = String::new();
    let mut used = 0;
    for part in parts(snapshot) {
        let columns = part.chars().count();
        if used > 0 && used + BETWEEN.len() + columns > width {
            text.push('\n');
            used = 0;
        } else if used > 0 {
            text.push_str(BETWEEN);
            used += BETWEEN.len();
        }
        text.push_str(&part);
        used += columns;
    }
    text
}

fn parts(snapshot: &Snapshot) -> Vec<String> {
    let (gauges, window, whole) = (
        &snapshot.gauges,
        &snapshot.total.window,
        &snapshot.total.cumulative,
    );
    let mut parts = vec![
        clock(snapshot.elapsed),
        format!(
            "{}/{} clients",
            count(gauges.clients_active),
            count(gauges.clients_wanted)
        ),
        format!("{} open", count(gauges.connections_open)),
        format!("sent {}", rate(window.rate(Counter::MessagesSent))),
        format!("received {}", rate(window.rate(Counter::MessagesReceived))),
        format!(
            "{}/s",
            bytes(window.rate(Counter::BytesSent) + window.rate(Counter::BytesReceived))
        ),
    ];
    if let Some(response) = window.trend(Trend::Response) {
        parts.push(format!("p50 {}", millis(response.med)));
        parts.push(format!("p99 {}", millis(response.p99)));
    }
    let lost_messages = whole.counter(Counter::SentLostTimeout) + whole.counter(Counter::SentLostConnection);
    let troubles = [
        (whole.counter(Counter::ConnectFailed), "failed connect"),
        (whole.lost(), "lost connection"),
        (lost_messages, "lost message"),
        (whole.counter(Counter::PingsUnanswered), "unanswered ping"),
        (whole.counter(Counter::FlowsFailed), "failed flow"),
        (whole.counter(Counter::ArrivalsDropped), "dropped arrival"),
    ];
    parts.extend(
        troubles
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, thing)| counted(n, thing)),
    );
    let generator = &snapshot.generator;
    if !generator.late_for.is_zero() {
        parts.push(format!(
            "generator late for {}",
            seconds(generator.late_for.as_secs_f64())
        ));
    }
    if !generator.problems.is_empty() {
        parts.push("run invalid".to_owned());
    }
    parts
}

const BETWEEN: &str = "  ";

/// `01:05`, `1:00:00`.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds / 3_600 {
        0 => format!("{:02}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::metrics::{CloseCause, Gauges, GroupId, Recorder};

    const GROUP: GroupId = GroupId(0);

    #[test]
    fn a_quiet_run_is_one_short_line() {
        assert_eq!(
            progress_line(&Snapshot::default()),
            "00:00  0/0 clients  0 open  sent 0/s  received 0/s  0 B/s"
        );
    }

    #[test]
    fn rates_are_of_the_window_and_troubles_of_the_whole_run() {
        let (mut recorder, mut senders) = Recorder::new(&["only"], 1, Moment::ZERO);
        let shard = senders[0].shard();
        shard.add(GROUP, Counter::MessagesSent, 4_000);
        shard.add(GROUP, Counter::MessagesReceived, 3_990);
        shard.add(GROUP, Counter::BytesSent, 960_000);
        shard.record(GROUP, Trend::Response, Duration::from_micros(1_200));
        shard.add(GROUP, Counter::ConnectFailed, 1);
        shard.ended(GROUP, CloseCause::PeerEof);
        shard.ended(GROUP, CloseCause::TransportError);
        let now = Moment::ZERO + Duration::from_secs(2);
        let gauges = Gauges {
            clients_wanted: 2_000,
            clients_active: 1_998,
            connections_open: 1_998,
        };
        senders[0].flush(now, gauges);
        let snapshot = recorder.tick(now);
        assert_eq!(
            progress_line(&snapshot),
            "00:02  1,998/2,000 clients  1,998 open  sent 2,000/s  received 1,995/s  480 kB/s  p50 1.2ms  p99 1.2ms  \
             1 failed connect  2 lost connections"
        );
        assert_eq!(
            progress_lines(&snapshot, 80),
            "00:02  1,998/2,000 clients  1,998 open  sent 2,000/s  received 1,995/s  480 kB/s\n\
             p50 1.2ms  p99 1.2ms  1 failed connect  2 lost connections"
        );
        let line = progress_line(&snapshot);
        assert_eq!(progress_lines(&snapshot, line.chars().count()), line);
        assert_eq!(progress_lines(&snapshot, 0), line.replace(BETWEEN, "\n"));
        let later = recorder.tick(Moment::ZERO + Duration::from_secs(3_723));
        assert_eq!(
            progress_line(&later),
            "1:02:03  1,998/2,000 clients  1,998 open  sent 0/s  received 0/s  0 B/s  1 failed connect  2 lost connections"
        );
    }
}
