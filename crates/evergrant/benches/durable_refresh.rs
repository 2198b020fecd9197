//! Refreshing grants as durably as the protocol asks for, 64 in flight, on SQLite, with a provider that answers at
//! once: place in the lifeboat, lease and journal, send, commit, answer.
//!
//! Yardstick: one thread that writes the same rows with the same values, 64 refreshes to a commit, to a copy of the
//! same database, knowing beforehand what to write.

#[path = "support/draw.rs"]
mod draw;
#[path = "support/populate.rs"]
mod populate;
#[path = "support/report.rs"]
mod report;
#[path = "support/world.rs"]
mod world;

use std::path::Path;

use evergrant::{
    Keeper,
    proto::{
        engine::Settings,
        name::{Generation, GrantId},
    },
};
use futures_util::{StreamExt, stream};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

use draw::Draw;
use populate::populate;
use report::{Comparison, print, timed};
use world::{database, folder, open};

/// As in the program `evergrant`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Each is refreshed once in a run.
const GRANTS: usize = 8192;

/// Refreshes under way at once.
const IN_FLIGHT: usize = 64;

fn main() {
    let runtime = Runtime::new().expect("a runtime can be started");
    let (ours, theirs) = (folder(), folder());
    let mut grants = fill(&runtime, ours.path());
    let mut bare = Bare::copy_of(&database(ours.path()), &database(theirs.path()));

    let (keeper, driver) = open(ours.path(), background_off());
    runtime.spawn(driver.run());
    let comparison = Comparison::of(
        || per_second(|| runtime.block_on(refresh_all(&keeper, &mut grants))),
        || per_second(|| bare.write_all()),
    );
    let detail = format!(
        "{:.0} refreshes a second, {:.0} with bare row writes, {IN_FLIGHT} in flight",
        comparison.ours(),
        comparison.yardstick()
    );
    print("durable_refresh", comparison.ratio(), 0.5.., "per-second", &detail);
}

fn background_off() -> Settings {
    Settings { scheduler: false, ..Settings::default() }
}

/// A grant and the generation of the token that its caller has.
type Seen = (GrantId, Generation);

/// Makes the grants and refreshes each once, so that all rows have their full size.
fn fill(runtime: &Runtime, folder: &Path) -> Vec<Seen> {
    let mut grants: Vec<Seen> =
        populate(runtime, folder, GRANTS).into_iter().map(|grant| (grant, Generation::default())).collect();
    let (keeper, driver) = open(folder, background_off());
    let driver = runtime.spawn(driver.run());
    runtime.block_on(async {
        for (grant, seen) in &mut grants {
            *seen = keeper.token(*grant).await.expect("the grant has a token").generation();
        }
        refresh_all(&keeper, &mut grants).await;
    });
    drop(keeper);
    runtime.block_on(driver).expect("the driver ends with its keeper");
    grants
}

async fn refresh_all(keeper: &Keeper, grants: &mut [Seen]) {
    let refreshes = stream::iter(grants).map(|grant| refresh(keeper, grant));
    refreshes.buffer_unordered(IN_FLIGHT).for_each(|()| std::future::ready(())).await;
}

async fn refresh(keeper: &Keeper, (grant, seen): &mut Seen) {
    let token = keeper.refresh(*grant, *seen).await.expect("the provider rotates everything");
    assert!(token.generation() > *seen, "a refresh brings a new generation");
    *seen = token.generation();
}

#[expect(clippy::cast_precision_loss, reason = "a few thousand are exact")]
fn per_second(run: impl FnOnce()) -> f64 {
    GRANTS as f64 / timed(run).as_secs_f64()
}

/// The loop without a protocol around it.
struct Bare {
    connection: Connection,
    rows: Vec<BareGrant>,
    generation: i64,
    change: i64,
    draw: Draw,
}

/// What a refresh writes of a grant, in the form in which ours was found.
struct BareGrant {
    id: Vec<u8>,
    due: i64,
    record: String,
    credential: Vec<u8>,
    predecessor: Vec<u8>,
    access: Vec<u8>,
    attempt: String,
    event: String,
}

