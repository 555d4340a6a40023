//! A [`Histogram`] as text: HdrHistogram's V2 encoding, compressed, in base64, which every HdrHistogram library reads.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::histogram::Histogram;

/// Why a text is no histogram.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// It is not base64.
    #[error("not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The bytes are not of a histogram that this library reads.
    #[error("not a histogram in HdrHistogram's V2 encoding: {0}")]
    Encoding(#[from] hdrhistogram::serialization::DeserializeError),
}

impl Histogram {
    /// The histogram as text.
    #[must_use]
    pub fn to_base64(&self) -> String {
        let mut bytes = Vec::new();
        // Writing into memory fails only for histograms larger than any that an hour in nanoseconds makes.
        let written = V2DeflateSerializer::new().serialize(self.counts(), &mut bytes);
        debug_assert!(written.is_ok(), "{written:?}");
        STANDARD.encode(bytes)
    }

    /// Reads such a text. Mean, spread and extremes are those of the buckets, exact to three digits.
    ///
    /// # Errors
    ///
    /// If it is no histogram.
    pub fn from_base64(text: &str) -> Result<Self, HistogramError> {
        let bytes = STANDARD.decode(text)?;
        let mut counts = Deserializer::new().deserialize(&mut bytes.as_slice())?;
        // Others that are merged into it may have counted longer durations.
        counts.auto(true);
        Ok(Self::of_counts(counts))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_counted_is_read_back() {
        let mut histogram = Histogram::new();
        for nanos in (0..60).map(|bits| 1_u64 << (bits % 42)) {
            histogram.record(Duration::from_nanos(nanos));
        }
        let read = Histogram::from_base64(&histogram.to_base64()).unwrap();
        assert_eq!(
            read.buckets().collect::<Vec<_>>(),
            histogram.buckets().collect::<Vec<_>>()
        );
        let deviation = read.mean().as_secs_f64() / histogram.mean().as_secs_f64() - 1.0;
        assert!(deviation.abs() < 1e-3, "{deviation}");
        assert_eq!(
            Histogram::from_base64(&Histogram::new().to_base64())
                .unwrap()
                .count(),
            0
        );
    }

    #[test]
    fn what_is_no_histogram_is_refused() {
        assert!(Histogram::from_base64("no base64!").is_err());
        assert!(Histogram::from_base64("AAAA").is_err());
    }
}
