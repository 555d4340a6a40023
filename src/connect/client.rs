//! [`connect`]: dials, converses, tells how it ended.

use std::future::pending;
use std::io;

use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::action::Action;
use super::config::{ConnectConfig, Input};
use super::console::{Console, Streams};
use super::editor::{LineEditor, Reading};
use super::ending::Ending;
use super::error::ConnectError;
use super::event::{Event, Opened};
use super::feed;
use super::render::Renderer;
use super::request;
use super::session::Session;
use crate::net::tls::client_config;
use crate::net::{DialOptions, Dialed, dial};

/// Opens the connection, sends what comes in and shows what comes back, until it is over and all is written.
///
/// Each item of `interrupts` is one wish of the user to end: the first closes with 1001, the second does not wait.
///
/// # Errors
/// The connection could not be opened. Everything after that is an [`Ending`].
pub async fn connect(
    config: ConnectConfig,
    streams: Streams,
    mut interrupts: Receiver<()>,
) -> Result<Ending, ConnectError> {
    let dialed = tokio::select! {
        dialed = open(&config) => dialed?,
        () = next_interrupt(&mut interrupts) => return Err(ConnectError::Interrupted),
    };
    let (console, actions, reading) = start(&config, streams)?;
    let opened = Event::Opened(Opened {
        url: config.target.to_string(),
        remote: dialed.remote,
        subprotocol: dialed.response.subprotocol,
        timings: dialed.timings,
        headers: dialed.response.headers,
        interactive: reading.is_some(),
    });
    // A console that is gone is noticed with the first message.
    let _ = console.show(opened).await;
    let socket =
        WebSocketStream::from_partially_read(dialed.stream, dialed.leftover, Role::Client, limits(&config));
    let session = Session::new(socket.await, &console, &config);
    let ending = session.run(actions, &mut interrupts).await;
    let at_terminal = reading.is_some();
    if let Some(reading) = reading {
        console.settle().await;
        reading.stop().await;
    }
    let farewell = async {
        // Without an output there is nothing to say goodbye to.
        let _ = console.show(Event::Ended(ending.clone())).await;
        console.finish().await;
    };
    // A pipe may block for ever. A terminal does not, and there an interrupt may be the one that stopped the editor.
    tokio::select! {
        () = farewell => {}
        () = next_interrupt(&mut interrupts), if !at_terminal => {}
    }
    Ok(ending)
}

/// The next interrupt; never, if nobody can send one any more.
pub(super) async fn next_interrupt(interrupts: &mut Receiver<()>) {
    if interrupts.recv().await.is_none() {
        pending::<()>().await;
    }
}

async fn open(config: &ConnectConfig) -> Result<Dialed, ConnectError> {
    let request = request::build(&config.target, &config.request, rand::random())?;
    let tls = match config.target.secure {
        true => Some(client_config(&config.tls)?),
        false => None,
    };
    let options = DialOptions {
        tls,
        server_name: config.server_name.clone(),
        timeout: config.connect_timeout,
        ..DialOptions::default()
    };
    Ok(dial(&config.target, &request, &options).await?)
}

fn limits(config: &ConnectConfig) -> Option<WebSocketConfig> {
    let limit = Some(config.max_message_size);
    Some(
        WebSocketConfig::default()
            .max_message_size(limit)
            .max_frame_size(limit),
    )
}

/// Starts the threads that write and read.
fn start(
    config: &ConnectConfig,
    mut streams: Streams,
) -> io::Result<(Console, Receiver<Action>, Option<Reading>)> {
    let limit = config.max_message_size;
    let renderer = Renderer {
        show: config.show,
        output_is_terminal: streams.output_is_terminal,
        errors_is_terminal: streams.errors_is_terminal,
    };
    let (actions, reading) = match &config.input {
        Input::Terminal { history, binary } => {
            let mut editor = LineEditor::new(history.clone())?;
            match editor.printer() {
                // A terminal without cursor movement is read like a pipe.
                None => (feed::lines(streams.input, limit)?, None),
                Some(printer) => {
                    streams.output = printer;
                    if let (true, Some(printer)) = (streams.errors_is_terminal, editor.printer()) {
                        streams.errors = printer;
                    }
                    let (actions, reading) = editor.start(*binary, limit)?;
                    (actions, Some(reading))
                }
            }
        }
        Input::Lines => (feed::lines(streams.input, limit)?, None),
        Input::Whole { binary } => (feed::whole(streams.input, *binary, limit)?, None),
        Input::Given(lines) => (feed::given(lines.clone(), limit)?, None),
    };
    let console = Console::start(renderer, streams.output, streams.errors)?;
    Ok((console, actions, reading))
}
