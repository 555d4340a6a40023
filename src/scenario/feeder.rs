//! [`Feeder`]: which row of a table a client gets next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rand::RngExt;

use super::template::ClientRng;
use super::values::Table;

/// In which order rows are handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// Client `n` begins at row `n` and goes on by one row: the same in every run, whatever the timing.
    Sequential,
    /// Each row once, to whoever comes first, over all clients and workers.
    Shared,
    /// Any row, drawn by the client's own generator.
    Random,
}

/// Where the clients of a group take their rows from.
#[derive(Clone, Debug)]
pub struct Feeder {
    /// The rows; at least one.
    pub table: Arc<Table>,
    /// How they are handed out.
    pub order: RowOrder,
    /// Whether the first row follows the last; otherwise clients that find no row leave.
    pub wraps: bool,
    /// Whether a client keeps its row for all its flows.
    pub per_client: bool,
}

impl Feeder {
    /// The row for the `taken`-th time (from 0) that this client takes one; `None` when there is none left. `cursor` counts
    /// the rows that were handed out to all clients.
    pub fn row(&self, client: u64, taken: u64, cursor: &AtomicU64, random: &mut ClientRng) -> Option<u32> {
        let rows = self.table.rows() as u64;
        let index = match self.order {
            RowOrder::Sequential => client.wrapping_add(taken),
            RowOrder::Shared => cursor.fetch_add(1, Ordering::Relaxed),
            RowOrder::Random => random.random_range(0..rows.max(1)),
        };
        let index = if self.wraps {
            index.checked_rem(rows)?
        } else {
            index
        };
        u32::try_from(index).ok().filter(|row| u64::from(*row) < rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::client_rng;

    fn feeder(order: RowOrder, wraps: bool) -> Feeder {
        let table = Table::new(vec!["n".to_owned()], b"abc".to_vec(), vec![1, 2, 3]);
        Feeder {
            table: Arc::new(table),
            order,
            wraps,
            per_client: false,
        }
    }

    #[test]
    fn rows_follow_the_order_and_end_or_begin_again() {
        let cursor = AtomicU64::new(0);
        let mut random = client_rng(1, 1);
        let mut rows = |feeder: &Feeder, client: u64| -> Vec<Option<u32>> {
            (0..4)
                .map(|taken| feeder.row(client, taken, &cursor, &mut random))
                .collect()
        };
        assert_eq!(
            rows(&feeder(RowOrder::Sequential, false), 1),
            [Some(1), Some(2), None, None]
        );
        assert_eq!(
            rows(&feeder(RowOrder::Sequential, true), 1),
            [Some(1), Some(2), Some(0), Some(1)]
        );
        let shared = feeder(RowOrder::Shared, false);
        assert_eq!(rows(&shared, 5), [Some(0), Some(1), Some(2), None]);
        assert_eq!(rows(&shared, 6), [None; 4]);
        let random = feeder(RowOrder::Random, false);
        assert!(rows(&random, 7).iter().all(|row| row.is_some_and(|row| row < 3)));
    }
}
