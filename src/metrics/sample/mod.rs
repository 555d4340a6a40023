//! The vocabulary of measurement: what is timed, what is counted, how a connection ends, what can go wrong.

mod close;
mod counter;
mod error_class;
mod trend;

pub use close::{CloseCause, Side};
pub use counter::Counter;
pub use error_class::ErrorClass;
pub use trend::Trend;

#[cfg(test)]
mod tests {
    use super::*;

    /// The tables are indexed by discriminant, so a list out of order would count one thing as another.
    #[test]
    fn every_list_holds_each_variant_at_its_own_index() {
        assert!(
            Trend::ALL
                .iter()
                .enumerate()
                .all(|(index, &trend)| trend as usize == index)
        );
        assert!(
            Counter::ALL
                .iter()
                .enumerate()
                .all(|(index, &counter)| counter as usize == index)
        );
        assert!(
            CloseCause::ALL
                .iter()
                .enumerate()
                .all(|(index, &cause)| cause as usize == index)
        );
        assert!(
            Side::ALL
                .iter()
                .enumerate()
                .all(|(index, &side)| side as usize == index)
        );
        assert!(
            ErrorClass::ALL
                .iter()
                .enumerate()
                .all(|(index, &class)| class as usize == index)
        );
    }

    #[test]
    fn every_name_is_in_the_documentation() {
        let documented = include_str!("../../../docs/metrics.md");
        let name = |value: serde_json::Result<serde_json::Value>| value.unwrap().as_str().unwrap().to_owned();
        let names = (Trend::ALL.iter().map(serde_json::to_value))
            .chain(Counter::ALL.iter().map(serde_json::to_value))
            .chain(CloseCause::ALL.iter().map(serde_json::to_value))
            .chain(ErrorClass::ALL.iter().map(serde_json::to_value))
            .map(name);
        let missing: Vec<_> = names
            .filter(|name| !documented.contains(&format!("| `{name}` |")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn an_attempt_to_connect_ends_by_the_classes_up_to_the_upgrade() {
        assert!(ErrorClass::UpgradeEof.is_connect() && ErrorClass::Resolve.is_connect());
        assert!(!ErrorClass::Protocol.is_connect() && !ErrorClass::ConnectionLost.is_connect());
    }
}
