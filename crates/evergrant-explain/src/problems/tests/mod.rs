//! The pages as they are.

mod pages;
mod wordings;
