//! [`ConnectConfig`]: everything that `wsbench connect` was asked for.

use std::path::PathBuf;
use std::time::Duration;

use crate::net::Target;
use crate::net::tls::ClientTls;

/// What to connect to, what to send, what to show.
#[derive(Clone, Debug)]
pub struct ConnectConfig {
    /// Where to connect to.
    pub target: Target,
    /// What the opening request says beyond the URL.
    pub request: RequestOptions,
    /// How `wss` servers are verified.
    pub tls: ClientTls,
    /// The name to present and to verify instead of the URL's host.
    pub server_name: Option<String>,
    /// For all phases of the connect together.
    pub connect_timeout: Duration,
    /// Largest message in bytes, in either direction.
    pub max_message_size: usize,
    /// Where messages come from.
    pub input: Input,
    /// How long to stay after the last message was sent.
    pub wait: Wait,
    /// Send a Ping at this interval.
    pub ping_every: Option<Duration>,
    /// What is shown, and how.
    pub show: Show,
}

impl ConnectConfig {
    /// The defaults of the command line, for a connection to `target`.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            request: RequestOptions::default(),
            tls: ClientTls::default(),
            server_name: None,
            connect_timeout: Duration::from_secs(10),
            max_message_size: 64 << 20,
            input: Input::Lines,
            wait: Wait::default(),
            ping_every: None,
            show: Show::default(),
        }
    }
}

/// What the opening request says beyond the URL.
#[derive(Clone, Debug, Default)]
pub struct RequestOptions {
    /// Subprotocols in order of preference.
    pub subprotocols: Vec<String>,
    /// Further headers; they win over what the other fields stand for.
    pub headers: Vec<(String, String)>,
    /// `user:password` for basic authentication.
    pub basic_auth: Option<String>,
    /// An access token, and where it goes.
    pub token: Option<(String, TokenPlace)>,
    /// The `Origin` header.
    pub origin: Option<String>,
    /// The `Host` header instead of the URL's host.
    pub host: Option<String>,
}

/// Where an access token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// `?token=` behind the path.
    Query,
    /// `Authorization: Bearer`.
    Bearer,
    /// The pair of subprotocols `access_token` and the token itself, as browsers have to do it.
    Subprotocol,
}

/// Where messages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person at a terminal, with line editing.
    Terminal {
        /// Where earlier lines are kept; `None` keeps none.
        history: Option<PathBuf>,
        /// Lines are sent as binary messages.
        binary: bool,
    },
    /// Each line of the input stream is a message or a slash command.
    Lines,
    /// The whole input stream is one message.
    Whole {
        /// It is sent as a binary message.
        binary: bool,
    },
    /// These lines and nothing else.
    Given(Vec<String>),
}

/// How long to stay after the last message was sent, unless the server closes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Until nothing has arrived for this long.
    Silence(Duration),
    /// This long.
    For(Duration),
    /// Until the server closes or a signal comes.
    Forever,
}

impl Default for Wait {
    fn default() -> Self {
        Self::Silence(Duration::from_secs(1))
    }
}

/// What is shown, and how.
#[derive(Clone, Copy, Debug, Default)]
pub struct Show {
    /// Ping, Pong and Close frames of both directions.
    pub control_frames: bool,
    /// JSON messages are indented.
    pub pretty_json: bool,
    /// Every message and note begins with the time of day.
    pub timestamps: bool,
    /// Colours, where the stream is a terminal.
    pub colour: bool,
    /// Only errors, beside what was received.
    pub quiet: bool,
    /// The phases of the connect and the headers of the answer; whole hex dumps.
    pub verbose: bool,
    /// Binary messages are written as they are.
    pub raw: bool,
}
