//! [`RoomName`]: a room inside a route.

use std::sync::Arc;

use http::StatusCode;

use super::query::Query;
use super::refusal::Refusal;

/// A room inside a route: its sessions hear each other and nobody else. The default room has the empty name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RoomName(Option<Arc<str>>);

/// Why a room cannot have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RoomNameError {
    #[error("a room's name has at most {MAX_ROOM_NAME} bytes")]
    TooLong,
    #[error("a room's name is UTF-8 without control characters")]
    NotText,
}

/// Longest name, in bytes after percent-decoding.
pub(crate) const MAX_ROOM_NAME: usize = 64;

impl RoomName {
    /// The room of this name.
    ///
    /// # Errors
    /// It is too long or has characters that would disturb a log.
    pub(crate) fn new(name: &str) -> Result<Self, RoomNameError> {
        // Decoding puts the replacement character where there was no UTF-8.
        let is_text = |c: char| !c.is_control() && c != char::REPLACEMENT_CHARACTER;
        if name.len() > MAX_ROOM_NAME {
            Err(RoomNameError::TooLong)
        } else if !name.chars().all(is_text) {
            Err(RoomNameError::NotText)
        } else {
            Ok(Self((!name.is_empty()).then(|| name.into())))
        }
    }

    /// The room that `room` in a query names; the default room without it.
    ///
    /// # Errors
    /// As [`RoomName::new`].
    pub(crate) fn from_query(query: Query<'_>) -> Result<Self, RoomNameError> {
        query
            .value("room")
            .map_or_else(|| Ok(Self::default()), |name| Self::new(&name))
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether it is the route's room without a name.
    pub(crate) fn is_default(&self) -> bool {
        self.0.is_none()
    }
}

impl From<RoomNameError> for Refusal {
    fn from(error: RoomNameError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(query: &str) -> Result<String, RoomNameError> {
        RoomName::from_query(Query::new(query)).map(|room| room.as_str().to_owned())
    }

    #[test]
    fn a_name_is_percent_decoded() {
        for (query, expected) in [
            ("", ""),
            ("room=", ""),
            ("rooms=x", ""),
            ("token=t&room=lobby", "lobby"),
            ("room=Caf%C3%A9+1", "Café 1"),
            ("room=a=b%26c", "a=b&c"),
            ("room=%2Fchat%3Fx", "/chat?x"),
        ] {
            assert_eq!(name(query).as_deref(), Ok(expected), "{query}");
        }
        assert!(RoomName::from_query(Query::new("room=")).unwrap().is_default());
    }

    #[test]
    fn a_long_or_unreadable_name_is_refused() {
        let longest = "x".repeat(MAX_ROOM_NAME);
        assert_eq!(name(&format!("room={longest}")), Ok(longest.clone()));
        assert_eq!(name(&format!("room={longest}y")), Err(RoomNameError::TooLong));
        for query in ["room=%FF", "room=a%0Ab", "room=%00"] {
            assert_eq!(name(query), Err(RoomNameError::NotText), "{query}");
        }
    }
}
