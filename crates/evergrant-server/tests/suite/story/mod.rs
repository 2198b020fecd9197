//! The story of a grant and its user, from end to end: through HTTP alone, and again with a real Chromium that clicks.
//! Chromium and its driver come from `cargo xtask setup`.

mod app;
mod astray;
mod browser;
mod eye;
mod person;
mod plot;
mod reader;

use std::sync::Arc;

use self::{
    browser::{Browser, DESK_AT_NIGHT, PHONE},
    plot::Plot,
    reader::Reader,
};

#[tokio::test]
async fn the_whole_story_is_told_through_http_alone() {
    let mut plot = Plot::begin().await;
    let world = Arc::clone(&plot.world);
    plot.play(&Reader::new(&world)).await;
}

#[tokio::test]
async fn the_whole_story_is_clicked_through_on_a_phone() {
    Plot::begin().await.play(&Browser::open(PHONE).await).await;
}

#[tokio::test]
async fn the_whole_story_is_clicked_through_at_a_desk_at_night() {
    Plot::begin().await.play(&Browser::open(DESK_AT_NIGHT).await).await;
}
