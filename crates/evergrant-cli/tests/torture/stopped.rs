//! A process that is stopped for longer than its lease, and goes on.
//!
//! Nobody waits for a lease here: the successor runs in a time namespace whose clock of leases is ahead, so that it
//! sees at once what it would see after the time has passed. `waited` does wait.

use std::{net::SocketAddr, time::Duration};

use rustix::{
    process::Signal,
    time::{ClockId, clock_gettime},
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    process::Command,
    task::JoinSet,
};

use crate::{
    process::{Process, until},
    provider::{P7, Policy},
    world::{World, journalled},
};

/// Longer than a lease of 60 s.
const BEYOND_THE_LEASE: Duration = Duration::from_secs(90);

/// Longer than a process of an open attempt is given to come back, 10 min.
const BEYOND_OWNER_WAIT: Duration = Duration::from_secs(660);

/// A window so short that a request has to leave within half a second.
const HURRIED: Policy = Policy {
    provider: r#"{ policy = "P3", window_s = 3 }"#,
    evergrant: "grace_same,window=3",
    window: Some(Duration::from_secs(3)),
};

/// The program, on a clock of leases that is ahead by so much.
fn later(world: &World, by: Duration, arguments: &[&str]) -> Process {
    let mut command = Command::new("unshare");
    command.args(["--time", "--boottime", &by.as_secs().to_string(), "--"]);
    command.arg(env!("CARGO_BIN_EXE_evergrant")).args(arguments);
    world.dress(&mut command, &world.store());
    Process::start(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stopped_with_its_answer_on_the_way_does_not_overwrite_its_successor() {
    let world = World::with_client(P7).await;
    let kept = world.import().await;
    world.run(&["token", &kept.grant]).await.good();
    let hold = world.provider.hold_answers(Some(1)).await;
    let stopped = world.start(&["token", &kept.grant, "--refresh", "--wait", "60"]);
    hold.wait(1).await;
    stopped.signal(Signal::STOP);

    // It counts as alive, but its lease is over, and the provider forgives a repetition for half an hour.
    let successor = later(&world, BEYOND_THE_LEASE, &["token", &kept.grant, "--refresh"]);
    let token = successor.finish().await.good();
    assert_eq!(world.run(&["token", &kept.grant]).await.good(), token);
    let generation = world.show(&kept.grant).await["generation"].clone();

    hold.release().await;
    stopped.signal(Signal::CONT);
    let late = stopped.finish().await.good();
    assert_eq!(late, token, "the one that came late serves what its successor has brought");
    let shown = world.show(&kept.grant).await;
    assert_eq!(shown["generation"], generation, "{shown:#}");
    assert_eq!(shown["state"], "active");
    assert_eq!(world.run(&["token", &kept.grant]).await.good(), token);

    // What it had brought is not presented: the next refresh goes on from the successor's.
    world.run(&["token", &kept.grant, "--refresh"]).await.good();
    let refreshes = world.provider.refreshes().await;
    let presented: Vec<_> = refreshes.iter().map(|refresh| refresh.presented_before).collect();
    assert_eq!(presented, [Some(0), Some(0), Some(1), Some(0)], "{refreshes:#?}");
    assert_eq!(refreshes[3].generation, refreshes[2].issued_generation);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_stopped_with_its_answer_on_the_way_goes_on_with_what_its_successor_has_brought() {
    let world = World::with_client(P7).await;
    let kept = world.import().await;
    let hold = world.provider.hold_answers(Some(1)).await;
    let server = world.serve(None).await;
    hold.wait(1).await;
    server.process.signal(Signal::STOP);
    let successor = later(&world, BEYOND_THE_LEASE, &["token", &kept.grant]);
    let token = successor.finish().await.good();
    hold.release().await;
    server.process.signal(Signal::CONT);
    until("the late answer is recorded", async || {
        let outcomes = server.outcomes(&world.http, &kept.grant).await;
        outcomes.iter().all(|outcome| outcome == "succeeded").then_some(())
    })
    .await;
    let (status, answer) = server.token(&world.http, &kept.grant).await.unwrap();
    assert_eq!((status, &answer["access_token"]), (200, &token.into()), "{answer}");
    let refreshes = world.provider.refreshes().await;
    let presented: Vec<_> = refreshes.iter().map(|refresh| refresh.presented_before).collect();
    assert_eq!(presented, [Some(0), Some(1)], "{refreshes:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_stopped_before_it_has_sent_does_not_send_after_its_successor() {
    let mut world = World::new(HURRIED).await;
    // On the machine's own clock: a stopped process has to find out by itself how late it is.
    world.clock = false;
    let gate = Gate::closed(world.provider.address()).await;
    world.add_client(&["--token-endpoint", &format!("http://{}/token", gate.address)]).await;
    let kept = world.import().await;
    let peek = world.peek();
    let stopped = world.start(&["token", &kept.grant, "--wait", "60"]);
    until("the attempt is journalled", async || (journalled(&peek) > 0).then_some(())).await;
    stopped.signal(Signal::STOP);
    let boottime = || clock_gettime(ClockId::Boottime);
    let too_late = boottime().tv_sec + 2;

    let _open = gate.open();
    let successor = later(&world, BEYOND_OWNER_WAIT, &["token", &kept.grant]);
    let token = successor.finish().await.good();
    until("its time to send is over", async || (boottime().tv_sec >= too_late).then_some(())).await;
    stopped.signal(Signal::CONT);
    assert_eq!(stopped.finish().await.good(), token);
    assert_eq!(world.provider.refreshes().await.len(), 1, "what was stopped was not sent");
    let shown = world.show(&kept.grant).await;
    let outcomes: Vec<_> = shown["attempts"].as_array().unwrap().iter().map(|it| &it["outcome"]).collect();
    assert!(outcomes[1].to_string().contains("failed"), "{shown:#}");
}

/// A token endpoint that nobody can connect to until it is opened: the kernel's line before it is full.
struct Gate {
    address: SocketAddr,
    listener: TcpListener,
    target: SocketAddr,
    _queued: Vec<TcpStream>,
}

impl Gate {
    async fn closed(target: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        // A line of length zero takes one.
        let queued = vec![TcpStream::connect(address).await.unwrap()];
        Self { address, listener, target, _queued: queued }
    }

    /// Leads every connection on to the target until the set is dropped.
    fn open(self) -> JoinSet<()> {
        let mut opened = JoinSet::new();
        opened.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut from, _) = self.listener.accept().await.unwrap();
                let target = self.target;
                connections.spawn(async move {
                    let mut to = TcpStream::connect(target).await.unwrap();
                    // Either end may break off.
                    let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                });
            }
        });
        opened
    }
}