const ROWS: &str = "SELECT g.id, g.next_due_at, g.record, g.credential, g.predecessor, g.access,
    (SELECT record FROM attempts a WHERE a.grant_id = g.id LIMIT 1),
    (SELECT record FROM events e WHERE e.grant_id = g.id ORDER BY number DESC LIMIT 1)
    FROM grants g ORDER BY g.change";

impl Bare {
    fn copy_of(ours: &Path, theirs: &Path) -> Self {
        std::fs::copy(ours, theirs).expect("the database can be copied");
        let connection = Connection::open(theirs).expect("the copy can be opened");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;
                 PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;",
            )
            .expect("the settings of the store are valid");
        connection.set_prepared_statement_cache_capacity(64);
        let rows = Self::read(&connection).expect("the copy can be read");
        assert_eq!(rows.len(), GRANTS, "the copy holds every grant");
        Self { connection, rows, generation: 1_000, change: 1_000_000, draw: Draw::from_seed(7) }
    }

    fn read(connection: &Connection) -> rusqlite::Result<Vec<BareGrant>> {
        let mut statement = connection.prepare(ROWS)?;
        let rows = statement.query_map([], |row| {
            Ok(BareGrant {
                id: row.get(0)?,
                due: row.get(1)?,
                record: row.get(2)?,
                credential: row.get(3)?,
                predecessor: row.get(4)?,
                access: row.get(5)?,
                attempt: row.get(6)?,
                event: row.get(7)?,
            })
        })?;
        rows.collect()
    }

    fn write_all(&mut self) {
        self.generation += 1;
        for from in (0..GRANTS).step_by(IN_FLIGHT) {
            self.write(from..from + IN_FLIGHT).expect("the copy can be written");
        }
    }

    /// One batch of refreshes: a commit for the claims and one for the successes.
    fn write(&mut self, batch: std::ops::Range<usize>) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for index in batch.clone() {
            self.claim(index)?;
        }
        self.connection.execute_batch("COMMIT; BEGIN IMMEDIATE")?;
        for index in batch {
            self.succeed(index)?;
        }
        self.connection.execute_batch("COMMIT")
    }

    fn claim(&mut self, index: usize) -> rusqlite::Result<()> {
        let grant = &mut self.rows[index];
        grant.due += 1;
        self.connection
            .prepare_cached("UPDATE grants SET record = ?2, next_due_at = ?3 WHERE id = ?1")?
            .execute(params![grant.id, grant.record, grant.due])?;
        self.connection
            .prepare_cached(
                "INSERT INTO attempts (grant_id, generation, fence, id, open, record) VALUES (?1, ?2, ?3, ?4, 1, ?5)",
            )?
            .execute(params![
                grant.id,
                self.generation,
                self.generation,
                random::<16>(&mut self.draw),
                grant.attempt
            ])?;
        Ok(())
    }

    fn succeed(&mut self, index: usize) -> rusqlite::Result<()> {
        let grant = &mut self.rows[index];
        grant.due += 3_600_000;
        self.change += 1;
        self.connection
            .prepare_cached(
                "UPDATE grants SET record = ?2, next_due_at = ?3, change = ?4, fingerprint = ?5, credential = ?6,
                 predecessor = ?7, access = ?8 WHERE id = ?1",
            )?
            .execute(params![
                grant.id,
                grant.record,
                grant.due,
                self.change,
                random::<32>(&mut self.draw),
                grant.credential,
                grant.predecessor,
                grant.access
            ])?;
        self.connection
            .prepare_cached(
                "UPDATE attempts SET open = 0, record = ?4 WHERE grant_id = ?1 AND generation = ?2 AND fence = ?3",
            )?
            .execute(params![grant.id, self.generation, self.generation, grant.attempt])?;
        self.connection
            .prepare_cached("INSERT INTO events (namespace, grant_id, record) VALUES ('default', ?1, ?2)")?
            .execute(params![grant.id, grant.event])?;
        Ok(())
    }
}

fn random<const N: usize>(draw: &mut Draw) -> [u8; N] {
    std::array::from_fn(|_| draw.number().to_le_bytes()[0])
}
