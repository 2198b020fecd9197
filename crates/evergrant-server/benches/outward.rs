//! What goes outward: messages to a webhook, and events to ten thousand listeners.
//!
//! Yardstick of the messages: a bare hyper client that posts the same bytes to the same receiver over as many kept
//! connections as the courier uses. It signs nothing and writes nothing down. Yardstick of the listeners: a bare axum
//! handler that hands out what a broadcast channel brings, in the same process.

#[path = "../../evergrant/benches/support/report.rs"]
mod report;

#[path = "outward/listeners.rs"]
mod listeners;
#[path = "outward/messages.rs"]
mod messages;
#[path = "outward/world.rs"]
mod world;

/// As the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    // This program is also the one that listens, as a process of its own: its memory is not the server's.
    if let Some(crowd) = listeners::Crowd::from_environment() {
        crowd.listen();
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    messages::measure(&runtime);
    listeners::measure(&runtime);
}
