//! [`FaultTally`]: how often each fault was applied, for journal and metrics.

use std::rc::Rc;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::kind::FaultKind;
use super::plan::FaultPlan;
use crate::server::metrics::Counter;
use crate::server::worker::Worker;

/// The faults of a connection and how often each was applied so far. Its worker's thread writes, any thread reads.
#[derive(Debug)]
pub(crate) struct FaultRecord {
    faults: Vec<(FaultKind, String, Counter)>,
}

impl FaultRecord {
    /// A record without an entry yet.
    pub(crate) fn new(plan: &FaultPlan) -> Self {
        let faults = plan.faults().iter();
        Self {
            faults: faults
                .map(|fault| (fault.kind, fault.to_string(), Counter::default()))
                .collect(),
        }
    }
}

/// In the journal: from each fault, as it was written, to the number of times.
impl Serialize for FaultRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.faults.len()))?;
        for (_, text, count) in &self.faults {
            map.serialize_entry(text, &count.get())?;
        }
        map.end()
    }
}

/// Counts what is done to a connection, for its journal and for its worker's metrics.
#[derive(Clone, Debug)]
pub(crate) struct FaultTally {
    pub(crate) record: Arc<FaultRecord>,
    worker: Rc<Worker>,
}

impl FaultTally {
    pub(crate) fn new(plan: &FaultPlan, worker: Rc<Worker>) -> Self {
        Self {
            record: Arc::new(FaultRecord::new(plan)),
            worker,
        }
    }

    /// The fault was applied.
    pub(crate) fn count(&self, kind: FaultKind) {
        self.worker.metrics().faults[kind.index()].add(1);
        if let Some((_, _, count)) = self.record.faults.iter().find(|(known, ..)| *known == kind) {
            count.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::testing;

    #[test]
    fn counts_reach_the_journal_and_the_metrics() {
        let mut plan = FaultPlan::default();
        plan.add_written("drop:every(2)").unwrap();
        plan.add_written("delay:1ms").unwrap();
        let worker = testing::worker();
        let tally = FaultTally::new(&plan, worker.clone());
        tally.count(FaultKind::Drop);
        tally.count(FaultKind::Drop);
        assert_eq!(
            serde_json::to_value(&*tally.record).unwrap(),
            serde_json::json!({ "drop:every(2)": 2, "delay:1ms": 0 })
        );
        assert_eq!(worker.metrics().faults[FaultKind::Drop.index()].get(), 2);
    }
}
