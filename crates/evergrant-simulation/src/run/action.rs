//! What can happen, and how often it does.

use evergrant_proto::transaction::Command;
use evergrant_rehearse::{Action as Reaction, Endpoint, Fault};

use crate::{Blow, Dice, Doom, Fate, Mishap, Side, StoreDelay, StoreFault, Work};

/// One thing that happens. Processes, grants and users are meant by number, modulo how many there are.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Callers ask a process for a token.
    Ask {
        /// Of which process.
        process: u64,
        /// Of which grant.
        grant: u64,
        /// What would do.
        wish: Wish,
        /// For which resource; zero: the usual one.
        resource: u64,
        /// For which part of the scope; zero: the whole.
        part: u64,
        /// How many ask at once.
        callers: u64,
    },
    /// A resource server rejects the current access token.
    Reject(u64),
    /// Another process starts, up to four.
    Start,
    /// A process is killed, and perhaps another started after so many milliseconds.
    Kill(u64, Option<u64>),
    /// A process is stopped.
    Pause(u64),
    /// A stopped process goes on.
    Resume(u64),
    /// A process is struck at its next such effect.
    Doom(u64, Doom),
    /// The host sleeps for so many milliseconds: no process does anything.
    Suspend(u64),
    /// Nothing gets through for so many milliseconds.
    NetworkDown(u64),
    /// So many of a thousand requests meet a mishap.
    NetworkTrouble(u64),
    /// What happens to the next refresh.
    Mishap(Mishap),
    /// The store is away for so many milliseconds.
    StoreAway(u64),
    /// The lifeboat is away for so many milliseconds.
    LifeboatAway(u64),
    /// The store fails some commands.
    StoreFault(Struck, Fate, u32),
    /// The store is slow with some commands: milliseconds before and after they are done.
    StoreDelay(Struck, u64, u64, u32),
    /// The provider does something else.
    Provider(Box<Fault>),
    /// The provider mends.
    ProviderMends,
    /// The client's secret changes at the provider.
    SecretChanges,
    /// We learn the secret that holds at the provider.
    SecretLearned,
    /// We are given a secret that the provider will only have later.
    SecretFirst,
    /// The operator changes something else of the client.
    UpdateClient,
    /// A user's organization disables the client.
    Disable(u64),
    /// A user's organization enables the client.
    Enable(u64),
    /// A user follows a link for a grant; the callback comes once or twice, and perhaps of another user.
    Repair {
        /// The process that gets the callback.
        process: u64,
        /// The grant.
        grant: u64,
        /// Whether the browser comes back twice.
        twice: bool,
        /// Whether somebody else signs in.
        stranger: bool,
    },
    /// A user connects another grant.
    Connect(u64, u64),
    /// A user approves a device.
    Device(u64),
    /// A refresh token is imported into a grant.
    Import(u64),
    /// A user withdraws the consent.
    Withdraw(u64),
    /// The provider's administrator ends a grant.
    EndGrant(u64),
    /// Something happens to a user's account.
    Account(u64, Account),
    /// A grant is revoked by us, or removed.
    Revoke(u64, u64, bool),
    /// The store turns up elsewhere, as a copy would: nobody runs on it but who is started then, and it is quarantined.
    Copy,
    /// The operator makes a backup of the store.
    BackUp,
    /// The operator stops everything, restores a backup and starts again: the newest backup, or so many before it.
    Restore(usize),
    /// The operator adopts a quarantined store.
    Adopt,
    /// The wall clock is set by so many milliseconds.
    SetClock(i64),
}

/// What happens to a user's account at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Its password changes, which ends all its grants.
    PasswordChanges,
    /// It is disabled, which suspends them.
    IsDisabled,
    /// It is deleted, which ends them.
    IsDeleted,
    /// It is there again, and enabled.
    IsBack,
}

/// What a caller wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Any token.
    Usable,
    /// One that lives for so many seconds.
    Lasting(u64),
    /// One of a later generation than the current.
    Newer,
}

/// Which commands the store's faults strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Struck {
    /// All.
    Any,
    /// Those that record an outcome.
    Outcomes,
    /// Those that ask for the lease.
    Claims,
}

impl Struck {
    fn strikes(self) -> fn(&Command) -> bool {
        match self {
            Self::Any => |_| true,
            Self::Outcomes => {
                |command| command.attempt().is_some() || matches!(command, Command::Complete(_))
            }
            Self::Claims => |command| matches!(command, Command::Claim(_)),
        }
    }

    pub(super) fn fault(self, fate: Fate, times: u32) -> StoreFault {
        StoreFault { strikes: self.strikes(), fate, times }
    }

    pub(super) fn delay(self, before: u64, after: u64, times: u32) -> StoreDelay {
        StoreDelay { strikes: self.strikes(), before, after, times }
    }
}

