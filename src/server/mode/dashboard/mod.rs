//! `dashboard`: the server pushes its own figures as JSON at an interval of the client's choice (seeds A23, A32).
//!
//! | file | purpose |
//! |---|---|
//! | `config` | [`DashboardConfig`]: the settings; which intervals there are |
//! | `schedule` | when a tick is due, without drift |
//! | `figures` | what a tick tells, put together once per worker and moment |
//! | `series` | figures that stand for those of a larger system |
//! | `command` | what a client may ask for |
//! | `session` | [`Dashboard`]: the mode |

mod command;
mod config;
mod figures;
mod schedule;
mod series;
mod session;

pub use config::DashboardConfig;
pub(super) use session::Dashboards;
