//! Eight processes ask at once for one expired grant of a strict provider: one refresh reaches it.

#[expect(dead_code, reason = "the other tests use the rest of it")]
mod support;

use std::time::Duration;

use evergrant_rehearse::{Action, Endpoint, Fault, GrantType};
use support::{Live, World};

const PROCESSES: usize = 8;
const ROUNDS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_that_wait_for_one_expired_grant_cause_one_refresh_in_each_of_twenty_rounds() {
    let world = World::new().await;
    world.add_client().await;
    let grant = world.import().await;
    let hold = Fault::before(Action::Hold).at(Endpoint::Token).of_grant(GrantType::RefreshToken).always();
    let hold = world.rehearsal.add_fault(hold).unwrap();

    let mut tokens = Vec::new();
    for round in 1..=ROUNDS {
        let arguments = ["token", &grant, "--verbose", "--wait", "3000"];
        let mut processes: Vec<Live> = (0..PROCESSES).map(|_| world.start(&arguments)).collect();
        // Nobody is let go before all wait: one for the provider, the others for it.
        let mut for_the_provider = 0;
        for process in &mut processes {
            let line = process.line_with("waiting for").await;
            for_the_provider += usize::from(line.contains("provider"));
        }
        world.rehearsal.wait_held(hold, 1).await;
        assert_eq!(for_the_provider, 1, "round {round}");
        assert_eq!(world.rehearsal.release(hold), 1, "round {round}: one request is on its way, no more");

        let mut served = Vec::new();
        for process in processes {
            served.push(process.finish().await.good());
        }
        assert!(served.iter().all(|token| *token == served[0]), "round {round}: all get the same token");
        assert!(!tokens.contains(&served[0]), "round {round}: a new one");
        assert_eq!(world.refreshes(), round, "round {round}");
        tokens.push(served.swap_remove(0));
        world.rehearsal.advance(Duration::from_secs(301));
    }
    assert!(world.rehearsal.journal().iter().all(|entry| entry.revoked.is_empty()), "no replay was seen");
}
