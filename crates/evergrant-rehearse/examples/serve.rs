//! The rehearsal server with its demonstration set, in real time: `cargo run -p evergrant-rehearse --example serve`.

use evergrant_rehearse::{Rehearsal, banner};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8790".into());
    let rehearsal = Rehearsal::builder().real_time().start(listen.parse()?).await?;
    println!("{}", banner(&rehearsal));
    std::future::pending().await
}
