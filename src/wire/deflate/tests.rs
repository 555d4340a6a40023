//! Tests of permessage-deflate by section of RFC 7692.

mod coding;
mod distances;
mod negotiating;