/// Draws what happens next.
pub(super) fn draw(dice: &mut Dice) -> Action {
    match dice.below(1000) {
        0..420 => ask(dice),
        420..450 => Action::Reject(dice.draw()),
        450..580 => processes(dice),
        580..680 => network(dice),
        680..770 => store(dice),
        770..860 => provider(dice),
        860..900 => client(dice),
        900..945 => authorization(dice),
        945..955 => Action::Withdraw(dice.draw()),
        955..960 => Action::EndGrant(dice.draw()),
        960..967 => Action::Revoke(dice.draw(), dice.draw(), dice.permille(500)),
        967..968 => copies(dice),
        968..971 => Action::Adopt,
        971..980 => Action::SetClock(i64::try_from(dice.below(1_200_000)).unwrap_or(0) - 600_000),
        980..987 => account(dice),
        _ => Action::Suspend(*dice.pick(&[500, 20_000, 70_000, 300_000])),
    }
}

/// What a run has more of than others: what happens rarely meets what happens rarely only where both are frequent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Emphasis {
    /// Nothing.
    Even,
    /// Answers that come when another process has gone on.
    Overtaking,
    /// Grants that end, by us or at the provider.
    Endings,
    /// Stores that are away, slow, or do not say what they did.
    Outages,
    /// Stores that were copied, or restored from a backup.
    Copies,
}

impl Emphasis {
    /// How one is drawn.
    pub(super) const ALL: [Self; 8] = [
        Self::Even,
        Self::Even,
        Self::Even,
        Self::Overtaking,
        Self::Overtaking,
        Self::Endings,
        Self::Outages,
        Self::Copies,
    ];

    /// Draws what happens next in a run with this emphasis.
    pub fn draw(self, dice: &mut Dice) -> Action {
        if !dice.permille(200) {
            return draw(dice);
        }
        match self {
            Self::Even => draw(dice),
            Self::Overtaking => overtaking(dice),
            Self::Endings => ending(dice),
            Self::Outages => store(dice),
            Self::Copies if dice.permille(500) => copies(dice),
            Self::Copies => Action::Adopt,
        }
    }
}

/// A process stands still, or its request does, for longer than its lease.
fn overtaking(dice: &mut Dice) -> Action {
    let stop = Blow::Stop(*dice.pick(&[62_000, 75_000, 120_000]));
    let delay = dice.between(20_000, 90_000);
    match dice.below(6) {
        0 => Action::Doom(dice.draw(), Doom { work: Work::Send, side: Side::After, blow: stop }),
        1 => Action::Doom(dice.draw(), Doom { work: Work::Send, side: Side::OnReturn, blow: stop }),
        2 => Action::Doom(dice.draw(), Doom { work: Work::Record, side: Side::Before, blow: stop }),
        3 => Action::Mishap(Mishap::RequestDelayed(delay)),
        4 => Action::StoreDelay(Struck::Outcomes, 65_000, 0, 1),
        _ => Action::Start,
    }
}

fn ending(dice: &mut Dice) -> Action {
    match dice.below(12) {
        10.. => account(dice),
        0..2 => Action::Revoke(dice.draw(), dice.draw(), dice.permille(500)),
        2 => Action::EndGrant(dice.draw()),
        3 => Action::Withdraw(dice.draw()),
        4..6 => Action::Connect(dice.draw(), dice.draw()),
        6 => Action::Mishap(Mishap::ResponseDelayed(dice.between(1_000, 25_000))),
        _ => authorization(dice),
    }
}

fn account(dice: &mut Dice) -> Action {
    use Account::{IsBack, IsDeleted, IsDisabled, PasswordChanges};
    Action::Account(dice.draw(), *dice.pick(&[PasswordChanges, IsDisabled, IsDeleted, IsBack, IsBack]))
}

fn copies(dice: &mut Dice) -> Action {
    match dice.below(6) {
        0 | 1 => Action::Copy,
        2..4 => Action::BackUp,
        _ => Action::Restore(usize::from(dice.permille(300))),
    }
}

fn ask(dice: &mut Dice) -> Action {
    Action::Ask {
        process: dice.draw(),
        grant: dice.draw(),
        wish: match dice.below(24) {
            0 => Wish::Newer,
            1 | 2 => Wish::Lasting(480),
            _ => Wish::Usable,
        },
        resource: if dice.permille(80) { dice.between(1, 2) } else { 0 },
        part: if dice.permille(80) { dice.between(1, 3) } else { 0 },
        callers: dice.between(1, 3),
    }
}

fn processes(dice: &mut Dice) -> Action {
    match dice.below(12) {
        0 | 1 => Action::Start,
        2 => Action::Pause(dice.draw()),
        3 => Action::Kill(dice.draw(), dice.permille(700).then(|| dice.between(0, 30_000))),
        4..7 => Action::Resume(dice.draw()),
        _ => Action::Doom(dice.draw(), doom(dice)),
    }
}

