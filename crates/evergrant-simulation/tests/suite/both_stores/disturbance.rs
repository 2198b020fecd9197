//! Histories that nobody has played.

use std::collections::BTreeSet;

use evergrant_proto::{
    engine::SlotId,
    name::{GrantId, HolderId},
    transaction::{Command, Reply},
};
use evergrant_simulation::{Deed, Dice, Executed};

/// How many of a thousand commands are lost, and how many come twice.
const LOST: u64 = 40;
const TWICE: u64 = 40;

/// How many of a thousand claims are those of a process that then rescues what it got, and ends.
const LAST: u64 = 40;

/// How many of a thousand links are for a grant of their own, and how many of those for a grant stay so: the others lead to
/// the one that the same person has given before, if any.
const ALWAYS_NEW: u64 = 100;
const FOR_ITS_GRANT: u64 = 300;

/// The same deeds, but: some commands are lost, some come again later, some processes end early with a credential in the
/// lifeboat, links are for several people, and what is imported is imported as another grant, too. What ended processes
/// asked for comes all the same: to a store it is all one.
pub(super) fn disturbed(deeds: Vec<Deed>, dice: &mut Dice) -> Vec<Deed> {
    let mut rest = deeds.into_iter();
    // Without its client there would be no history.
    let mut disturbance = Disturbance { done: rest.next().into_iter().collect(), ..Disturbance::default() };
    let rest: Vec<_> = rest.collect();
    for (place, deed) in rest.iter().enumerate() {
        disturbance.catch_up(place);
        disturbance.pass(place, deed, &rest[place..], dice);
    }
    disturbance.catch_up(usize::MAX);
    disturbance.done
}

#[derive(Default)]
struct Disturbance {
    done: Vec<Deed>,
    /// What comes after so many deeds of the history.
    later: Vec<(usize, Deed)>,
    /// Who has ended before its time.
    gone: BTreeSet<HolderId>,
    slots: u64,
}

impl Disturbance {
    fn catch_up(&mut self, place: usize) {
        let due = self.later.extract_if(.., |(at, _)| *at <= place).map(|(_, deed)| deed);
        self.done.extend(due);
    }

    fn pass(&mut self, place: usize, deed: &Deed, rest: &[Deed], dice: &mut Dice) {
        match deed {
            // Slots are numbered anew.
            Deed::Reserved(..) | Deed::Rescued(..) | Deed::Released(..) => {}
            Deed::Executed(_) if dice.permille(LOST) => {}
            Deed::Executed(executed) => {
                self.execute(executed, dice);
                // A claim that is repeated gives its attempt another id: two of the same id are in no journal.
                let is_claim = matches!(executed.command, Command::Claim(_));
                if dice.permille(TWICE) && !is_claim {
                    self.later.push((place + delay(dice), deed.clone()));
                }
                if let Some((holder, outcome)) = outcome_of_claim(executed, rest)
                    && !self.gone.contains(&holder)
                    && dice.permille(LAST)
                {
                    self.end(holder, outcome, place + delay(dice));
                }
            }
            Deed::Entered(_) | Deed::Left(_) => self.done.push(deed.clone()),
        }
    }

    fn execute(&mut self, executed: &Executed, dice: &mut Dice) {
        let mut executed = executed.clone();
        if let Command::OpenAuthorization(open) = &mut executed.command {
            let record = &mut open.record;
            record.owner.external_id = dice.pick(&[None, Some("ann"), Some("bob")]).map(str::to_owned);
            record.always_new = dice.permille(ALWAYS_NEW);
            record.grant = record.grant.filter(|_| dice.permille(FOR_ITS_GRANT));
        }
        self.done.push(Deed::Executed(Box::new(executed.clone())));
        // At once: after its rotation the simulated store does not know the token any more, and the one on SQLite knows it
        // for ever. No history imports a token twice.
        if let Command::Import(import) = &mut executed.command {
            import.grant = GrantId(dice.id());
            self.done.push(Deed::Executed(Box::new(executed)));
        }
    }

    /// A process rescues what a claim has brought, and ends; later that is brought into the store.
    fn end(&mut self, holder: HolderId, outcome: &Executed, replayed_at: usize) {
        self.gone.insert(holder);
        self.slots += 1;
        let slot = SlotId(self.slots);
        self.done.extend([
            Deed::Reserved(holder, slot),
            Deed::Rescued(holder, slot, Box::new(outcome.command.clone())),
            Deed::Left(holder),
        ]);
        self.later.push((replayed_at, Deed::Executed(Box::new(outcome.clone()))));
        self.later.push((replayed_at, Deed::Released(holder, slot)));
    }
}

fn delay(dice: &mut Dice) -> usize {
    usize::try_from(dice.between(1, 60)).unwrap()
}

/// Who has claimed, and the success that came of it.
fn outcome_of_claim<'a>(claim: &Executed, rest: &'a [Deed]) -> Option<(HolderId, &'a Executed)> {
    let (Command::Claim(asked), Ok(Reply::Claimed(claimed))) = (&claim.command, &claim.result) else {
        return None;
    };
    let success = rest.iter().find_map(|deed| {
        match deed {
        Deed::Executed(executed) => Some(&**executed).filter(|executed| {
            matches!(&executed.command, Command::Succeed(succeed) if succeed.attempt == claimed.attempt)
        }),
        _ => None,
    }
    });
    success.map(|success| (asked.holder, success))
}
