//! `wsbench connect`.

use std::str::FromStr;

use clap::{ArgAction, Args, ValueEnum};

use super::ClientTlsArgs;
use crate::units::{ByteSize, Span};

/// Flags of `wsbench connect`. A flag wins over `WSBENCH_*`, that over the default.
#[derive(Args, Clone, Debug)]
pub struct ConnectArgs {
    /// `ws://` or `wss://` URL
    #[arg(value_name = "URL")]
    pub url: String,

    /// Send this line and end; repeatable
    #[arg(short = 'x', long, value_name = "LINE", help_heading = "Input")]
    pub execute: Vec<String>,

    /// Stay this long after the last message: seconds, a duration, or `forever` [default: until 1s of silence]
    #[arg(short, long, value_name = "SECONDS", help_heading = "Input")]
    pub wait: Option<Stay>,

    /// Send the whole of piped input as one message instead of one per line
    #[arg(
        long,
        visible_alias = "one",
        conflicts_with = "execute",
        help_heading = "Input"
    )]
    pub whole: bool,

    /// Send the whole of piped input as one binary message; at a terminal, send lines as binary messages
    #[arg(long, conflicts_with = "execute", help_heading = "Input")]
    pub binary: bool,

    /// Send a Ping at this interval
    #[arg(long, value_name = "DURATION", value_parser = interval, help_heading = "Input")]
    pub ping_every: Option<Span>,

    /// Keep no history of what is typed
    #[arg(long, help_heading = "Input")]
    pub no_history: bool,

    /// Lines that begin with / are commands (always on; accepted for the habits of wscat)
    #[arg(long, hide = true)]
    pub slash: bool,

    /// Offer this subprotocol; repeatable, in order of preference
    #[arg(
        short,
        long,
        value_name = "NAME",
        value_delimiter = ',',
        help_heading = "Request"
    )]
    pub subprotocol: Vec<String>,

    /// Send this header; repeatable
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        value_delimiter = '\n',
        help_heading = "Request"
    )]
    pub header: Vec<Header>,

    /// Send this access token
    #[arg(long, value_name = "TOKEN", help_heading = "Request")]
    pub token: Option<String>,

    /// Where the token goes: `?token=`, `Authorization: Bearer`, or the subprotocols `access_token, TOKEN`
    #[arg(long, value_enum, default_value = "query", help_heading = "Request")]
    pub token_in: TokenIn,

    /// Authenticate with a name and a password
    #[arg(long, value_name = "USER:PASSWORD", help_heading = "Request")]
    pub auth: Option<String>,

    /// Send this `Origin` header
    #[arg(short, long, value_name = "ORIGIN", help_heading = "Request")]
    pub origin: Option<String>,

    /// Send this `Host` header instead of the URL's host
    #[arg(long, value_name = "HOST", help_heading = "Request")]
    pub host: Option<String>,

    /// TLS.
    #[command(flatten)]
    pub tls: ClientTlsArgs,

    /// Give up if the connection is not open by then
    #[arg(long, value_name = "DURATION", default_value = "10s", help_heading = "Limits")]
    pub connect_timeout: Span,

    /// Largest message in either direction
    #[arg(short = 'B', long, value_name = "SIZE", default_value = "64MiB", value_parser = message_size, help_heading = "Limits")]
    pub max_message_size: ByteSize,

    /// Show Ping, Pong and Close frames of both directions
    #[arg(short = 'P', long, help_heading = "Output")]
    pub show_ping_pong: bool,

    /// Indent messages that are JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Begin each line with the time of day (UTC)
    #[arg(long, help_heading = "Output")]
    pub timestamps: bool,

    /// Write binary messages as they are instead of a hex dump
    #[arg(long, help_heading = "Output")]
    pub raw: bool,

    /// No colours; also with NO_COLOR in the environment
    #[arg(long, help_heading = "Output")]
    pub no_color: bool,

    /// Only received messages and errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    pub quiet: bool,

    /// Show the phases of the connect, the headers of the answer and whole hex dumps
    #[arg(short, long, action = ArgAction::SetTrue, help_heading = "Output")]
    pub verbose: bool,
}

/// `NAME: VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Before the colon.
    pub name: String,
    /// Behind it, without blanks around.
    pub value: String,
}

impl FromStr for Header {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.trim().to_owned(),
            }),
            _ => Err("expected NAME: VALUE, for example -H 'X-Api-Key: abc'".to_owned()),
        }
    }
}

/// How long to stay after the last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// So long.
    For(Span),
    /// Until the server closes.
    Forever,
}

impl FromStr for Stay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "forever" {
            return Ok(Self::Forever);
        }
        // A bare number is seconds, as wscat has it.
        let with_unit = match text.parse::<f64>() {
            Ok(_) => format!("{text}s"),
            Err(_) => text.to_owned(),
        };
        with_unit
            .parse()
            .map(Self::For)
            .map_err(|_| "expected seconds, a duration such as 250ms, or `forever`".to_owned())
    }
}

/// Where an access token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TokenIn {
    /// `?token=`.
    Query,
    /// `Authorization: Bearer`.
    Bearer,
    /// Subprotocols `access_token` and the token.
    Subprotocol,
}

fn interval(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(span) if span == Span::default() => Err("an interval is longer than 0".to_owned()),
        Ok(span) => Ok(span),
        Err(error) => Err(error.to_string()),
    }
}

fn message_size(text: &str) -> Result<ByteSize, String> {
    match text.parse::<ByteSize>() {
        Ok(size) if size.0 == 0 || size.0 > 1 << 40 => Err("expected 1 byte to 1024 GiB".to_owned()),
        Ok(size) => Ok(size),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(flags: &[&str]) -> Result<ConnectArgs, clap::Error> {
        let all = ["wsbench", "connect", "ws://h/"].iter().chain(flags);
        match Cli::try_parse_from(all)?.command {
            Command::Connect(args) => Ok(*args),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn d17_the_habits_of_wscat_work() {
        let args = parse(&[
            "-P", "--slash", "-n", "-x", "hello", "-w", "2", "-s", "a", "-s", "b", "-H", "X: y:z",
        ])
        .unwrap();
        assert!(args.show_ping_pong && args.tls.insecure);
        assert_eq!(
            (args.execute, args.subprotocol),
            (vec!["hello".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(args.wait, Some(Stay::For(Span::from_secs(2))));
        assert_eq!(
            args.header,
            [Header {
                name: "X".to_owned(),
                value: "y:z".to_owned()
            }]
        );
        assert_eq!(
            parse(&["-B", "200000"]).unwrap().max_message_size,
            ByteSize(200_000)
        );
    }

    #[test]
    fn waiting_is_seconds_a_duration_or_for_ever() {
        for (text, stay) in [
            ("2", Some(Stay::For(Span::from_secs(2)))),
            ("0.5", Some(Stay::For(Span::from_millis(500)))),
            ("250ms", Some(Stay::For(Span::from_millis(250)))),
            ("forever", Some(Stay::Forever)),
            ("-1", None),
            ("soon", None),
            ("nan", None),
        ] {
            assert_eq!(text.parse().ok(), stay, "{text}");
        }
    }

    #[test]
    fn flags_that_make_no_sense_are_refused() {
        for flags in [
            &["-q", "-v"][..],
            &["--ping-every", "0"],
            &["-B", "0"],
            &["-H", "no colon"],
            &["--cert", "c.pem"],
            &["-x", "a", "--whole"],
        ] {
            assert!(parse(flags).is_err(), "{flags:?}");
        }
    }
}