fn doom(dice: &mut Dice) -> Doom {
    use Work::{Claim, Read, Record, Rescue, Reserve, Send, Write};
    let work = *dice.pick(&[Read, Reserve, Claim, Claim, Send, Send, Send, Record, Record, Rescue, Write]);
    let side = *dice.pick(&[Side::Before, Side::After, Side::OnReturn]);
    // Shorter than a lease, longer than a lease, and longer than an owner is waited for.
    let stop = *dice.pick(&[2_000, 14_000, 40_000, 75_000, 700_000]);
    let blow = if dice.permille(550) { Blow::Kill } else { Blow::Stop(stop) };
    Doom { work, side, blow }
}

fn network(dice: &mut Dice) -> Action {
    let delay = dice.between(1_000, 90_000);
    match dice.below(9) {
        0 => Action::NetworkDown(outage(dice)),
        1 => Action::NetworkTrouble(dice.below(300)),
        2 | 3 => Action::NetworkTrouble(0),
        4 => Action::Mishap(Mishap::ResponseLost),
        5 => Action::Mishap(Mishap::Reset),
        6 => Action::Mishap(Mishap::ResponseDelayed(delay)),
        7 => Action::Mishap(Mishap::RequestLost),
        _ => Action::Mishap(Mishap::RequestDelayed(delay)),
    }
}

fn store(dice: &mut Dice) -> Action {
    let struck = *dice.pick(&[Struck::Any, Struck::Outcomes, Struck::Claims]);
    let times = u32::try_from(dice.between(1, 4)).unwrap_or(1);
    match dice.below(10) {
        0 | 1 => Action::StoreAway(outage(dice)),
        2 => Action::LifeboatAway(outage(dice)),
        3 | 4 => {
            let wait = *dice.pick(&[200, 5_000, 16_000, 65_000]);
            let (before, after) = if dice.permille(500) { (wait, 0) } else { (0, wait) };
            Action::StoreDelay(struck, before, after, times)
        }
        _ => {
            let fate = *dice.pick(&[Fate::Away, Fate::CommittedInDoubt, Fate::LostInDoubt]);
            Action::StoreFault(struck, fate, times)
        }
    }
}

/// A moment, a few retries, longer than a lease, longer than the access token lives.
fn outage(dice: &mut Dice) -> u64 {
    *dice.pick(&[100, 2_000, 2_000, 20_000, 20_000, 75_000, 400_000])
}

fn provider(dice: &mut Dice) -> Action {
    let times = u32::try_from(dice.between(1, 3)).unwrap_or(1);
    let delay = dice.between(100, 40_000);
    let fault = match dice.below(14) {
        0 => Fault::before(Reaction::status(503)),
        1 => Fault::before(Reaction::status(500)),
        2 | 3 => Fault::before(patience(if dice.permille(500) { 429 } else { 503 }, dice.between(1, 240))),
        4 => Fault::before(Reaction::Drop),
        5 => Fault::after_commit(Reaction::status(500)),
        6 => Fault::after_commit(Reaction::Drop),
        7 => Fault::after_commit(Reaction::Truncate { bytes: 30 }),
        8 => Fault::before(Reaction::Delay { ms: delay }),
        9 => Fault::after_commit(Reaction::Delay { ms: delay }),
        10 => Fault::before(Reaction::status(503)).always(),
        11 => Fault::before(Reaction::Delay { ms: delay / 4 }).always(),
        _ => return Action::ProviderMends,
    };
    let endpoint = if dice.permille(100) { Endpoint::Revoke } else { Endpoint::Token };
    let fault = fault.at(endpoint);
    Action::Provider(Box::new(if fault.count.is_some() { fault.times(times) } else { fault }))
}

fn patience(status: u16, seconds: u64) -> Reaction {
    let headers = [("retry-after".to_owned(), seconds.to_string())].into();
    Reaction::Respond { status, headers, body: String::new() }
}

fn client(dice: &mut Dice) -> Action {
    match dice.below(9) {
        0 => Action::SecretChanges,
        1 => Action::SecretFirst,
        2..4 => Action::SecretLearned,
        4 => Action::UpdateClient,
        5 => Action::Disable(dice.draw()),
        _ => Action::Enable(dice.draw()),
    }
}

fn authorization(dice: &mut Dice) -> Action {
    match dice.below(10) {
        0 => Action::Connect(dice.draw(), dice.draw()),
        1 => Action::Device(dice.draw()),
        2 | 3 => Action::Import(dice.draw()),
        _ => Action::Repair {
            process: dice.draw(),
            grant: dice.draw(),
            twice: dice.permille(300),
            stranger: dice.permille(100),
        },
    }
}
