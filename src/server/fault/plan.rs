//! [`FaultPlan`]: the faults of a connection, as a query and a file write them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::effect::Effect;
use super::kind::FaultKind;

/// The faults of a connection, at most one of each kind.
///
/// In a query each is a parameter `fault=NAME:SETTING`; in a file they are a mapping from name to setting:
/// `{delay: uniform(5ms,50ms), drop: every(10), seed: 7}`. A setting `{uniform: [5ms, 50ms]}` is the same as `uniform(5ms,50ms)`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    faults: Vec<Fault>,
    /// What chances and distributions are drawn from; random without it.
    seed: Option<u64>,
}

/// A fault and how it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    pub(crate) effect: Effect,
    setting: Box<str>,
}

/// Why a fault cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// There is none of this name.
    #[error("there is no fault `{name}`; there are {}, and `seed`", names())]
    Unknown {
        /// As it was written.
        name: String,
    },
    /// The setting cannot be read.
    #[error("fault `{name}:{setting}`: expected {expected}")]
    Setting {
        /// The fault's name.
        name: String,
        /// As it was written.
        setting: String,
        /// What it can be.
        expected: &'static str,
    },
}

fn names() -> String {
    let names: Vec<_> = FaultKind::ALL.iter().map(|kind| format!("`{kind}`")).collect();
    names.join(", ")
}

impl FaultPlan {
    /// Whether there are no faults.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Adds a fault, in place of one of the same kind.
    ///
    /// # Errors
    /// A name that is unknown, or a setting that the fault does not understand.
    pub fn add(&mut self, name: &str, setting: &str) -> Result<(), FaultError> {
        let refuse = |expected| FaultError::Setting {
            name: name.to_owned(),
            setting: setting.to_owned(),
            expected,
        };
        if name == "seed" {
            let seed = setting.parse().map_err(|_| refuse("a whole number"))?;
            self.seed = Some(seed);
            return Ok(());
        }
        let kind = FaultKind::by_name(name).ok_or_else(|| FaultError::Unknown {
            name: name.to_owned(),
        })?;
        let effect = Effect::parse(kind, setting).map_err(refuse)?;
        self.put(Fault {
            kind,
            effect,
            setting: setting.into(),
        });
        Ok(())
    }

    /// Adds what `NAME:SETTING` says; a fault without a setting is its name alone.
    ///
    /// # Errors
    /// Those of [`FaultPlan::add`].
    pub fn add_written(&mut self, text: &str) -> Result<(), FaultError> {
        let (name, setting) = text.split_once(':').unwrap_or((text, ""));
        self.add(name, setting)
    }

    /// Adds all that `other` has, in place of what is here.
    pub(crate) fn extend(&mut self, other: &Self) {
        for fault in &other.faults {
            self.put(fault.clone());
        }
        self.seed = other.seed.or(self.seed);
    }

    fn put(&mut self, fault: Fault) {
        self.faults.retain(|known| known.kind != fault.kind);
        self.faults.push(fault);
    }

    /// The faults.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Their effects.
    pub(crate) fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.faults.iter().map(|fault| &fault.effect)
    }

    /// What to draw from: the given seed, or a random one.
    pub(crate) fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(rand::random)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.setting {
            "" => write!(f, "{}", self.kind),
            setting => write!(f, "{}:{setting}", self.kind),
        }
    }
}

impl<'de> Deserialize<'de> for FaultPlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Mapping;
        impl<'de> Visitor<'de> for Mapping {
            type Value = FaultPlan;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping from faults to their settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FaultPlan, A::Error> {
                let mut plan = FaultPlan::default();
                while let Some(name) = map.next_key::<String>()? {
                    let Setting(setting) = map.next_value()?;
                    plan.add(&name, &setting).map_err(A::Error::custom)?;
                }
                Ok(plan)
            }
        }
        deserializer.deserialize_map(Mapping)
    }
}

/// A setting in a file, in the notation of a query.
struct Setting(String);

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Notation;
        impl<'de> Visitor<'de> for Notation {
            type Value = Setting;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the setting of a fault")
            }

            fn visit_str<E>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting(text.to_owned()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Setting, E> {
                Ok(Setting(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Setting, E> {
                Ok(Setting(number.to_string()))
            }

            fn visit_bool<E>(self, on: bool) -> Result<Setting, E> {
                Ok(Setting(on.to_string()))
            }

            fn visit_unit<E>(self) -> Result<Setting, E> {
                Ok(Setting(String::new()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Setting, A::Error> {
                let mut parts = Vec::new();
                while let Some(Setting(part)) = list.next_element()? {
                    parts.push(part);
                }
                Ok(Setting(parts.join(",")))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
                let call = map.next_entry::<String, Setting>()?;
                match (call, map.next_key::<String>()?) {
                    (Some((name, Setting(arguments))), None) => Ok(Setting(format!("{name}({arguments})"))),
                    _ => Err(A::Error::custom(
                        "a setting has one name, such as {uniform: [5ms, 50ms]}",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Notation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(texts: &[&str]) -> FaultPlan {
        let mut plan = FaultPlan::default();
        for text in texts {
            plan.add_written(text).unwrap();
        }
        plan
    }

    fn texts(plan: &FaultPlan) -> Vec<String> {
        plan.faults().iter().map(Fault::to_string).collect()
    }

    #[test]
    fn a_file_says_the_same_as_a_query() {
        let yaml = "{delay: {uniform: [5ms, 50ms]}, drop: [3, 7], duplicate: {every: 10}, mute-pong: true, \
                    corrupt: {chance: 0.5}, fin: 3, seed: 7}";
        let plan: FaultPlan = serde_saphyr::from_str(yaml).unwrap();
        let query = written(&[
            "delay:uniform(5ms,50ms)",
            "drop:3,7",
            "duplicate:every(10)",
            "mute-pong:true",
            "corrupt:chance(0.5)",
            "fin:3",
            "seed:7",
        ]);
        assert_eq!(plan, query);
        assert_eq!(plan.seed(), 7);
    }

    #[test]
    fn the_later_of_a_kind_stands() {
        let mut plan = written(&["delay:1ms", "drop:1", "delay:2ms"]);
        assert_eq!(texts(&plan), ["drop:1", "delay:2ms"]);
        plan.extend(&written(&["drop:2", "mute-pong"]));
        assert_eq!(texts(&plan), ["delay:2ms", "drop:2", "mute-pong"]);
    }

    #[test]
    fn mistakes_are_told_with_what_is_possible() {
        let mistake = |text| FaultPlan::default().add_written(text).unwrap_err().to_string();
        assert!(
            mistake("dealy:1ms").starts_with("there is no fault `dealy`; there are `delay`, `stall`, `drop`")
        );
        assert_eq!(
            mistake("drop:0"),
            "fault `drop:0`: expected message numbers from 1 (`3` or `3,7`), `every(N)`, or `chance(P)` with P from 0 to 1"
        );
        assert_eq!(mistake("seed:x"), "fault `seed:x`: expected a whole number");
        let error = serde_saphyr::from_str::<FaultPlan>("{delay: fast}").unwrap_err();
        assert!(
            error.to_string().contains("fault `delay:fast`: expected `50ms`"),
            "{error}"
        );
    }
}
