//! The run as one page of HTML: verdict, checks, figures, charts, tables, scenario, environment.
//!
//! | file | purpose |
//! |---|---|
//! | `page` | the page and its order |
//! | `tables` | its tables |
//! | `charts` | which charts a run gets |
//! | `chart` | how one is drawn |
//! | `style.css` | what it looks like by day, by night, on a phone and on paper |
//!
//! It needs no network and no script: the style sheet and the pictures are inside, and a policy in its head forbids
//! everything else.

mod chart;
mod charts;
mod page;
mod tables;

pub(super) use page::render;
