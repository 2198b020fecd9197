//! One client, its grants, three processes, two clocks.

mod authorizations;
mod grants;
mod party;
mod refreshes;

use std::{collections::BTreeMap, time::Duration};

use evergrant_proto::{
    client::ClientRecord,
    grant::{BootId, GrantRecord, StoreTime},
    name::HolderId,
    time::Timestamp,
    transaction::{Command, Conflict, Reply},
};

use super::{operation::Operation, promises, tables::Tables};
use refreshes::Flight;

const PROCESSES: usize = 3;

/// Steps of the clocks, in seconds: around every deadline of the protocol.
const STEPS: [u64; 8] = [1, 10, 30, 61, 601, 3_600, 86_400, 2_592_000];

pub(super) struct World {
    tables: Tables,
    flights: Vec<Flight>,
    processes: [HolderId; PROCESSES],
    wall: Timestamp,
    now: StoreTime,
    /// Numbers that are in use, and with them every id and every token.
    last: u32,
    tokens: Vec<String>,
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            tables: Tables::default(),
            flights: Vec::new(),
            processes: [HolderId(0); PROCESSES],
            wall: Timestamp(1_795_222_891_000),
            now: StoreTime { boot: BootId(1), milliseconds: 5_000 },
            last: 0,
            tokens: Vec::new(),
        };
        world.start_processes();
        world.put_client(0);
        world.import(0, 0);
        world
    }

    pub(super) fn perform(&mut self, operation: Operation) {
        match operation {
            Operation::Claim { grant, process, want, key } => self.claim(grant, process, want, key),
            Operation::Succeed { flight, tokens } => {
                self.end(flight, |world, flight| world.success(flight, tokens));
            }
            Operation::Refuse { flight } => self.end(flight, Self::refusal),
            Operation::RejectClient { flight } => self.end(flight, Self::rejection),
            Operation::End { flight, ending } => {
                self.end(flight, |world, flight| world.ending(flight, ending));
            }
            Operation::Crash { process, rescued } => self.crash(process, rescued),
            Operation::Pass { step } => self.pass(step),
            Operation::SetClock { step } => self.set_clock(step),
            Operation::Reboot => self.reboot(),
            Operation::Postpone { grant, step } => self.postpone(grant, step),
            Operation::RejectAccess { grant, key, newest } => self.reject_access(grant, key, newest),
            Operation::Import { grant, tokens } => self.import(grant, tokens),
            Operation::Revoke { grant, process, flags } => self.revoke(grant, process, flags),
            Operation::ConfirmRevocation { grant, answer } => self.confirm(grant, answer),
            Operation::Open { grant } => self.open(grant),
            Operation::Block { grant, process } => self.block(grant, process),
            Operation::JournalExchange { authorization, process } => self.journal(authorization, process),
            Operation::Complete { authorization, subject, tokens } => {
                self.complete(authorization, subject, tokens);
            }
            Operation::FailAuthorization { authorization } => self.fail(authorization),
            Operation::PutClient { policy } => self.put_client(policy),
            Operation::Quarantine { on } => self.tables.quarantined = on % 2 == 1,
        }
    }

    /// What is written in the clear, looked at once at the end: it is all still there.
    pub(super) fn check_texts(&self) {
        for id in self.tables.grants.keys() {
            let grant = self.tables.grant(*id, None).expect("it is in the table");
            promises::check_texts(&GrantRecord { attempts: Vec::new(), ..grant }, &self.tokens);
        }
        let journal = (&self.tables.attempts, &self.tables.events, &self.tables.authorizations);
        let attempts = self.tables.attempts.values().flat_map(BTreeMap::values).collect::<Vec<_>>();
        let json = serde_json::to_string(&(attempts, &self.tables.events)).expect("a record serializes");
        let shown = format!("{journal:?} {json}");
        for token in &self.tokens {
            assert!(!shown.contains(token), "a token in the clear: {shown}");
        }
    }
}

/// Processes and clocks.
impl World {
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    fn start_processes(&mut self) {
        for process in 0..PROCESSES {
            self.start(process);
        }
    }

    fn start(&mut self, process: usize) {
        let holder = HolderId(self.number().into());
        self.processes[process] = holder;
        self.tables.alive.insert(holder);
    }

    fn process(&self, number: u8) -> HolderId {
        self.processes[usize::from(number) % PROCESSES]
    }

    /// Answers that were in the lifeboat come into the tables before the process counts as ended.
    fn crash(&mut self, process: u8, rescued: u8) {
        let (index, holder) = (usize::from(process) % PROCESSES, self.process(process));
        for flight in 0..self.flights.len() {
            if self.flights[flight].holder == holder && rescued % 2 == 1 {
                let number = u8::try_from(flight).expect("there are not so many flights");
                self.end(number, |world, flight| world.success(flight, 1));
            }
        }
        self.tables.alive.remove(&holder);
        self.flights.retain(|flight| flight.holder != holder);
        self.start(index);
    }

    fn reboot(&mut self) {
        self.tables.alive.clear();
        self.flights.clear();
        self.now = StoreTime { boot: BootId(self.now.boot.0 + 1), milliseconds: 1_000 };
        self.start_processes();
    }

    fn pass(&mut self, step: u8) {
        let step = duration(step);
        self.wall = self.wall.plus(step);
        self.now = self.now.plus(step);
    }

    fn set_clock(&mut self, step: u8) {
        let by = duration(step);
        self.wall = if step >= 8 { self.wall.minus(by) } else { self.wall.plus(by) };
    }
}

fn duration(step: u8) -> Duration {
    Duration::from_secs(STEPS[usize::from(step) % STEPS.len()])
}

/// Transactions, and the promises around each.
impl World {
    fn execute(&mut self, command: &Command) -> Result<Reply, Conflict> {
        let before = self.tables.grants.clone();
        let reply = self.tables.execute(command, self.now);
        for (id, before) in before {
            let after = self.tables.grant(id, None).expect("a grant is never deleted");
            promises::check(&before, &after, self.now, &self.tables.alive);
        }
        reply
    }

    /// The grant of a number, if there is one.
    fn grant(&self, number: u8) -> Option<GrantRecord> {
        let count = self.tables.grants.len().max(1);
        let id = self.tables.grants.keys().nth(usize::from(number) % count)?;
        self.tables.grant(*id, None)
    }

    fn client(&self) -> &ClientRecord {
        self.tables.client.as_ref().expect("it was put at the beginning")
    }
}
