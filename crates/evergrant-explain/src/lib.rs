//! What went wrong, from whatever somebody has at hand, and the pages that say what helps. Pure.

pub mod explanation;
pub mod problems;
pub mod reading;
