//! [`Action`]: what can be asked for.

use http::Method;
use serde::Deserialize;

use crate::load::{Control, MAX_SCALED_CLIENTS};

use super::status::{LoadKind, RunIdentity};

/// A request that was understood.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    Status,
    Pause,
    Resume,
    Clients(Option<u64>),
    Rate(f64),
    Stop,
    Interrupt,
    Abort,
}

/// Why a request was not understood, or cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ActionError {
    #[error(
        "there is no {0}; there are GET /status, POST /pause, /resume, /scale, /stop, /interrupt and /abort"
    )]
    NotFound(String),
    #[error("use {0}")]
    Method(&'static str),
    #[error(
        "expected {{\"clients\": 500}}, {{\"clients\": null}} to go back to the plan, or {{\"rate_factor\": 1.5}}: {0}"
    )]
    Body(String),
    #[error("an arrival rate is scaled by \"rate_factor\"; the number of clients follows from it")]
    Open,
    #[error("a number of clients is scaled by \"clients\"; this run has no arrival rate")]
    Closed,
    #[error("the run is about to end")]
    Ending,
}

/// The body of `POST /scale`: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    #[serde(default, deserialize_with = "present")]
    clients: Option<Option<u64>>,
    rate_factor: Option<f64>,
}

/// A field that is there, even if it is null.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u64>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Action {
    /// What a request means.
    pub(super) fn of(method: &Method, path: &str, body: &[u8]) -> Result<Self, ActionError> {
        let (action, expected) = match path {
            "/status" => (Ok(Self::Status), Method::GET),
            "/pause" => (Ok(Self::Pause), Method::POST),
            "/resume" => (Ok(Self::Resume), Method::POST),
            "/scale" => (Self::scale(body), Method::POST),
            "/stop" => (Ok(Self::Stop), Method::POST),
            "/interrupt" => (Ok(Self::Interrupt), Method::POST),
            "/abort" => (Ok(Self::Abort), Method::POST),
            other => return Err(ActionError::NotFound(other.to_owned())),
        };
        if *method != expected {
            let name = if expected == Method::GET { "GET" } else { "POST" };
            return Err(ActionError::Method(name));
        }
        action
    }

    fn scale(body: &[u8]) -> Result<Self, ActionError> {
        let scale: Scale =
            serde_json::from_slice(body).map_err(|error| ActionError::Body(error.to_string()))?;
        match (scale.clients, scale.rate_factor) {
            (Some(Some(clients)), None) if clients > MAX_SCALED_CLIENTS => {
                Err(ActionError::Body(format!("at most {MAX_SCALED_CLIENTS} clients")))
            }
            (Some(clients), None) => Ok(Self::Clients(clients)),
            (None, Some(factor)) if factor >= 0.0 => Ok(Self::Rate(factor)),
            (None, Some(_)) => Err(ActionError::Body("a factor is not negative".to_owned())),
            _ => Err(ActionError::Body("exactly one of the two".to_owned())),
        }
    }

    /// Does it.
    pub(super) fn apply(self, control: &Control, run: &RunIdentity) -> Result<(), ActionError> {
        let steers = matches!(
            self,
            Self::Pause | Self::Resume | Self::Clients(_) | Self::Rate(_)
        );
        if steers && control.state().ending {
            return Err(ActionError::Ending);
        }
        match (self, run.load) {
            (Self::Clients(_), LoadKind::Open) => return Err(ActionError::Open),
            (Self::Rate(_), LoadKind::Closed) => return Err(ActionError::Closed),
            (Self::Status, _) => {}
            (Self::Pause, _) => control.pause(),
            (Self::Resume, _) => control.resume(),
            (Self::Clients(clients), LoadKind::Closed) => control.set_clients(clients),
            (Self::Rate(factor), LoadKind::Open) => control.set_rate_factor(factor),
            (Self::Stop, _) => control.stop(),
            (Self::Interrupt, _) => control.interrupt(),
            (Self::Abort, _) => control.abort(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_understood_or_told_what_they_should_be() {
        let post = |path, body: &str| Action::of(&Method::POST, path, body.as_bytes());
        assert_eq!(Action::of(&Method::GET, "/status", b""), Ok(Action::Status));
        assert_eq!(post("/pause", ""), Ok(Action::Pause));
        assert_eq!(post("/scale", "{\"clients\": 7}"), Ok(Action::Clients(Some(7))));
        assert_eq!(post("/scale", "{\"clients\": null}"), Ok(Action::Clients(None)));
        assert_eq!(post("/scale", "{\"rate_factor\": 0.5}"), Ok(Action::Rate(0.5)));
        assert_eq!(
            Action::of(&Method::GET, "/stop", b""),
            Err(ActionError::Method("POST"))
        );
        assert_eq!(post("/status", ""), Err(ActionError::Method("GET")));
        assert!(matches!(post("/explode", ""), Err(ActionError::NotFound(_))));
        for body in [
            "",
            "{}",
            "{\"clients\": -1}",
            "{\"clients\": 1000001}",
            "{\"clients\": 1, \"rate_factor\": 2}",
            "{\"rate_factor\": -1}",
            "{\"rate_factor\": 1e999}",
            "{\"users\": 3}",
        ] {
            assert!(
                matches!(post("/scale", body), Err(ActionError::Body(_))),
                "{body}"
            );
        }
    }

    #[test]
    fn a_run_is_scaled_by_what_its_model_has() {
        let run = |load| RunIdentity {
            load,
            ..RunIdentity::default()
        };
        let control = Control::new();
        assert_eq!(
            Action::Clients(Some(3)).apply(&control, &run(LoadKind::Open)),
            Err(ActionError::Open)
        );
        assert_eq!(
            Action::Rate(2.0).apply(&control, &run(LoadKind::Closed)),
            Err(ActionError::Closed)
        );
        assert_eq!(
            Action::Clients(Some(3)).apply(&control, &run(LoadKind::Closed)),
            Ok(())
        );
        assert_eq!(control.state().clients, Some(3));
        assert_eq!(Action::Stop.apply(&control, &run(LoadKind::Closed)), Ok(()));
        assert_eq!(
            Action::Pause.apply(&control, &run(LoadKind::Closed)),
            Err(ActionError::Ending)
        );
        assert_eq!(Action::Abort.apply(&control, &run(LoadKind::Closed)), Ok(()));
    }
}
