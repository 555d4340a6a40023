//! [`Judge`]: evaluates thresholds while a run goes on, and for good at its end.

use crate::metrics::{Measured, ThresholdResult, ThresholdState, ThresholdVerdict, Thresholds};

use super::threshold::Threshold;

/// The thresholds of a run and how each one stands.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    thresholds: Vec<Threshold>,
    results: Vec<ThresholdResult>,
}

impl Judge {
    /// Nothing has been measured yet.
    #[must_use]
    pub fn new(thresholds: Vec<Threshold>) -> Self {
        let results = thresholds
            .iter()
            .map(|threshold| ThresholdResult {
                metric: threshold.metric.to_string(),
                expression: threshold.expression.to_string(),
                unit: threshold.metric.unit(threshold.expression.aggregate),
                limit: threshold.expression.limit,
                value: None,
                state: ThresholdState::NoData,
                aborted: false,
            })
            .collect();
        Self { thresholds, results }
    }

    /// Judges by what has been measured so far. The first threshold that asks for the end of the run is marked so and
    /// returned; once one did, no other does.
    pub fn look(&mut self, measured: &Measured<'_>) -> Option<&ThresholdResult> {
        let ended_before = self.results.iter().any(|result| result.aborted);
        let mut ending = None;
        for (index, (threshold, result)) in self.thresholds.iter().zip(&mut self.results).enumerate() {
            judge(threshold, result, measured);
            let is_due = threshold.abort_on_fail && measured.elapsed >= threshold.delay_abort_eval;
            if is_due && result.state == ThresholdState::Crossed && !ended_before && ending.is_none() {
                result.aborted = true;
                ending = Some(index);
            }
        }
        ending.map(|index| &self.results[index])
    }

    /// How each threshold stands, in the order in which they were given.
    #[must_use]
    pub fn results(&self) -> &[ThresholdResult] {
        &self.results
    }

    /// Judges by everything that was measured.
    #[must_use]
    pub fn finish(mut self, measured: &Measured<'_>) -> Thresholds {
        for (threshold, result) in self.thresholds.iter().zip(&mut self.results) {
            judge(threshold, result, measured);
            // What ended the run stays crossed, although the messages that were under way may have mended the figure.
            if result.aborted {
                result.state = ThresholdState::Crossed;
            }
        }
        let verdict = if self.results.is_empty() {
            ThresholdVerdict::None
        } else if self
            .results
            .iter()
            .all(|result| result.state == ThresholdState::Passed)
        {
            ThresholdVerdict::Passed
        } else {
            ThresholdVerdict::Crossed
        };
        Thresholds {
            verdict,
            results: self.results,
        }
    }
}

fn judge(threshold: &Threshold, result: &mut ThresholdResult, measured: &Measured<'_>) {
    let expression = &threshold.expression;
    result.value = threshold.metric.value(expression.aggregate, measured);
    result.state = match result.value {
        None => ThresholdState::NoData,
        Some(value) if expression.operator.holds(value, expression.limit) => ThresholdState::Passed,
        Some(_) => ThresholdState::Crossed,
    };
}

#[cfg(test)]
mod tests;
