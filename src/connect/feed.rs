//! Input that is no terminal, turned into actions on a thread of its own, because reading it may block for ever.
//!
//! The end of the input is the end of the channel.

use std::io::{self, BufRead, BufReader, Read};
use std::thread;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::action::Action;
use super::command::{CommandError, interpret, read_whole, whole_message};

/// Actions that may wait for the network. Each holds at most one message.
pub(super) const QUEUE: usize = 8;

/// Each line of `input` becomes an action.
pub(super) fn lines(input: Box<dyn Read + Send>, limit: usize) -> io::Result<Receiver<Action>> {
    spawn(move |actions| {
        let mut input = BufReader::new(input);
        let mut number = 0_u64;
        loop {
            number += 1;
            let action = match read_line(&mut input, limit) {
                Ok(None) => return,
                Ok(Some(line)) if line.len() > limit => {
                    let what = format!("line {number}");
                    let _ = actions.blocking_send(Action::Refuse(CommandError::TooLarge { what, limit }));
                    return;
                }
                Ok(Some(line)) => match String::from_utf8(line) {
                    Ok(line) => interpret(line, limit).unwrap_or_else(Action::Refuse),
                    Err(_) => Action::Refuse(CommandError::NotText(format!("line {number}"))),
                },
                Err(error) => {
                    let _ = actions.blocking_send(Action::Refuse(CommandError::Input(error)));
                    return;
                }
            };
            if actions.blocking_send(action).is_err() {
                return;
            }
        }
    })
}

/// All of `input` becomes one message.
pub(super) fn whole(
    mut input: Box<dyn Read + Send>,
    binary: bool,
    limit: usize,
) -> io::Result<Receiver<Action>> {
    spawn(move |actions| {
        let action = match read_whole(&mut input, limit) {
            Ok(content) => whole_message(content, "the input", binary, limit).unwrap_or_else(Action::Refuse),
            Err(error) => Action::Refuse(CommandError::Input(error)),
        };
        // A conversation that has ended needs no message.
        let _ = actions.blocking_send(action);
    })
}

/// These lines become actions.
pub(super) fn given(lines: Vec<String>, limit: usize) -> io::Result<Receiver<Action>> {
    spawn(move |actions| {
        for line in lines {
            let action = interpret(line, limit).unwrap_or_else(Action::Refuse);
            if actions.blocking_send(action).is_err() {
                return;
            }
        }
    })
}

fn spawn(work: impl FnOnce(&Sender<Action>) + Send + 'static) -> io::Result<Receiver<Action>> {
    let (sender, receiver) = channel(QUEUE);
    thread::Builder::new()
        .name("input".to_owned())
        .spawn(move || work(&sender))?;
    Ok(receiver)
}

/// The next line without its end; `None` at the end of the input. A line beyond `limit` comes cut off behind it.
fn read_line(input: &mut impl BufRead, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    // Room for a carriage return and a line feed behind the longest line.
    let length = input.take(limit as u64 + 2).read_until(b'\n', &mut line)?;
    if length == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
    }
    Ok(Some(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(mut actions: Receiver<Action>) -> Vec<Action> {
        std::iter::from_fn(|| actions.blocking_recv()).collect()
    }

    fn text(text: &str) -> Action {
        Action::Text(text.to_owned())
    }

    #[test]
    fn each_line_is_a_message_whatever_ends_it() {
        let actions = lines(Box::new(&b"one\r\n\ntwo words\n/ping x\nlast"[..]), 100).unwrap();
        assert_eq!(
            collect(actions),
            [
                text("one"),
                text(""),
                text("two words"),
                Action::Ping(b"x".to_vec()),
                text("last")
            ]
        );
    }

    #[test]
    fn a_line_that_is_not_utf8_is_refused_and_the_rest_goes_on() {
        let actions = collect(lines(Box::new(&b"a\n\xff\nb"[..]), 100).unwrap());
        assert_eq!(actions.len(), 3);
        assert!(
            matches!(&actions[1], Action::Refuse(error) if error.to_string().starts_with("line 2 is not UTF-8"))
        );
        assert_eq!(actions[2], text("b"));
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_beyond_ends_the_input() {
        let input = b"12345\r\n123456\nnever";
        let actions = collect(lines(Box::new(&input[..]), 5).unwrap());
        assert_eq!(actions[0], text("12345"));
        assert!(
            matches!(&actions[1], Action::Refuse(error) if error.to_string().starts_with("line 2 is larger"))
        );
        assert_eq!(actions.len(), 2);
    }

    #[test]
    fn d15_the_whole_input_is_one_message_with_its_line_ends() {
        assert_eq!(
            collect(whole(Box::new(&b"a\nb\n"[..]), false, 4).unwrap()),
            [text("a\nb\n")]
        );
        assert_eq!(
            collect(whole(Box::new(&b"\xff"[..]), true, 4).unwrap()),
            [Action::Binary(vec![255])]
        );
        let refused = collect(whole(Box::new(&b"12345"[..]), false, 4).unwrap());
        assert!(
            matches!(&refused[..], [Action::Refuse(error)] if error.to_string().starts_with("the input is larger"))
        );
    }
}
